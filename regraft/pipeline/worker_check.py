"""What a machine that works for a run must have: the same Regraft, the backbone's weights, and a view of the store."""

import json
import threading

from regraft.backbones.weights import weights_source
from regraft.errors import EngineError, RegraftError
from regraft.pipeline.bench import Bench
from regraft.pipeline.provenance import code
from regraft.pipeline.spec import RunSpec
from regraft.store.locks import MARKER


def problem(spec: RunSpec) -> str:
    """Return why this process cannot work for a run; "" where it can."""
    if code() != spec.code:
        return f"it has Regraft {code()}, and this run Regraft {spec.code}; install the same on both"
    try:
        weights_source(spec.config.backbone.name, spec.config.backbone.weights)
        marker = json.loads(Bench.of(spec).store.disk.read(MARKER))
        if marker["name"] == spec.run_id:
            return ""
    except RegraftError as error:
        return str(error)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    return (
        f"it does not see this run in the store {spec.store_url}; choose a bucket, or a folder that all machines share"
    )


def check_worker(spec: RunSpec, address: str) -> None:
    """Raise EngineError where this process, a worker at an address, cannot work for a run. It is looked at once.

    Workers may join a cluster at any time, after all others were looked at.
    """
    with _lock:
        if spec.run_id not in _fit_for:
            if trouble := problem(spec):
                raise refused(address, trouble)
            _fit_for.add(spec.run_id)


def refused(address: str, trouble: str) -> EngineError:
    """Return the error that names a worker, and what is wrong with it."""
    return EngineError(f"The Dask worker {address} cannot work for this run: {trouble.rstrip('.')}.")


_lock = threading.Lock()
_fit_for: set[str] = set()
"""The runs, by their ids, that this process can work for."""
