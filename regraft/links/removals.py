"""What somebody had removed from a store, as hashes: by these it never comes back, through whatever list or link.

A picture is known by its digest and by its perceptual hash, so that a copy of it at another size is known too. Of a
link or a host nothing but a hash is kept. Whatever fetches imports this: pandas is imported where a table is read, and
NumPy where copies are looked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from regraft.errors import CorruptError
from regraft.identity import DIGEST, Digest, Host, digest_of
from regraft.store.root import RECEIPTS, REMOVALS
from regraft.web.urls import BadUrl, Blocked, normalised, requested_host_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from regraft.store.store import Store

MAX_COPY_BITS = 6
"""Bits of 64 in which the perceptual hash of a copy, at another size or mirrored, differs at most. Of 839 photographs
no two are so near."""


HASHES = {"hash": f"^{DIGEST.pattern}$", "phash": "^([0-9a-f]{16})?$", "host": f"^({DIGEST.pattern})?$"}
"""What the columns of hashes hold."""


class Kind(StrEnum):
    """What a hash is of."""

    PICTURE = "picture"
    """Its digest: of a picture that was removed."""
    LINK = "link"
    """The digest of its URL as it is requested."""
    HOST = "host"
    """The digest of its name."""
    SPARED = "spared"
    """The digest of a picture that looks like one that was removed, and that somebody left in."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One row of the table: what was removed, when and why."""

    kind: Kind
    hash: str
    """64 hex digits."""
    phash: str = ""
    """The perceptual hash of a picture; empty where nobody knows it."""
    host: str = ""
    """Of a link, the hash of its host."""
    removed_at: datetime
    why: str


@dataclass(frozen=True)
class Removals:
    """What must never come back. False where that is nothing. Small, frozen and picklable."""

    pictures: frozenset[str] = frozenset()
    """Their digests."""
    phashes: tuple[str, ...] = ()
    """Their perceptual hashes, as far as they are known."""
    links: frozenset[str] = frozenset()
    """Hashes of their URLs."""
    hosts: frozenset[str] = frozenset()
    """Hashes of their names."""
    hosts_of_links: frozenset[str] = field(default=frozenset(), repr=False)
    """Hashes of the names of the links' hosts: no other host's links need be hashed to be known."""
    spared: frozenset[str] = frozenset()
    """Digests of pictures that look like a removed one, and stay."""
    spared_phashes: tuple[str, ...] = ()
    """Their perceptual hashes."""

    def __bool__(self) -> bool:
        return bool(self.pictures or self.links or self.hosts)

    @classmethod
    def of(cls, rows: Iterable[Removal]) -> "Removals":
        """Return what some rows of the table name."""
        by_kind: dict[Kind, list[Removal]] = {kind: [] for kind in Kind}
        for row in rows:
            by_kind[row.kind].append(row)
        hashes = {kind: frozenset(row.hash for row in its) for kind, its in by_kind.items()}
        spared = [row for row in by_kind[Kind.SPARED] if row.hash not in hashes[Kind.PICTURE]]
        return cls(
            pictures=hashes[Kind.PICTURE],
            phashes=_phashes(by_kind[Kind.PICTURE]),
            links=hashes[Kind.LINK],
            hosts=hashes[Kind.HOST],
            hosts_of_links=frozenset(row.host for row in by_kind[Kind.LINK]),
            spared=frozenset(row.hash for row in spared),
            spared_phashes=_phashes(spared),
        )

    def has_picture(self, digest: str) -> bool:
        """Return whether the picture with that digest was removed."""
        return digest in self.pictures

    def has_host(self, host: str) -> bool:
        """Return whether the host of that name was removed."""
        return bool(self.hosts) and hash_of_host(Host(host)) in self.hosts

    def has_link(self, url: str) -> bool:
        """Return whether a URL was removed, or its host, however it is written."""
        if not (self.hosts or self.links):
            return False
        host = hash_of_host(requested_host_of(url))
        return host in self.hosts or (host in self.hosts_of_links and hash_of_link(url) in self.links)

    def may_have_link(self, url: str) -> bool:
        """Return whether a URL of which only the beginning is known may have been removed: others of its host were."""
        return hash_of_host(requested_host_of(url)) in self.hosts | self.hosts_of_links

    def has_copy(self, phash: str, digest: str = "") -> bool:
        """Return whether a picture, by its perceptual hash, is a copy of a removed one and not of a spared one."""
        if not phash or digest in self.spared:
            return False
        distance = _distance(phash, self._removed_bits)
        return distance <= MAX_COPY_BITS and distance < _distance(phash, self._spared_bits)

    @cached_property
    def _removed_bits(self) -> "NDArray[np.uint64]":
        return _bits(self.phashes)

    @cached_property
    def _spared_bits(self) -> "NDArray[np.uint64]":
        return _bits(self.spared_phashes)


