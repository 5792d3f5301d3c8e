"""store.json: in which format a store is, and how what it knows of links is cut into files.

The folder of those files holds a copy of it, so that a damaged store.json costs nothing.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from regraft.errors import CorruptError, StoreError
from regraft.identity import digest_of
from regraft.store.disk import Disk
from regraft.store.root import LAYOUT_FILE, LINKS

COPY = "layout.json"
"""The name of its copy."""
FORMAT = 1
"""The format that this Regraft writes. Format 0 had no store.json, and 16 files of links, by URL."""
TABLE = ".parquet"
FOLDER_DIGITS = 8
"""Hex digits of a layout's digest that name its folder."""
GUESTS = "-guests-"
"""Stands in the names of files that hold what a lane found of another lane's links."""
FORMAT_0_NAME = "shard-"
"""How the names of format 0's files of links begin."""


@dataclass(frozen=True)
class Layout:
    """How what is known of links is cut: by host into lanes, and each lane by URL into shards, one file a shard."""

    shards: tuple[int, ...] = (1,) * 16
    """The number of shards of each lane; so many numbers, so many lanes."""
    spread: tuple[str, ...] = ()
    """Hosts whose links are in all lanes, by URL."""
    format: int = FORMAT
    """The store's format."""

    @property
    def folder(self) -> str:
        """The folder of its files, another one for each layout, so that a change of layout is one change of a file."""
        if self.format == 0:
            return LINKS
        name = digest_of(json.dumps([self.shards, self.spread]).encode())[:FOLDER_DIGITS]
        return f"{LINKS}/{name}"

    def path(self, lane: int, shard: int) -> str:
        """Return the path of a shard's file."""
        if self.format == 0:
            return f"{self.folder}/{FORMAT_0_NAME}{shard:04d}{TABLE}"
        return f"{self.folder}/{lane:02d}-{shard:04d}{TABLE}"

    @property
    def paths(self) -> list[str]:
        """The paths of all its files, be they there or not."""
        return [self.path(lane, shard) for lane, shards in enumerate(self.shards) for shard in range(shards)]


LAYOUT_0 = Layout(shards=(16,), format=0)
"""What every store had in format 0."""


def guests_path(path: str, lane: int) -> str:
    """Return the path of the file in which a lane keeps what it finds of the links of another lane's shard."""
    return f"{path.removesuffix(TABLE)}{GUESTS}{lane:02d}{TABLE}"


def home_of(path: str) -> str:
    """Return the path of the shard whose links lie in a file: that of the file itself, unless they are guests there."""
    shard, guests, _ = path.partition(GUESTS)
    return f"{shard}{TABLE}" if guests else path


def layout_of(disk: Disk) -> Layout | None:
    """Return the layout of the store on a disk; None where it knows of no links yet.

    Where store.json is damaged its copy tells; where that is missing too, no link is known. Raises StoreError where a
    newer Regraft wrote it, or where it cannot be read.
    """
    try:
        return named_layout(disk)
    except CorruptError:
        return copied_layout(disk)


def named_layout(disk: Disk) -> Layout | None:
    """Return the layout that store.json names, as `layout_of` does. Raises CorruptError where store.json is damaged."""
    try:
        return _layout(disk.read(LAYOUT_FILE))
    except (FileNotFoundError, NotADirectoryError):
        is_format_0 = any(name.startswith(FORMAT_0_NAME) for name in disk.names(LINKS))
        return LAYOUT_0 if is_format_0 else None
    except _NewerFormatError as error:
        raise StoreError(
            f"The store {disk.address} has format {error}, and this Regraft knows formats up to "
            f"{FORMAT}; nothing was changed. A newer Regraft wrote it: install that one."
        ) from error
    except OSError as error:
        raise StoreError(f"{LAYOUT_FILE} in the store {disk.address} cannot be read: {error}.") from error
    except ValueError as error:
        raise CorruptError(f"{LAYOUT_FILE} in the store {disk.address} is damaged ({error}).") from error


def checked_layout(disk: Disk, files: Collection[str]) -> Layout | None:
    """Return the layout that store.json names, as `named_layout` does; `files` are the paths below LINKS.

    Raises CorruptError also where store.json is another store's: its folder is not there, and another layout's is.
    """
    layout = named_layout(disk)
    if layout is not None and layout.format and f"{layout.folder}/{COPY}" not in files and copied_layout(disk):
        raise CorruptError(
            f"{LAYOUT_FILE} in the store {disk.address} is damaged (it names {layout.folder}, which is gone)."
        )
    return layout


def copied_layout(disk: Disk) -> Layout | None:
    """Return the layout whose folder of links holds a copy of it; None where there is no whole copy."""
    for name in disk.names(LINKS):
        try:
            layout = _layout(disk.read(f"{LINKS}/{name}/{COPY}"))
        except (OSError, ValueError):
            continue
        if layout.folder == f"{LINKS}/{name}":
            return layout
    return None


def put_layout(disk: Disk, layout: Layout) -> None:
    """Make a layout the store's, once its folder holds all that is known of links."""
    data = json.dumps(asdict(layout), indent=1).encode()
    disk.write(f"{layout.folder}/{COPY}", data)
    disk.write(LAYOUT_FILE, data)


class _NewerFormatError(ValueError):
    """A format that this Regraft does not know."""


def _layout(data: bytes) -> Layout:
    """The layout in a file. Raises ValueError where it is damaged, _NewerFormatError where a newer Regraft wrote it."""
    try:
        fields = json.loads(data)
        if fields["format"] > FORMAT:
            raise _NewerFormatError(fields["format"])
        layout = Layout(tuple(map(int, fields["shards"])), tuple(map(str, fields["spread"])), int(fields["format"]))
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"it holds no layout: {error!r}") from error
    if layout.format != FORMAT or not layout.shards or min(layout.shards) < 1:
        raise ValueError(f"no store of format {FORMAT} has {layout.shards} shards")
    return layout
