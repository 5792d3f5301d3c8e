"""Predictions with the champion, or any version: a table's rows, and the tutorial's picture."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from regraft.backbones.quiet import muted
from regraft.errors import PictureError
from regraft.pictures.judge import SUFFIXES, Limits, Pixels, Unfit, judge, rgb
from regraft.store import versions
from regraft.store.store import Store
from regraft.web.client import Body, Client

if TYPE_CHECKING:
    from regraft.heads.export import Format
    from regraft.heads.model import Model

SUFFIX_OF = {"saved_model": "_saved_model", "onnx": ".onnx", "litert": ".tflite"}
CHECKED = 4
"""Test pictures of each category that an exported model is compared on."""
DEADLINE_S = 30
TOGETHER = 64
"""Pictures that are held in memory at a time."""
SHOWN_SIDE = 512
WEB = ("http://", "https://")


def export_version(name: str, to: "Format", out: Path | None, store: str) -> tuple[Path, str]:
    """Export a version, or the champion; return where to, and what it gives and how far that is from the version's.

    Raises VersionError where there is no such version, or it cannot be exported.
    """
    opened = Store(store)
    version = versions.named(opened, name)
    path = out or Path(f"{version.name}{SUFFIX_OF[to]}")
    with muted():
        from regraft.heads.export import export
        from regraft.heads.model import model_of

        model = model_of(version)
    rows = version.table("manifest.parquet").query("split == 'test'").groupby("category").head(CHECKED)
    off = export(model, to, path, [rgb(opened.blob(str(digest))) for digest in rows["digest"]])
    named = model.head.named
    gives = f"the probabilities of {', '.join(named)}, in this order," if named else "lengths"
    return (
        path.resolve(),
        f"gives {gives} as the version does, to {off:.4f}{'' if named else ' cm'} on its own pictures.",
    )


def named(word: str) -> Iterator[str]:
    """Yield the images that a word names: a URL, a file, all pictures below a folder, all files that fit a glob.

    Raises PictureError where there are none.
    """
    path = Path(word)
    if word.startswith(WEB) or path.is_file():
        yield word
        return
    if path.is_dir():
        found = sorted(str(p) for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    else:
        found = sorted(name for name in glob.glob(word, recursive=True) if Path(name).is_file())
    if not found:
        kind = "holds no pictures" if path.is_dir() else "cannot be read: there is no such file"
        raise PictureError(f"{word} {kind}. Give files, folders, globs in quotes, or http(s) URLs.")
    yield from found


def _predicted(images: Sequence[str], model: "Model", client: Client) -> tuple[pd.DataFrame, list[Pixels]]:
    """The rows of some images, and the pictures of those that could be had."""
    pictures, problems = [], []
    for image in images:
        try:
            pictures.append(rgb(_bytes(image, client), SHOWN_SIDE))
            problems.append("")
        except (PictureError, ValueError) as error:
            problems.append(str(error))
    rows = pd.DataFrame({"image": images, "problem": problems})
    if pictures:
        told = model.predict(pictures).set_axis(rows.index[rows["problem"] == ""])
        rows = rows.join(told)
    return rows.reindex(columns=["image", *model.columns, "problem"]), pictures


def _bytes(image: str, client: Client) -> bytes:
    """The bytes of a picture that was judged fit to decode."""
    if image.startswith(WEB):
        _, answer = client.follow(image, DEADLINE_S)
        if not isinstance(answer, Body):
            raise PictureError(f"{image} cannot be fetched: {getattr(answer, 'detail', 'no answer')}.")
        data = answer.data
    else:
        try:
            data = Path(image).read_bytes()
        except OSError as error:
            raise PictureError(f"{image} cannot be read: {error.strerror}.") from error
    found = judge(data, Limits(min_side=1))
    if isinstance(found, Unfit) and found.reason != "placeholder":
        raise PictureError(f"{image} is no picture to predict on: {found.reason}, {found.detail}.")
    return data
