"""`regraft versions`, `show`, `diff`, `report`: which versions there are, and what is in them."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.flows.cli.app import JsonOption, Panel, StoreOption, app, exit_with_message
from regraft.flows.cli.output import number, print_run_summary, table

if TYPE_CHECKING:
    from regraft.store.store import Store
    from regraft.store.version import Version

WHICH = "A version, a beginning that only one has, `newest` or `champion`."
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help=WHICH)]


def _version(word: str, store: str | None) -> "Version":
    """The version that a word names, in the store that an option names. Raises VersionError, StoreError."""
    from regraft.flows.cli.stores import open_store
    from regraft.store.versions import named

    return named(open_store(store), word)


@app.command(rich_help_panel=Panel.LOOK)
def versions(
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the published versions, the newest last; the champion is marked.

    Examples: `regraft versions`, `regraft versions --store artifacts/felidae --json`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store
        from regraft.reporting.history import history

        opened = open_store(store)
        rows = history(opened)
        if as_json:
            print(json.dumps([asdict(row) for row in rows], indent=1))
            return
        if not rows:
            print(f"There is no version in {opened.url} yet. `regraft run` makes the first.")
            return
        learnt = ["learnt, since removed"] if any(row.removed for row in rows) else []
        table(
            ["version", "", "alive", "images", *learnt, "on the test split", "above oracle", "AUC", "why"],
            [
                [
                    row.version,
                    "champion" if row.champion else "",
                    row.alive,
                    row.images,
                    *(row.removed or "" for _ in learnt),
                    row.quality,
                    number(row.excess, ".1%"),
                    number(row.auc, ".3f"),
                    row.why,
                ]
                for row in rows
            ],
        )


@app.command(rich_help_panel=Panel.LOOK)
def show(version: VersionArgument = "newest", store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Print the summary of a version's run: its links, how good its model is, why it is champion or not.

    Examples: `regraft show`, `regraft show champion`, `regraft show 20261124T0300`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import store_option

        chosen = _version(version, store)
        print_run_summary(chosen, store_option(chosen.store), as_json)


@app.command(rich_help_panel=Panel.LOOK)
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=WHICH)],
    second: Annotated[str, typer.Argument(metavar="B", help=WHICH)] = "newest",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set two versions side by side: their config, metrics, images and links.

    Example: `regraft diff champion newest`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store
        from regraft.reporting.compare import difference
        from regraft.store.versions import named

        opened = open_store(store)
        a, b = named(opened, first), named(opened, second)
        if a.name == b.name and not as_json:
            print(f"Both are {a.name}: there is nothing to compare. {_other_versions(opened)}")
            return
        differs = difference(a, b)
        if as_json:
            print(json.dumps({"a": a.name, "b": b.name, **asdict(differs)}, indent=1))
            return
        counts = ", ".join(f"{count} {what}" for what, count in differs.images.items())
        print(f"Images: {counts}".replace("_", " "))
        if differs.config:
            table(["config", a.name, b.name], differs.config)
        metrics = [[name, _measure(in_a), _measure(in_b)] for name, in_a, in_b in differs.metrics]
        table(["metric", a.name, b.name], metrics)
        table(["links", a.name, b.name], differs.links)
        if differs.turned:
            table(["links that were", "are now", "links"], differs.turned)


def _other_versions(store: "Store") -> str:
    """What else could be compared."""
    from regraft.store.versions import names

    others = names(store)
    if len(others) == 1:
        return "It is the only version; the next `regraft run` makes another."
    return f"Name two of the {len(others)} versions; `regraft versions` lists them."


def _measure(value: float | None) -> str:
    """Return a measure as text; a count of images has no decimals."""
    return number(value, "d" if isinstance(value, int) else ".3f")


@app.command(rich_help_panel=Panel.LOOK)
def report(
    version: VersionArgument = "newest",
    store: StoreOption = None,
    browse: Annotated[bool, typer.Option(help="Open it in the browser; else only say where it is.")] = True,
) -> None:
    """Open a version's report in the browser, and say where it is.

    A report in a remote store is copied to this machine first.

    Examples: `regraft report`, `regraft report champion --no-browse`
    """
    with exit_with_message():
        import webbrowser

        path = _version(version, store).local_copy("report.html")
        print(path)
        if browse and sys.stdout.isatty():
            webbrowser.open(path.as_uri())
