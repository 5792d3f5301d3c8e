"""Chromium, for tests that open pages in it, and where their screenshots go."""

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium")
SHOTS = Path(os.environ.get("REGRAFT_SHOTS", Path(__file__).parent / "screenshots"))
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = Path(__file__).parents[2] / "docs" / "img"
"""The documentation's pictures. They are written where REGRAFT_PICTURE is set; elsewhere they are only made."""
MAX_PICTURE_BYTES = 300_000
PAINTED = "() => [...document.images].map(image => image.complete && image.naturalWidth > 20)"
"""Of each picture of a page whether it is painted."""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""By how many pixels a page is wider than the screen."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


def keep_picture(shot: bytes, name: str) -> Image.Image:
    """A screenshot as a picture of the documentation, with few colours, which is written where that is wanted."""
    picture, file = Image.open(io.BytesIO(shot)).convert("RGB"), io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    assert len(file.getvalue()) < MAX_PICTURE_BYTES
    if "REGRAFT_PICTURE" in os.environ:
        (PICTURES / name).write_bytes(file.getvalue())
    return picture
