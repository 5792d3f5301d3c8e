"""A job that fine-tunes its backbone."""

import numpy as np
import pytest

from regraft.config import Config, TuneSettings
from regraft.heads.model import extractor_of, model_of
from regraft.pictures.colours import rgb
from regraft.store.store import Store
from regraft.store.versions import version

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("prefect_server")]


def test_a_job_that_fine_tunes_publishes_the_tuned_backbone(config: Config) -> None:
    from regraft.flows.refresh import refresh

    tuning = config.model_copy(update={"tune": TuneSettings(blocks=1, epochs=1)})
    published = version(Store(config.store), refresh(tuning))
    assert "-tuned-" in extractor_of(published).fingerprint
    assert set(published.run.history) == {"loss", "val_loss", "tune_loss", "tune_val_loss"}
    test = published.table("predictions.parquet").query("split == 'test'")
    pictures = [rgb(published.store.blobs.read(digest)) for digest in test["digest"]]
    lengths = model_of(published).predict(pictures)["length_cm"]
    np.testing.assert_allclose(lengths, test["prediction"], atol=0.5)
