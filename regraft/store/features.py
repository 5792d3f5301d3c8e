"""Features by backbone and digest, in parts that are only ever added. Only the rows that are asked for are read."""

import contextlib
import logging
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING

from regraft.errors import CorruptError
from regraft.identity import Digest
from regraft.store.disk import Disk
from regraft.store.feature_index import SUFFIX, FeatureIndex, IndexFile, IndexRows
from regraft.store.feature_parts import Part, RecordFile, are_whole, part_of
from regraft.store.feature_rows import FeatureRows
from regraft.store.root import FEATURES
from regraft.store.scratch import Scratch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# N images, D features, K of the images
UNSAVED_SHARE = 0.125
"""Of the index's rows: when more came or went since it was written, it is written again."""
log = logging.getLogger("regraft")


class Features:
    """The features in one store, of any number of backbones. Safe to use from many processes and threads."""

    def __init__(self, disk: Disk):
        self._disk = disk
        self._lock = threading.RLock()
        self._indexes: dict[str, FeatureIndex] = {}
        self._damaged: set[str] = set()
        """The paths of parts that were seen to be damaged."""

    def __iter__(self) -> Iterator[Part]:
        """Yield every part of every backbone."""
        for fingerprint in self._disk.names(FEATURES):
            yield from self.parts(fingerprint)

    @property
    def indexes(self) -> Iterator[IndexFile]:
        """The indexes of all backbones' parts. One that is lost is made again from the parts."""
        for fingerprint in self._disk.names(FEATURES):
            for name in self._disk.names(f"{FEATURES}/{fingerprint}"):
                if name.endswith(SUFFIX):
                    yield IndexFile(self._disk, fingerprint, name)

    def parts(self, fingerprint: str) -> Iterator[Part]:
        """Yield a backbone's parts."""
        for name in self._disk.names(f"{FEATURES}/{fingerprint}"):
            if not name.endswith(SUFFIX):
                yield Part(self._disk, fingerprint, name)

    def known(self, fingerprint: str, digests: Sequence[Digest]) -> set[Digest]:
        """Return those of some digests whose features are known. Damaged ones are not known."""
        is_known = self._stored(fingerprint, digests).places.part >= 0
        return set(compress(digests, is_known.tolist()))

    def rows(self, fingerprint: str, digests: Sequence[Digest]) -> FeatureRows:
        """Return the features of N digests, which stay in the store until they are read.

        Raises KeyError, with a digest, where its features are not known.
        """
        stored = self._stored(fingerprint, digests)
        if (stored.places.part < 0).any():
            raise KeyError(digests[int(stored.places.part.argmin())])
        return stored

    def read(self, fingerprint: str, digests: Sequence[Digest]) -> "dict[Digest, NDArray[np.float32]]":
        """Return the features that are known for a few digests: {digest: (D,) float32}. Damaged ones are not known."""
        import numpy as np

        stored = self._stored(fingerprint, digests)
        is_known = stored.places.part >= 0
        rows = replace(stored, places=stored.places.take(is_known))
        return dict(zip(compress(digests, is_known.tolist()), rows.read(np.arange(len(rows))), strict=True))

    def append(self, fingerprint: str, digests: Sequence[Digest], rows: "NDArray[np.float32]") -> None:
        """Add the features, (N, D) float32, of N digests."""
        part = self._write(fingerprint, digests, rows)
        with self._lock:
            if fingerprint in self._indexes:
                self._indexes[fingerprint].add(part.name, digests)

    def parts_with(self, fingerprint: str, digests: Collection[Digest]) -> list[Part]:
        """Return a backbone's parts that hold features of some digests, and those that are damaged, which may."""
        with self._lock:
            index = self._index(fingerprint, is_written=False)
            names = index.parts_with(digests)
            damaged = {part.name for part in self.parts(fingerprint)} - set(index.parts)
        return [Part(self._disk, fingerprint, name) for name in sorted({*names, *damaged})]

    def indexes_with(self, fingerprint: str, digests: Collection[Digest]) -> list[str]:
        """Return the paths of a backbone's indexes, as they are stored, that list some digests."""
        folder = f"{FEATURES}/{fingerprint}"
        files = [name for name in self._disk.names(folder) if name.endswith(SUFFIX)]
        stored = ((name, FeatureIndex.read(self._disk, fingerprint, [name])) for name in files)
        return [f"{folder}/{name}" for name, index in stored if index.parts_with(digests)]

    def remove(self, fingerprint: str, digests: Collection[Digest]) -> None:
        """Have no part hold features of some digests: such a part is written anew without them.

        Damaged parts go, because nobody knows what they hold. The store must be held.
        """
        with self._lock:
            for part in self.parts_with(fingerprint, digests):
                self._replace(part, digests)
            index = self._index(fingerprint, is_written=False)
            index.keep({part.name for part in self.parts(fingerprint)})
            if self.indexes_with(fingerprint, digests):
                index.write(self._disk, fingerprint)

    def forget_copies(self) -> None:
        """Remove the copies of a remote store's parts that are on this machine."""
        self._copies.clear()

    def _replace(self, part: Part, digests: Collection[Digest]) -> None:
        """Put what a part holds of other digests in its place."""
        with contextlib.suppress(CorruptError, FileNotFoundError):
            known, rows = part.read()
            stays = [row for row, digest in enumerate(known) if digest not in digests]
            if stays:
                self.append(part.fingerprint, [known[row] for row in stays], rows[stays])
        part.delete()

    def _write(self, fingerprint: str, digests: Sequence[Digest], rows: "NDArray[np.float32]") -> Part:
        name, data = part_of(digests, rows)
        part = Part(self._disk, fingerprint, name)
        self._disk.write(part.path, data)
        return part

    def _stored(self, fingerprint: str, digests: Sequence[Digest]) -> "_StoredRows":
        """The features of N digests; the number of the part is -1 where they are not known."""
        with self._lock:
            index = self._index(fingerprint)
            places = index.rows(digests)
            while self._drop_damaged(index, fingerprint, places.take((places.part >= 0) & ~places.is_checked)):
                places = index.rows(digests)
            parts = tuple(Part(self._disk, fingerprint, name) for name in index.parts)
        return _StoredRows(parts, places, self._copies)

    def _drop_damaged(self, index: FeatureIndex, fingerprint: str, places: IndexRows) -> bool:
        """Check rows that were not checked before; return whether parts had to be dropped."""
        damaged = set()
        for number, rows in _by_part(places):
            part = Part(self._disk, fingerprint, index.parts[number])
            try:
                if not are_whole(part.opened(self._copies).read(places.row[rows]), places.digest[rows]):
                    raise CorruptError(f"{part.path} is damaged: its features are not those that were stored")
            except FileNotFoundError:  # pruned just now
                damaged.add(part.name)
            except CorruptError as error:
                self._warn(part, error)
                damaged.add(part.name)
        index.mark_checked(places)
        index.keep(set(index.parts) - damaged)
        return bool(damaged)

    def _index(self, fingerprint: str, is_written: bool = True) -> FeatureIndex:
        """The index of a backbone's parts as they are now; it `is_written` where much has changed."""
        files = self._disk.names(f"{FEATURES}/{fingerprint}")
        if fingerprint not in self._indexes:
            indexes = [name for name in files if name.endswith(SUFFIX)]
            self._indexes[fingerprint] = FeatureIndex.read(self._disk, fingerprint, indexes)
        index = self._indexes[fingerprint]
        names = {name for name in files if not name.endswith(SUFFIX)}
        index.keep(names)
        new = [Part(self._disk, fingerprint, name) for name in sorted(names.difference(index.parts))]
        new = [part for part in new if part.path not in self._damaged]
        if any(part.is_old for part in new):
            log.info("The features of %s are stored anew, once, so that each row can be read by itself.", fingerprint)
        for part in new:
            self._add(index, part)
        if is_written and index.unsaved > UNSAVED_SHARE * len(index):
            index.write(self._disk, fingerprint)
        return index

    def _add(self, index: FeatureIndex, part: Part) -> None:
        """Put a part into the index, unless it is damaged. One of an earlier Regraft is replaced by one of today."""
        try:
            digests, rows = part.read()
        except FileNotFoundError:  # pruned just now
            return
        except CorruptError as error:
            self._warn(part, error)
            return
        if part.is_old:
            old, part = part, self._write(part.fingerprint, digests, rows)
            old.delete()
        index.add(part.name, digests)

    def _warn(self, part: Part, error: CorruptError) -> None:
        self._damaged.add(part.path)
        log.warning("%s; what it held is computed again, and `regraft verify --repair` removes it.", error)

    @cached_property
    def _copies(self) -> Scratch:
        """Where parts of a remote store are copied to, as long as anybody reads them."""
        return Scratch()


