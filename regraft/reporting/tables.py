"""The tables of a report: what became of the links, host by host, and how good the model is, category by category."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

import pandas as pd

from regraft.reporting.named_reasons import named_reasons
from regraft.store.metrics_record import Interval, Results
from regraft.store.run_record import Survival
from regraft.targets.wording import WORDINGS
from regraft.verdicts import Verdict
from regraft.web.urls import NO_HOST, host_of

MAX_HOSTS = 15
"""Hosts that a report lists."""
MAX_CATEGORIES = 30
"""Categories that a table lists; of more, those that are worst off."""
SHOWN_ROWS = 8
"""Rows of a table that a report shows at once; the others are folded, if they are more than two."""
MAX_COLUMNS = 12
"""Categories that have a column each; of more, only the sum is shown."""


@dataclass(frozen=True)
class ReasonCount:
    """How many links ended with one reason."""

    verdict: str
    reason: str
    """As people name it, see `named_reasons`."""
    by_category: Mapping[str, int]
    """Empty where there are more than MAX_COLUMNS categories."""
    links: int
    """Of all categories."""

    def as_row(self) -> dict[str, Any]:
        """Return the columns of a table for the dashboard, a column a category."""
        return {"verdict": self.verdict, "reason": self.reason, **self.by_category, "links": self.links}


def link_health(links: pd.DataFrame) -> list[ReasonCount]:
    """Return links (category, verdict, reason, outcome) by reason, the most frequent first."""
    links = links.assign(reason=named_reasons(links))
    counts = links.groupby(["verdict", "reason", "category"]).size().unstack(fill_value=0)
    counts = counts.reindex(counts.sum(axis=1).sort_values(ascending=False).index)
    sums = counts.sum(axis=1)
    shown = counts if counts.shape[1] <= MAX_COLUMNS else counts.iloc[:, :0]
    verdicts, reasons = (counts.index.get_level_values(level) for level in ("verdict", "reason"))
    rows = []
    for verdict, reason, count, row in zip(verdicts, reasons, sums, shown.to_dict("records"), strict=True):
        by_category = {str(category): int(count) for category, count in row.items()}
        rows.append(ReasonCount(str(verdict), str(reason), by_category, int(count)))
    return rows


@dataclass(frozen=True)
class VerdictCount:
    """How many links ended with one verdict."""

    verdict: Verdict
    count: int

    @property
    def words(self) -> str:
        """What follows the count."""
        match self.verdict:
            case Verdict.ALIVE:
                return "alive"
            case Verdict.DEAD:
                return "dead"
            case Verdict.JUNK:
                return "nothing to learn from"
            case Verdict.UNKNOWN:
                return "not requested yet"
            case _:
                assert_never(self.verdict)


def verdict_counts(links: pd.DataFrame) -> list[VerdictCount]:
    """Return how many links (verdict) ended with each verdict that any has."""
    counts = links["verdict"].value_counts()
    return [VerdictCount(verdict, int(counts[verdict])) for verdict in Verdict if verdict in counts]


@dataclass(frozen=True)
class HostHealth:
    """What became of one host's links."""

    host: str
    """As people name it."""
    links: int
    alive: int
    main_reason: str
    """The most frequent reason of those that are not alive; empty where all are."""

    @property
    def share(self) -> float:
        """The share of links that are alive, 0 to 1."""
        return self.alive / self.links


def by_host(links: pd.DataFrame) -> list[HostHealth]:
    """Return the MAX_HOSTS hosts with the most links (url, verdict, reason), those with the most first."""
    hosts = links["url"].map(host_of)
    counts = hosts.value_counts().rename_axis("host").reset_index(name="links")
    most = counts.sort_values(["links", "host"], ascending=[False, True]).head(MAX_HOSTS)
    rows = []
    for host, count in zip(most["host"], most["links"], strict=True):
        part = links[hosts == host]
        reasons = part["reason"][part["verdict"] != Verdict.ALIVE].mode()
        main_reason = str(reasons.iloc[0]) if len(reasons) else ""
        alive = int((part["verdict"] == Verdict.ALIVE).sum())
        name = "(no URL)" if host == NO_HOST else str(host)
        rows.append(HostHealth(name, int(count), alive, main_reason))
    return rows


@dataclass(frozen=True)
class Stage:
    """How much is left at one stage on the way from links to training images."""

    what: str
    count: int


def funnel(links: pd.DataFrame, manifest: pd.DataFrame) -> list[Stage]:
    """Return what is left of the links (verdict) from stage to stage, down to the images (split) to train on."""
    verdicts = links["verdict"]
    return [
        Stage("links in the lists", len(links)),
        Stage("that serve something", int((~verdicts.isin((Verdict.DEAD, Verdict.UNKNOWN))).sum())),
        Stage("that serve a picture to learn from", int((verdicts == Verdict.ALIVE).sum())),
        Stage("images labelled", len(manifest)),
        Stage("of them to train on", int((manifest["split"] == "train").sum())),
    ]


def split_sizes(manifest: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return how many images (category, split) categories have in each split, by category and split.

    Of more than MAX_CATEGORIES it is those with the fewest images.
    """
    smallest = manifest["category"].value_counts().sort_values(kind="stable").index[:MAX_CATEGORIES]
    shown = manifest[manifest["category"].isin(set(smallest))]
    counts = shown.groupby(["category", "split"]).size().reset_index(name="images")
    sizes: dict[str, dict[str, int]] = {}
    for category, split, count in zip(counts["category"], counts["split"], counts["images"], strict=True):
        sizes.setdefault(str(category), {})[str(split)] = int(count)
    return sizes


def survivals(survival: Mapping[str, Survival]) -> dict[str, Survival]:
    """Return how many links survive by category; of more than MAX_CATEGORIES, those that lost the largest share."""
    if len(survival) <= MAX_CATEGORIES:
        return dict(survival)
    shares = {name: part.share for name, part in survival.items() if part.share is not None}
    return {name: survival[name] for name in sorted(shares, key=lambda name: shares[name])[:MAX_CATEGORIES]}


@dataclass(frozen=True)
class Score:
    """One measure of one row of the results."""

    figure: str
    """As text; empty where the row has no such measure."""
    interval: Interval | None
    """None where it was not resampled."""


@dataclass(frozen=True)
class ScoreRow:
    """How good the model is on some images of the test split."""

    name: str
    """The category, or "all"."""
    n: int
    """Images."""
    scores: tuple[Score, ...]
    """In the order of the wording's measures."""


def score_rows(results: Results) -> list[ScoreRow]:
    """Return the rows of the table of results: the whole test split, then each category.

    Of more than MAX_CATEGORIES it is those with the largest errors, the largest first.
    """
    wording, by_category = WORDINGS[results.kind], results.by_category
    names = list(by_category)
    if len(names) > MAX_CATEGORIES:
        names = sorted(names, key=lambda name: -by_category[name].rmse)[:MAX_CATEGORIES]
    rows = []
    for name, part in [("all", results), *((name, by_category[name]) for name in names)]:
        measured = dict(part)
        scores = [Score(wording.figure(measured.get(m)), part.intervals.get(m)) for m in wording.measures]
        rows.append(ScoreRow(name, part.n, tuple(scores)))
    return rows
