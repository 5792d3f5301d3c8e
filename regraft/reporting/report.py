"""One version told in words and pictures: a self-contained HTML file, markdown for the dashboard, a model card."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
import pandas as pd
import yaml

from regraft.links.rot import in_two_categories
from regraft.reporting.examples import Examples
from regraft.reporting.history import Summary
from regraft.store.records import MetricsRecord, RunRecord
from regraft.web.urls import host_of

RIVALS = {
    "oracle": "the oracle: knows the category and nothing else",
    "mean": "the mean of all lengths",
    "category_mean": "the mean of each category, told which",
    "tutorial": "the tutorial's head on the same features",
    "shares": "how frequent each category is, and nothing else",
}
"""What the rivals in metrics.json are, in words."""


EXAMPLES = [
    ("best", "Predicted best"),
    ("worst", "Predicted worst"),
    ("doubtful", "Most doubtful: between the categories"),
]
"""The rows of pictures, in words."""


@dataclass(frozen=True)
class Story:
    """All that a report tells of."""

    version: str
    run: RunRecord
    """run.json"""
    metrics: MetricsRecord
    """metrics.json"""
    links: pd.DataFrame
    manifest: pd.DataFrame
    changed: Mapping[str, pd.DataFrame]
    """What `rot.changes` told of the links since the parent version."""
    plots: Mapping[str, bytes]
    """PNG bytes by name."""
    misfiled: pd.DataFrame
    """The links (digest, category, url, like) that show a picture of another category."""
    past: Sequence[Summary]
    """The job's newest versions, this one last."""
    examples: Examples
    """Pictures worth looking at."""
    thumbnails: Mapping[str, str]
    """data: URIs by digest, of all pictures that the report shows."""


CHANGES_SHOWN = 30
"""Links of one kind of change that a report lists."""


def pictured(changed: Mapping[str, pd.DataFrame], misfiled: pd.DataFrame, examples: Examples) -> list[str]:
    """Return the digests of the pictures that a report shows."""
    shown = [getattr(examples, name) for name, _ in EXAMPLES] + [examples.elsewhere]
    digests = [digest for rows in [*shown, misfiled.head(CHANGES_SHOWN)] for digest in rows["digest"]]
    for rows in changed.values():
        digests += [*rows["digest"].head(CHANGES_SHOWN), *rows["digest_before"].head(CHANGES_SHOWN)]
    return [digest for digest in dict.fromkeys(digests) if digest]


def html(story: Story) -> str:
    """Return report.html: self-contained, nothing is fetched when it is read; text from URLs is escaped."""
    return _template("report.html.j2").render(_facts(story))


def markdown(story: Story) -> str:
    """Return the dashboard's text, plots inline."""
    return _template("report.md.j2", escape=False).render(_facts(story))


def model_card(story: Story) -> str:
    """Return MODEL_CARD.md in the Hugging Face format: https://huggingface.co/docs/hub/model-cards."""
    return _template("MODEL_CARD.md.j2", escape=False).render(_facts(story))


def sentences(story: Story) -> list[str]:
    """Return what happened, in three sentences."""
    test, oracle = story.metrics.test, story.metrics.oracle
    counts = story.links["verdict"].value_counts()
    first = (
        f"Of {len(story.links):,} links {counts.get('alive', 0):,} are alive and used, {counts.get('dead', 0):,} are "
        f"dead and {counts.get('junk', 0):,} serve nothing to learn from; {len(story.manifest):,} images were labelled."
    )
    best = f", {away(story.metrics.excess)} the best possible {oracle.rmse:.1f} cm" if oracle else ""
    area = f" and tells the categories apart with an AUC of {test.auc:.3f}" if test.auc is not None else ""
    does = f"errs by {test.rmse:.1f} cm (RMSE){best}"
    if test.kind == "category":
        does = f"names {test.accuracy:.1%} right"
    second = f"On {test.n} held-out images the new model {does}{area}."
    third = ("It is the new champion: " if story.metrics.promoted else "The champion stays: ") + story.metrics.why
    return [first, second, third]


def link_health(links: pd.DataFrame) -> list[dict[str, Any]]:
    """Return links by verdict and reason, most first: for tables."""
    by = links.groupby(["verdict", "reason", "category"]).size().unstack(fill_value=0)
    by["links"] = by.sum(axis=1)
    by = by.sort_values("links", ascending=False).reset_index()
    return [
        {str(key): (value if isinstance(value, str) else int(value)) for key, value in row.items()}
        for row in by.to_dict("records")
    ]


