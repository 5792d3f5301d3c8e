"""What the command line prints: summaries and tables. Text from links stays text."""

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regraft.store.metrics_record import MetricsRecord
    from regraft.store.run_record import RunRecord
    from regraft.store.version import Version

MAX_REASONS = 6
"""Reasons that a summary names."""
MAX_PROBLEMS = 20
"""Problems that a message lists."""
PIPE_WIDTH = 200
"""Columns of a table that is not printed to a terminal."""


def print_run_summary(version: "Version", option: str, as_json: bool) -> None:
    """Print a dozen lines: what became of the links, how good the model is, where to look next.

    `option` is what the commands to try next must add to work on the version's store, see `stores.store_option`.
    """
    metrics = version.metrics
    if as_json:
        content = {"version": version.name, "path": version.address, "metrics": json.loads(metrics.to_bytes())}
        print(json.dumps(content, indent=1))
        return
    run = version.run
    print(f"{run.config.name}: version {version.name}")
    lines = _link_lines(version, run) | _model_lines(metrics)
    lines["seconds"] = ", ".join(f"{step} {seconds:.1f}" for step, seconds in run.timings.items())
    for title, text in lines.items():
        print(f"  {title:<10}{text}")
    print(f"Look next:  {version.address}/report.html")
    print(f"            regraft versions{option}, regraft predict IMAGE_OR_URL{option}; ", end="")
    print("the dashboard: prefect server start")


def _link_lines(version: "Version", run: "RunRecord") -> dict[str, str]:
    """What became of links and images, by title."""
    from regraft.reporting.sentences import from_archive
    from regraft.reporting.tables import link_health
    from regraft.verdicts import Reason, Verdict

    links, counts = version.table("links.parquet", ["category", "verdict", "reason", "outcome"]), run.counts
    lost = [row for row in link_health(links) if row.verdict != Verdict.ALIVE]
    lines = {
        "links": f"{counts.links} ({_counted(counts.outcomes)}): {counts.alive} alive{from_archive(links)}",
        "lost": ", ".join(f"{row.links} {row.reason}" for row in lost[:MAX_REASONS]),
    }
    if misfiled := sum(row.links for row in lost if row.reason == Reason.MISFILED):
        lines["misfiled"] = f"{misfiled} left out, probably in the wrong list; `regraft accept URL` takes one back"
    if learnt := sum(note.learnt for note in run.removals):
        lines["removed"] = f"pictures that the head has learnt from: {learnt}; the next run trains without"
    if run.decisions:
        lines["decided"] = f"{_counted(run.decisions)}; `regraft decisions` lists what persons decided"
    computed = counts.features_computed
    reused = max(0, sum(counts.images.values()) - computed)  # features of misfiled pictures are computed too
    images = ", ".join(f"{count} {category}" for category, count in sorted(counts.images.items()))
    lines["images"] = f"{images}; features computed for {computed}, found in the store for {reused}"
    return lines


def _model_lines(metrics: "MetricsRecord") -> dict[str, str]:
    """How good the model is, and whether it is champion, by title."""
    from regraft.reporting.sentences import above_or_below
    from regraft.targets.wording import WORDINGS

    test, wording = metrics.test, WORDINGS[metrics.test.kind]
    auc = "" if test.auc is None else f", AUC {test.auc:.3f}"
    lines = {"model": f"{wording.quality(test)} on {test.n} held-out images{auc}"}
    if metrics.oracle is not None:
        best = wording.quality(metrics.oracle)
        lines["oracle"] = f"{best} is the best possible; the model is {above_or_below(metrics.excess)} it"
    lines["champion"] = f"{'yes' if metrics.promoted else 'no'}: {metrics.why}"
    return lines


def _counted(counts: Mapping[str, int]) -> str:
    """Return counts of what has a name of Regraft's as text, such as "143 fetched, 197 not modified"."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))


def listed(first_line: str, problems: Sequence[str]) -> str:
    """Return a message of several lines: the first, and as many problems as people read."""
    return "\n".join([first_line, *problems[:MAX_PROBLEMS]])


def number(value: float | None, style: str) -> str:
    """Return a number as text; nothing for None."""
    return "" if value is None else format(value, style)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], folded: Collection[str] = ()) -> None:
    """Print a table; cells are printed as text, never as markup, without control characters.

    The columns that are `folded` share what room a terminal has left; the others are never broken where there are any.
    Elsewhere no line of such a table is broken, so that other programs find each URL in one piece.
    """
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if folded and not sys.stdout.isatty():
        _print_whole_lines(columns, cells)
    else:
        _print_grid(columns, cells, folded)


def _print_whole_lines(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print a table however wide it is; of a million rows too."""
    lines = [columns, *([cell.replace("\n", " ") for cell in row] for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_grid(columns: Sequence[str], cells: Sequence[Sequence[str]], folded: Collection[str]) -> None:
    """Print a table that fits the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        grid.add_column(column, overflow="fold", no_wrap=bool(folded) and column not in folded)
    for row in cells:
        grid.add_row(*(Text(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(grid)


def printable(text: str) -> str:
    """Return a text without control characters, by which a URL could write anything to a terminal; lines stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
