"""The commands of the README and of docs/, run as they stand where a version is published and photographs lie."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from regraft.config_file import load_config
from regraft.flows.cli.deploy import PROBE_PATH
from regraft.flows.cli.prefect_reports import EVENTS_STAY
from regraft.menagerie.drawing import drawing, encoded
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from tests.command_line import Regraft
from tests.docs_commands import BIN, ROOT, block, commands, output
from tests.processes import free_port, until_healthy, without_prefect


@pytest.fixture
def here(first: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the default store, in which a second version is champion, and pictures."""
    shutil.copytree(first.store.url, tmp_path / "artifacts")
    store = Store(str(tmp_path / "artifacts"))
    again = versions.new_name(store)
    shutil.copytree(tmp_path / "artifacts" / "versions" / first.name, tmp_path / "artifacts" / "versions" / again)
    versions.promote(store, again, first.name)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(encoded(drawing("cat", "readme"), "JPEG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.server
def test_the_two_commands_of_a_fresh_machine(tmp_path: Path) -> None:
    """`make run` as it stands, in a folder whose set-up is done; `make test` is what runs this."""
    for part in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / part, tmp_path)
    (tmp_path / "ready").touch()
    plain = without_prefect(PREFECT_HOME=str(tmp_path / "prefect"))
    run, test = (shlex.split(command) for command in commands("fresh-machine"))
    assert (run[0], test[0]) == ("make", "make")
    ready = (f"BIN={BIN}", "READY=ready")
    ran = subprocess.run([*run, *ready], cwd=tmp_path, env=plain, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert without_numbers(ran.stdout.partition("menagerie: ")[2]) == without_numbers(
        block("summary").text.partition("menagerie: ")[2]
    )
    assert list((tmp_path / "artifacts" / "versions").glob("*/report.html"))
    shown = subprocess.run([*test, *ready, "--dry-run"], cwd=tmp_path, env=plain, capture_output=True, text=True)
    command = f"{BIN}/python -m pytest --no-loadscope-reorder --numprocesses 3 --dist loadgroup"
    assert shown.stdout.strip() == f"OPENBLAS_NUM_THREADS=1 {command}"


def without_numbers(summary: str) -> str:
    """A run's summary as text that is the same after each run: without numbers, and without the folder it ran in."""
    lines = [line for line in summary.strip().splitlines() if not line.startswith("  lost ")]
    return re.sub(r"[\d.]+", "#", re.sub(r"\S*/artifacts/versions/\w+", "artifacts", "\n".join(lines)))


def run_each(commands: list[str], regraft: Regraft) -> None:
    for command in commands:
        words = shlex.split(command)
        assert words[0].endswith("regraft")
        ran = regraft(*words[1:])
        assert ran.code == 0, f"{command}: {ran.err}"


def test_the_commands_of_every_day(here: Path, regraft: Regraft) -> None:
    everyday = commands("everyday")
    assert len(everyday) == 6
    run_each(everyday, regraft)
    assert Path("lengths.csv").exists()
    assert list(Path("felidae-set/train").glob("*/*"))
    run_each(commands("look"), regraft)


def test_what_a_version_is_good_for(here: Path, first: Version, regraft: Regraft) -> None:
    using = commands("version")
    assert len(using) >= 8
    run_each(using, regraft)
    champion = versions.champion(Store("artifacts"))
    assert champion is not None
    assert champion.name == first.name
    assert Path("lengths.csv").exists()
    assert list(here.glob("*.onnx"))


def test_the_example_of_a_config_is_one(tmp_path: Path) -> None:
    (tmp_path / "felidae.yaml").write_text(block("config").text)
    config = load_config(tmp_path / "felidae.yaml")
    assert set(config.categories) == {"tiger", "kittycat"}
    assert block("tutorial-config").text == block("config").text


def test_a_first_config_is_one(tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_each(commands("init"), regraft)
    assert set(load_config("job.yaml").categories) == {"tiger", "cat"}


@pytest.mark.usefixtures("prefect_server")
def test_ones_own_lists(here: Path, known_web: str, regraft: Regraft) -> None:
    """As they stand, but with the menagerie's lists in place of files whose links need the internet."""
    shutil.copytree(known_web, here / "artifacts" / "felidae")
    ours = ("--list", "tiger=menagerie:tiger", "--list", "kittycat=menagerie:cat")
    init, run, look = commands("own-lists")
    assert commands("tutorial-own-lists") == [init, run, look]
    [tutorial] = commands("tutorial-lists")
    assert regraft(*shlex.split(init)[1:]).code == 0
    assert set(load_config(here / "felidae.yaml").categories) == {"tiger", "kittycat"}
    ran = regraft(*shlex.split(run)[1:], *ours)
    assert ran.code == 0, ran.err
    assert "champion" in regraft(*shlex.split(look)[1:]).out
    (here / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "felidae.yaml", here / "examples")
    words = [
        word.replace("tiger=PATH", ours[1]).replace("kittycat=PATH", ours[3]) for word in shlex.split(tutorial)[1:]
    ]
    ran = regraft(*words)
    assert ran.code == 0, ran.err


def test_what_became_of_a_link(here: Path, regraft: Regraft) -> None:
    look, accept = commands("one-link")
    assert regraft(*shlex.split(look)[1:]).code == 0
    assert regraft(*shlex.split(accept)[1:]).code == 11  # that link is an example: it is in no list of this store


def test_what_an_archive_brings_back(here: Path, regraft: Regraft) -> None:
    show, story = (regraft(*shlex.split(command)[1:]).out for command in commands("archived"))
    words, lines = without_names(output("archived")), without_names(show)
    assert words[0] in lines
    assert words[1:] == without_names(story)


def test_what_a_person_decides(here: Path, regraft: Regraft) -> None:
    run_each(commands("curating"), regraft)
    write, read = (shlex.split(command) for command in commands("curating-table"))
    assert write[-2] == ">"
    Path(write[-1]).write_text(regraft(*write[1:-2]).out, encoding="utf-8")
    assert regraft(*read[1:]).out == f"{write[-1]}: 0 decided, 4 were decided so already.\n"


@pytest.mark.usefixtures("prefect_server")
def test_a_picture_is_taken_out(
    first: Version, tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(first.store.url, "artifacts")
    printed = ""
    for command in commands("removing"):
        ran = regraft(*shlex.split(command)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        printed += ran.out
    # Whether this server knows of the version's report depends on which test has had it made.
    printed, expected = (text.replace(EVENTS_STAY, "") for text in (printed, output("removing")))
    assert without_names(printed) == without_names(expected)
    Path("wishes.txt").write_text("http://nowhere.example/1.jpg\n")
    run_each(commands("removing-more"), regraft)


def without_names(printed: str) -> list[str]:
    """What a command prints, without names of files, numbers, times, and what only draws a table."""
    lines = (re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", line).strip() for line in printed.splitlines())
    named = (re.sub(r"^Receipt: .*/", "Receipt: ", re.sub(r"#[T#]*Z", "#", line)) for line in lines)
    return [re.sub(r"\s+", " ", line) for line in named if re.search(r"\w", line)]


@pytest.mark.server
def test_a_server_with_a_password_lets_nobody_in_without(tmp_path: Path) -> None:
    """The two exports of docs/operations.md, as they stand, in a shell that then starts a server."""
    server_side, clients_side = commands("password")
    [completion] = commands("completion")
    port = free_port()
    plain = without_prefect(PREFECT_HOME=str(tmp_path / "prefect"), HOME=str(tmp_path))
    start = (
        f"{server_side}; {clients_side}; echo $PREFECT_API_AUTH_STRING; exec {BIN}/prefect server start --port {port}"
    )
    command = ["bash", "-c", start]
    api = f"http://127.0.0.1:{port}/api"
    with subprocess.Popen(command, env=plain, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        password = server.stdout.readline().strip()
        try:
            until_healthy(api)
            assert re.fullmatch("admin:[0-9a-f]{32}", password)
            assert requests.post(f"{api}/flows/filter", timeout=30).status_code == 401
            assert requests.get(api + PROBE_PATH, timeout=30).status_code == 401
            ours = plain | {"PREFECT_API_URL": api, "PREFECT_API_AUTH_STRING": password}
            pools = subprocess.run([BIN / "prefect", "work-pool", "ls"], env=ours, capture_output=True, text=True)
            assert pools.returncode == 0, pools.stderr
        finally:
            server.terminate()
    installed = subprocess.run(["bash", "-c", f"{completion}; true"], env=plain, capture_output=True, text=True)
    assert "installed" in installed.stdout, installed.stderr
