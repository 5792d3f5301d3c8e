"""The reports in Prefect's dashboard that show what somebody had removed: deleted here, or in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence

from regraft.errors import RegraftError
from regraft.flows.cli.prefect_api import first_line

DEADLINE_S = 180
"""Seconds that a process has to delete them; a first start of Prefect's server creates its database."""
EVENTS_STAY = "Its events hold copies until it deletes them, after 7 days unless it is set otherwise."
"""What no client of Prefect's can change: its server puts each artifact into an event, too."""
STAY = "so its reports of these versions stay: start it, and `regraft remove` the same again."


def remove_artifacts(versions: Sequence[str]) -> str:
    """Have Prefect's server delete the reports of some versions; return a sentence on how that went.

    Where no server is configured, runs have used Prefect's own database, which a temporary one opens.
    """
    import httpx
    from prefect.exceptions import PrefectException

    from regraft.flows.cli import temporary_server

    try:
        if wait := temporary_server.start():
            wait()
        from regraft.tasks.dashboard.removal import remove_reports

        count = remove_reports(versions)
    except (httpx.HTTPError, PrefectException, RegraftError) as error:
        return f"Prefect's server did not answer ({first_line(error)}), {STAY}"
    return f"Reports in Prefect's dashboard that were deleted: {count}." + (f" {EVENTS_STAY}" if count else "")


def remove_artifacts_aside(versions: Sequence[str]) -> str:
    """Do the same in a process of its own: a server of pages has no use for Prefect and its settings afterwards."""
    command = [sys.executable, "-m", "regraft.flows.cli.prefect_reports", *versions]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        return f"Prefect could not be asked ({type(error).__name__}), {STAY}"
    return process.stdout.strip()


if __name__ == "__main__":
    print(remove_artifacts(sys.argv[1:]))
