"""`regraft predict`, `promote`, `accept`: what is done with a version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from regraft.errors import PictureError
from regraft.flows.cli.app import JsonOption, ProxyOption, StoreOption, app, told_apart
from regraft.flows.cli.output import table

Format = Literal["saved_model", "onnx", "litert"]

if TYPE_CHECKING:
    from regraft.heads.predicting import Predictions


@app.command()
def predict(
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE...", help="Files, folders, globs in quotes, or http(s) URLs.")
    ],
    store: StoreOption = "artifacts",
    to: Annotated[Path | None, typer.Option(help="Save the table here: .csv or .parquet.")] = None,
    picture: Annotated[Path, typer.Option(help="Save the images, side by side with their lengths, here.")] = Path(
        "predictions.png"
    ),
    version: Annotated[str, typer.Option(help="Predict with this version.")] = "champion",
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict lengths, or categories, with the champion; print a table, and save it and the picture.

    Each length comes with the interval that holds 90% of such lengths, each category with its probability and the ones
    that are possible; and with a mark where the picture is unlike anything in training, so that this means little.

    Examples:
    - `regraft predict tiger.jpg https://example.org/cat.jpg --picture lengths.png`
    - `regraft predict photos/ --to lengths.csv`
    """
    with told_apart():
        from regraft.flows.cli.predictions import check_table, predict, save_table

        check_table(to)
        predictions = predict(images, store, picture, proxy, version)
        rows = predictions.table
        if to is not None:
            save_table(rows, to)
        if as_json:
            print(rows.to_json(orient="records", indent=1))
        else:
            _print_predictions(predictions)
            print(f"The picture: {picture.resolve()}")
        bad = rows.loc[rows["problem"] != "", "problem"].tolist()
        if bad:
            raise PictureError("\n".join([f"{len(bad)} of {len(rows)} images have no prediction:", *bad[:20]]))


def _print_predictions(predictions: "Predictions") -> None:
    rows = predictions.table[predictions.table["problem"] == ""]
    marks = ["unlike anything in training" if unlike else "" for unlike in rows["unlike"]]
    cells = zip(rows["image"], predictions.target.cells(rows), marks, strict=True)
    table(["image", *predictions.target.headings, ""], [[image, *answer, mark] for image, answer, mark in cells])


@app.command()
def export(
    version: Annotated[str, typer.Argument(help="A version, a beginning that only one has, or `champion`.")],
    to: Annotated[Format, typer.Option(help="The format.")],
    out: Annotated[Path | None, typer.Option(help="Write it here; if not given, beside you, by its name.")] = None,
    store: StoreOption = "artifacts",
) -> None:
    """Write a version as one model that takes raw pictures, (N, H, W, 3) uint8 RGB, and gives centimetres.

    One that names categories gives their probabilities.

    What was written is run, and compared with the version on pictures of its own. ONNX needs `regraft[onnx]`.

    Examples:
    - `regraft export champion --to onnx`
    - `regraft export 20261124 --to litert --out lengths.tflite`
    """
    with told_apart():
        from regraft.heads.predicting import export_version
        from regraft.store import versions
        from regraft.store.store import Store

        exported = export_version(versions.named(Store(store), version), to, out)
        print(f"{exported.path}: {exported.description}")


@app.command()
def promote(
    version: Annotated[
        str,
        typer.Argument(help="A version, a beginning that only one has, or `previous`: the champion before this one."),
    ],
    store: StoreOption = "artifacts",
) -> None:
    """Make a version the champion.

    Examples: `regraft promote 20261124T0300`, `regraft promote previous` to go back to the one before
    """
    with told_apart():
        from regraft.store import versions as known
        from regraft.store.store import Store

        opened = Store(store)
        before = known.champion(opened)
        chosen = known.named(opened, version)
        known.promote(opened, chosen.name, before.name if before else None)
        print(f"{chosen.name} is the champion" + (f"; it was {before.name}." if before else "."))


@app.command()
def accept(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="Links that are `replaced` or `misfiled`.")],
    store: StoreOption = "artifacts",
) -> None:
    """Let the next run learn from replaced or misfiled links: pictures that somebody looked at and found right.

    Example: `regraft accept http://example.org/cat.jpg`
    """
    with told_apart():
        from regraft.store.store import Store
        from regraft.upkeep import accept as quarantine

        for url in urls:
            quarantine.accept(Store(store), url)
            print(f"accepted: {url}")
