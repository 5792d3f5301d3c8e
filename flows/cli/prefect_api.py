"""Prefect's settings and its server, looked at before any work, so that what is wrong with them is one sentence."""

import atexit
import contextlib
import os
from pathlib import Path

from regraft.errors import ConfigError, ServerError
from regraft.process import ENVIRONMENT
from regraft.store.scratch import Scratch

ANSWER_DEADLINE_S = 10
"""Seconds that a configured server has to answer."""
QUIET = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
}
"""Variables that leave the terminal to the command line; Prefect's own log still goes to its dashboard."""


def use_writable_home() -> None:
    """Where there is no home folder for Prefect's database, or none to write to, use one that lasts for this process.

    To be called before Prefect is imported. What PREFECT_HOME names stands. Raises ConfigError where that cannot be
    written to.
    """
    named = os.environ.get("PREFECT_HOME")
    home = Path(os.path.expanduser(named or "~/.prefect"))
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
    if os.access(home, os.W_OK):
        return
    if named:
        raise ConfigError(
            f"PREFECT_HOME is {named}, and Prefect's database cannot be kept there: it is no folder that your user may "
            "write to. Name another one, or none. Nothing was fetched."
        )
    home_of_process = Scratch()
    atexit.register(home_of_process.close)
    os.environ["PREFECT_HOME"] = str(home_of_process.path)


def has_settings_of_its_own() -> bool:
    """Return whether the environment sets anything of Prefect that Regraft does not, and that it may refuse."""
    ours = {*ENVIRONMENT, *QUIET, "PREFECT_HOME"}
    return any(name.startswith("PREFECT_") and name not in ours for name in os.environ)


def configured_url() -> str | None:
    """Return the URL of the API that the environment or a Prefect profile names; None where they name none.

    Raises ConfigError where Prefect refuses one of its settings.
    """
    from pydantic import ValidationError

    try:
        from prefect.settings import get_current_settings

        return get_current_settings().api.url
    except ValidationError as error:
        problems = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()[:1])
        message = f"Prefect refuses its settings ({error.title}, {problems}). Look at your variables PREFECT_*"
        raise ConfigError(f"{message} and at `prefect config view`. Nothing was fetched.") from error


def check_client() -> None:
    """Raise ConfigError where the environment keeps Prefect's client from starting: a proxy or certificates."""
    import httpx

    try:
        httpx.Client().close()
    except Exception as error:  # a missing package, a missing file, a URL that is none
        raise ConfigError(
            f"Prefect's client does not start with this environment: {_first_line(error)} Look at HTTP_PROXY, "
            "HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE. Nothing was fetched. Regraft itself fetches through "
            "`fetch.proxy` only."
        ) from error


def check_server() -> None:
    """Raise ServerError where the server that is configured does not answer as Prefect's does."""
    url = configured_url()
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_REQUEST_TIMEOUT, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    impatient = {PREFECT_API_REQUEST_TIMEOUT: ANSWER_DEADLINE_S, PREFECT_CLIENT_MAX_RETRIES: 0}
    try:
        with temporary_settings(impatient), get_client(sync_client=True) as client:
            client.read_flows(limit=1)  # needs the password, where the server has one
    except Exception as error:  # whatever answers there may be anything
        raise ServerError(
            f"Prefect's server at {url} does not answer as it should: {_first_line(error)} Nothing was "
            "fetched. Start it, or correct PREFECT_API_URL, which ends in /api, and PREFECT_API_AUTH_STRING; without "
            "PREFECT_API_URL a run starts a server of its own."
        ) from error


def _first_line(error: Exception) -> str:
    """What an error says first, as a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
