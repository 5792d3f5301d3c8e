"""What the documentation takes from the code is what the code says."""

from pathlib import Path

import pytest

from docs.programs.generate import TABLES, generated
from docs.programs.markdown import REGION
from tests.docs_commands import ROOT, pages


@pytest.mark.parametrize(("path", "text"), [pytest.param(*each, id=each[0].name) for each in generated()])
def test_a_page_is_as_the_code_makes_it(path: Path, text: str) -> None:
    current = path.read_text(encoding="utf-8")
    assert current == text, f"{path.relative_to(ROOT)} is stale: `make docs` writes it anew"


def test_every_table_has_its_place() -> None:
    regions = [region[2] for page in pages() for region in REGION.finditer(page.read_text(encoding="utf-8"))]
    assert sorted(regions) == sorted(TABLES)
