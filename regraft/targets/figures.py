"""How figures of each kind of target are written, and what they are called. Imports neither pandas nor NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["length", "category"]
"""The kinds of targets, by the names that `head.target` has for them."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How errors of one kind of target are written."""

    answers: str
    """What is predicted, in the plural."""
    unit: str
    """The unit of errors, "cm"; empty for probabilities."""
    decimals: int
    """Decimals of an error."""
    error: str
    """What the RMSE is called in a sentence, its unit included."""
    measures: Mapping[str, str]
    """The columns of a table of results: each measure's title, by its name in metrics.json."""

    def figure(self, error: float | None) -> str:
        """Return an error without its unit, such as "20.81"; nothing for None."""
        return "" if error is None else f"{error:.{self.decimals}f}"

    def signed(self, difference: float) -> str:
        """Return a difference of errors with its sign and without its unit, such as "+0.31"."""
        return f"{difference:+.{self.decimals}f}"

    def with_unit(self, error: float | None, decimals: int | None = None) -> str:
        """Return an error with its unit, such as "20.81 cm"; nothing for None."""
        if error is None:
            return ""
        return f"{error:.{self.decimals if decimals is None else decimals}f} {self.unit}".rstrip()


FIGURES: Mapping[Kind, Figures] = {
    "length": Figures(
        answers="lengths",
        unit="cm",
        decimals=2,
        error="cm RMSE",
        measures={"rmse": "RMSE (cm)", "mae": "MAE (cm)", "bias": "bias (cm)"},
    ),
    "category": Figures(
        answers="categories",
        unit="",
        decimals=3,
        error="RMSE of the probabilities",
        measures={"accuracy": "named right", "precision": "precision", "rmse": "RMSE of the probabilities"},
    ),
}
