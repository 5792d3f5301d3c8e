"""What programs print that try changes of a store in many ways: a row for each change, and what did not hold."""

from collections.abc import Mapping, Sequence

COLUMN = 16
"""Characters of a way's column."""
MAX_FAILURES = 40
"""That are printed."""


class Tally:
    """A table of changes, each of which is tried in several ways, some of them more than once."""

    def __init__(self, calls: str, ways: Sequence[str]):
        """Print its head; `calls`: what a change makes of which any may fail."""
        self._tried = self._held = 0
        self._failures: list[str] = []
        print(f"{'change':10}{calls:>9}" + "".join(f"{way:>{COLUMN}}" for way in ways))

    def add(self, change: str, calls: int, problems: Mapping[str, Sequence[Sequence[str]]]) -> None:
        """Print a change's row; `problems`: by way, those of each try."""
        cells = []
        for way, tries in problems.items():
            held = sum(not texts for texts in tries)
            self._failures += [f"{change}, {way}: {text}" for texts in tries for text in texts]
            cells.append(f"{held} of {len(tries)}")
            self._tried, self._held = self._tried + len(tries), self._held + held
        print(f"{change:10}{calls:9}" + "".join(f"{cell:>{COLUMN}}" for cell in cells), flush=True)

    def end(self) -> None:
        """Print how many were tried and held. Raises SystemExit, with what did not hold, where anything did not."""
        print(f"tried {self._tried}, held {self._held}")
        if self._failures:
            raise SystemExit("\n".join(self._failures[:MAX_FAILURES]))