def _phashes(rows: Iterable[Removal]) -> tuple[str, ...]:
    """The perceptual hashes in some rows, each once."""
    return tuple(sorted({row.phash for row in rows} - {""}))


def _bits(phashes: Iterable[str]) -> "NDArray[np.uint64]":
    """Perceptual hashes of N pictures, and of these mirrored, (2 N,)."""
    import numpy as np

    from regraft.pictures.perceptual import MIRRORED

    hashes = np.array([int(phash, 16) for phash in phashes], dtype=np.uint64)
    return np.concatenate([hashes, hashes ^ np.uint64(MIRRORED)])


def _distance(phash: str, bits: "NDArray[np.uint64]") -> int:
    """In how many of 64 bits a hash differs from the nearest of some; 65 where there is none."""
    import numpy as np

    return int(np.bitwise_count(bits ^ np.uint64(int(phash, 16))).min(initial=65))


NO_REMOVALS = Removals()
"""Nothing was removed."""


def hash_of_link(url: str) -> Digest:
    """Return the hash by which a link is known: of its URL as it is requested, or of its text where it is no URL."""
    try:
        url = normalised(url)
    except (BadUrl, Blocked):
        pass
    return digest_of(url.encode("utf-8", "surrogatepass"))


@lru_cache(65_536)
def hash_of_host(host: Host) -> Digest:
    """Return the hash by which a host is known."""
    return digest_of(host.encode("utf-8", "surrogatepass"))


def known_rows(store: "Store") -> list[Removal]:
    """Return the rows of the table.

    Raises CorruptError where it is damaged, or gone though there are receipts: nobody knows then what must not come.
    """
    # Most stores have none, and then nothing need be imported to read it.
    table = store.tables.read(REMOVALS, _schema()) if store.disk.exists(REMOVALS) else None
    if table is None or table.empty:
        _check_no_receipts(store)
        return []
    has_hashes = [table[name].str.fullmatch(pattern).all() for name, pattern in HASHES.items()]
    if not all(has_hashes) or not table["kind"].isin(list(Kind)).all() or table.isna().any(axis=None):
        raise CorruptError(
            f"{REMOVALS} in the store {store.address} is damaged (a row says nothing that may be removed); "
            "`regraft verify --repair` mends it."
        )
    return [
        Removal(**{str(name): value for name, value in row.items()} | {"kind": Kind(row["kind"])})
        for row in table.assign(removed_at=table["removed_at"].dt.to_pydatetime()).to_dict("records")
    ]


def _check_no_receipts(store: "Store") -> None:
    """Raise CorruptError where receipts say that the table should name something."""
    if any(path.endswith(".json") for path in store.disk.sizes(RECEIPTS)):
        raise CorruptError(
            f"{REMOVALS} in the store {store.address} is gone, so nobody knows what was removed; "
            "`regraft verify --repair` puts it together from the receipts."
        )


def known_removals(store: "Store") -> Removals:
    """Return what must never come back. Raises CorruptError where the table is damaged."""
    return Removals.of(known_rows(store))


def put_rows(store: "Store", rows: Iterable[Removal]) -> None:
    """Replace the rows of the table; of the same kind and hash the first stays. The store must be held."""
    import pandas as pd

    schema = _schema()
    table = pd.DataFrame([vars(row) for row in rows], columns=schema.names)
    table["kind"] = table["kind"].map(str)
    store.tables.write(REMOVALS, table.drop_duplicates(["kind", "hash"]), schema)


def _schema() -> "pa.Schema":
    import pyarrow as pa

    texts = [(name, pa.string()) for name in ("kind", "hash", "phash", "host")]
    return pa.schema([*texts, ("removed_at", pa.timestamp("us", tz="UTC")), ("why", pa.string())])
