"""What `regraft predict` does: predictions, and the table and the picture of them as files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from regraft.config import proxy_address
from regraft.errors import ConfigError, PictureError
from regraft.flows.cli.written_files import write_file
from regraft.heads.predicting import Predictions, images_named_by, load_model, predict_images
from regraft.progress import Meter
from regraft.reporting import plots
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.upkeep.decision_csv import safe_cell
from regraft.web.client import Client

MAX_PICTURES = 24
"""Pictures that are saved side by side at most."""
MAX_NAME_LENGTH = 40
"""Characters of an image's name below its picture at most."""


def predict(words: Sequence[str], store: Store, picture: Path, proxy: str | None, version_name: str) -> Predictions:
    """Return a version's predictions for images, and save a picture of the first ones.

    `words`: files, folders, globs and URLs. An image that cannot be fetched, read or decoded has a `problem` and no
    prediction. How far it is is shown as steps are. Raises VersionError where there is no such version, PictureError
    where no word names an image or no image has a prediction.
    """
    version = versions.named(store, version_name)
    images = [image for word in words for image in images_named_by(word)]
    meter = Meter()
    with meter.step("load model"):
        model = load_model(version)
    progress = meter.expect("predict", len(images))
    predictions = predict_images(images, model, Client(proxy=proxy), MAX_PICTURES, progress)
    table = predictions.table
    shown = table[table["problem"] == ""].head(MAX_PICTURES)
    if shown.empty:
        raise PictureError(str(table["problem"].iloc[0]))
    names = [str(image).rsplit("/", 1)[-1][:MAX_NAME_LENGTH] for image in shown["image"]]
    captions = zip(names, predictions.target.captions(shown), strict=True)
    sheet = plots.contact_sheet(predictions.pictures, [f"{name}\n{caption}" for name, caption in captions])
    write_file(picture, sheet)
    return predictions


def check_proxy(proxy: str | None) -> None:
    """Raise ConfigError where a proxy's address is none; None is no proxy."""
    try:
        if proxy is not None:
            proxy_address(proxy)
    except ValueError as error:
        raise ConfigError(f"--proxy {proxy}: {error}.") from error


def save_table(rows: pd.DataFrame, path: Path) -> None:
    """Write predictions to a file; in a .csv, text that a spreadsheet would take for a formula stays text."""
    if path.suffix == ".parquet":
        data = parquet(rows)
    else:
        data = rows.assign(image=rows["image"].map(safe_cell)).to_csv(index=False).encode()
    write_file(path, data)
