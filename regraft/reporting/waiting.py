"""What of a version waits for a person, with where to look at it: among the first things that a report says."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from regraft.links.rot import in_two_categories
from regraft.reporting.report import Report
from regraft.reporting.review import ReviewKind
from regraft.verdicts import Reason


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Some things of one kind that a person should look at."""

    count: int
    singular: str
    """What follows the count where it is 1."""
    plural: str
    """What follows the count elsewhere."""
    why: str
    """What to do about them."""
    page: str
    """The URL of the page that shows them."""

    @property
    def what(self) -> str:
        """What follows the count."""
        return self.singular if self.count == 1 else self.plural


def waiting(report: Report) -> list[Waiting]:
    """Return what waits for a person, the most urgent first; nothing where there is nothing to do."""
    return [row for row in (*_alarms(report), *_pictures(report)) if row.count]


def _alarms(report: Report) -> Iterator[Waiting]:
    """What threatens the next runs."""
    leak = report.metrics.leak
    yield Waiting(
        count=int(leak is not None and leak.alarm),
        singular="leak alarm",
        plural="leak alarms",
        why="the model knows more of the labels than pictures can tell: find out how before it is used",
        page=f"{_root(report)}/{report.version}/report.html#model",
    )
    endangered = {name: outlook for name, outlook in report.forecasts.items() if outlook.is_endangered}
    names = ", ".join(f"{name} in about {outlook.days_left} days" for name, outlook in list(endangered.items())[:3])
    yield Waiting(
        count=len(endangered),
        singular="category will have too few links for a run",
        plural="categories will have too few links for a run",
        why=f"{names}{', ...' if len(endangered) > 3 else ''}: add links to the list",
        page=_links_page(report, category=next(iter(endangered), "")),
    )


def _pictures(report: Report) -> Iterator[Waiting]:
    """What only an eye can tell."""
    yield Waiting(
        count=int((report.links["reason"] == Reason.REPLACED).sum()),
        singular="link shows another picture than it did",
        plural="links show another picture than they did",
        why="not learnt from until somebody accepts it",
        page=_review_page(report, ReviewKind.REPLACED),
    )
    yield Waiting(
        count=len(report.misfiled),
        singular="picture is probably in the wrong list",
        plural="pictures are probably in the wrong list",
        why="left out: move it to the other list, or accept it where it is",
        page=_review_page(report, ReviewKind.MISFILED),
    )
    yield Waiting(
        count=int(in_two_categories(report.links)["digest"].nunique()),
        singular="picture is in the lists of two categories",
        plural="pictures are in the lists of two categories",
        why="left out of both: reject it in one",
        page=_review_page(report, ReviewKind.DUPLICATE),
    )
    yield Waiting(
        count=len(report.changes["now_placeholder"]),
        singular="link became a placeholder",
        plural="links became placeholders",
        why="say so where it is a photo after all",
        page=_review_page(report, ReviewKind.PLACEHOLDER),
    )
    yield Waiting(
        count=len(report.examples.strays),
        singular="picture that was learnt from looks like another category",
        plural="pictures that were learnt from look like another category",
        why="look whether it is in the right list",
        page=_review_page(report, ReviewKind.DOUBTFUL),
    )


def _root(report: Report) -> str:
    return report.run.config.reports_url.rstrip("/")


def _review_page(report: Report, kind: ReviewKind) -> str:
    return f"{_root(report)}/review?{urlencode({'kind': kind})}"


def _links_page(report: Report, **query: str) -> str:
    return f"{_root(report)}/links?{urlencode(query)}"
