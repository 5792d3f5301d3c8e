"""What happened in a run, in sentences for people."""

import pandas as pd

from regraft.dataset.decision import IN_THE_PAST, DecisionKind
from regraft.links.rot import is_from_archive
from regraft.reporting.report import Report
from regraft.store.metrics_record import MetricsRecord
from regraft.targets.calibration import LEVEL
from regraft.targets.wording import WORDINGS, percent
from regraft.verdicts import Verdict


def summary(report: Report) -> list[str]:
    """Return what happened in two sentences: to the links, and how good the model is."""
    return [_links(report), _model(report.metrics)]


def champion_sentence(metrics: MetricsRecord) -> str:
    """Return who is champion, and why."""
    return ("It is the new champion: " if metrics.promoted else "The champion stays: ") + metrics.why


def from_archive(links: pd.DataFrame) -> str:
    """Return how many links (verdict, outcome) are alive in a web archive only, as a sentence's end; else nothing."""
    count = int(is_from_archive(links).sum())
    return f", {count:,} of them from a web archive" if count else ""


def above_or_below(excess: float | None) -> str:
    """Return how far above or below something a share is, such as "2.9% above"; nothing for None."""
    return "" if excess is None else f"{percent(abs(excess))} {'above' if excess >= 0 else 'below'}"


def misfiled_note(metrics: MetricsRecord) -> str:
    """Return what the results would be with the misfiled pictures of the test split; nothing where there are none."""
    misfiled = metrics.misfiled
    if not misfiled.n:
        return ""
    best = f", {above_or_below(misfiled.excess)} the best possible" if misfiled.excess is not None else ""
    pictures = "1 picture" if misfiled.n == 1 else f"{misfiled.n} pictures"
    quality = WORDINGS[metrics.test.kind].quality(misfiled)
    return f"Left out of the test split as misfiled: {pictures}; with them the result would be {quality}{best}."


def certainty_note(metrics: MetricsRecord) -> str:
    """Return how often intervals or sets hold the truth, and how wide they are; nothing of versions of before."""
    certainty = metrics.certainty
    if certainty is None:
        return ""
    form = WORDINGS[metrics.test.kind].certainty_form
    sentence = form.format(level=f"{LEVEL:.0%}", held=f"{certainty.held:.0%}", extent=certainty.extent)
    name, least = min(certainty.by_category.items(), key=lambda item: item[1].held)
    fewest = f" Of {name} they hold the fewest: {least.held:.0%}." if len(certainty.by_category) > 1 else ""
    return f"{sentence} on average.{fewest}"


def suspects_note(report: Report) -> str:
    """Return how many misfiled pictures look so by chance, and how many are doubtful; nothing where there are none."""
    pictures = report.misfiled.drop_duplicates(["digest", "category"])
    notes = []
    if len(pictures):
        lists = pictures.groupby("category")["chance"]
        by_chance = (lists.max() * lists.size()).sum()  # a picture's is the share of those that are at least as clear
        notes.append(f"By chance {by_chance:.1f} of {len(pictures):,} would look like that.")
    count = int((report.manifest["doubtful"] != "").sum()) if "doubtful" in report.manifest else 0
    if count:
        notes.append(f"In doubt, and learnt from until somebody decides: {count:,}; `doubtful` in manifest.parquet.")
    return " ".join(notes)


def decisions_note(report: Report) -> str:
    """Return what persons decided that held for links of this version; nothing where nothing did."""
    counts = report.run.decisions
    if not counts:
        return ""
    kinds = ", ".join(f"{count:,} {IN_THE_PAST[DecisionKind(kind)]}" for kind, count in counts.items())
    links = int(report.decisions["links"].sum())
    return f"What persons decided held for {links:,} {'link' if links == 1 else 'links'}: {kinds}."


def _links(report: Report) -> str:
    verdicts = report.links["verdict"]
    alive, dead, junk, unknown = (
        int((verdicts == verdict).sum()) for verdict in (Verdict.ALIVE, Verdict.DEAD, Verdict.JUNK, Verdict.UNKNOWN)
    )
    not_requested = f", {unknown:,} were not requested" if unknown else ""
    return (
        f"Of {len(verdicts):,} links {alive:,} are alive and used{from_archive(report.links)}{not_requested}, "
        f"{dead:,} are dead and {junk:,} serve nothing to learn from; {len(report.manifest):,} images were labelled."
    )


def _model(metrics: MetricsRecord) -> str:
    test, oracle, wording = metrics.test, metrics.oracle, WORDINGS[metrics.test.kind]
    best = ""
    if oracle is not None:
        best = f", {above_or_below(metrics.excess)} the best possible {wording.with_unit(oracle.rmse)}"
    auc = f" and tells the categories apart with an AUC of {test.auc:.3f}" if test.auc is not None else ""
    return f"On {test.n:,} held-out images the new model {wording.claim(test)}{best}{auc}."
