"""`.npy` files such as vgg16.npy: one pickled {layer: [kernel, bias]}, read without NumPy's `allow_pickle`."""

import math
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.checkpoints.checks import MAX_AXES, open_weights
from regraft.backbones.checkpoints.unpickler import (
    AllowedGlobals,
    Inert,
    InertFunction,
    is_shape,
    load_pickle,
    require,
)
from regraft.errors import CheckpointError

NUMBER_CODES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
OBJECT_CODES = {"O", "O4", "O8"}
MAX_ARRAYS = 4
"""Arrays of a layer at most."""
MAX_NAME_LENGTH = 200


def read_npy_layers(path: Path) -> dict[str, list[NDArray[Any]]]:
    """Return {layer: [kernel, bias]} of a `.npy` file such as vgg16.npy. Raises CheckpointError, and nothing else."""
    with open_weights(path) as file:
        _check_header(file, path)
        root = load_pickle(file, _GLOBALS)
        require(file.read(1) == b"", "bytes after the end")
        require(type(root) is _Array and isinstance(getattr(root, "value", None), dict), "not a dict of layers")
        return dict(_layer(key, value) for key, value in root.value.items())


def _check_header(file: BinaryIO, path: Path) -> None:
    """Raise CheckpointError where the file is not an array of one object."""
    try:
        version = np.lib.format.read_magic(file)
        require(version in ((1, 0), (2, 0)), "npy version")
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(file)
    except CheckpointError:
        raise
    except Exception as error:  # NumPy's header parser raises anything
        raise CheckpointError(f"{path}: npy header: {error}"[:200]) from error
    require(dtype == np.dtype(object) and shape == (), "not a pickled dict")


def _layer(key: Any, value: Any) -> tuple[str, list[NDArray[Any]]]:
    """A layer's name and arrays, which files hold as a list, or as {"weights": kernel, "biases": bias}."""
    name = _text(key)
    require(isinstance(name, str) and name.isprintable() and 0 < len(name) < MAX_NAME_LENGTH, "layer name")
    arrays = list(value.values()) if isinstance(value, dict) else value
    require(isinstance(arrays, list | tuple) and 1 <= len(arrays) <= MAX_ARRAYS, f"layer {name} is not [kernel, bias]")
    return name, [_numbers(array) for array in arrays]


def _numbers(array: Any) -> NDArray[Any]:
    value = getattr(array, "value", None) if type(array) is _Array else None
    if not isinstance(value, np.ndarray):
        raise CheckpointError("refused: a layer contains something that is not an array")
    return value


def _text(word: Any) -> Any:
    """Text that Python 2 may have written as bytes."""
    return word.decode("latin-1") if isinstance(word, bytes) else word


class _DType(Inert):
    """Stands for numpy.dtype: of plain numbers, or of the one outer object."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *_: Any) -> None:
        code = _text(code)
        require(isinstance(code, str) and code in NUMBER_CODES | OBJECT_CODES, f"dtype {code!r:.30}")
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        require(
            isinstance(state, tuple)
            and len(state) >= 5
            and state[0] in (3, 4)
            and _text(state[1]) in ("<", ">", "|", "=")
            and state[2:5] == (None, None, None),
            "dtype with fields or subarray",
        )
        self.order = _text(state[1])


class _Array(Inert):
    """Stands for numpy.ndarray."""

    __slots__ = ("value",)

    def __setstate__(self, state: Any) -> None:
        require(isinstance(state, tuple) and len(state) == 5, "ndarray state")
        _, shape, dtype, fortran, raw = state
        require(type(dtype) is _DType and is_shape(shape) and len(shape) <= MAX_AXES, "ndarray state")
        if dtype.code in OBJECT_CODES:
            require(shape == () and isinstance(raw, list) and len(raw) == 1, "object array other than the outer one")
            self.value = raw[0]
            return
        require(isinstance(raw, bytes), "ndarray data")
        stored = np.dtype(dtype.order.replace("=", "<").replace("|", "<") + dtype.code)
        require(math.prod(shape) * stored.itemsize == len(raw), "ndarray size does not match its data")
        flat = np.frombuffer(raw, stored).reshape(shape, order="F" if fortran else "C")
        self.value = flat.astype(stored.newbyteorder("="), order="C")


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    """Stands for numpy.core.multiarray._reconstruct: an array whose state comes later."""
    require(kind is _Array and shape == (0,), "_reconstruct")
    return _Array()


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Stands for codecs.encode, by which Python 3 writes bytes in old protocols."""
    require(isinstance(text, str) and encoding in ("latin1", "latin-1"), "codecs.encode")
    return cast(str, text).encode("latin-1")


_GLOBALS: AllowedGlobals = {
    ("numpy.core.multiarray", "_reconstruct"): InertFunction(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): InertFunction(_reconstruct),
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): InertFunction(_encode),
}
