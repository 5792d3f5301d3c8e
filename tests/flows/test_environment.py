"""What the environment says about Prefect and proxies either works, or is one sentence before any work."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from regraft.errors import ConfigError, ServerError
from regraft.flows.cli.prefect_api import check_client, check_server, has_settings_of_its_own, use_writable_home
from tests.hostile import ok, serving
from tests.processes import without_prefect

pytestmark = pytest.mark.server


def started(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`regraft` in a process and with a home folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "regraft.flows.cli", *words, "--store", str(folder / "store")],
        env=without_prefect(HOME=str(folder)) | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an API that answers as the parameter says; one where nobody answers for None."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    def use(url: str) -> Iterator[str]:
        with temporary_settings({PREFECT_API_URL: url}):
            yield url

    if request.param is None:
        yield from use("http://127.0.0.1:9/api")
        return
    with serving(lambda talk: talk.say(request.param)) as server:
        yield from use(f"{server.url}api")


@pytest.mark.parametrize(
    "api",
    [
        None,
        b"",
        ok(b"<html>", "Content-Type: text/html"),
        ok(b"{}", "Content-Type: application/json"),
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
    ],
    indirect=True,
)
def test_a_server_that_does_not_answer_as_prefect_does_is_named(api: str) -> None:
    with pytest.raises(ServerError) as refused:
        check_server()
    message = str(refused.value)
    assert f"Prefect's server at {api} does not answer as it should" in message
    assert "\n" not in message


@pytest.mark.usefixtures("prefect_server")
def test_a_server_that_answers_is_used() -> None:
    check_server()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:1"), ("HTTP_PROXY", "foo://bar"), ("SSL_CERT_FILE", "/nowhere.pem")],
)
def test_an_environment_that_prefects_client_does_not_take_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name) as refused:
        check_client()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("environment", "code", "expected"),
    [
        ({"SSL_CERT_FILE": "/nowhere.pem"}, 2, "SSL_CERT_FILE"),
        ({"PREFECT_API_URL": "http://127.0.0.1:9/api"}, 13, "Prefect's server at http://127.0.0.1:9/api"),
        ({"PREFECT_LOGGING_LEVEL": "LOUD"}, 2, "Prefect refuses its settings (LoggingSettings, level:"),
        ({"PREFECT_API_URL": "http://[::1/api"}, 2, "Prefect refuses its settings (Settings: "),
        ({"PREFECT_API_URL": "http://127.0.0.1:9/a pi\n"}, 13, "Prefect's server at http://127.0.0.1:9/a pi does not"),
    ],
)
def test_a_run_that_cannot_reach_prefect_ends_with_one_sentence(
    tmp_path: Path, environment: dict[str, str], code: int, expected: str
) -> None:
    ran = started(tmp_path, "run", **environment)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
    line = ran.stderr.splitlines()[-1]  # Prefect may have said something before it
    assert line.startswith("regraft: ")
    assert expected in line
    assert ran.stdout == ""
    assert not (tmp_path / "store").exists()


SETTINGS_FILES: dict[str, list[str | bytes | None]] = {
    "prefect.toml": ["a = = b", "client = 5\n", b"\xff\xfe", None],
    "pyproject.toml": ["[tool.prefect.client]\nmax_retries = 'many'\n", None],
    ".env": ["PREFECT_API_REQUEST_TIMEOUT=soon\n"],
    "home/profiles.toml": ["x = = ", "active = 'a'\n[profiles.a]\nPREFECT_API_REQUEST_TIMEOUT = 'soon'\n", None],
}
"""Files of settings that Prefect refuses, in as many ways; None is a folder of that name."""


def test_no_server_starts_where_prefect_refuses_its_settings(tmp_path: Path) -> None:
    """Each way in a fork of one process that has imported most of what Prefect does before it reads its settings."""
    script = """
