"""How a job has fared from version to version: what was alive, how good its model was, which one was in use."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regraft.store import versions
from regraft.store.store import Store
from regraft.store.versions import Version

if TYPE_CHECKING:
    from regraft.store.records import MetricsRecord, RunRecord

MOST = 20
"""Versions that tables of the past hold."""


@dataclass(frozen=True)
class Summary:
    """One version in a line. Errors are in cm, or of the categories' probabilities, 0 to 1."""

    version: str
    champion: bool
    """Whether it is in use."""
    job: str
    links: int
    alive: int
    """Links that show a picture to learn from."""
    images: int
    rmse: float
    excess: float | None
    """By which share the RMSE is above the oracle's; None where there is no oracle."""
    accuracy: float | None
    """The share of images named right; None where lengths are predicted."""
    auc: float | None
    promoted: bool
    """Whether it became champion when it was published."""
    why: str


def summary(version: str, about: "RunRecord", metrics: "MetricsRecord", champion: bool) -> Summary:
    """Return a version in a line, from its run.json and metrics.json."""
    counts, test = about.counts, metrics.test
    return Summary(
        version,
        champion,
        about.config.name,
        counts.links,
        counts.verdicts.get("alive", 0),
        sum(counts.images.values()),
        test.rmse,
        metrics.excess,
        test.accuracy if test.kind == "category" else None,
        test.auc,
        metrics.promoted,
        metrics.why,
    )


def history(store: Store, most: int | None = None) -> list[Summary]:
    """Return the newest versions, all if `most` is not given, the oldest first. Raises VersionError on damage."""
    champion, names = versions.champion(store), versions.names(store)
    in_use = champion.name if champion else None
    known = [Version(store, name) for name in (names if most is None else names[-most:])]
    return [summary(v.name, v.run, v.metrics, v.name == in_use) for v in known]
