"""`regraft predict`: the table and the picture of predictions, as files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from regraft.errors import ConfigError, PictureError
from regraft.heads.predicting import Predictions, images_named_by, load_model, predict_images
from regraft.reporting import plots
from regraft.store import versions
from regraft.store.store import Store
from regraft.web.client import Client
from regraft.web.guard import Guard

MAX_PICTURES = 24
"""Pictures that are saved side by side."""
MAX_NAME = 40
"""Characters of an image's name below its picture."""


def predict(
    words: Sequence[str], store: str, picture: Path, proxy: str | None = None, name: str = "champion"
) -> Predictions:
    """Return the predictions for images, and save the picture of the first ones.

    `words`: files, folders, globs and URLs. An image that cannot be had has a `problem` and no prediction. Raises
    VersionError where there is no such version, PictureError where no word names an image or none can be had.
    """
    version = versions.named(Store(store), name)
    images = [image for word in words for image in images_named_by(word)]
    predictions = predict_images(images, load_model(version), Client(Guard(), proxy=proxy), MAX_PICTURES)
    table = predictions.table
    shown = table[table["problem"] == ""].head(MAX_PICTURES)
    if shown.empty:
        raise PictureError(str(table["problem"].iloc[0]))
    names = [str(image).rsplit("/", 1)[-1][:MAX_NAME] for image in shown["image"]]
    captions = zip(names, predictions.target.captions(shown), strict=True)
    picture.write_bytes(plots.contact_sheet(predictions.pictures, [f"{name}\n{caption}" for name, caption in captions]))
    return predictions


def check_table(path: Path | None) -> None:
    """Raise ConfigError, before anything is predicted, where a table cannot be written as that."""
    if path is not None and path.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"--to {path}: write a name that ends in .csv or .parquet.")
    if path is not None and not path.resolve().parent.is_dir():
        raise ConfigError(f"--to {path}: there is no folder {path.resolve().parent}.")


def save_table(rows: pd.DataFrame, path: Path) -> None:
    """Write a table; text that a spreadsheet would take for a formula stays text in a .csv."""
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    else:
        safe = rows["image"].str.replace(r"^(?=[=+\-@\t\r])", "'", regex=True)
        rows.assign(image=safe).to_csv(path, index=False)
