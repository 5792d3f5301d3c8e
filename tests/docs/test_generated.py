"""What the documentation takes from the code is what the code says."""

from docs.programs.generate import TABLES, generated
from docs.programs.markdown import REGION
from tests.docs_commands import ROOT, pages


def test_every_page_is_as_the_code_makes_it() -> None:
    stale = [str(path.relative_to(ROOT)) for path, text in generated() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "`make docs` writes them anew"


def test_every_table_has_its_place() -> None:
    regions = [region[2] for page in pages() for region in REGION.finditer(page.read_text(encoding="utf-8"))]
    assert sorted(regions) == sorted(TABLES)
