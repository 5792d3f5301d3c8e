"""Writers of the weights formats that Regraft reads: vgg16.npy as Python 2 pickled it, and torch's legacy .pth."""

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


class _Python2Pickler(pickle._Pickler):
    """Writes what Python 2's pickle wrote: str as bytes, NumPy by the names of its day, protocol 2."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_str(self, text: str) -> None:
        data = text.encode("latin-1")
        code = pickle.SHORT_BINSTRING + bytes([len(data)]) if len(data) < 256 else b""
        self.write((code or pickle.BINSTRING + struct.pack("<i", len(data))) + data)
        self.memoize(text)

    def save_bytes(self, data: bytes) -> None:
        short = len(data) < 256
        head = pickle.SHORT_BINSTRING + bytes([len(data)]) if short else pickle.BINSTRING + struct.pack("<i", len(data))
        self.write(head + data)
        self.memoize(data)

    dispatch[str] = save_str
    dispatch[bytes] = save_bytes

    def save_global(self, what: Any, name: str | None = None) -> None:
        module = {"_reconstruct": "numpy.core.multiarray", "ndarray": "numpy", "dtype": "numpy"}[what.__name__]
        self.write(pickle.GLOBAL + f"{module}\n{what.__name__}\n".encode())
        self.memoize(what)

    dispatch[type(len)] = save_global
    dispatch[type(lambda: 0)] = save_global
    dispatch[type] = save_global


def npy_bytes(layers: Any) -> bytes:
    """The bytes of a vgg16.npy."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    root = np.empty((), dtype=object)
    root[()] = layers
    _Python2Pickler(file, 2).dump(root)
    return file.getvalue()


TORCH_HEADER = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001, "type_sizes": {}})
"""Magic number, protocol and system: the first three pickles of a legacy torch file."""


def pickles(*parts: Any) -> bytes:
    """Pickles in a row, of objects, or given as bytes."""
    return b"".join(part if isinstance(part, bytes) else pickle.dumps(part, 2) for part in parts)


@dataclass(frozen=True)
class _Storage:
    name: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __reduce__(self) -> Any:
        return _rebuild_tensor_v2, (self.storage, 0, self.shape, self.strides, False, OrderedDict())


def _rebuild_tensor_v2() -> None:
    """Only its name is written."""


class FloatStorage:
    """Only its name is written."""


class _TorchPickler(pickle._Pickler):
    """Writes the state dict of a legacy torch file, without torch."""

    dispatch = pickle._Pickler.dispatch.copy()

    def persistent_id(self, obj: Any) -> Any:
        return ("storage", FloatStorage, obj.name, "cpu", obj.count, None) if isinstance(obj, _Storage) else None

    def save_global(self, what: Any, name: str | None = None) -> None:
        module = {"_rebuild_tensor_v2": "torch._utils", "FloatStorage": "torch", "OrderedDict": "collections"}
        self.write(pickle.GLOBAL + f"{module[what.__name__]}\n{what.__name__}\n".encode())
        self.memoize(what)

    dispatch[type(lambda: 0)] = save_global
    dispatch[type] = save_global


def legacy_pth_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a legacy torch state dict; each array has a storage of its own, and keeps its strides."""
    state: OrderedDict[str, _Tensor] = OrderedDict()
    numbers = b""
    for i, (name, array) in enumerate(arrays.items()):
        strides = tuple(stride // 4 for stride in array.strides)
        state[name] = _Tensor(_Storage(str(i), array.size), array.shape, strides)
        numbers += struct.pack("<q", array.size) + array.astype("<f4").tobytes(order="A")
    file = io.BytesIO()
    _TorchPickler(file, 2).dump(state)
    return pickles(*TORCH_HEADER, file.getvalue(), [str(i) for i in range(len(arrays))]) + numbers