import os, sys
from pathlib import Path
import pydantic_settings
from regraft.flows.cli import temporary_server
from regraft.errors import ConfigError
for place in sys.argv[1:]:
    if os.fork() == 0:
        os.chdir(place)
        os.environ["PREFECT_HOME"] = f"{place}/home"
        if place.endswith("variable"):
            os.environ["PREFECT_API_REQUEST_TIMEOUT"] = "soon"
        try:
            temporary_server.start()
        except ConfigError as error:
            print(str(error).startswith("Prefect refuses its settings ("), len(temporary_server._servers), flush=True)
        os._exit(0)
    os.wait()
"""
    places = [tmp_path / "variable"]
    (tmp_path / "variable" / "home").mkdir(parents=True)
    for name, contents in SETTINGS_FILES.items():
        for content in contents:
            places.append(tmp_path / str(len(places)))
            path = places[-1] / name
            (places[-1] / "home").mkdir(parents=True)
            if content is None:
                path.mkdir()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
    command = [sys.executable, "-c", script, *map(str, places)]
    ran = subprocess.run(command, env=without_prefect(), capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["True 0"] * len(places), ran.stderr


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pyproject.toml", "[project]\ndependencies = ['prefect']\n", False),
        ("pyproject.toml", "[tool.prefect]\n", True),
        (".env", "TOKEN=x\n", False),
        (".env", "PREFECT_API_URL=x\n", True),
        ("prefect.toml", "", True),
        ("home/profiles.toml", "", True),
        ("other.toml", "[tool.prefect]", False),
    ],
)
def test_files_of_settings_are_known_before_prefect_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in [variable for variable in os.environ if variable.startswith("PREFECT_")]:
        monkeypatch.delenv(variable)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    (tmp_path / name).write_text(text)
    assert has_settings_of_its_own() is expected


def test_without_a_home_folder_prefect_gets_one_for_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", "")  # so that it is put back
    monkeypatch.setenv("HOME", str(tmp_path))
    use_writable_home()
    assert os.environ["PREFECT_HOME"] == ""
    monkeypatch.setenv("HOME", "/proc/nowhere")
    use_writable_home()
    home = Path(os.environ["PREFECT_HOME"])
    assert list(home.iterdir()) == []
    use_writable_home()
    assert os.environ["PREFECT_HOME"] == str(home)


def test_a_home_that_prefect_cannot_write_to_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", "/proc/nowhere")
    with pytest.raises(ConfigError, match="PREFECT_HOME is /proc/nowhere, and"):
        use_writable_home()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_is_printed_as_its_code(tmp_path: Path, encoding: str) -> None:
    config = tmp_path / "žluťoučký.yaml"
    ran = subprocess.run(
        [sys.executable, "-m", "regraft.flows.cli", "init", str(config)],
        env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert config.name.encode(encoding, "backslashreplace") in ran.stdout


@pytest.mark.parametrize(("words", "code"), [(["--help"], 3), (["--version"], 3), (["run", "nowhere.yaml"], 2)])
@pytest.mark.parametrize("both", [False, True])
def test_output_that_cannot_be_written_is_no_traceback(words: list[str], code: int, both: bool) -> None:
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "regraft.flows.cli", *words],
            stdout=full,
            stderr=full if both else subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == code
    assert both or ran.stderr.count("regraft: ") == len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["verify", "--store", "nowhere"]])
def test_a_program_without_output_ends_as_it_would_with_it(words: list[str]) -> None:
    command = [sys.executable, "-m", "regraft.flows.cli", *words]
    codes = [
        subprocess.run(["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command], capture_output=True, check=False)
        for closed in ("", ">&-", "<&- >&- 2>&-")
    ]
    assert len({ran.returncode for ran in codes}) == 1
    assert not any(ran.stderr for ran in codes[1:] if words[0] != "verify")


def test_who_reads_only_the_first_lines_is_no_fault() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "regraft.flows.cli", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
