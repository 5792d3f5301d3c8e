"""Removals that did not last: what names or shows something that somebody had removed, and what knows it no more."""

from collections.abc import Iterator

from regraft.errors import CorruptError
from regraft.links import removals
from regraft.store.root import REMOVALS, REMOVING
from regraft.store.store import Store
from regraft.upkeep.damage import Damage
from regraft.upkeep.receipt import check_remembered, read_receipt, receipt_paths, receipts
from regraft.upkeep.remove import Progress, finish, remove_again, restore_rows
from regraft.upkeep.traces import Trace, traces


def what_came_back(store: Store, repair: bool, progress: Progress) -> Iterator[Damage]:
    """Yield what names or shows something removed, a removal that was cut off, and a table that forgot some."""
    damaged = list(_damaged_receipts(store, progress))
    yield from damaged
    if what := _forgotten(store):
        is_restored = repair and not damaged  # what a damaged one names would be forgotten
        if is_restored:
            restore_rows(store)
        yield Damage(REMOVALS, what, "put together from the receipts" if is_restored else "", not damaged)
        if not is_restored:
            return
    if any(damage.path == REMOVING for damage in damaged):
        return
    if store.disk.exists(REMOVING):
        if repair:
            finish(store)
        yield Damage(REMOVING, "a removal was cut off, or is under way", "finished" if repair else "")
    came_back = list(traces(store, removals.known_removals(store), progress))
    if came_back and repair:
        remove_again(store)
    for trace in came_back:
        yield _damage_by(trace, repair)


def _damage_by(trace: Trace, repair: bool) -> Damage:
    """A trace of something removed as damage. What a repair would cost is said before."""
    if trace.is_readable:
        what = f"it has something that somebody had removed: {trace.what}"
        return Damage(trace.path, what, "removed once more" if repair else "")
    what = "nobody can tell whether it has something that somebody had removed"
    if repair:
        return Damage(trace.path, what, "removed for good")
    return Damage(trace.path, f"{what}, so `--repair` removes it for good; put a copy from a backup here to keep it")


def _damaged_receipts(store: Store, progress: Progress) -> Iterator[Damage]:
    """Receipts that cannot be read, also of a removal under way. A person has to say again what they were about."""
    for path in [*receipt_paths(store), REMOVING]:
        try:
            read_receipt(store, path)
        except FileNotFoundError:
            continue
        except CorruptError as error:
            yield Damage(path, str(error), may_be_mended=False)
        progress(path)


def _forgotten(store: Store) -> str:
    """What is wrong with the table of what was removed; "" where nothing is."""
    try:
        check_remembered(store, removals.known_rows(store), receipts(store))
    except CorruptError as error:
        return str(error)
    return ""