@dataclass(frozen=True)
class _StoredRows(FeatureRows):
    """Features that are read from their parts: of these only the rows that are wanted."""

    parts: tuple[Part, ...]
    places: IndexRows
    """Of N images."""
    copies: Scratch
    _files: "dict[int, RecordFile]" = field(default_factory=dict)
    """Those that were read from, by the number of the part."""

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(N, D); D is 0 where N is."""
        return len(self.places), self._file(int(self.places.part[0])).width if len(self.places) else 0

    def read(self, rows: "NDArray[np.int64]") -> "NDArray[np.float32]":
        """Return the features, (K, D), of some rows."""
        import numpy as np

        features, places = np.empty((len(rows), self.shape[1]), dtype=np.float32), self.places.take(rows)
        for number, its in _by_part(places):
            try:
                records = self._file(number).read(places.row[its])
            except FileNotFoundError:  # a copy of a bucket's part, which was removed meanwhile
                del self._files[number]
                records = self._file(number).read(places.row[its])
            features[its] = records["features"]
        return features

    def reading_order(self, rows: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Return positions, (K,), part by part: so a block has rows of few parts, and each has them side by side."""
        import numpy as np

        return np.lexsort((self.places.row[rows], self.places.part[rows]))

    def _file(self, number: int) -> "RecordFile":
        if number not in self._files:
            self._files[number] = self.parts[number].opened(self.copies)
        return self._files[number]


def _by_part(places: IndexRows) -> "Iterator[tuple[int, NDArray[np.int64]]]":
    """Yield the number of each part that some places are in, and which of them are, in the order of its rows."""
    import numpy as np

    order = np.lexsort((places.row, places.part))
    numbers, starts = np.unique(places.part[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, starts[1:]), strict=False)
