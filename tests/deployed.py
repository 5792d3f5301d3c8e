"""The dashboard commands of the docs, run once as they stand: a server, a worker, the deployments, and one run."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.docs_commands import ROOT, commands
from tests.processes import end, free_port, until, until_healthy, without_prefect

PARTS = ("flows", "tasks", "regraft", "deployment.yaml", "automations.yaml")
IN_THEIR_OWN_TERMINAL = ("server start", "worker start", "regraft serve")
TERMINAL_STATES = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class Server:
    """A Prefect server of our own, and the folder that it was deployed from."""

    api: str
    folder: Path
    environment: dict[str, str]
    reports: str
    """Where `regraft serve` answers, in place of the port that the docs name."""

    def get(self, path: str) -> Any:
        return requests.get(self.api + path, timeout=30).json()

    def post(self, path: str, body: Any) -> Any:
        def answers() -> list[requests.Response]:  # 503: its database is busy
            answer = requests.post(self.api + path, json=body, timeout=30)
            return [] if answer.status_code == requests.codes.unavailable else [answer]

        [answer] = until(f"{path} is answered", answers, 60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def find(self, what: str, **criteria: Any) -> Any:
        return self.post(f"/{what}/filter", criteria)

    def ended_run(self, run_id: str, seconds: float) -> dict[str, Any]:
        """Wait until a flow run has ended, and return it."""

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = self.get(f"/flow_runs/{run_id}")
            return run if run["state"]["type"] in TERMINAL_STATES else None

        return until(f"the run {run_id} ends", ended, seconds)

    def emit(self, event: str, resource: str, follows: str | None) -> str:
        """Emit an event that comes after another one, if one is named; return its id."""
        name, now = str(uuid4()), datetime.now(UTC).isoformat()
        body = {"id": name, "occurred": now, "event": event, "resource": {"prefect.resource.id": resource}}
        self.post("/events", [body | ({"follows": follows} if follows else {})])
        return name

    def events(self, event: str, resource: str) -> list[dict[str, Any]]:
        """The events of that name and resource."""
        criteria = {"event": {"name": [event]}, "resource": {"id": [resource]}}
        events: list[dict[str, Any]] = self.post("/events/filter", {"filter": criteria})["events"]
        return events


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("clone")
    for part in PARTS:
        whole = ROOT / part
        shutil.copytree(whole, folder / part) if whole.is_dir() else shutil.copy(whole, folder / part)
    port, reports_port = free_port(), free_port()
    api, reports = f"http://127.0.0.1:{port}/api", f"http://127.0.0.1:{reports_port}"
    environment = without_prefect(PREFECT_HOME=str(folder / "prefect"), PREFECT_SERVER_API_PORT=str(port))
    environment["PWD"] = str(folder)  # as a shell would
    with ExitStack() as running, open(folder / "log.txt", "wb") as log:
        for command in commands("dashboard"):
            if command.startswith("export PREFECT_API_URL="):
                environment["PREFECT_API_URL"] = api
            elif any(words in command for words in IN_THEIR_OWN_TERMINAL):
                if "regraft serve" in command:
                    command += f" --port {reports_port}"
                    until(
                        "the first run has published",
                        lambda: [*(folder / "artifacts").glob("versions/*/run.json")],
                        300,
                    )
                process = subprocess.Popen(shlex.split(command), cwd=folder, env=environment, stdout=log, stderr=log)
                running.callback(end, process)
                until_healthy(api)
                if "regraft serve" in command:
                    until(f"{reports} answers", lambda: requests.get(reports, timeout=5).ok, 120)
            else:
                subprocess.run(shlex.split(command), cwd=folder, env=environment, stdout=log, stderr=log, check=True)
        yield Server(api, folder, environment, reports)


@pytest.fixture(scope="session")
def deployment_run(deployed: Server) -> dict[str, Any]:
    """The flow run that the last of the dashboard commands started, once it has ended."""
    run = deployed.find("flow_runs", deployments={"name": {"any_": ["manual"]}}, sort="EXPECTED_START_TIME_ASC")[0]
    return deployed.ended_run(run["id"], 300)
