"""What a machine that works for a run must have: the same Regraft, the backbone's weights, and a view of the store."""

import json

from regraft.backbones.weights import weights_source
from regraft.errors import RegraftError
from regraft.pipeline.bench import Bench
from regraft.pipeline.provenance import commit
from regraft.pipeline.spec import RunSpec
from regraft.release import __version__
from regraft.store.locks import MARKER


def code() -> str:
    """Return which Regraft this is: its release, and its commit where it runs from a checkout."""
    return f"{__version__} {commit()}".strip()


def problem(spec: RunSpec, wanted_code: str) -> str:
    """Return why this process cannot work for a run of the Regraft `wanted_code`; "" where it can."""
    if code() != wanted_code:
        return f"it has Regraft {code()}, and this run Regraft {wanted_code}; install the same on both"
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
