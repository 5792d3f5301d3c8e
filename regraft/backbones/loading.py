"""A backbone by its name in the config."""

from regraft.backbones import applications, efficientnet_lite0, vgg16
from regraft.backbones.backbone import Backbone


def load_backbone(name: str, weights: str | None = None) -> Backbone:
    """Return a backbone by its name in the config.

    `weights`: a local file; None for those that the backbone comes with; `random` to learn from scratch. Raises
    BackboneError where there is no such backbone or its weights cannot be had.
    """
    match name:
        case efficientnet_lite0.NAME:
            return efficientnet_lite0.load(weights)
        case vgg16.NAME:
            return vgg16.load(weights)
        case _:
            return applications.load(name, weights)
