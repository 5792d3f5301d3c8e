"""`regraft versions`, `links`: what is there, and why."""

import json
from typing import Annotated

import typer

from flows.app import JsonOption, StoreOption, app, told_apart
from flows.telling import number, table, version_row


@app.command()
def versions(
    store: StoreOption = "artifacts",
    as_json: JsonOption = False,
) -> None:
    """List the published versions, the newest last; the champion is marked."""
    with told_apart():
        from regraft import versions as known
        from regraft.store import Store

        opened = Store(store)
        champion = known.champion(opened)
        rows = [version_row(known.Version(opened, name), champion) for name in known.names(opened)]
        if as_json:
            print(json.dumps(rows, indent=1))
            return
        if not rows:
            print(f"There is no version in {store} yet. `regraft run` makes the first.")
            return
        table(
            ["version", "", "images", "RMSE (cm)", "above oracle", "AUC", "why"],
            [
                [r["version"], "champion" if r["champion"] else "", r["images"], number(r["rmse"], ".2f"),
                 number(r["excess"], ".1%"), number(r["auc"], ".3f"), r["why"]]
                for r in rows
            ],
        )  # fmt: skip


@app.command()
def links(
    what: Annotated[str, typer.Argument(metavar="URL_OR_HOST", help="A link, or a host for all of its links.")],
    store: StoreOption = "artifacts",
    as_json: JsonOption = False,
) -> None:
    """Tell what the newest version knows of a link or a host, and why it was dropped.

    Example: `regraft links http://photos.savanna.example/tiger/003.jpg`
    """
    with told_apart():
        from regraft import versions as known
        from regraft.errors import LinkError
        from regraft.rot import host_of
        from regraft.store import Store

        version = known.newest(Store(store))
        rows = version.table("links.parquet")
        rows = rows[(rows["url"] == what) | (rows["url"].map(host_of) == what)]
        if rows.empty:
            raise LinkError(f"Version {version.name} has no link and no host {what!r}.")
        if as_json:
            print(rows.to_json(orient="records", date_format="iso", indent=1))
            return
        columns = ["url", "category", "verdict", "reason", "http_status", "checked_at", "dead_since", "outcome"]
        shown = rows[columns].astype(str).replace({"NaT": "", "None": ""})
        table(columns, shown.to_numpy().tolist())
