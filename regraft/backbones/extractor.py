"""Features of the store's images, computed where the store lacks them; TensorFlow is imported only then."""

from collections.abc import Sequence
from dataclasses import dataclass

from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import embed, lookup
from regraft.backbones.tuned_weights import with_weights
from regraft.config import BackboneSettings
from regraft.errors import VersionError
from regraft.identity import Digest
from regraft.store.feature_rows import FeatureRows
from regraft.store.store import Store


@dataclass(frozen=True)
class Extractor:
    """Features of the store's images, by a backbone that is loaded only where the store lacks some."""

    settings: BackboneSettings
    fingerprint: str
    """Of the backbone, fine-tuned weights included."""
    tuned: bytes | None = None
    """backbone.npz, the weights of its fine-tuned version; None where it was not fine-tuned."""

    def backbone(self) -> Backbone:
        """Return the backbone. Raises VersionError where the weights here are not those that it was trained with."""
        from regraft.backbones.loading import load_backbone

        backbone = load_backbone(self.settings.name, self.settings.weights)
        if self.tuned is not None:
            backbone = with_weights(backbone, self.tuned)
        if backbone.fingerprint != self.fingerprint:
            raise VersionError(
                f"The model was trained on the backbone {self.fingerprint}, but the one here is "
                f"{backbone.fingerprint}, so its predictions would mean nothing. Install the weights that it was "
                "trained on, or run again."
            )
        return backbone

    def features(self, digests: Sequence[Digest], store: Store) -> FeatureRows:
        """Return the features, (N, D), of images of the store; those that it lacks are computed and stored."""
        try:
            return lookup(digests, self.fingerprint, store)
        except KeyError:
            self._embed(digests, store)
            return lookup(digests, self.fingerprint, store)

    def embedded(self, digests: Sequence[Digest], store: Store) -> set[Digest]:
        """Return those of some images whose features can be had: not those whose bytes are gone or do not decode."""
        known = store.features.known(self.fingerprint, digests)
        if known < set(digests):
            self._embed(digests, store)
            known = store.features.known(self.fingerprint, digests)
        return known

    def _embed(self, digests: Sequence[Digest], store: Store) -> None:
        embed(digests, self.backbone(), store, self.settings.batch, progress=lambda _: None)
