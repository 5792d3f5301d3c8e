"""Stores that were written before opens still: each file is written here as it lay on the disk, without the store."""

import hashlib
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regraft.config import FetchSettings
from regraft.dataset.misfiled import known_misfiled
from regraft.dataset.placeholders import known_placeholders
from regraft.identity import Digest
from regraft.links.memory import ADDED_COLUMNS, MEMORY, known_links
from regraft.links.shards import path_of
from regraft.store import versions
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.upkeep.prune import plan
from regraft.upkeep.verify import verify

FORMAT_0 = Path(__file__).parents[1] / "data" / "format0"
FINGERPRINT = "efficientnet-lite0-57934424-crop224"
OLD, NEW = "20260101T000000Z", "20260102T000000Z-2"
SEEN = datetime(2026, 1, 1, tzinfo=UTC)
URL = "http://photos.example/tiger/1.jpg"
PICTURE = b"the bytes of a picture"
DIGEST = Digest(hashlib.sha256(PICTURE).hexdigest())
TIME = pa.timestamp("us", tz="UTC")

LINK = {
    "url": (pa.string(), URL),
    "category": (pa.string(), "tiger"),
    "verdict": (pa.string(), "alive"),
    "reason": (pa.string(), ""),
    "http_status": (pa.int16(), 200),
    "final_url": (pa.string(), URL),
    "digest": (pa.string(), DIGEST),
    "bytes": (pa.int64(), len(PICTURE)),
    "width": (pa.int32(), 640),
    "height": (pa.int32(), 480),
    "phash": (pa.string(), "00ff00ff00ff00ff"),
    "etag": (pa.string(), '"1"'),
    "last_modified": (pa.string(), ""),
    "attempts": (pa.int16(), 1),
    "elapsed_s": (pa.float32(), 0.25),
    "checked_at": (TIME, SEEN + timedelta(days=1)),
    "outcome": (pa.string(), "fetched"),
    "first_seen": (TIME, SEEN),
    "dead_since": (TIME, None),
    "trusted_digest": (pa.string(), DIGEST),
    "trusted_phash": (pa.string(), "00ff00ff00ff00ff"),
    "replaced_at": (TIME, None),
}
PLACEHOLDER = {
    "digest": (pa.string(), ""),
    "final_url": (pa.string(), "http://photos.example/gone.png"),
    "phash": (pa.string(), ""),
    "width": (pa.int32(), 0),
    "height": (pa.int32(), 0),
    "first_seen": (TIME, SEEN),
}
MISFILED = {
    "digest": (pa.string(), DIGEST),
    "category": (pa.string(), "tiger"),
    "like": (pa.string(), "cat"),
    "first_seen": (TIME, SEEN),
    "accepted": (pa.bool_(), True),
}


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def row(columns: dict[str, tuple[pa.DataType, object]]) -> bytes:
    """The Parquet file of a table with one row."""
    schema = pa.schema([(name, kind) for name, (kind, _) in columns.items()])
    return parquet(pa.Table.from_pylist([{name: value for name, (_, value) in columns.items()}], schema=schema))


def features() -> bytes:
    values = pa.FixedSizeListArray.from_arrays(pa.array(np.array([1, 2, 3], np.float32)), 3)
    return parquet(pa.table({"digest": [DIGEST], "features": values}))


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store as format 0 has it, with a run that was cut off."""
    root = tmp_path / "store"
    write(root / "blobs" / DIGEST[:2] / DIGEST[2:], PICTURE)
    shard = hashlib.sha256(URL.encode()).digest()[0] % 16
    write(root / "links" / f"shard-{shard:04d}.parquet", row(LINK))
    write(root / "links" / "placeholders.parquet", row(PLACEHOLDER))
    write(root / "links" / "misfiled.parquet", row(MISFILED))
    part = features()
    write(root / "features" / FINGERPRINT / f"{hashlib.sha256(part).hexdigest()[:16]}.parquet", part)
    manifest = parquet(pa.table({"digest": [DIGEST], "category": ["tiger"], "label": [98.5]}))
    for name, kind in ((OLD, "length"), (NEW, "length_again")):
        folder = root / "versions" / name
        write(folder / "manifest.parquet", manifest)
        write(folder / "links.parquet", row(LINK))
        shutil.copy(FORMAT_0 / f"{kind}_metrics.json", folder / "metrics.json")
        run = json.loads((FORMAT_0 / f"{kind}_run.json").read_text())
        run["files"] = {"manifest.parquet": hashlib.sha256(manifest).hexdigest()}
        write(folder / "run.json", json.dumps(run, indent=1).encode())
    pointer = {"version": NEW, "previous": OLD, "at": "2026-01-02T00:00:00+00:00"}
    write(root / "champion.json", json.dumps(pointer, indent=1).encode())
    marker = {"since": SEEN.isoformat(), "name": "a flow run", "pid": 4711, "at": SEEN.timestamp()}
    write(root / "run.json", json.dumps(marker).encode())
    for lock in ("lock", "champion.lock"):
        write(root / lock, b"")
    (root / "tmp").mkdir()
    return Store(str(root))


def test_its_blobs_and_features_are_found_again(store: Store) -> None:
    assert store.blobs.read(DIGEST) == PICTURE
    assert store.blobs.put(PICTURE) == DIGEST
    assert store.features.read(FINGERPRINT, [DIGEST])[DIGEST].tolist() == [1, 2, 3]


def test_what_it_knows_of_links_is_known_still(store: Store) -> None:
    [link] = known_links(store, path_of(URL, store.layout or Layout())).to_dict("records")
    assert list(link) == MEMORY.names
    assert set(link) == {*LINK, *ADDED_COLUMNS}
    assert all(pd.isna(link[name]) for name in ADDED_COLUMNS)
    assert {name: None if pd.isna(link[name]) else link[name] for name in LINK} == {
        name: value for name, (_, value) in LINK.items()
    }
    assert known_placeholders(store)["final_url"].tolist() == [PLACEHOLDER["final_url"][1]]
    [misfiled] = known_misfiled(store).to_dict("records")
    assert {name: misfiled[name] for name in MISFILED} == {name: value for name, (_, value) in MISFILED.items()}


def test_its_versions_and_its_champion_are_found(store: Store) -> None:
    assert versions.names(store) == [OLD, NEW]
    champion = versions.champion(store)
    assert champion is not None
    assert (champion.name, versions.previous(store).name) == (NEW, OLD)
    assert champion.run.backbone_fingerprint == FINGERPRINT
    assert champion.metrics.promoted in (True, False)
    assert champion.table("manifest.parquet")["label"].tolist() == [98.5]
    versions.promote(store, OLD, NEW)
    assert versions.previous(store).name == NEW


def test_its_run_that_was_cut_off_is_taken_up(store: Store) -> None:
    with store.run("another", SEEN + timedelta(hours=1)) as start:
        assert (start.since, start.cut_off) == (SEEN, "a flow run")


def test_it_is_sound_and_all_of_it_is_needed(store: Store) -> None:
    assert list(verify(store, False, FetchSettings(), lambda path: None)) == []
    made = plan(store, 2)
    assert (made.kept, made.size) == ((OLD, NEW), 0)
