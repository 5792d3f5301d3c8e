"""A finished run as one immutable version: tables, metrics, head, plots, report; and then the champion."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from regraft.config import Config
from regraft.dataset.honouring import decisions_in
from regraft.dataset.misfiled import known_misfiled, misfiled_links, with_doubtful
from regraft.errors import DamagedVersionError, VersionError
from regraft.heads.reference_rows import HOLDERS, SCHEMA, TABLE, named_references
from regraft.identity import digest_of
from regraft.links import memory as links
from regraft.links.forecast import counted
from regraft.links.lifetimes import lives, with_alive_since
from regraft.links.rot import changes, rot_table
from regraft.pipeline.finished import Finished
from regraft.pipeline.illustrations import illustrations
from regraft.pipeline.past_lives import lives_until_now
from regraft.pipeline.run_record import run_record
from regraft.progress import Meter
from regraft.reporting import rendering
from regraft.reporting.examples import examples, thumbnails, thumbnails_in
from regraft.reporting.history import Summary, history_of_job, summary
from regraft.reporting.report import Report, forecasts, newly_endangered, pictured
from regraft.reporting.review import Reviewed, undecided, waiting
from regraft.store import versions
from regraft.store.locks import champion_locked
from regraft.store.metrics_record import MetricsRecord
from regraft.store.row_tables import TableInMemory
from regraft.store.run_record import RunRecord
from regraft.store.store import Store
from regraft.store.tables import parquet, parquet_of_arrow
from regraft.targets.choice import target_of


def publish(finished: Finished, config: Config, store: Store, meter: Meter) -> Report:
    """Publish a version, move the champion if the gate said so, and return the version's report.

    Nobody else moves the champion meanwhile. Where it is another by now than the one that the candidate was judged
    against, it stays.
    """
    with champion_locked(store.disk):
        judged = finished.evaluation.unless_champion_is_another(_champion_name(store))
        report = _published(replace(finished, evaluation=judged), config, store, meter)
        if judged.metrics.promoted:
            versions.move_champion(store, report.version, judged.champion)
    return report


def _champion_name(store: Store) -> str | None:
    """The version in use; None where there is none, and where nobody can tell."""
    try:
        champion = versions.champion(store)
    except DamagedVersionError:
        return None
    return champion.name if champion else None


def _published(finished: Finished, config: Config, store: Store, meter: Meter) -> Report:
    """Publish a version and return its report."""
    name, parents = versions.new_name(store), versions.names(store)[-1:]
    links_before = versions.newest_table(store, "links.parquet")
    now = with_alive_since(finished.screened.links, links_before)
    finished = replace(finished, screened=replace(finished.screened, links=now))
    changed = changes(now, links_before)
    run = run_record(finished, config, parents[0] if parents else None, meter.timings())
    before = _run_before(config, store)
    survival = counted(run.survival, before.survival if before else {}, changed["revived"], run.published_at)
    run = run.model_copy(update={"survival": survival})
    report = _report(name, run, finished, changed, links_before, before, store)
    files = _files(report, finished)
    digests = {file: digest_of(data) for file, data in files.items()}
    past = tuple(earlier.past for earlier in report.history[:-1])
    complete = run.model_copy(update={"files": digests, "timings": meter.timings(), "past": past})
    versions.publish(store, name, files | {RunRecord.file: complete.to_bytes()})
    return report


def _run_before(config: Config, store: Store) -> RunRecord | None:
    """run.json of the newest version; None where that cannot be read, or is another job's."""
    try:
        run = versions.newest(store).run
    except VersionError:
        return None
    return run if run.config.name == config.name else None


def _report(
    name: str,
    run: RunRecord,
    finished: Finished,
    changed: Mapping[str, pd.DataFrame],
    links_before: pd.DataFrame | None,
    before: RunRecord | None,
    store: Store,
) -> Report:
    """Gather what the report shows."""
    metrics, now = finished.evaluation.metrics, finished.screened.links
    misfiled, expected = known_misfiled(store), forecasts(run)
    left_out = misfiled_links(now, misfiled)
    manifest = finished.manifest
    if run.config.screen.misfiled:
        manifest = with_doubtful(manifest, finished.screened.learnt_by_decision, store)
    predictions, target = finished.evaluation.predictions, target_of(run.config)
    shown = examples(predictions, target)
    tables = Reviewed(
        links=TableInMemory(now),
        manifest=TableInMemory(manifest),
        predictions=TableInMemory(predictions),
        misfiled=misfiled,
        target=target,
    )
    return Report(
        version=name,
        run=run,
        metrics=metrics,
        links=now,
        lives=lives(now, links_before, lives_until_now(store)),
        manifest=manifest,
        changes=changed,
        misfiled=left_out,
        to_review=Counter(item.kind for item in undecided(waiting(tables), decisions_in(finished.screened.decisions))),
        decisions=finished.screened.decisions,
        history=_history(name, run, metrics, store),
        forecasts=expected,
        newly_endangered=newly_endangered(expected, before),
        plots=illustrations(finished, run.config, store),
        examples=shown,
        thumbnails=thumbnails(
            pictured(changed, left_out, shown, finished.screened.decisions), store, _thumbnails_before(store)
        ),
    )


def _thumbnails_before(store: Store) -> dict[str, str]:
    """The thumbnails that the newest version shows: most pictures are shown again, and a bucket is asked for few."""
    try:
        return thumbnails_in(versions.newest(store).read("report.html").decode())
    except (VersionError, ValueError):
        return {}


def _history(name: str, run: RunRecord, metrics: MetricsRecord, store: Store) -> list[Summary]:
    """The job's newest versions, and the one that is to be published last."""
    this = summary(name, run, metrics, metrics.promoted)
    before = history_of_job(store, this.job)
    return [replace(earlier, champion=earlier.champion and not this.champion) for earlier in before] + [this]


def _files(report: Report, finished: Finished) -> dict[str, bytes]:
    """Return the version's files by name; all but run.json, which lists the digests of these."""
    evaluation = finished.evaluation
    files = {
        MetricsRecord.file: report.metrics.to_bytes(),
        "links.parquet": parquet(report.links, links.PUBLISHED, sort_by="url"),
        "lives.parquet": parquet(report.lives),
        "decisions.parquet": parquet(finished.screened.decisions),
        "link_rot.parquet": parquet(rot_table(report.links, report.changes)),
        "manifest.parquet": _manifest_file(report.manifest, finished.list_columns),
        "predictions.parquet": parquet(evaluation.predictions),
        "holdout.parquet": parquet(evaluation.holdout),
        "head.keras": finished.head,
        "certainty.npz": evaluation.certainty,
        "report.html": rendering.html(report).encode(),
        "MODEL_CARD.md": rendering.model_card(report).encode(),
    }
    holding = {file: data for file, data in files.items() if file in HOLDERS}
    files[TABLE] = parquet(named_references(evaluation.predictions, holding), SCHEMA)
    if finished.tuned is not None:
        files["backbone.npz"] = finished.tuned
    return files | {f"plots/{plot}.png": png for plot, png in report.plots.items()}


def _manifest_file(manifest: pd.DataFrame, list_columns: pa.Table) -> bytes:
    """manifest.parquet: a manifest, and the lists' columns beside it."""
    table = pa.Table.from_pandas(manifest, preserve_index=False)
    for name in list_columns.column_names:
        table = table.append_column(name, list_columns[name])
    return parquet_of_arrow(table)
