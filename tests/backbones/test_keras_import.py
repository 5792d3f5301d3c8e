"""Keras is imported with TensorFlow, whatever is set for other projects; where that is too late, it is said."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow

IMPORT = """
from regraft.errors import BackboneError
from regraft.backbones.keras_import import import_keras
try:
    import_keras()
except BackboneError as error:
    print(f"refused: {error}")
else:
    from keras import config, layers
    settings = [config.backend(), config.floatx(), config.image_data_format(), layers.Conv2D(1, 1).data_format]
    print(*settings, config.epsilon(), config.max_epochs())
"""
EXPECTED = "tensorflow float32 channels_last channels_last 1e-07 None"


def printed(home: Path, script: str, **environment: str) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("KERAS")}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**plain, "HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_other_projects_settings_do_not_count(tmp_path: Path) -> None:
    settings = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float64", "epsilon": 0.1}
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(json.dumps(settings))
    assert printed(tmp_path, IMPORT) == EXPECTED
    assert printed(tmp_path, IMPORT, KERAS_BACKEND="torch", KERAS_MAX_EPOCHS="1") == EXPECTED


@pytest.mark.parametrize("text", ['{"floatx": "int8"}', "[]"])
def test_settings_that_keras_refuses_are_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(text)
    refused = printed(tmp_path, IMPORT)
    assert refused.startswith("refused: Keras cannot be imported")
    assert "keras.json" in refused


def test_another_backend_that_is_in_use_is_refused(tmp_path: Path) -> None:
    in_use = "import sys, types; keras = sys.modules['keras'] = types.ModuleType('keras')\n"
    in_use += "keras.config = types.SimpleNamespace(backend=lambda: 'torch')\n"
    assert "Keras computes with torch in this process" in printed(tmp_path, in_use + IMPORT)
