"""The command line. Nothing heavy is imported before a command needs it: help comes at once."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

import flows  # noqa: F401  (sets the environment before Prefect or TensorFlow are imported)
from flows.telling import number, table, tell_run, version_row
from regraft import __version__
from regraft.errors import ConfigError, RegraftError

app = typer.Typer(
    name="regraft",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Keep a transfer-learned model alive on image links that die.

    **First run**, no internet needed: `regraft run`

    **Your own lists**: `regraft run job.yaml`

    **Which versions are there, and which is in use**: `regraft versions`

    **Predict**: `regraft predict photo.jpg https://example.org/cat.jpg`
    """,
)
StoreOption = Annotated[
    str, typer.Option("--store", help="The store: a folder, or an fsspec URL such as s3://bucket/prefix.")
]


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Say the version, where only that is asked."""
    if version:
        print(f"regraft {__version__}")
        raise typer.Exit


@app.command()
def run(
    config: Annotated[
        Path | None, typer.Argument(help="The job's YAML file. Without it: the embedded menagerie.")
    ] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", metavar="CATEGORY=SOURCE", help="Read a category's list from here instead."),
    ] = None,
    store: Annotated[str | None, typer.Option(help="Publish into this store instead of the config's.")] = None,
    proxy: Annotated[str | None, typer.Option(help="Ask the web through this proxy, http://HOST:PORT.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run the job once: fetch, screen, label, embed, train, evaluate, gate, publish.

    Examples:
    - `regraft run`: the embedded menagerie, drawn animals behind dying links
    - `regraft run job.yaml`: your own lists
    - `regraft run felidae.yaml --list tiger=tiger.txt --list kittycat=cats.txt`
    """
    with _told_apart():
        chosen = _config(config, lists or [], store, proxy)
        _quiet_prefect()
        from flows.display import bars

        with bars():
            from flows.refresh import refresh

            name = refresh(chosen)
        tell_run(chosen.store, name, as_json)


@app.command()
def versions(
    store: StoreOption = "artifacts",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the published versions, the newest last; the champion is marked."""
    with _told_apart():
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
def predict(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE_OR_URL...", help="Picture files, or http(s) URLs.")],
    store: StoreOption = "artifacts",
    picture: Annotated[Path, typer.Option(help="Save the images, side by side with their lengths, here.")] = Path(
        "predictions.png"
    ),
    proxy: Annotated[str | None, typer.Option(help="Ask the web through this proxy, http://HOST:PORT.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict lengths with the champion; print a table and save the picture.

    Example: `regraft predict tiger.jpg https://example.org/cat.jpg --picture lengths.png`
    """
    with _told_apart():
        from flows.predict import predict as predict_flow

        rows = predict_flow(images, store, picture, proxy)
        if as_json:
            print(json.dumps(rows, indent=1))
            return
        table(["image", "length (cm)"], [[row["image"], number(row["length_cm"], ".1f")] for row in rows])
        print(f"The picture: {picture.resolve()}")


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="A version, or a beginning that only one has.")],
    store: StoreOption = "artifacts",
) -> None:
    """Make a version the champion; the same command goes back to an earlier one."""
    with _told_apart():
        from regraft import versions as known
        from regraft.store import Store

        opened = Store(store)
        before = known.champion(opened)
        chosen = known.version(opened, version)
        known.promote(opened, chosen.name, before.name if before else None)
        print(f"{chosen.name} is the champion" + (f"; it was {before.name}." if before else "."))


@app.command()
def links(
    what: Annotated[str, typer.Argument(metavar="URL_OR_HOST", help="A link, or a host for all of its links.")],
    store: StoreOption = "artifacts",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what the newest version knows of a link or a host, and why it was dropped.

    Example: `regraft links http://photos.savanna.example/tiger/003.jpg`
    """
    with _told_apart():
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


@app.command()
def accept(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Links that show another picture than before.")],
    store: StoreOption = "artifacts",
) -> None:
    """Let the next run learn from replaced links: pictures that somebody looked at and found right.

    Example: `regraft accept http://example.org/cat.jpg`
    """
    with _told_apart():
        from regraft import quarantine
        from regraft.store import Store

        for url in urls:
            quarantine.accept(Store(store), url)
            print(f"accepted: {url}")


@contextmanager
def _told_apart() -> Iterator[None]:
    """End with one clear message and a code that means something, where something was refused."""
    try:
        yield
    except RegraftError as error:
        print(f"regraft: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        print("regraft: stopped. What was fetched is kept; the next run goes on from there.", file=sys.stderr)
        raise typer.Exit(130) from None


def _config(path: Path | None, lists: list[str], store: str | None, proxy: str | None) -> Any:
    from regraft.config import load_config, parse_config

    told = dict(_pair(text) for text in lists)
    if path is None:
        from regraft import menagerie

        if told:
            raise ConfigError(
                "--list needs a config to put its list in: regraft run CONFIG.yaml --list CATEGORY=SOURCE"
            )
        config = menagerie.CONFIG
    else:
        config = load_config(path, told)
    changed = config.model_dump()
    if store is not None:
        changed["store"] = store
    if proxy is not None:
        changed["fetch"]["proxy"] = proxy
    return parse_config(changed, where="The command line")


def _pair(text: str) -> tuple[str, str]:
    name, equals, source = text.partition("=")
    if not (name and equals and source):
        raise ConfigError(f"--list {text!r} is not understood: write CATEGORY=SOURCE, such as --list tiger=tiger.txt")
    return name, source


def _quiet_prefect() -> None:
    """Leave the console to the command line: Prefect's own log still goes to its dashboard."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    logging.getLogger("regraft").setLevel(logging.INFO)


if __name__ == "__main__":
    app()
