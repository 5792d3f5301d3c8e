"""The command line, as people use it: what it prints, and how it ends."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.menagerie.drawing import drawing, encoded
from regraft.store import versions
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.store.version import Version
from tests.command_line import Regraft

TIGER, CAT = "{mean: 100, std: 30, min: 20}", "{mean: 40, std: 8, min: 10}"


def job(folder: Path, tiger: str = "menagerie:tiger", more: str = "") -> Path:
    path = folder / "job.yaml"
    path.write_text(
        f"name: job\nstore: {folder / 'store'}\n{more}\ncategories:\n"
        f"  tiger: {{list: '{tiger}', label: {TIGER}}}\n  cat: {{list: 'menagerie:cat', label: {CAT}}}\n"
        "fetch: {deadline_s: 2, attempts: 1, max_bytes: 2000000}\n"
    )
    return path


def empty_list(folder: Path) -> Path:
    (folder / "empty.txt").write_text("\n# nothing\n\n")
    return job(folder, "empty.txt")


def list_that_is_no_text(folder: Path) -> Path:
    (folder / "noise.txt").write_bytes(bytes(range(256)) * 9)
    return job(folder, "noise.txt")


def missing_list(folder: Path) -> Path:
    return job(folder, "nowhere.txt")


def only_dead_links(folder: Path) -> Path:
    (folder / "dead.txt").write_text("http://127.0.0.1:1/a.jpg\nhtp:/b\n")
    return job(folder, "dead.txt")


def too_few_images(folder: Path) -> Path:
    return job(folder, more="split: {min_images: 5000}")


def no_yaml(folder: Path) -> Path:
    path = folder / "job.yaml"
    path.write_text("a: b\n: [: ]{")
    return path


def no_config(folder: Path) -> Path:
    return folder / "nothing.yaml"


def unknown_key(folder: Path) -> Path:
    return job(folder, more="sede: 7")


def gpu_that_is_not_there(folder: Path) -> Path:
    return job(folder, more="device: gpu")


def weights_that_are_not_there(folder: Path) -> Path:
    return job(folder, "missing.txt", more="backbone: {name: vgg16, weights: vgg16.npy}")


def unwritable_store(folder: Path) -> Path:
    path = job(folder)
    path.write_text(path.read_text().replace(str(folder / "store"), "/proc/nowhere"))
    return path


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("make_job", "code", "expected"),
    [
        (empty_list, 2, "'tiger'"),
        (list_that_is_no_text, 2, "is not text"),
        (missing_list, 2, "is not there"),
        (only_dead_links, 6, "'tiger' has 0 images"),
        (too_few_images, 6, "at least 5000"),
        (no_yaml, 2, "not YAML (line 2)"),
        (no_config, 2, "regraft init"),
        (unknown_key, 2, "did you mean `seed`?"),
        (unwritable_store, 3, "cannot be written"),
        (gpu_that_is_not_there, 2, "TensorFlow sees no GPU here"),
        (weights_that_are_not_there, 7, "vgg16.npy cannot be read"),
    ],
)
def test_bad_input_gets_one_clear_message_and_publishes_nothing(
    tmp_path: Path, regraft: Regraft, make_job: Callable[[Path], Path], code: int, expected: str
) -> None:
    ran = regraft("run", make_job(tmp_path))
    assert ran.code == code
    message = ran.err[ran.err.index("regraft: " if " ..." not in ran.err else ran.err.splitlines()[-1]) :]
    assert expected in message
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert versions.names(Store(str(tmp_path / "store"))) == []


@pytest.mark.parametrize("place", ["nowhere/job.yaml", "file/job.yaml", "/proc/job.yaml"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, regraft: Regraft, place: str) -> None:
    (tmp_path / "file").touch()
    ran = regraft("init", tmp_path / place)
    assert ran.code == 3
    assert f"{tmp_path / place} cannot be written: " in ran.err


def test_a_command_without_a_terminal_works(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "regraft.flows.cli", "init", "job.yaml"]
    closed = f"cd {shlex.quote(str(tmp_path))} && {shlex.join(command)} >&- 2>&-"
    assert subprocess.run(["bash", "-c", closed]).returncode == 0
    assert (tmp_path / "job.yaml").exists()


def test_a_closed_standard_input_names_nothing(tmp_path: Path) -> None:
    put_layout(Store(str(tmp_path / "store")).disk, Layout())
    command = [sys.executable, "-m", "regraft.flows.cli", "remove", "--from", "-", "--store", str(tmp_path / "store")]
    ran = subprocess.run(["bash", "-c", f"{shlex.join(command)} <&-"], capture_output=True, text=True)
    assert ran.returncode == 11
    assert ran.stderr.startswith("regraft: - names nothing")


@pytest.mark.usefixtures("prefect_server")
def test_a_second_run_is_told_that_one_is_under_way(tmp_path: Path, regraft: Regraft) -> None:
    with Store(str(tmp_path / "store")).run():
        ran = regraft("run", job(tmp_path))
    assert ran.code == 4
    assert "Another run is under way" in ran.err


def test_a_list_for_a_category_that_is_not_there_is_refused(tmp_path: Path, regraft: Regraft) -> None:
    ran = regraft("run", job(tmp_path), "--list", "lion=x.txt")
    assert ran.code == 2
    assert "has no category 'lion'; it has: tiger, cat" in ran.err


@pytest.mark.parametrize("command", ["run", "init"])
def test_two_lists_for_one_category_are_refused(tmp_path: Path, regraft: Regraft, command: str) -> None:
    ran = regraft(command, tmp_path / "job.yaml", "--list", "cat=a.txt", "--list", "cat=b.txt")
    assert ran.code == 2
    assert "'cat' has the list a.txt already" in ran.err
    assert not (tmp_path / "job.yaml").exists()


@pytest.mark.usefixtures("prefect_server")
def test_a_first_run_tells_what_it_found_and_where_to_look(known_web: str, regraft: Regraft) -> None:
    ran = regraft("run", "--store", f"local://{known_web}")  # fsspec's local files: a remote store, to Regraft
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert 8 <= len(lines) <= 14
    assert "above it" in ran.out or "below it" in ran.out
    report = next(line for line in lines if line.startswith("Look next:")).split()[-1]
    assert Path(report.removeprefix("local://")).read_text().startswith("<!doctype html>")


def test_versions_and_promotion(first: Version, regraft: Regraft) -> None:
    store = ("--store", first.store.url)
    assert first.name in regraft("versions", *store).out
    rows = json.loads(regraft("versions", *store, "--json").out)
    assert [row["version"] for row in rows if row["champion"]] == [first.name]
    assert "is the champion" in regraft("promote", first.name, *store).out
    assert regraft("promote", "1999", *store).code == 9


def test_predictions_are_a_table_and_a_picture(first: Version, tmp_path: Path, regraft: Regraft) -> None:
    for animal in ("tiger", "cat"):
        (tmp_path / f"{animal}.jpg").write_bytes(encoded(drawing(animal, "new"), "JPEG"))
    images = [tmp_path / "tiger.jpg", tmp_path / "cat.jpg"]
    picture = ("--store", first.store.url, "--picture", tmp_path / "lengths.png")
    assert "tiger.jpg" in regraft("predict", *images, *picture).out
    assert (tmp_path / "lengths.png").read_bytes().startswith(b"\x89PNG")
    tiger, cat = json.loads(regraft("predict", *images, *picture, "--json").out)
    assert tiger["length_cm"] > 70 > cat["length_cm"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [("nowhere.jpg", "cannot be read"), ("http://127.0.0.1/x.jpg", "not a public address"), (__file__, "no picture")],
)
def test_what_is_no_picture_is_named(first: Version, regraft: Regraft, image: str, expected: str) -> None:
    ran = regraft("predict", image, "--store", first.store.url)
    assert ran.code == 10
    assert image in ran.err
    assert expected in ran.err


def test_without_a_champion_there_is_nothing_to_predict_with(tmp_path: Path, regraft: Regraft) -> None:
    put_layout(Store(str(tmp_path)).disk, Layout())
    ran = regraft("predict", "x.jpg", "--store", tmp_path)
    assert ran.code == 9
    assert "regraft run" in ran.err


def test_a_link_tells_why_it_was_dropped(first: Version, regraft: Regraft) -> None:
    rows = first.table("links.parquet")
    gone = rows["url"][rows["reason"] == "gone"].iloc[0]
    assert "gone" in regraft("links", gone, "--store", first.store.url).out
    host = json.loads(regraft("links", "127.0.0.1", "--store", first.store.url, "--json").out)
    assert {row["reason"] for row in host} == {"blocked"}
    assert regraft("links", "http://unknown/", "--store", first.store.url).code == 11


def test_a_link_that_a_terminal_wrote_in_another_encoding_is_looked_for(first: Version, regraft: Regraft) -> None:
    typed = os.fsdecode("http://example.org/café.jpg".encode("cp1252"))
    for command in ("links", "accept"):
        ran = regraft(command, typed, "--store", first.store.url)
        assert ran.code == 11
        assert "http://example.org/café.jpg" in ran.err


def test_only_a_replaced_link_can_be_accepted(first: Version, regraft: Regraft) -> None:
    alive = first.table("manifest.parquet")["urls"].iloc[0][0]
    ran = regraft("accept", alive, "--store", first.store.url)
    assert ran.code == 11
    assert "nothing to accept" in ran.err


def test_commands_stand_in_groups_in_the_order_of_use(regraft: Regraft) -> None:
    help_page = regraft("--help").out
    groups = ["Run", "Look", "Use a version", "Put right", "Keep a store sound", "Serve"]
    places = [help_page.index(f"─ {group} ─") for group in groups]
    assert places == sorted(places)
