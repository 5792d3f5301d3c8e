"""A published version in use: predictions for files, folders, globs and URLs, and its model exported as one file.

Importing this imports no TensorFlow; loading a model does only where the store does not hold its network for LiteRT.
"""

import glob
import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import pandas as pd

from regraft.backbones.keras_import import import_keras
from regraft.backbones.stderr import muted_stderr
from regraft.errors import PictureError, VersionError
from regraft.links.list_text import decoded
from regraft.pictures.colours import rgb
from regraft.pictures.decoding import PICTURE_SUFFIXES
from regraft.pictures.judge import Picture, Unfit, judge
from regraft.pictures.limits import Limits
from regraft.pictures.pixels import Pixels
from regraft.store.version import Version
from regraft.targets.target import Target
from regraft.verdicts import Reason
from regraft.web.answers import Body, Failed
from regraft.web.client import Client

if TYPE_CHECKING:
    from regraft.heads.export import Format
    from regraft.heads.model import Model

BATCH_SIZE = 64
"""Pictures that are in memory at a time."""
MAX_FILE_BYTES = 1_000_000_000
"""More than any picture takes that is not too large to decode."""
DECODED_SIDE = 512
"""Pixels that the shorter side of a picture is decoded to at least, where it is larger."""
URL_DEADLINE_S = 30
URL_SCHEMES = ("http://", "https://")
EXPORT_SUFFIXES = {"saved_model": "_saved_model", "onnx": ".onnx", "litert": ".tflite"}
COMPARED_IMAGES = 4
"""Test images of each category on which an exported model is compared with the version's own."""


@dataclass(frozen=True)
class Predictions:
    """What a model answers for some images."""

    table: pd.DataFrame
    """One row an image: `image`, the columns of `Model.predict`, and `problem`: why an image has no prediction."""
    pictures: list[Pixels]
    """The pictures of the first rows without a problem, as many as were asked for, (H, W, 3) uint8 RGB."""
    target: Target
    """What the model answers; it puts rows of the table into words."""


def load_model(version: Version) -> "Model":
    """Return a version's model, without TensorFlow's own messages on stderr where it takes TensorFlow.

    Raises VersionError where it is damaged, BackboneError where the backbone's weights are not on this machine.
    """
    from regraft.heads.model import model_of

    with muted_stderr():
        return model_of(version)


def images_named_by(word: str) -> Iterator[str]:
    """Yield the images that a word names: a URL, a file, all pictures below a folder, all files that fit a glob.

    Raises PictureError where there are none.
    """
    if _is_url(word):
        yield decoded(os.fsencode(word))  # as the same bytes in a list are read
        return
    word = os.path.expanduser(word)
    if os.path.isfile(word):
        yield word
        return
    if os.path.isdir(word):
        files = _pictures_below(word)
    else:
        files = sorted(name for name in glob.glob(word, recursive=True) if os.path.isfile(name))
    if not files:
        problem = "holds no pictures" if os.path.isdir(word) else f"cannot be read: {_why_unreadable(word)}"
        raise PictureError(f"{printable(word)} {problem}. Give files, folders, globs in quotes, or http(s) URLs.")
    yield from files


def _pictures_below(folder: str) -> list[str]:
    """The pictures below a folder, and folders there that may not be listed: they are not passed over in silence."""
    closed: list[str] = []
    walk = os.walk(folder, onerror=lambda error: closed.append(str(error.filename)))
    paths = [Path(top, name) for top, _, names in walk for name in names]
    pictures = [str(path) for path in paths if path.suffix.lower() in PICTURE_SUFFIXES and os.path.isfile(path)]
    return sorted([*pictures, *closed])


def _why_unreadable(name: str) -> str:
    """Why there is no file of that name."""
    try:
        os.stat(name)
    except PermissionError as error:
        return str(error.strerror)
    except (OSError, ValueError):  # ValueError: a zero in its name
        pass
    return "there is no such file"


