"""A head as a file: it is read back as it was, and a file that would make anything else is refused."""

import json
import zipfile
from pathlib import Path

import pytest

from regraft.config import HeadSettings
from regraft.errors import VersionError
from regraft.heads.head import Head
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target
from tests.heads.synthetic import every_kind_of_head, tigers_and_cats, trained_head

pytestmark = pytest.mark.tensorflow


@every_kind_of_head
def test_a_head_is_read_back_as_it_was(target: Target, settings: HeadSettings) -> None:
    manifest, features = tigers_and_cats()
    head = trained_head(manifest, features, target, settings, 0)
    again = Head.from_bytes(head.to_bytes(), target)
    assert head.predict(features).tobytes() == again.predict(features).tobytes()


@pytest.mark.parametrize("layer", ["Lambda", "TorchModuleWrapper", "os.system"])
def test_a_keras_file_that_asks_for_code_is_refused(layer: str, tmp_path: Path) -> None:
    manifest, features = tigers_and_cats()
    path, crafted_path = tmp_path / "head.keras", tmp_path / "crafted.keras"
    path.write_bytes(trained_head(manifest, features, Lengths(), HeadSettings(epochs=1), 0).to_bytes())
    with zipfile.ZipFile(path) as original, zipfile.ZipFile(crafted_path, "w") as crafted:
        for name in original.namelist():
            data = original.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][1]["class_name"] = layer
                data = json.dumps(config).encode()
            crafted.writestr(name, data)
    with pytest.raises(VersionError, match="is not one of a head's"):
        Head.from_bytes(crafted_path.read_bytes(), Lengths())


@pytest.mark.parametrize("data", [b"", b"PK", b"\x80\x04cos\nsystem\n"])
def test_bytes_that_are_no_head_are_refused(data: bytes) -> None:
    with pytest.raises(VersionError, match="is damaged"):
        Head.from_bytes(data, Lengths())
