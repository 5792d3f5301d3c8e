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
        _tell_run(chosen.store, name, as_json)


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
        rows = [_version_row(known.Version(opened, name), champion) for name in known.names(opened)]
        if as_json:
            print(json.dumps(rows, indent=1))
            return
        if not rows:
            print(f"There is no version in {store} yet. `regraft run` makes the first.")
            return
        _table(
            ["version", "", "images", "RMSE (cm)", "above oracle", "AUC", "why"],
            [
                [r["version"], "champion" if r["champion"] else "", r["images"], _number(r["rmse"], ".2f"),
                 _number(r["excess"], ".1%"), _number(r["auc"], ".3f"), r["why"]]
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
        _table(["image", "length (cm)"], [[row["image"], _number(row["length_cm"], ".1f")] for row in rows])
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


def _tell_run(store: str, name: str, as_json: bool) -> None:
    """A dozen lines: what was found, how good the model is, where to look next."""
    from regraft import report
    from regraft import versions as known
    from regraft.store import Store

    version = known.version(Store(store), name)
    about, metrics = version.json("run.json"), version.json("metrics.json")
    if as_json:
        print(json.dumps({"version": name, "path": version.path, "metrics": metrics}, indent=1))
        return
    links = version.table("links.parquet")
    test, oracle = metrics["test"], metrics["oracle"]
    rows = [row for row in report.link_health(links) if row["verdict"] != "alive"][:6]
    lost = ", ".join(f"{row['links']} {row['reason']}" for row in rows)
    outcomes = about["counts"]["outcomes"]
    asked = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in sorted(outcomes.items()))
    images = ", ".join(f"{count} {name}" for name, count in sorted(about["counts"]["images"].items()))
    computed = about["counts"]["features_computed"]
    alive = about["counts"]["verdicts"].get("alive", 0)
    print(f"{about['config']['name']}: version {name}")
    print(f"  links     {len(links)} ({asked}): {alive} alive")
    print(f"  lost      {lost}")
    found = sum(about["counts"]["images"].values()) - computed
    print(f"  images    {images}; features computed for {computed}, found again for {found}")
    print(f"  model     RMSE {test['rmse']:.2f} cm on {test['n']} held-out images" + _area(test["auc"]))
    if oracle:
        print(
            f"  oracle    RMSE {oracle['rmse']:.2f} cm is the best possible; the model is {_away(metrics['excess'])} it"
        )
    print(f"  champion  {'yes' if metrics['promoted'] else 'no'}: {metrics['why']}")
    print(f"  seconds   {', '.join(f'{step} {s:.1f}' for step, s in about['timings'].items())}")
    print(f"Look next:  {version.path}/report.html")
    print("            regraft versions, regraft predict IMAGE_OR_URL; the dashboard: prefect server start")


def _area(auc: float | None) -> str:
    return "" if auc is None else f", AUC {auc:.3f}"


def _away(excess: float) -> str:
    return f"{abs(excess):.1%} {'above' if excess >= 0 else 'below'}"


def _version_row(version: Any, champion: Any) -> dict[str, Any]:
    about, metrics = version.json("run.json"), version.json("metrics.json")
    return {
        "version": version.name,
        "champion": champion is not None and champion.name == version.name,
        "job": about["config"]["name"],
        "images": sum(about["counts"]["images"].values()),
        "rmse": metrics["test"]["rmse"],
        "excess": metrics["excess"],
        "auc": metrics["test"]["auc"],
        "why": metrics["why"],
    }


def _number(value: float | None, style: str) -> str:
    return "" if value is None else format(value, style)


def _table(columns: list[str], rows: list[list[Any]]) -> None:
    """A table on a terminal; text of links is printed as text, never as markup."""
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


if __name__ == "__main__":
    app()
