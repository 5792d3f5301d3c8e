"""The steps of a run, from lists to a published version, as plain functions on one process's bench.

Each reads what it needs from the store, by the digests that the step before handed on, and puts there what it makes.
"""

from regraft.pipeline.steps.links import ask_archive, fetch, read, screen
from regraft.pipeline.steps.model import drop_misfiled, embed, evaluate, label, publish, reuse, train, tune

__all__ = [
    "ask_archive",
    "drop_misfiled",
    "embed",
    "evaluate",
    "fetch",
    "label",
    "publish",
    "read",
    "reuse",
    "screen",
    "train",
    "tune",
]
