"""The README, the pages beside it and those of docs/: their links lead somewhere, the files that they name exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs_commands import ROOT, pages

LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)")
FILE = re.compile(r"`((?:docs|examples|flows|regraft|tasks|tests)/[\w./-]*)`")
MAX_README_LINES = 120


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages()])
def test_links_and_files_exist(page: Path) -> None:
    missing = [path for path in named_files(page) if not path.exists()]
    assert missing == []


def named_files(page: Path) -> Iterator[Path]:
    """The files that a page links to, from its own folder, and those that it names, from the repository's root."""
    text = page.read_text(encoding="utf-8")
    yield from (page.parent / link[1] for link in LINK.finditer(text))
    yield from (ROOT / name[1] for name in FILE.finditer(text))


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def test_every_page_stands_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    docs = ROOT / "docs"
    assert [page for page in docs.rglob("*.md") if page.relative_to(docs).as_posix() not in navigation] == []
