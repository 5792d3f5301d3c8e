"""The docs' way to let Prefect's server keep its data in PostgreSQL, run as it stands on a real PostgreSQL."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs_commands import BIN, commands
from tests.processes import free_port, until_healthy, without_prefect

SEARCH_PATH = ":".join([*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ["PATH"]])
"""Debian keeps PostgreSQL's programs apart from the PATH, one folder for each version."""
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        shutil.which("initdb", path=SEARCH_PATH) is None,
        reason="there is no PostgreSQL here; Debian's package is postgresql",
    ),
]


def postgres(program: str, *words: object) -> str:
    """Run one of PostgreSQL's programs, and return what it prints. It refuses to be root: `nobody` runs it then."""
    command = [shutil.which(program, path=SEARCH_PATH) or program, *map(str, words)]
    if os.getuid() == 0:
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, cwd="/")
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a PostgreSQL with the user and the database `prefect`."""
    folder, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()  # nobody else may enter pytest's own folders
    if os.getuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
    data, log = folder / "data", folder / "log.txt"
    postgres("initdb", "--pgdata", data, "--username", "prefect", "--auth", "trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    postgres("pg_ctl", "--pgdata", data, "--log", log, "--options", options, "--wait", "start")
    try:
        postgres("createdb", "--host", "127.0.0.1", "--port", port, "--username", "prefect", "prefect")
        yield f"127.0.0.1:{port}"
    finally:
        postgres("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")
        shutil.rmtree(folder)


def test_prefects_server_keeps_its_data_in_postgresql(database: str, tmp_path: Path) -> None:
    [export] = commands("postgres")
    port = free_port()
    script = f"{export.replace('@HOST/', f'@{database}/')}; exec {BIN}/prefect server start --port {port}"
    environment = without_prefect(PREFECT_HOME=str(tmp_path / "prefect"))
    with open(tmp_path / "log.txt", "wb") as log:
        server = subprocess.Popen(["bash", "-c", script], env=environment, stdout=log, stderr=log)
        try:
            until_healthy(f"http://127.0.0.1:{port}/api")
            host, database_port = database.split(":")
            connection = ("--host", host, "--port", database_port, "--username", "prefect", "prefect")
            tables = postgres("psql", *connection, "--tuples-only", "--command", r"\dt")
            assert "flow_run" in tables
            assert not list((tmp_path / "prefect").glob("*.db"))
        finally:
            server.terminate()
            server.wait(30)
