"""Whether a run can keep anything in a store; seen before it does anything else."""

from regraft.errors import StoreError
from regraft.store.disk import IN_ONE_PROCESS
from regraft.store.store import Store


def check_store(url: str) -> Store:
    """Return the store at a URL.

    Raises StoreError where a run cannot keep anything there, or its processes would not share it.
    """
    if url.startswith(IN_ONE_PROCESS):
        raise StoreError(
            f"The store {url} lies in the memory of one process, and a run has several. Choose a folder or a bucket: "
            "`store:` in the config, or --store."
        )
    store = Store(url)
    store.disk.check_writable()
    return store
