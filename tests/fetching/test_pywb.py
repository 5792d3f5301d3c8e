"""A real archive: pywb on loopback, with a WARC that the test writes.

pywb wants redis 2 and Prefect redis 8, so it lives in an environment of its own: REGRAFT_PYWB names the folder with its
programs, into which `pip install pywb` has put them.
"""

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
import requests

from regraft.config import ArchiveSettings, FetchSettings, ScreenSettings
from regraft.fetching.archive import archive_fetch, ask_archive
from regraft.fetching.crew import Crew
from regraft.identity import Digest, Url
from regraft.links.findings import Finding
from regraft.links.mementos import known_mementos
from regraft.links.memory import MEMORY
from regraft.links.merge import merged
from regraft.menagerie.drawing import jpeg
from regraft.store.store import Store
from regraft.store.tables import no_rows
from regraft.verdicts import Reason
from tests.processes import end, free_port, until

PYWB = os.environ.get("REGRAFT_PYWB", "")
pytestmark = pytest.mark.skipif(not PYWB, reason="REGRAFT_PYWB names no folder with pywb's programs")
NOW = datetime(2026, 2, 1, 3, tzinfo=UTC)
LINK, NOT_KEPT = "http://photos.savanna.example/cat/001.jpg?size=b", "http://photos.savanna.example/cat/002.jpg"
CAT = jpeg("cat", "pywb")
WRITE_WARC = """
import sys
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter
path, url, picture = sys.argv[1:]
head = StatusAndHeaders("200 OK", [("Content-Type", "image/jpeg")], protocol="HTTP/1.1")
with open(path, "wb") as file, open(picture, "rb") as body:
    writer = WARCWriter(file, gzip=True)
    date = {"WARC-Date": "2009-12-24T18:00:00Z"}
    writer.write_record(writer.create_warc_record(url, "response", body, http_headers=head, warc_headers_dict=date))
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port on which pywb serves a collection that holds the link."""
    folder = tmp_path / "pywb"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(CAT)
    commands = (
        ["wb-manager", "init", "photos"],
        ["python", "-c", WRITE_WARC, "cat.warc.gz", LINK, "cat.jpg"],
        ["wb-manager", "add", "photos", "cat.warc.gz"],
    )
    for program, *words in commands:
        subprocess.run([Path(PYWB, program), *words], cwd=folder, check=True, capture_output=True)
    port = free_port()
    server = subprocess.Popen(
        [Path(PYWB, "wayback"), "-b", "127.0.0.1", "-p", str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until("pywb answers", lambda: requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok, 60)
        yield port
    finally:
        end(server)


def test_pywb_gives_back_the_bytes_of_its_warc(port: int, tmp_path: Path) -> None:
    findings = [Finding(url=Url(url), reason=Reason.GONE, http_status=404) for url in (LINK, NOT_KEPT)]
    table = pd.DataFrame({"url": [LINK, NOT_KEPT], "category": "cat"})
    links = merged(table, findings, no_rows(MEMORY), now=NOW, since=NOW, near=6)
    store = Store(str(tmp_path / "store"))
    wanted = ArchiveSettings(timegate=f"http://127.0.0.1:{port}/photos/", near=date(2010, 1, 1), pace_s=0)
    settings = archive_fetch(FetchSettings(allow=(f"127.0.0.1:{port}",), attempts=1), wanted)
    with Crew(store.url, settings, ScreenSettings()) as crew:
        assert ask_archive(links, wanted, crew, store, NOW) == 1
    rows = known_mementos(store).set_index("url")
    assert store.blobs.read(Digest(str(rows.loc[LINK, "digest"]))) == CAT
    assert rows.loc[LINK, "memento"] == f"http://127.0.0.1:{port}/photos/20091224180000id_/{LINK}"
    assert rows.loc[LINK, "memento_at"] == pd.Timestamp("2009-12-24 18:00", tz="UTC")
    assert (rows.loc[NOT_KEPT, "digest"], rows.loc[NOT_KEPT, "reason"]) == ("", "gone")
