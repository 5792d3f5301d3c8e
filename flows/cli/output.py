"""What the command line prints: summaries and tables. Text from links stays text."""

import json
import sys
from typing import Any

from regraft.verdicts import Reason


def tell_run(store: str, name: str, as_json: bool) -> None:
    """Print a dozen lines: what was found, how good the model is, where to look next."""
    from regraft.reporting import report
    from regraft.store import versions as known
    from regraft.store.store import Store

    version = known.version(Store(store), name)
    about, metrics = version.run, version.metrics
    if as_json:
        print(
            json.dumps({"version": name, "path": version.address, "metrics": json.loads(metrics.to_bytes())}, indent=1)
        )
        return
    links = version.table("links.parquet")
    test, oracle = metrics.test, metrics.oracle
    rows = [row for row in report.link_health(links) if row["verdict"] != "alive"][:6]
    lost = ", ".join(f"{row['links']} {row['reason']}" for row in rows)
    outcomes = about.counts.outcomes
    asked = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(outcomes.items()))
    images = ", ".join(f"{count} {name}" for name, count in sorted(about.counts.images.items()))
    computed = about.counts.features_computed
    alive = about.counts.verdicts.get("alive", 0)
    print(f"{about.config.name}: version {name}")
    print(f"  links     {len(links)} ({asked}): {alive} alive")
    print(f"  lost      {lost}")
    if misfiled := int((links["reason"] == Reason.MISFILED).sum()):
        print(f"  misfiled  {misfiled} left out: in the wrong list, it seems; `regraft accept URL` where they are not")
    found = max(0, sum(about.counts.images.values()) - computed)  # some were computed and found misfiled
    print(f"  images    {images}; features computed for {computed}, found again for {found}")
    how_good = quality(test.rmse, test.accuracy if test.kind == "category" else None)
    print(f"  model     {how_good} on {test.n} held-out images" + _area(test.auc))
    if oracle:
        away = report.away(metrics.excess)
        print(f"  oracle    RMSE {oracle.rmse:.2f} cm is the best possible; the model is {away} it")
    print(f"  champion  {'yes' if metrics.promoted else 'no'}: {metrics.why}")
    print(f"  seconds   {', '.join(f'{step} {s:.1f}' for step, s in about.timings.items())}")
    print(f"Look next:  {version.address}/report.html")
    where = "" if store == "artifacts" else f" --store {store}"
    print(
        f"            regraft versions{where}, regraft predict IMAGE_OR_URL{where}; the dashboard: prefect server start"
    )


def quality(rmse: float, accuracy: float | None) -> str:
    """Return how good a model is on its test split, in its own unit."""
    return f"RMSE {rmse:.2f} cm" if accuracy is None else f"{accuracy:.1%} named right"


def _area(auc: float | None) -> str:
    return "" if auc is None else f", AUC {auc:.3f}"


def number(value: float | None, style: str) -> str:
    """Return a number as text; nothing for none."""
    return "" if value is None else format(value, style)


def table(columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table; text of links is printed as text, never as markup."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(_printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _printable(cell: Any) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(cell))
