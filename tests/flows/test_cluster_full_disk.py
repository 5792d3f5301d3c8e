"""A full disk on one of two Dask workers: one sentence, or none where the disk is not needed; and nothing is lost."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

from regraft.config import Config, EngineSettings
from regraft.errors import StoreError
from regraft.menagerie.drawing import drawing, encoded
from regraft.store.store import Store
from tests.buckets import BucketServer
from tests.clusters import Cluster, dask_cluster
from tests.flows.fetching import fetch_links
from tests.hostile import Talk, ok, serving
from tests.moved_web import RESULT_COLUMNS, job, remembered

FULL_DISK = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=8k full "$0" && exec "$@"')
"""Runs what follows so that it sees a disk of two pages in a folder's place, and nobody else does."""
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        subprocess.run([*FULL_DISK, "/mnt", "true"], capture_output=True, check=False).returncode != 0,
        reason="this machine lets nobody mount a small disk",
    ),
]
PICTURES = [encoded(drawing("cat", f"full disk {number}"), "JPEG") for number in range(12)]
"""One a host."""


def answer(talk: Talk) -> None:
    """Show a picture at every link."""
    number = int(urlsplit(talk.path).path.strip("/"))
    talk.say(ok(PICTURES[number % len(PICTURES)]))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    with dask_cluster(tmp_path) as started:
        yield started


@pytest.fixture
def config(tmp_path: Path, cluster: Cluster) -> Iterator[Config]:
    """A job on that cluster, and the web of its links."""
    with serving(answer) as server:
        config = job(tmp_path, f"http://127.0.0.1:{server.port}", machines=1, processes=2)
        yield config.model_copy(update={"engine": EngineSettings(kind="dask", address=cluster.address)})


@pytest.fixture
def on_one_machine(prefect_server: None, config: Config, tmp_path: Path) -> pd.DataFrame:
    """What one machine finds."""
    alone = config.model_copy(update={"engine": EngineSettings(), "store": str(tmp_path / "one")})
    fetch_links(alone)
    return remembered(alone)[RESULT_COLUMNS]


def test_a_worker_that_cannot_keep_pictures_ends_a_run_in_a_sentence_and_the_next_one_goes_on(
    config: Config, cluster: Cluster, on_one_machine: pd.DataFrame
) -> None:
    pictures = Path(config.store, "blobs")
    pictures.mkdir(parents=True)
    full, _ = cluster.start_worker(prefix=[*FULL_DISK, str(pictures)]), cluster.start_worker()
    cluster.wait_for_workers(2)
    with pytest.raises(StoreError) as error:
        fetch_links(config)
    assert "cannot be written: No space left on device. Make room" in str(error.value)
    assert "\n" not in str(error.value)
    full.kill()
    cluster.wait_for_workers(1)
    fetch_links(config)
    pd.testing.assert_frame_equal(remembered(config)[RESULT_COLUMNS], on_one_machine)
    digests = set(on_one_machine["digest"]) - {""}
    assert all(Store(config.store).blobs.at(digest).is_whole for digest in digests)


def test_a_worker_without_room_for_copies_does_without_them(
    config: Config, cluster: Cluster, on_one_machine: pd.DataFrame, bucket: str, bucket_server: BucketServer
) -> None:
    folder = cluster.folder / "full"
    folder.mkdir()
    cluster.environment |= bucket_server.environment | {"TMPDIR": str(folder)}
    cluster.start_worker(prefix=[*FULL_DISK, str(folder)])
    cluster.wait_for_workers(1)
    in_bucket = config.model_copy(update={"store": f"{bucket}/store"})
    fetch_links(in_bucket)
    pd.testing.assert_frame_equal(remembered(in_bucket)[RESULT_COLUMNS], on_one_machine)
