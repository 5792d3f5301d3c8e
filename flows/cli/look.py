"""`regraft versions`, `show`, `diff`, `report`, `links`: what is there, and why."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.flows.cli.app import JsonOption, StoreOption, app, told_apart
from regraft.flows.cli.output import number, quality, table, tell_run

if TYPE_CHECKING:
    from regraft.store.versions import Version

WHICH = "A version, a beginning that only one has, `newest` or `champion`."
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help=WHICH)]


def _named(name: str, store: str) -> "Version":
    """The version that a word means. Raises VersionError."""
    from regraft.store import versions as known
    from regraft.store.store import Store

    return known.named(Store(store), name)


@app.command()
def versions(
    store: StoreOption = "artifacts",
    as_json: JsonOption = False,
) -> None:
    """List the published versions, the newest last; the champion is marked.

    Examples: `regraft versions`, `regraft versions --store artifacts/felidae --json`
    """
    with told_apart():
        from dataclasses import asdict

        from regraft.reporting.history import history
        from regraft.store.store import Store

        rows = history(Store(store))
        if as_json:
            print(json.dumps([asdict(row) for row in rows], indent=1))
            return
        if not rows:
            print(f"There is no version in {store} yet. `regraft run` makes the first.")
            return
        table(
            ["version", "", "alive", "images", "on the test split", "above oracle", "AUC", "why"],
            [
                [
                    r.version,
                    "champion" if r.champion else "",
                    r.alive,
                    r.images,
                    quality(r.rmse, r.accuracy),
                    number(r.excess, ".1%"),
                    number(r.auc, ".3f"),
                    r.why,
                ]
                for r in rows
            ],
        )


@app.command()
def show(version: VersionArgument = "newest", store: StoreOption = "artifacts", as_json: JsonOption = False) -> None:
    """Tell of one version what its run told: what was found, how good the model is, why it is champion or not.

    Examples: `regraft show`, `regraft show champion`, `regraft show 20261124T0300`
    """
    with told_apart():
        tell_run(store, _named(version, store).name, as_json)


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=WHICH)],
    second: Annotated[str, typer.Argument(metavar="B", help=WHICH)] = "newest",
    store: StoreOption = "artifacts",
    as_json: JsonOption = False,
) -> None:
    """Set two versions side by side: their config, metrics, images and links.

    Example: `regraft diff champion newest`
    """
    with told_apart():
        from dataclasses import asdict

        from regraft.reporting.compare import difference

        versions = [_named(name, store) for name in (first, second)]
        told = difference(*versions)
        if as_json:
            print(json.dumps({"a": versions[0].name, "b": versions[1].name, **asdict(told)}, indent=1))
            return
        names = [version.name for version in versions]
        print(f"Images: {', '.join(f'{count} {what}' for what, count in told.images.items())}".replace("_", " "))
        if told.config:
            table(["config", *names], [[str(cell) for cell in row] for row in told.config])
        table(["metric", *names], [[name, number(a, ".3f"), number(b, ".3f")] for name, a, b in told.metrics])
        table(["links", *names], [list(row) for row in told.links])
        if told.turned:
            table(["links that were", "are now", "links"], [list(row) for row in told.turned])


@app.command()
def report(
    version: VersionArgument = "newest",
    store: StoreOption = "artifacts",
    browse: Annotated[bool, typer.Option(help="Open it in the browser; else only say where it is.")] = True,
) -> None:
    """Open a version's report in the browser, and say where it is.

    A report in a remote store is copied to this machine first.

    Examples: `regraft report`, `regraft report champion --no-browse`
    """
    with told_apart():
        import webbrowser

        path = _named(version, store).local_copy("report.html")
        print(path)
        if browse and sys.stdout.isatty():
            webbrowser.open(path.as_uri())


@app.command()
def links(
    what: Annotated[str, typer.Argument(metavar="URL_OR_HOST", help="A link, or a host for all of its links.")],
    store: StoreOption = "artifacts",
    as_json: JsonOption = False,
) -> None:
    """Tell what the newest version knows of a link or a host, and why it was dropped.

    Example: `regraft links http://photos.savanna.example/tiger/035.jpg`
    """
    with told_apart():
        from regraft.errors import LinkError
        from regraft.store import versions as known
        from regraft.store.store import Store
        from regraft.web.urls import host_of

        version = known.newest(Store(store))
        rows = version.table("links.parquet")
        rows = rows[(rows["url"] == what) | (rows["url"].map(host_of) == what)]
        if rows.empty:
            raise LinkError(f"Version {version.name} has no link and no host {what!r}.")
        if as_json:
            print(rows.to_json(orient="records", date_format="iso", indent=1))
            return
        columns = ["url", "category", "verdict", "reason", "http_status", "checked_at", "dead_since", "outcome"]
        shown = rows[columns].copy()
        for at in ("checked_at", "dead_since"):
            shown[at] = shown[at].dt.strftime("%Y-%m-%d %H:%M UTC").fillna("")
        shown = shown.astype(str).replace({"None": ""})
        table(columns, shown.to_numpy().tolist())
