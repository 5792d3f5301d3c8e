"""A store with one small version of pictures drawn here, and the curator's pages of it."""

import io
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from regraft.flows.web.app import curator
from regraft.identity import Digest
from regraft.links.lifetimes import LIVES
from regraft.links.memory import SCHEMA
from regraft.store import versions
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.upkeep.purge import AskPrefect
from tests.records import metrics_record, run_record

VERSION = "20261125T030000Z"
NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
LIVES_OF_LINKS = [("cat", "a.example", 30, "died", 3), ("cat", "b.example", 60, "goes_on", 5)]
HOST = "http://127.0.0.1:4201"
HOSTILE_URL = "http://a.example/<script>alert(1)</script>\"onerror='x'\u202egpj.jpg"
SCRIPT_URL = "javascript:alert(1)//http://a.example/cat.jpg"


def drawn(seed: int, side: int = 300, **saved: object) -> bytes:
    """A JPEG that looks like no other."""
    grey = np.random.default_rng(seed).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).resize((side, side)).save(file, "JPEG", **saved)
    return file.getvalue()


def links_of(store: Store) -> pd.DataFrame:
    """Eight links: alive ones, a misfiled, a replaced and a dead one, and two with hostile URLs."""
    digests = [store.blobs.put(drawn(seed)) for seed in range(6)]
    rows = [
        ("http://a.example/cat0.jpg", "cat", "alive", "", digests[0]),
        ("http://a.example/cat1.jpg", "cat", "alive", "", digests[1]),
        ("http://b.example/cat0.jpg", "cat", "junk", "duplicate", digests[0]),
        ("http://b.example/tiger.jpg", "tiger", "alive", "", digests[2]),
        ("http://b.example/kitten.jpg", "tiger", "junk", "misfiled", digests[3]),
        ("http://a.example/gone.jpg", "cat", "dead", "gone", ""),
        (HOSTILE_URL, "cat", "junk", "replaced", digests[4]),
        (SCRIPT_URL, "cat", "alive", "", digests[5]),
    ]
    table = pd.DataFrame(rows, columns=["url", "category", "verdict", "reason", "digest"])
    has_picture = table["digest"] != ""
    table = table.assign(
        http_status=has_picture.map({True: 200, False: 404}),
        final_url=table["url"],
        bytes=1000,
        width=300,
        height=300,
        phash=[f"{i:016x}" if shows else "" for i, shows in enumerate(has_picture)],
        etag="",
        last_modified="",
        attempts=1,
        elapsed_s=0.1,
        checked_at=NOW,
        outcome="fetched",
        first_seen=NOW,
        dead_since=has_picture.map({True: pd.NaT, False: NOW}),
    )
    return table.astype({"dead_since": "datetime64[us, UTC]"}).reindex(columns=SCHEMA.names)


@pytest.fixture(scope="session")
def one_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one version, which has few links and no model."""
    folder = tmp_path_factory.mktemp("pages") / "store"
    store = Store(str(folder))
    put_layout(store.disk, Layout())
    links = links_of(store)
    alive = links[links["verdict"] == "alive"].reset_index(drop=True)
    manifest = alive[["digest", "category", "width", "height", "phash"]].assign(
        urls=alive["url"].map(lambda url: [url]),
        cluster=alive["digest"],
        split=["test", "train", "train", "train"],
        label=40.0,
        licence=alive["url"].map({"http://a.example/cat0.jpg": "CC BY 4.0"}),
        photographer="<b>Ada</b>",
        views=7,
    )
    predictions = manifest[["digest", "category", "split", "label"]].assign(prediction=42.0)
    files = {
        "links.parquet": parquet(links, SCHEMA),
        "manifest.parquet": parquet(manifest),
        "predictions.parquet": parquet(predictions),
        "lives.parquet": parquet(pd.DataFrame(LIVES_OF_LINKS, columns=LIVES)),
        "report.html": b"<!doctype html><title>report</title>",
        "metrics.json": metrics_record().to_bytes(),
        "run.json": run_record().to_bytes(),
    }
    versions.publish(store, VERSION, files)
    return folder


@pytest.fixture
def store(one_version: Path, tmp_path: Path) -> Store:
    """A copy of that store."""
    return Store(str(shutil.copytree(one_version, tmp_path / "store")))


@pytest.fixture
def pages(store: Store) -> Iterator[TestClient]:
    """The pages of that store, as this machine's browser sees them."""
    with browser(store) as client:
        yield client


def browser(
    store: Store, address: str = "127.0.0.1", ask_prefect: AskPrefect | None = None, **access: object
) -> TestClient:
    """A browser at an address, for the pages of a store."""
    from regraft.flows.web.access import Access

    app = curator(store, Access(**access), ask_prefect)  # type: ignore[arg-type]
    return TestClient(app, HOST, client=(address, 50_000), follow_redirects=False)


def digest_of_link(store: Store, url: str) -> Digest:
    """The picture that a link of the version shows."""
    links = versions.newest(store).table("links.parquet")
    return Digest(links["digest"][links["url"] == url].iloc[0])


def csrf(text: str) -> str:
    """What a form of a page holds, so that this server knows that it has made it."""
    match = re.search(r'name="csrf" value="(\w+)"', text)
    assert match
    return match[1]
