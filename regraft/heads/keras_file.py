"""A head's network as the bytes of a .keras file, and back, without making anything but what heads are made of."""

import json
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import keras

from regraft.errors import DamagedVersionError, VersionError

ALLOWED_CLASSES = {
    "Functional",
    "Sequential",
    "InputLayer",
    "Normalization",
    "UnitNormalization",
    "Dense",
    "Add",
    "__tensor__",
    "__keras_tensor__",
    "__numpy__",
    "DTypePolicy",
    "L2",
    "Zeros",
    "GlorotUniform",
}
"""The classes that a .keras file may name."""
ALLOWED_MODULES = {
    "keras",
    "keras.layers",
    "keras.src.models.functional",
    "keras.src.models.sequential",
    "keras.initializers",
    "keras.regularizers",
    "builtins",
}
"""The modules that these classes may come from."""


def network_to_bytes(network: Any) -> bytes:
    """Return a Keras model as the bytes of a .keras file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.keras"
        network.save(path)
        return path.read_bytes()


def network_from_bytes(data: bytes) -> Any:
    """Return the Keras model that `network_to_bytes` wrote. Raises VersionError where it is damaged, or names more."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.keras"
        path.write_bytes(data)
        try:
            _check_classes(path)
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except VersionError:
            raise
        except (zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise DamagedVersionError(f"The head is damaged: {error}"[:400]) from error
        except Exception as error:  # zip, HDF5 and JSON readers raise anything
            raise VersionError(f"The head cannot be read: {error}"[:400]) from error


def _check_classes(path: Path) -> None:
    """Raise VersionError where a .keras file names a class or module that heads are not made of.

    Keras's own safe mode has been bypassed before: https://nvd.nist.gov/vuln/detail/CVE-2025-1550.
    """
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise DamagedVersionError(f"The head is damaged: its {damaged} is not what was written.")
        unchecked: list[Any] = [json.loads(archive.read("config.json"))]
    while unchecked:
        part = unchecked.pop()
        if isinstance(part, dict):
            name, module = part.get("class_name"), part.get("module")
            is_allowed_module = module is None or str(module) in ALLOWED_MODULES
            if name is not None and not (name in ALLOWED_CLASSES and is_allowed_module):
                raise VersionError(f"The head is refused: {module}.{name} is not one of a head's parts.")
            unchecked += part.values()
        elif isinstance(part, list):
            unchecked += part
