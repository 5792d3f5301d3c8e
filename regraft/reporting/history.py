"""How a job has fared from version to version: what was alive, how good its model was, which one was in use."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from regraft.errors import DamagedVersionError, VersionError
from regraft.store import versions
from regraft.store.metrics_record import MetricsRecord
from regraft.store.run_record import PastVersion, RunRecord
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.targets.wording import WORDINGS, percent

log = logging.getLogger("regraft")
MAX_VERSIONS = 20
"""Versions in a report's table of the past."""


@dataclass(frozen=True, kw_only=True)
class Summary(PastVersion):
    """One version in a line, as it is now."""

    champion: bool
    """Whether it is in use."""
    job: str
    """The config's name."""
    removed: int = 0
    """Pictures that its head has learnt from, and that somebody had removed since."""

    @property
    def past(self) -> PastVersion:
        """What later versions of the job remember of it."""
        return PastVersion(**{field.name: getattr(self, field.name) for field in fields(PastVersion)})

    @property
    def quality(self) -> str:
        """How good its model is, in one phrase: "RMSE 20.81 cm", or "99.2% named right"."""
        return WORDINGS[self.target].quality(self)


def summary(version: str, run: RunRecord, metrics: MetricsRecord, champion: bool) -> Summary:
    """Return a version in a line, from its run.json and metrics.json."""
    test = metrics.test
    return Summary(
        version=version,
        champion=champion,
        job=run.config.name,
        target=test.kind,
        links=run.counts.links,
        alive=run.counts.alive,
        images=sum(run.counts.images.values()),
        rmse=test.rmse,
        excess=metrics.excess,
        accuracy=test.accuracy,
        auc=test.auc,
        promoted=metrics.promoted,
        removed=sum(note.learnt for note in run.removals),
        why=metrics.why,
    )


def history(store: Store, last: int | None = None) -> list[Summary]:
    """Return the `last` versions, all where that is not given, the oldest first.

    A version that cannot be read is left out with a warning, one that is pruned meanwhile without. Where the pointer to
    the champion is damaged, none is marked.
    """
    names = versions.names(store)
    return _summaries(store, names if last is None else names[-last:], {})


def history_of_job(store: Store, job: str) -> list[Summary]:
    """Return those of the newest MAX_VERSIONS - 1 versions that are a job's, the oldest first.

    They are as the newest version's run.json has them, and else read as by `history`. Nothing that was removed since is
    counted.
    """
    names = versions.names(store)[-(MAX_VERSIONS - 1) :]
    return [row for row in _summaries(store, names, _known_to_newest(store, job)) if row.job == job]


def _known_to_newest(store: Store, job: str) -> dict[str, Summary]:
    """The job's versions, by name, that the newest version's run.json lists; none where that is another job's."""
    try:
        run = versions.newest(store).run
    except VersionError:
        return {}
    past = run.past if run.config.name == job else ()
    return {row.version: Summary(job=job, champion=False, **vars(row)) for row in past}


def _summaries(store: Store, names: Sequence[str], known: Mapping[str, Summary]) -> list[Summary]:
    """Some versions; those that are not known are read."""
    in_use, rows = _name_of_champion(store), list[Summary]()
    for name in names:
        if name in known:
            rows.append(replace(known[name], champion=name == in_use))
            continue
        version = Version(store, name)
        try:
            rows.append(summary(name, version.run, version.metrics, name == in_use))
        except VersionError as error:
            if version.is_published:
                log.warning("%s It is left out.", error)
    return rows


def history_rows(summaries: Sequence[Summary]) -> list[dict[str, Any]]:
    """Return versions, given with the oldest first, as rows of the dashboard's table, the newest first.

    Columns that are empty in every row are left out.
    """
    rows = [
        {
            "version": version.version,
            "champion": "champion" if version.champion else "",
            "alive links": version.alive,
            "images": version.images,
            "RMSE": WORDINGS[version.target].figure(version.rmse),
            "named right": percent(version.accuracy),
            "above the oracle": percent(version.excess),
            "AUC": "" if version.auc is None else f"{version.auc:.3f}",
        }
        for version in reversed(summaries)
    ]
    columns = [column for column in rows[0] if any(row[column] != "" for row in rows)] if rows else []
    return [{column: row[column] for column in columns} for row in rows]


def _name_of_champion(store: Store) -> str | None:
    """The version in use; None where there is none, and, with a warning, where the pointer to it is damaged."""
    try:
        champion = versions.champion(store)
    except DamagedVersionError as error:
        log.warning("%s", error)
        return None
    return champion.name if champion else None
