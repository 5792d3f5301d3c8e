"""A bucket on loopback: moto's server, which speaks S3, in a process of its own; and what it was asked."""

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.processes import free_port, until

Request = tuple[str, str]
"""The method and the path, without the bucket, of something that was asked."""
REQUEST = re.compile(r'"(GET|PUT|POST|HEAD|DELETE) (/\S*) HTTP')
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class BucketServer:
    """A server that speaks S3, and its log."""

    endpoint: str
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.endpoint}

    def bucket(self) -> str:
        """Make a bucket, and return its URL."""
        name = f"regraft-{uuid.uuid4().hex[:12]}"
        assert requests.put(f"{self.endpoint}/{name}", timeout=30).ok
        return f"s3://{name}"

    def requests(self, bucket: str) -> list[Request]:
        """Return everything that was asked of a bucket."""
        name = bucket.removeprefix("s3://").split("/")[0]
        prefix, lines = f"/{name}", REQUEST.findall(self.log.read_text(errors="replace"))
        return [(method, path.removeprefix(prefix)) for method, path in lines if path.startswith(prefix)]

    def count(self, bucket: str) -> int:
        """Return how many requests a bucket got."""
        return len(self.requests(bucket))


@pytest.fixture(scope="session")
def bucket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    """moto's server, for all tests."""
    with serving_buckets(tmp_path_factory.mktemp("moto") / "log.txt") as server:
        yield server


@contextmanager
def serving_buckets(log: Path) -> Iterator[BucketServer]:
    """Run moto's server, which writes a log."""
    port = free_port()
    with open(log, "wb") as file:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=file, stderr=file)
    server = BucketServer(f"http://127.0.0.1:{port}", log)
    try:
        until("moto's server answers", lambda: requests.get(server.endpoint, timeout=1).status_code < 500, 60)
        yield server
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def bucket(bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new bucket, which this process and those that it starts can use."""
    import s3fs

    for name, value in bucket_server.environment.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()  # which remembers the endpoint
    return bucket_server.bucket()
