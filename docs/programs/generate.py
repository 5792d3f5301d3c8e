"""Write what the documentation takes from the code: `make docs` does it, and a test fails where a page is stale.

Run it from the repository's root: `python -m docs.programs.generate`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from docs.programs.architecture import architecture_svg
from docs.programs.cluster import cluster_table
from docs.programs.code_tables import exit_codes_table, reasons_table, rooms_table
from docs.programs.markdown import REGION
from docs.programs.settings import settings_tables

DOCS = Path(__file__).parents[1]
TABLES: dict[str, Callable[[], str]] = {
    "settings": settings_tables,
    "reasons": reasons_table,
    "exit-codes": exit_codes_table,
    "rooms": rooms_table,
    "cluster": cluster_table,
}
"""What fills a page's region, by the region's name."""


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every file that is made from the code, whole or in part, with the text that it should have."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if REGION.search(text):
            yield page, REGION.sub(lambda region: region[1] + TABLES[region[2]]() + region[4], text)
    yield DOCS / "img" / "architecture.svg", architecture_svg()


if __name__ == "__main__":
    for path, text in generated():
        path.write_text(text, encoding="utf-8")
