"""What of a version waits for a person, with where to look at it: among the first things that a report says."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from regraft.reporting.report import Report
from regraft.reporting.review import ReviewKind

MAX_NAMED = 3
"""Categories that a row names at most."""


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


PICTURES = {
    ReviewKind.REPLACED: (
        "picture stands where a link showed another",
        "pictures stand where links showed others",
        "not learnt from until accepted",
    ),
    ReviewKind.MISFILED: (
        "picture is probably in the wrong list",
        "pictures are probably in the wrong list",
        "left out: move to the other list, or accept as is",
    ),
    ReviewKind.DUPLICATE: (
        "picture of a list is in another list too",
        "pictures of a list are in another list too",
        "left out of both until rejected in one",
    ),
    ReviewKind.PLACEHOLDER: (
        "picture is taken for a placeholder",
        "pictures are taken for placeholders",
        "left out: take back what is a photo after all",
    ),
    ReviewKind.NEAR_DUPLICATE: (
        "picture looks the same as another",
        "pictures look the same as others",
        "left out, so that the test stays fair: accept what differs",
    ),
    ReviewKind.DOUBTFUL: (
        "picture that was learnt from looks like another category",
        "pictures that were learnt from look like another category",
        "have a look: is this the right list?",
    ),
    ReviewKind.UNLIKE: (
        "picture that was learnt from is unlike nearly all others",
        "pictures that were learnt from are unlike nearly all others",
        "have a look: does it belong to the list at all?",
    ),
}
"""What waits as each kind: a singular, a plural, and what to do about it."""


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
    named = [f"{name} in about {outlook.days_left} days" for name, outlook in endangered.items()][:MAX_NAMED]
    yield Waiting(
        count=len(endangered),
        singular="category will have too few links for a run",
        plural="categories will have too few links for a run",
        why=f"{', '.join(named)}{', ...' if len(endangered) > MAX_NAMED else ''}: add links to the list",
        page=_links_page(report, category=next(iter(endangered), "")),
    )


def _pictures(report: Report) -> Iterator[Waiting]:
    """What only an eye can tell: the same pictures, counted the same, as on the page where they are decided about."""
    for kind, (singular, plural, why) in PICTURES.items():
        yield Waiting(
            count=report.to_review.get(kind, 0),
            singular=singular,
            plural=plural,
            why=why,
            page=_review_page(report, kind),
        )


def _root(report: Report) -> str:
    return report.run.config.reports_url.rstrip("/")


def _review_page(report: Report, kind: ReviewKind) -> str:
    return f"{_root(report)}/review?{urlencode({'kind': kind})}"


def _links_page(report: Report, **query: str) -> str:
    return f"{_root(report)}/links?{urlencode(query)}"