def by_host(links: pd.DataFrame, most: int = 15) -> list[dict[str, Any]]:
    """Return the hosts with the most links: links, alive, share alive, most frequent reason."""
    table = links.assign(host=links["url"].map(host_of))
    rows: list[dict[str, Any]] = []
    for host, part in table.groupby("host"):
        lost = part.loc[part["verdict"] != "alive", "reason"]
        alive = int((part["verdict"] == "alive").sum())
        worst = str(lost.mode().iloc[0]) if len(lost) else ""
        rows.append(
            {"host": str(host), "links": len(part), "alive": alive, "share": alive / len(part), "mostly": worst}
        )
    return sorted(rows, key=lambda row: (-row["links"], row["host"]))[:most]


def inert(text: str) -> str:
    """Return text that stays text in markdown and tables: no markup, no line breaks, no control characters."""
    clean = "".join(c if c.isprintable() else "�" for c in str(text))
    return "".join("\\" + c if c in "\\`*_{}[]<>()#+-!|~&$" else c for c in clean)


LENGTHS = {"rmse": "RMSE (cm)", "mae": "MAE (cm)", "bias": "bias (cm)"}
CATEGORIES = {"accuracy": "named right", "precision": "precision", "rmse": "RMSE of the probabilities"}
"""The columns of the results, by what metrics.json calls them."""


def _facts(story: Story) -> dict[str, Any]:
    config, test = story.run.config, story.metrics.test
    measures = CATEGORIES if test.kind == "category" else LENGTHS
    return {
        "measures": measures,
        "names_categories": measures is CATEGORIES,
        "results": [("all", test), *test.by_category.items()],
        "figure": lambda x: "" if x is None else format(x, ".2f" if measures is LENGTHS else ".3f"),
        "away": away,
        "signed": lambda x: format(x, "+.2f" if measures is LENGTHS else "+.3f"),
        "version": story.version,
        "run": story.run,
        "metrics": story.metrics,
        "sentences": sentences(story),
        "funnel": _funnel(story),
        "health": link_health(story.links),
        "hosts": by_host(story.links),
        "changes": story.changed,
        "has_parent": story.run.parent is not None,
        "twice": in_two_categories(story.links),
        "misfiled": story.misfiled.to_dict("records"),
        "categories": sorted(config.categories),
        "plots": {name: "data:image/png;base64," + base64.b64encode(png).decode() for name, png in story.plots.items()},
        "rivals": RIVALS,
        "past": story.past[::-1],
        "examples": [(title, getattr(story.examples, name).to_dict("records")) for name, title in EXAMPLES],
        "elsewhere": _elsewhere(story),
        "thumbnails": story.thumbnails,
        "changes_shown": CHANGES_SHOWN,
        "splits": story.manifest.groupby(["category", "split"]).size().unstack(fill_value=0).to_dict("index"),
        "config": yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
    }


def _elsewhere(story: Story) -> list[dict[str, Any]]:
    """What looks like another category, with the link that shows it."""
    rows = story.examples.elsewhere
    links = story.manifest.loc[story.manifest["digest"].isin(rows["digest"]), ["digest", "urls"]]
    url = {digest: str(urls[0]) for digest, urls in zip(links["digest"], links["urls"], strict=True)}
    return rows.assign(url=rows["digest"].map(url)).to_dict("records")  # type: ignore[return-value]  # names are text


def _funnel(story: Story) -> list[tuple[str, int]]:
    verdicts = story.links["verdict"].value_counts()
    answered = len(story.links) - int(verdicts.get("dead", 0))
    return [
        ("links in the lists", len(story.links)),
        ("that serve something", answered),
        ("that serve a picture to learn from", int(verdicts.get("alive", 0))),
        ("images labelled", len(story.manifest)),
        ("of them to train on", int((story.manifest["split"] == "train").sum())),
    ]


def percent(share: float | None) -> str:
    """Return a share in percent; nothing for none."""
    return "" if share is None else f"{share:.1%}"


def away(share: float | None) -> str:
    """Return how far above or below something a share is; nothing for none."""
    return "" if share is None else f"{percent(abs(share))} {'above' if share >= 0 else 'below'}"


def _template(name: str, escape: bool = True) -> jinja2.Template:
    source = resources.files("regraft.reporting.templates").joinpath(name).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=escape, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["inert"] = inert
    environment.filters["percent"] = percent
    return environment.from_string(source)
