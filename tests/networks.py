"""The embedded network, loaded once for all tests that only look at it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from regraft.backbones.backbone import Backbone


@pytest.fixture(scope="session")
def lite0() -> "Backbone":
    """The backbone efficientnet-lite0. A test that changes its weights loads its own."""
    from regraft.backbones.loading import load_backbone

    return load_backbone("efficientnet-lite0")
