"""The weights of a fine-tuned backbone as the bytes of backbone.npz, and the fingerprint that they give it."""

import io
from dataclasses import replace

import numpy as np

from regraft.backbones.backbone import Backbone
from regraft.errors import CheckpointError
from regraft.identity import digest_of


def weights_to_bytes(backbone: Backbone) -> bytes:
    """Return a backbone's weights as the bytes of an .npz file; the same weights give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **{f"w{i:04d}": array for i, array in enumerate(backbone.model.get_weights())})
    return file.getvalue()


def with_weights(backbone: Backbone, weights: bytes) -> Backbone:
    """Return a backbone with the weights that `weights_to_bytes` returned; its network is changed in place.

    Raises CheckpointError where they are damaged, or are those of another network.
    """
    try:
        with np.load(io.BytesIO(weights), allow_pickle=False) as file:
            arrays = [file[name] for name in sorted(file.files)]
        backbone.model.set_weights(arrays)
    except Exception as error:  # zip and npy readers raise anything
        raise CheckpointError(f"backbone.npz does not fit {backbone.name}: {error}"[:300]) from error
    return tuned(backbone, weights)


def tuned(backbone: Backbone, weights: bytes) -> Backbone:
    """Return a backbone, whose network has these weights by now, under the fingerprint that they give it."""
    return replace(backbone, fingerprint=f"{backbone.fingerprint}-tuned-{digest_of(weights)[:8]}")
