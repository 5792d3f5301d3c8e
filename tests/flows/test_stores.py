"""Which store a command works on, and what it says where there is none."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from regraft.errors import StoreError
from regraft.flows.cli import stores
from regraft.store import versions
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.store.version import LAST_FILE
from tests.command_line import Regraft

NOBODY = 65534
COMMANDS = [
    ["versions"],
    ["show"],
    ["diff", "champion"],
    ["report", "--no-browse"],
    ["links", "http://example.org/cat.jpg"],
    ["verify"],
    ["verify", "--repair"],
    ["prune"],
    ["prune", "--yes"],
    ["accept", "http://example.org/cat.jpg"],
    ["reject", "http://example.org/cat.jpg"],
    ["decisions"],
    ["remove", "http://example.org/cat.jpg"],
    ["remove", "http://example.org/cat.jpg", "--why", "the owner wants it", "--yes"],
    ["promote", "champion"],
    ["predict", "cat.jpg"],
    ["export", "champion", "--to", "onnx"],
    ["dataset", "champion", "out", "--to", "csv"],
    ["serve"],
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def made(url: str, version: str = "") -> str:
    """A store that a run has worked on, which published a version where one is named."""
    store = Store(url)
    put_layout(store.disk, Layout())
    if version:
        versions.publish(store, version, {LAST_FILE: b"{}"})
    return url


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_store_that_is_not_there_is_an_error(here: Path, regraft: Regraft, words: list[str]) -> None:
    made("artifacts/felidae")
    for missing in ("nowhere", "."):
        ran = regraft(*words, "--store", missing)
        assert (ran.code, ran.out) == (3, "")
        assert "There is no store at" in ran.err
        assert "Stores here are: artifacts/felidae." in ran.err
    assert {path.name for path in here.iterdir()} == {"artifacts"}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_where_no_store_is_every_command_says_so(here: Path, regraft: Regraft, words: list[str]) -> None:
    ran = regraft(*words)
    assert (ran.code, ran.out) == (3, "")
    assert f"No store lies in {here}" in ran.err
    assert list(here.iterdir()) == []


def test_a_folder_with_other_things_is_no_store(here: Path, regraft: Regraft) -> None:
    (here / "versions").mkdir()
    (here / "versions" / "notes.txt").write_text("mine")
    (here / "artifacts").mkdir()
    assert regraft("verify").code == 3


def test_the_store_of_the_job_that_ran_last_is_worked_on() -> None:
    made("artifacts", "20261101T000000Z")
    made("artifacts/felidae", "20261103T000000Z")
    made("photos", "20261102T000000Z")
    assert stores.open_store(None).url == "artifacts/felidae"
    made("other", "99999999T999999Z")  # no clock has made it
    assert stores.open_store(None).url == "other", "the last one that was touched"
    shutil.rmtree("other")
    stores.remember_store("photos")
    assert stores.open_store(None).url == "photos"


def test_a_store_that_lies_elsewhere_is_remembered(tmp_path: Path) -> None:
    made("artifacts", "20261101T000000Z")
    elsewhere = made(f"local://{tmp_path}/elsewhere")
    stores.remember_store(elsewhere)
    assert stores.open_store(None).url == elsewhere
    shutil.rmtree(tmp_path / "elsewhere")
    assert stores.open_store(None).url == "artifacts"


@pytest.mark.parametrize("url", ["artifacts/", "./artifacts", "{here}/artifacts", "link"])
def test_a_store_that_the_config_names_otherwise_is_the_same(here: Path, regraft: Regraft, url: str) -> None:
    made("artifacts", "20261101T000000Z")
    (here / "link").symlink_to("artifacts")
    url = url.format(here=here)
    stores.remember_store(url)
    assert stores.store_option(Store(url)) == ""
    assert "Others here" not in regraft("verify").err


def test_of_several_stores_it_is_said_which_one(regraft: Regraft) -> None:
    made("artifacts/b\x1b[2J", "20261101T000000Z")
    made("artifacts/a", "20261102T000000Z")
    ran = regraft("versions")
    assert "the store artifacts/a, where a job ran last" in ran.err
    assert "\x1b" not in ran.err


def test_a_store_of_format_0_is_one() -> None:
    Store("old").disk.write("links/shard-0003.parquet", b"")
    assert stores.open_store(None).url == "old"


def test_a_damaged_store_is_one() -> None:
    Store("damaged").disk.write("store.json", b"{")
    assert stores.open_store(None).url == "damaged"


def test_the_commands_to_try_next_name_the_store_where_they_must() -> None:
    first, second = Store(made("artifacts", "20261101T000000Z")), Store(made("my photos", "20261102T000000Z"))
    assert stores.store_option(second) == ""
    assert stores.store_option(first) == " --store artifacts"
    stores.remember_store("artifacts")
    assert stores.store_option(second) == " --store 'my photos'"


@pytest.fixture
def closed_folder(here: Path) -> Iterator[None]:
    """A folder that this process may not enter; to root no permission applies, so it goes on as another user."""
    (here / "lost+found").mkdir(mode=0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(user)


def test_a_folder_that_may_not_be_entered_is_passed_over(closed_folder: None) -> None:
    with pytest.raises(StoreError, match="No store lies in"):
        stores.open_store(None)


@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "folder", "binary", "long"])
def test_what_is_no_name_of_a_store_stops_nobody(here: Path, regraft: Regraft, kind: str) -> None:
    match kind:
        case "pipe":
            os.mkfifo(stores.LAST_STORE)
        case "device":
            stores.LAST_STORE.symlink_to("/dev/zero")
        case "loop":
            stores.LAST_STORE.symlink_to(stores.LAST_STORE)
        case "folder":
            stores.LAST_STORE.mkdir()
        case "binary":
            stores.LAST_STORE.write_bytes(b"\xff\0")
        case _:
            stores.LAST_STORE.write_text("/nowhere/" + "x" * 100_000)
    ran = regraft("versions")
    assert ran.code == 3
    assert len(ran.err) < 10_000


def test_a_store_that_cannot_be_remembered_stops_nobody(here: Path) -> None:
    stores.LAST_STORE.mkdir()
    stores.remember_store("artifacts")
    with pytest.raises(StoreError):
        stores.open_store(None)
