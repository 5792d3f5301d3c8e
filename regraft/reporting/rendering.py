"""A report as pages: a self-contained HTML file, markdown for the dashboard, and a model card."""

import base64
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import yaml

from regraft.identity import short_digest
from regraft.links.rot import in_two_categories
from regraft.reporting.examples import jpeg_uri
from regraft.reporting.outlook import charts, survival_gist
from regraft.reporting.report import MAX_ROWS, Report, newest_decisions
from regraft.reporting.sentences import (
    above_or_below,
    certainty_note,
    champion_sentence,
    decisions_note,
    from_archive,
    misfiled_note,
    summary,
    suspects_note,
)
from regraft.reporting.tables import (
    MAX_CATEGORIES,
    MAX_COLUMNS,
    SHOWN_ROWS,
    by_host,
    funnel,
    link_health,
    score_rows,
    split_sizes,
    survivals,
    verdict_counts,
)
from regraft.reporting.waiting import waiting
from regraft.targets.choice import target_of
from regraft.targets.wording import WORDINGS, percent


@dataclass(frozen=True)
class Event:
    """What may change about a link, in words."""

    heading: str
    singular: str
    plural: str

    def counted(self, count: int) -> str:
        """Return the words that follow a count."""
        return self.singular if count == 1 else self.plural


MAX_TEXT = 300
"""Characters of a URL that are shown."""
MAX_LINES = 200
"""Lines of the config that are shown."""
RIVALS = {
    "oracle": "the oracle: knows the category and nothing else",
    "mean": "the mean of all lengths",
    "category_mean": "the mean of the image's category",
    "tutorial": "the tutorial's head on the same features",
    "shares": "how frequent each category is, and nothing else",
}
"""What the rivals in metrics.json are, in words."""
EVENTS = {
    "newly_dead": Event("Died", "link died", "links died"),
    "revived": Event("Came back", "link came back", "links came back"),
    "replaced": Event(
        "Shows another picture; waits to be accepted", "link shows another picture", "links show another picture"
    ),
    "now_placeholder": Event("Became a placeholder", "link became a placeholder", "links became placeholders"),
    "re_encoded": Event(
        "Same picture in other bytes",
        "link shows the same picture in other bytes",
        "links show the same picture in other bytes",
    ),
}
"""What may change about a link, in words."""
FORECAST_DAYS = (30, 60, 90)
"""Days ahead for which the report gives a forecast."""


def html(report: Report) -> str:
    """Return report.html: self-contained, fetches nothing when it is read; text from URLs is escaped."""
    return _template("report.html.j2").render(_context(report))


def markdown(report: Report) -> str:
    """Return the dashboard's page, plots inline; text from URLs is inert."""
    return _template("report.md.j2", escape=False).render(_context(report))


def model_card(report: Report) -> str:
    """Return MODEL_CARD.md in the Hugging Face format: https://huggingface.co/docs/hub/model-cards."""
    return _template("MODEL_CARD.md.j2", escape=False).render(_context(report))


def inert(text: str) -> str:
    """Return text that stays text in markdown and tables: no markup, no line breaks, no control characters."""
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+-!|~&$" else c for c in printable(text))


def printable(text: str) -> str:
    """Return a text with a replacement character for all that is no character to read, such as one that turns text."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def _context(report: Report) -> dict[str, Any]:
    """What templates may ask for: the report, and what is worked out of it."""
    config = report.run.config
    return {
        "report": report,
        "run": report.run,
        "metrics": report.metrics,
        "wording": WORDINGS[report.metrics.test.kind],
        "target": target_of(config),
        "sentences": summary(report),
        "champion_sentence": champion_sentence(report.metrics),
        "waiting": waiting(report),
        "verdicts": verdict_counts(report.links),
        "from_archive": from_archive(report.links),
        "charts": charts(report.run, report.lives, report.forecasts),
        "survival_gist": survival_gist(report),
        "certainty_note": certainty_note(report.metrics),
        "misfiled_note": misfiled_note(report.metrics),
        "decisions_note": decisions_note(report),
        "newest_decisions": newest_decisions(report.decisions),
        "suspects_note": suspects_note(report),
        "score_rows": score_rows(report.metrics.test),
        "funnel": funnel(report.links, report.manifest),
        "health": link_health(report.links),
        "hosts": by_host(report.links),
        "split_sizes": split_sizes(report.manifest),
        "survivals": survivals(report.run.survival),
        "in_two_categories": in_two_categories(report.links),
        "strays": _strays(report),
        "columns": sorted(config.categories) if 1 < len(config.categories) <= MAX_COLUMNS else [],
        "max_columns": MAX_COLUMNS,
        "max_categories": MAX_CATEGORIES,
        "events": EVENTS,
        "forecast_days": FORECAST_DAYS,
        "rivals": RIVALS,
        "max_rows": MAX_ROWS,
        "shown_rows": SHOWN_ROWS,
        "plots": {name: jpeg_uri(png) if name == "examples" else _data_uri(png) for name, png in report.plots.items()},
        "config": _first_lines(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)),
    }


def shortened(text: str) -> str:
    """Return a text, such as a URL, cut where it is very long."""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\N{HORIZONTAL ELLIPSIS}"


def _first_lines(text: str) -> str:
    """The first MAX_LINES lines of a text, and how many are left out."""
    lines = text.splitlines()
    if len(lines) <= MAX_LINES:
        return text
    return "\n".join([*lines[:MAX_LINES], f"... and {len(lines) - MAX_LINES:,} more lines, in run.json"])


def _strays(report: Report) -> list[dict[str, Any]]:
    """The images that look like another category: digest, category, caption, and the first url that shows each."""
    rows = report.examples.strays
    images = report.manifest[report.manifest["digest"].isin(rows["digest"])]
    url = {digest: str(urls[0]) for digest, urls in zip(images["digest"], images["urls"], strict=True)}
    return [{str(key): value for key, value in row.items()} | {"url": url[row["digest"]]} for _, row in rows.iterrows()]


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


@cache
def _template(name: str, escape: bool = True) -> jinja2.Template:
    source = resources.files("regraft.reporting.templates").joinpath(name).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=escape, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "inert": inert,
        "percent": percent,
        "above_or_below": above_or_below,
        "short_digest": short_digest,
        "shortened": shortened,
    }
    return environment.from_string(source)
