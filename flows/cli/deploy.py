"""Deployments put on a Prefect server, once it is sure that not everybody can reach it."""

import ipaddress
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests
import yaml

from regraft.errors import ConfigError

ASKED_S = 5
"""Seconds that a server gets to answer."""
HARMLESS = "/admin/version"
"""What any client may ask of a server without a password, and none of one with a password."""


def deploy(file: Path, automations: Path, pool: str) -> Iterator[str]:
    """Deploy a file of deployments and one of automations; yield what was done.

    Raises ConfigError where there is no server, or where it is open to others.
    """
    from prefect.settings import get_current_settings

    api = get_current_settings().api.url
    if not api:
        raise ConfigError(
            "There is no Prefect server to deploy to. Start one with `prefect server start`, then "
            "`export PREFECT_API_URL=http://127.0.0.1:4200/api`."
        )
    for needed in (file, automations):
        if not needed.exists():
            raise ConfigError(f"There is no {needed} here. Run this where your copy of Regraft's {needed.name} is.")
    check_closed(api)
    try:
        _prefect("work-pool", "inspect", pool)
    except ConfigError:
        _prefect("work-pool", "create", "--type", "process", pool)
    yield f"work pool {pool}"
    _prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(file))
    yield from (f"deployment {found['name']}" for found in yaml.safe_load(file.read_text())["deployments"])
    for found in yaml.safe_load(automations.read_text())["automations"]:
        _replace_automation(found["name"])
        yield f"automation {found['name']}"
    _prefect("automation", "create", "--from-file", str(automations))
    yield f"Next: prefect worker start --pool {pool}, then prefect deployment run refresh/manual"


def check_closed(api: str) -> None:
    """Raise ConfigError where a Prefect server can be asked from other machines without a password.

    That is where its address is not this machine's loopback one, or where it answers at this machine's address in the
    network as well, and it answers whoever asks.
    """
    parts = urlsplit(api)
    host, port = parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)
    if not _is_loopback(host):
        _refuse_open(api)
        return
    ours = _address_in_network()
    if ours and not _is_loopback(ours):
        _refuse_open(f"http://{ours}:{port}{parts.path}", must_answer=False)


def _refuse_open(api: str, must_answer: bool = True) -> None:
    try:
        answer = requests.get(api.rstrip("/") + HARMLESS, timeout=ASKED_S, allow_redirects=False)
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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _address_in_network() -> str:
    """This machine's address towards other machines; nothing where it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is nobody's: RFC 5737
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def _replace_automation(name: str) -> None:
    """Remove the automations of that name: Prefect would keep both."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for known in client.read_automations_by_name(name):
            client.delete_automation(known.id)


def _prefect(*words: str) -> None:
    ran = subprocess.run([sys.executable, "-m", "prefect", *words], capture_output=True, text=True)
    if ran.returncode != 0:
        said = (ran.stderr.strip() or ran.stdout.strip()).splitlines()[-8:]
        raise ConfigError(f"`prefect {' '.join(words)}` failed:\n" + "\n".join(said))
