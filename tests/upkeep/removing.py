"""Removals for tests, and whether anything of what was removed is left."""

from regraft.config import FetchSettings
from regraft.store.root import REMOVALS
from regraft.store.store import Store
from regraft.upkeep.receipt import Receipt
from regraft.upkeep.remove import remove
from regraft.upkeep.verify import verify
from regraft.upkeep.wanted import wanted_of
from tests.upkeep.pictured import NOW

WHY = "the owner wants it"


def removed(store: Store, *words: str, near_duplicates: bool = False, ahead: bool = False) -> Receipt:
    """Remove what some words name, and return the receipt."""
    wanted = [wanted_of(word) for word in words]
    return remove(store, wanted, WHY, near_duplicates=near_duplicates, ahead=ahead, now=NOW)


def damages(store: Store, repair: bool = False) -> list[str]:
    """The paths of all that is damaged in a store, which is mended where that is wanted."""
    return [damage.path for damage in verify(store, repair, FetchSettings(), lambda path: None)]


def everything(store: Store) -> str:
    """The text of all tables, pages and JSON files of a store, and the paths of all its files."""
    texts = []
    for path in store.disk.sizes(""):
        texts.append(path)
        if path.endswith(".parquet") and path != REMOVALS:
            texts.append(store.tables.read_arrow(path).to_pandas().to_string(max_colwidth=None))
        if path.endswith((".html", ".json", ".md")) and not path.startswith("receipts/"):
            texts.append(store.disk.read(path).decode())
    return "\n".join(texts)
