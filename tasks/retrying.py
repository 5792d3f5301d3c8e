"""Which failures of a task are worth another try: those that may pass, and no refusal that stays one."""

from typing import Any

from regraft.errors import OutageError, RegraftError


def is_worth_retrying(task: Any, run: Any, state: Any) -> bool:
    """Tell Prefect whether to try again: after an outage or an unexpected fault, not after a clear refusal."""
    try:
        state.result()
    except OutageError:
        return True
    except RegraftError:
        return False
    except Exception:
        return True
    return False
