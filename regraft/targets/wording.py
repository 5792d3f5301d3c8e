"""How each kind of target is spoken of: its figures, their titles and units. Imports neither pandas nor NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["length", "category"]
"""The kinds of targets, by the names that `head.target` has for them."""


def percent(share: float | None) -> str:
    """Return a share in percent, such as "2.9%"; nothing for None."""
    return "" if share is None else f"{share:.1%}"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words for one kind of target, and how its errors are written."""

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
    quality_measure: Literal["rmse", "accuracy"]
    """The measure that says in one figure how good a model is, by its name in metrics.json."""
    quality_title: str
    """What that measure is called."""
    quality_figure: str
    """How its value is written."""
    quality_form: str
    """How a table says how good a model is; {figure} stands for the figure."""
    claim_form: str
    """How a sentence says it."""
    task: str
    """What Hugging Face calls such models: the tag of a model card."""
    pipeline: str
    """The nearest of the pipelines that Hugging Face knows, https://huggingface.co/docs/hub/models-tasks."""
    certainty_form: str
    """What a sentence says of the certainty of answers; {held} of them, {extent} and the wanted {level} stand for
    figures."""
    about_labels: str
    """What a model card says about the labels."""

    def figure(self, error: float | None) -> str:
        """Return an error without its unit, such as "20.81"; nothing for None."""
        return "" if error is None else f"{error:.{self.decimals}f}"

    @property
    def smallest_difference(self) -> float:
        """The smallest difference of errors that figures show: 0.01 cm, or 0.001 of a probability."""
        return 10.0**-self.decimals

    def signed(self, difference: float) -> str:
        """Return a difference of errors with its sign and without its unit, such as "+0.31"."""
        return f"{difference:+.{self.decimals}f}"

    def with_unit(self, error: float | None, decimals: int | None = None) -> str:
        """Return an error with its unit, such as "20.81 cm"; nothing for None."""
        if error is None:
            return ""
        return f"{error:.{self.decimals if decimals is None else decimals}f} {self.unit}".rstrip()

    def headline(self, scores: Any) -> tuple[str, str]:
        """Return the one figure that says how good a model is, and what it is: ("20.81 cm", "RMSE").

        `scores`: anything that has the attribute `quality_measure` names, such as the results in metrics.json.
        """
        value: float | None = getattr(scores, self.quality_measure)
        return "" if value is None else self.quality_figure.format(value), self.quality_title

    def quality(self, scores: Any) -> str:
        """Return in one phrase how good a model is: "RMSE 20.81 cm", or "99.2% named right". See `headline`."""
        return self.quality_form.format(figure=self.headline(scores)[0])

    def claim(self, scores: Any) -> str:
        """Return what a sentence says of a model: it "errs by 20.81 cm (RMSE)", or "names 99.2% right"."""
        return self.claim_form.format(figure=self.headline(scores)[0])


WORDINGS: Mapping[Kind, Wording] = {
    "length": Wording(
        answers="lengths",
        unit="cm",
        decimals=2,
        error="cm RMSE",
        measures={"rmse": "RMSE (cm)", "mae": "MAE (cm)", "bias": "bias (cm)"},
        quality_measure="rmse",
        quality_title="RMSE",
        quality_figure="{:.2f} cm",
        quality_form="RMSE {figure}",
        claim_form="errs by {figure} (RMSE)",
        task="image-regression",
        pipeline="image-feature-extraction",
        certainty_form="The {level} intervals hold {held} of the test labels and are {extent:.0f} cm wide",
        about_labels=(
            "Labels are synthetic where the list has none: drawn for each image from its category's distribution, from "
            "(seed, category, digest). They say nothing about the animals in the pictures, and neither do the "
            "predictions."
        ),
    ),
    "category": Wording(
        answers="categories",
        unit="",
        decimals=3,
        error="RMSE of the probabilities",
        measures={"accuracy": "named right", "precision": "precision", "rmse": "RMSE of the probabilities"},
        quality_measure="accuracy",
        quality_title="named right",
        quality_figure="{:.1%}",
        quality_form="{figure} named right",
        claim_form="names {figure} right",
        task="image-classification",
        pipeline="image-classification",
        certainty_form="The {level} sets hold the category of {held} of test images and name {extent:.2f} categories",
        about_labels="The label is the category itself: the list that an image was found through.",
    ),
}
