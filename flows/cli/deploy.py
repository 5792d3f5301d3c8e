"""Deployments and automations put on a Prefect server, after a check that not everybody can reach it."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml

from regraft.errors import ConfigError
from regraft.flows.this_machine import is_loopback
from regraft.web.urls import DEFAULT_PORTS

ANSWER_DEADLINE_S = 5
"""Seconds that a server has to answer."""
PROBE_PATH = "/admin/version"
"""What a server without a password tells every client, and one with a password tells nobody who lacks it."""
NOBODYS_ADDRESS = ("192.0.2.1", 9)
"""An address that belongs to nobody: RFC 5737."""
MAX_ERROR_LINES = 8
"""Lines of a failed command's output that are repeated in the message."""


def deploy_files(deployments: Path, automations: Path, pool: str) -> Iterator[str]:
    """Deploy a file of deployments and one of automations; yield a line about each thing that was done.

    Raises ConfigError where there is no server, where the server is open to others, or where Prefect refuses a file.
    """
    from prefect.settings import get_current_settings

    api = get_current_settings().api.url
    if not api:
        raise ConfigError(
            "There is no Prefect server to deploy to. Start one with `prefect server start`, then "
            "`export PREFECT_API_URL=http://127.0.0.1:4200/api`."
        )
    content = _read(deployments, "deployments")
    automation_names = [automation["name"] for automation in _read(automations, "automations")["automations"]]
    check_closed(api)
    _make_pool(pool)
    yield f"work pool {pool}"
    for queue in _queues_in(content):
        _make_queue(queue, pool)
        yield f"work queue {queue}: one run at a time"
    for name in _keep_paused(content["deployments"]):
        yield f"deployment {name}: its schedule was paused by hand, and stays so"
    _deploy(content)
    yield from (f"deployment {deployment['name']}" for deployment in content["deployments"])
    for name in automation_names:
        _remove_automations(name)
        yield f"automation {name}"
    _prefect("automation", "create", "--from-file", str(automations))
    yield f"Next: prefect worker start --pool {pool}, then prefect deployment run refresh/manual"


def _read(file: Path, key: str) -> dict[str, Any]:
    """A YAML file that lists things by their names under a key. Raises ConfigError where it does not."""
    try:
        content = yaml.safe_load(file.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"There is no {file} here. Run this in the folder with Regraft's {file.name}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not YAML: {error}") from error
    listed = content.get(key) if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "name" in each for each in listed):
        raise ConfigError(f"{file} lists no {key}: expected `{key}:`, and beneath it entries with a `name`.")
    return content


def address_in_network() -> str | None:
    """Return this machine's address towards other machines; None where it has none. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(NOBODYS_ADDRESS)
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if is_loopback(address) else address


def check_closed(api: str, find_address: Callable[[], str | None] = address_in_network) -> None:
    """Raise ConfigError where other machines can use a Prefect server without a password.

    They can where it asks for none, and either its address is not a loopback one or it also answers at this machine's
    address in the network, which `find_address` returns.
    """
    parts = urlsplit(api)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 80)
    if not is_loopback(host):
        _check_asks_for_password(api)
    elif address := find_address():
        _check_asks_for_password(f"http://{address}:{port}{parts.path}", must_answer=False)


def _check_asks_for_password(api: str, must_answer: bool = True) -> None:
    """Raise ConfigError where a server answers whoever asks, or does not answer although it must."""
    try:
        answer = requests.get(api.rstrip("/") + PROBE_PATH, timeout=ANSWER_DEADLINE_S, allow_redirects=False)
    except requests.RequestException as error:
        if must_answer:
            raise ConfigError(f"The Prefect server at {api} does not answer: {error}") from error
        return
    if answer.ok:
        raise ConfigError(
            f"The Prefect server at {api} answers whoever asks, and who can ask it can run programs as your worker. "
            "Nothing was deployed. Let it listen on 127.0.0.1 only, or give it a password: "
            "PREFECT_SERVER_API_AUTH_STRING for the server, PREFECT_API_AUTH_STRING for you and the worker."
        )


def _make_pool(pool: str) -> None:
    """Make a work pool of processes, unless it is there."""
    try:
        _prefect("work-pool", "inspect", pool)
    except ConfigError:
        _prefect("work-pool", "create", "--type", "process", pool)


def _queues_in(content: dict[str, Any]) -> list[str]:
    """The work queues that a file of deployments names."""
    queues = ((deployment.get("work_pool") or {}).get("work_queue_name") for deployment in content["deployments"])
    return sorted({queue for queue in queues if queue})


def _make_queue(name: str, pool: str) -> None:
    """Make a work queue that starts one run at a time, or give the one that is there this limit."""
    try:
        _prefect("work-queue", "create", "--pool", pool, "--limit", "1", name)
    except ConfigError:
        _prefect("work-queue", "set-concurrency-limit", "--pool", pool, name, "1")


def _keep_paused(deployments: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Set schedules to inactive that are so on the server, and yield their deployments' names.

    Prefect would make them active again as the file has it, although somebody has paused them by hand.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    with get_client(sync_client=True) as client:
        for deployment in deployments:
            has_its_name = DeploymentFilter(name=DeploymentFilterName(any_=[deployment["name"]]))
            known = client.read_deployments(deployment_filter=has_its_name)
            schedules = [schedule for of_a_flow in known for schedule in of_a_flow.schedules]
            paused = {schedule.slug for schedule in schedules if schedule.slug and not schedule.active}
            for schedule in deployment.get("schedules") or []:
                if schedule.get("slug") in paused:
                    schedule["active"] = False
                    yield deployment["name"]


def _deploy(content: dict[str, Any]) -> None:
    """Deploy what a file of deployments holds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "deployment.yaml"
        file.write_text(yaml.safe_dump(content))
        _prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(file))


def _remove_automations(name: str) -> None:
    """Remove the automations of a name: Prefect would keep them beside a new one."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for automation in client.read_automations_by_name(name):
            client.delete_automation(automation.id)


def _prefect(*words: str) -> None:
    """Run Prefect's command line. Raises ConfigError with its last lines where it fails."""
    completed = subprocess.run([sys.executable, "-m", "prefect", *words], capture_output=True, text=True)
    if completed.returncode != 0:
        lines = (completed.stderr.strip() or completed.stdout.strip()).splitlines()[-MAX_ERROR_LINES:]
        raise ConfigError(f"`prefect {' '.join(words)}` failed:\n" + "\n".join(lines))
