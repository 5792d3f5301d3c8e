"""What the replayed web shows night after night, without fetching it: which links show their first photos."""

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from regraft.store.run_record import LinkCount

START = datetime(2026, 1, 1, 3, tzinfo=UTC)


@lru_cache(1)
def replay(folder: str) -> ModuleType:
    """The module replay.py in the folder of the replayed web."""
    source = importlib.util.spec_from_file_location("replay", Path(folder) / "replay.py")
    assert source is not None
    assert source.loader is not None
    module = importlib.util.module_from_spec(source)
    source.loader.exec_module(module)
    return module


class Names(tuple[str, ...]):
    """What a folder of photos is to the replay, which asks for its files each time that a link shows another one."""

    __slots__ = ()

    def glob(self, pattern: str) -> "Names":
        """Return all."""
        return self


class Photos:
    """What the folder of all photos is to the replay: names by category, as what they show makes no difference here."""

    def __init__(self, folder: Path):
        self._names = {
            each.name: Names(sorted(f"{each.name}/{photo.name}" for photo in each.glob("*.jpg")))
            for each in folder.iterdir()
        }

    def __truediv__(self, category: str) -> Names:
        return self._names[category]


def nights(folder: str, seed: int, count: int) -> list[pd.DataFrame]:
    """Return so many nights of one web: the links that showed a photo on the first, and whether they still show it.

    Columns url, category, reason, first_seen and checked_at.
    """
    module = replay(folder)
    tables: list[pd.DataFrame] = []

    class Watched(module.Web):  # type: ignore[name-defined, misc]
        """Looks at the web each night: the module's loop over days asks this class for the next day."""

        def __init__(self, *settings: Any):
            module.range = self.days  # type: ignore[attr-defined]
            try:
                super().__init__(*settings)
            finally:
                del module.range

        def days(self, first: int, stop: int) -> Iterator[int]:
            self.first_photos = dict(self.photo_of)
            for day in range(first, stop):
                self.note(day - 1)
                yield day
            self.note(stop - 1)

        def note(self, day: int) -> None:
            shows = [self.alive(url) and self.photo_of[url] == photo for url, photo in self.first_photos.items()]
            night = {"url": list(self.first_photos), "category": [self.category_of[url] for url in self.first_photos]}
            at = pd.Timestamp(START + timedelta(days=day))
            reasons = ["" if is_shown else "gone" for is_shown in shows]
            tables.append(pd.DataFrame(night).assign(reason=reasons, first_seen=pd.Timestamp(START), checked_at=at))

    Watched(str(seed), count - 1, Photos(Path(folder) / "photos"))
    return tables


def counts(tables: list[pd.DataFrame]) -> dict[str, list[LinkCount]]:
    """Return the counts of each night by category."""
    by_category: dict[str, list[LinkCount]] = {category: [] for category in tables[0]["category"].unique()}
    for before, now in zip([tables[0], *tables], tables, strict=False):
        shows, came_back = now["reason"] == "", (now["reason"] == "") & (before["reason"] != "")
        for category, of_category in by_category.items():
            is_own = now["category"] == category
            of_category.append(
                LinkCount(
                    at=now["checked_at"].iloc[0],
                    ever_alive=int(is_own.sum()),
                    alive=int((shows & is_own).sum()),
                    revived=int((came_back & is_own).sum()),
                )
            )
    return by_category
