"""Where decisions lie in a store: decisions/00000042.json. Cheap to import: a run asks only how many there are."""

import re

from regraft.store.store import Store

FOLDER = "decisions"
FILE = re.compile(r"\d{8}\.json")
"""The names of its files; the number says in which order they were written."""
MAX_FILES = 50
"""Files that are left as they are."""


def decision_files(store: Store) -> list[str]:
    """Return the paths of the files that hold decisions, in their order."""
    return [path for path in store.disk.sizes(FOLDER) if FILE.fullmatch(path.removeprefix(f"{FOLDER}/"))]
