"""`regraft predict`, `export`, `promote`: what is done with a version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regraft.errors import DamagedVersionError, PictureError
from regraft.flows.cli.app import JsonOption, Panel, ProxyOption, StoreOption, app, exit_with_message
from regraft.flows.cli.output import listed, table

if TYPE_CHECKING:
    from regraft.heads.predicting import Predictions

Format = Literal["saved_model", "onnx", "litert"]


@app.command(rich_help_panel=Panel.USE)
def predict(
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE...", help="Files, folders, globs in quotes, or http(s) URLs.")
    ],
    store: StoreOption = None,
    to: Annotated[Path | None, typer.Option(help="Save the table here, as .csv or .parquet.")] = None,
    picture: Annotated[Path, typer.Option(help="Save the images here, side by side with what was predicted.")] = Path(
        "predictions.png"
    ),
    version: Annotated[str, typer.Option(help="Predict with this version.")] = "champion",
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict lengths, or categories, with the champion: print a table, and save it and a picture.

    A length comes with the interval that holds 90% of such lengths; a category with its probability and the categories
    that are possible. A picture that is unlike everything in training is marked: its prediction means little.

    Examples:
    - `regraft predict tiger.jpg https://example.org/cat.jpg --picture lengths.png`
    - `regraft predict photos/ --to lengths.csv`
    """
    with exit_with_message():
        from regraft.flows.cli.predictions import check_proxy, predict, save_table
        from regraft.flows.cli.progress_bars import progress_shown
        from regraft.flows.cli.stores import open_store
        from regraft.flows.cli.written_files import check_file

        if to is not None:
            check_file("--to", to, (".csv", ".parquet"))
        check_file("--picture", picture)
        check_proxy(proxy)
        opened = open_store(store)
        with progress_shown("starting"):
            predictions = predict(images, opened, picture, proxy, version)
        rows = predictions.table
        if to is not None:
            save_table(rows, to)
        if as_json:
            print(rows.to_json(orient="records", indent=1))
        else:
            _print_predictions(predictions)
            print(f"The picture: {picture.resolve()}")
        problems = rows["problem"][rows["problem"] != ""].tolist()
        if problems:
            first_line = f"{len(problems)} of {len(rows)} images have no prediction:"
            raise PictureError(listed(first_line, problems))


def _print_predictions(predictions: "Predictions") -> None:
    rows = predictions.table[predictions.table["problem"] == ""]
    marks = ["unlike anything in training" if unlike else "" for unlike in rows["unlike"]]
    cells = zip(rows["image"], predictions.target.cells(rows), marks, strict=True)
    table(["image", *predictions.target.headings, ""], [[image, *answer, mark] for image, answer, mark in cells])


@app.command(rich_help_panel=Panel.USE)
def export(
    version: Annotated[
        str, typer.Argument(help="A version, the beginning of its name if only one begins so, or `champion`.")
    ],
    to: Annotated[Format, typer.Option(help="The format.")],
    out: Annotated[
        Path | None, typer.Option(help="Write it here; without this, into the current folder by the version's name.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write a version as one model that takes raw pictures, (N, H, W, 3) uint8 RGB, and gives centimetres.

    A version that predicts categories gives their probabilities.

    The exported model is run, and its predictions are compared with the version's own. ONNX needs `regraft[onnx]`.

    Examples:
    - `regraft export champion --to onnx`
    - `regraft export 20261124 --to litert --out lengths.tflite`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store
        from regraft.heads.predicting import export_version
        from regraft.store import versions

        exported = export_version(versions.named(open_store(store), version), to, out)
        print(f"{exported.path}: {exported.description}")


@app.command(rich_help_panel=Panel.PUT_RIGHT)
def promote(
    version: Annotated[
        str,
        typer.Argument(
            help="A version, the beginning of its name if only one begins so, or `previous`: the last champion."
        ),
    ],
    store: StoreOption = None,
) -> None:
    """Make a version the champion.

    Examples: `regraft promote 20261124T0300`, `regraft promote previous` to go back to the last champion
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store
        from regraft.store import versions

        opened = open_store(store)
        chosen = versions.named(opened, version)
        try:
            before = versions.champion(opened)
        except DamagedVersionError:
            versions.restore_champion(opened, chosen.name, previous=None)
            print(f"{chosen.name} is the champion; {versions.CHAMPION} was damaged, and is mended.")
            return
        versions.promote(opened, chosen.name, before.name if before else None)
        print(f"{chosen.name} is the champion" + (f"; it was {before.name}." if before else "."))
