"""The classifier that a backbone was pretrained with."""

import pytest

from regraft.backbones.classifier import classifier_of
from regraft.config import BackboneSettings


def test_the_default_backbone_knows_a_thousand_kinds_of_pictures() -> None:
    classifier = classifier_of(BackboneSettings(), 1280)
    assert classifier is not None
    assert classifier.shape == (1280, 1000)


@pytest.mark.parametrize(
    "settings",
    [BackboneSettings(weights="random"), BackboneSettings(name="vgg16"), BackboneSettings(name="MobileNetV2")],
)
def test_other_backbones_bring_no_classifier_of_their_features(settings: BackboneSettings) -> None:
    assert classifier_of(settings, 1280) is None
