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
MAX_SHOWN_LENGTH = 200
"""Characters of a URL that a message repeats."""
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
    named, home = os.environ.get("PREFECT_HOME"), _home()
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
    """Return whether the environment or a file sets anything of Prefect that Regraft does not, and that it may refuse.

    The files are those of https://docs.prefect.io/v3/concepts/settings-and-profiles.
    """
    ours = {*ENVIRONMENT, *QUIET, "PREFECT_HOME"}
    if any(name.startswith("PREFECT_") and name not in ours for name in os.environ):
        return True
    return (
        _holds(Path("prefect.toml"), b"")
        or _holds(Path("pyproject.toml"), b"tool.prefect")
        or _holds(Path(".env"), b"PREFECT_")
        or _holds(_home() / "profiles.toml", b"")
    )


def _home() -> Path:
    """The folder of Prefect's database and profiles."""
    return Path(os.path.expanduser(os.environ.get("PREFECT_HOME") or "~/.prefect"))


def _holds(path: Path, words: bytes) -> bool:
    """Whether a file holds these words; one that cannot be read may, and so may a folder of its name."""
    try:
        return path.is_dir() or (path.is_file() and words in path.read_bytes())
    except OSError:
        return True


def configured_url() -> str | None:
    """Return the URL of the API that the environment, a file or a Prefect profile names; None where they name none.

    Raises ConfigError where Prefect refuses one of its settings, or a file of them.
    """
    from pydantic import ValidationError

    try:
        from prefect.settings import get_current_settings

        return get_current_settings().api.url
    except ValidationError as error:
        problem = error.errors()[0]
        place = ", ".join([error.title, *map(str, problem["loc"][-1:])])  # a rule between settings has no place
        raise _refused_settings(f"{place}: {problem['msg']}") from error
    except Exception as error:  # a file that is no TOML, no text, a folder or another kind of table
        raise _refused_settings(first_line(error)) from error


def _refused_settings(problem: str) -> ConfigError:
    return ConfigError(
        f"Prefect refuses its settings ({problem}). Look at your variables PREFECT_*, at prefect.toml, pyproject.toml "
        f"and .env in this folder, and at {_home()}/profiles.toml. Nothing was fetched."
    )


def check_client() -> None:
    """Raise ConfigError where the environment keeps Prefect's client from starting: a proxy or certificates."""
    import httpx

    try:
        httpx.Client().close()
    except Exception as error:  # a missing package, a missing file, a URL that is none
        raise ConfigError(
            f"Prefect's client does not start with this environment: {first_line(error)}. Look at HTTP_PROXY, "
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
            f"Prefect's server at {_in_one_line(url)} does not answer as it should: {first_line(error)}. Nothing was "
            "fetched. Start it, or correct PREFECT_API_URL, which ends in /api, and PREFECT_API_AUTH_STRING; without "
            "PREFECT_API_URL a run starts a server of its own."
        ) from error


def first_line(error: Exception) -> str:
    """Return what an error says first, without the dot at its end; its kind where it says nothing."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


def _in_one_line(url: str | None) -> str:
    """What somebody has set as a URL, as a message repeats it."""
    return " ".join(str(url).split())[:MAX_SHOWN_LENGTH]