def printable(name: str) -> str:
    r"""Return a file's name as text that can be printed and saved: bytes that are not UTF-8 are written as `\xe4`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def predict_images(
    images: Iterable[str],
    model: "Model",
    client: Client,
    keep_pictures: int = 0,
    progress: Callable[[int], None] = lambda images: None,
) -> Predictions:
    """Return the predictions for images, paths or http(s) URLs, in their order; `client` fetches the URLs.

    An image that cannot be fetched, read or decoded has a `problem` and no prediction; it never stops the others. The
    first `keep_pictures` pictures that have a prediction are returned too, to be shown. `progress` is called with the
    number of images that are done since its last call.
    """
    remaining = iter(images)
    tables: list[pd.DataFrame] = []
    kept: list[Pixels] = []
    while batch := list(islice(remaining, BATCH_SIZE)):
        predictions = _predict_batch(batch, model, client)
        tables.append(predictions.table)
        kept += predictions.pictures[: keep_pictures - len(kept)]
        progress(len(batch))
    empty = pd.DataFrame(columns=["image", *model.columns, "problem"])
    return Predictions(pd.concat(tables, ignore_index=True) if tables else empty, kept, model.head.target)


@dataclass(frozen=True)
class ExportedModel:
    """A version's model as one file or folder that takes raw pictures."""

    path: Path
    """Where it is, absolute."""
    description: str
    """What it answers, and how far its answers are from the version's own."""


def export_version(version: Version, to: "Format", path: Path | None = None) -> ExportedModel:
    """Export a version's model to `path`, or into the current folder by the version's name, and compare the two.

    Raises VersionError where the path exists or its folder does not, the format's package is missing, no test picture
    is left to compare on, or the exported model answers otherwise.
    """
    path = path or Path(f"{version.name}{EXPORT_SUFFIXES[to]}")
    _check_export(to, path)
    rows = version.table("manifest.parquet").query("split == 'test'").groupby("category").head(COMPARED_IMAGES)
    if rows.empty:
        raise VersionError(
            f"All test pictures of version {version.name} were removed since, and an exported model is compared on "
            "these; nothing was exported."
        )
    with muted_stderr():
        import_keras()
        from regraft.heads.export import export
        from regraft.heads.model import keras_model_of

        model = keras_model_of(version)
    difference = export(model, to, path, [rgb(version.store.blobs.read(digest)) for digest in rows["digest"]])
    target = model.head.target
    off = target.wording.with_unit(difference, decimals=4)
    description = f"gives {target.output} as the version does, to {off} on its own pictures."
    return ExportedModel(path.resolve(), description)


def _check_export(to: "Format", path: Path) -> None:
    """Raise VersionError where an export would fail, before TensorFlow is imported for it."""
    if path.exists():
        raise VersionError(f"{path} is there already; nothing was exported. Give another name: --out")
    if not path.absolute().parent.is_dir():
        raise VersionError(f"There is no folder {path.absolute().parent} for {path.name}; nothing was exported.")
    if to == "onnx" and importlib.util.find_spec("tf2onnx") is None:
        raise VersionError("Exporting to ONNX needs more packages: pip install 'regraft[onnx]'")


def _predict_batch(images: list[str], model: "Model", client: Client) -> Predictions:
    """The predictions for images that fit in memory together, with all their pictures."""
    pictures, problems = [], []
    for image in images:
        try:
            pictures.append(rgb(_image_bytes(image, client), DECODED_SIDE))
            problems.append("")
        except (PictureError, ValueError) as error:
            problems.append(printable(str(error)))
    table = pd.DataFrame({"image": [printable(image) for image in images], "problem": problems})
    if pictures:
        table = table.join(model.predict(pictures).set_axis(table.index[table["problem"] == ""]))
    return Predictions(table.reindex(columns=["image", *model.columns, "problem"]), pictures, model.head.target)


def _image_bytes(image: str, client: Client) -> bytes:
    """The bytes of an image that is fit to decode. Raises PictureError where it cannot be had or is not."""
    data = _fetch(image, client) if _is_url(image) else _read(image)
    verdict = judge(data, Limits(min_side=1))
    match verdict:
        case Picture() | Unfit(reason=Reason.PLACEHOLDER):
            return data
        case Unfit(reason=reason, detail=detail):
            raise PictureError(f"{image} is no picture to predict on: {reason}, {detail}.")
        case _:
            assert_never(verdict)


def _is_url(word: str) -> bool:
    return word.lower().startswith(URL_SCHEMES)


def _fetch(url: str, client: Client) -> bytes:
    _, answer = client.follow(url, URL_DEADLINE_S)
    match answer:
        case Body(data=data):
            return data
        case Failed(detail=detail):
            raise PictureError(f"{url} cannot be fetched: {detail}.")
        case _:
            assert_never(answer)


def _read(path: str) -> bytes:
    try:
        size = os.path.getsize(path)
        if size > MAX_FILE_BYTES:
            raise PictureError(f"{path} is no picture to predict on: it has {size:,} bytes.")
        return Path(path).read_bytes()
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}.") from error
