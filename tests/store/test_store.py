"""Opening a store costs nothing that listing its versions does not need."""

import subprocess
import sys

from regraft.store.store import Store

HEAVY = {"numpy", "pandas", "pyarrow", "filelock", "fsspec", "pydantic"}


def test_names_of_versions_are_listed_without_any_heavy_library() -> None:
    script = (
        "from regraft.store import versions\nfrom regraft.store.store import Store\n"
        "assert versions.names(Store('nowhere')) == [] and versions.champion(Store('nowhere')) is None\n"
        "import sys; print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {name.split(".")[0] for name in ran.stdout.split()} & HEAVY == set()


def test_what_was_opened_is_named_for_people_and_for_programs(store: Store) -> None:
    assert Store(store.url).address == store.address
    assert Store(store.address).address == store.address
