"""Legacy `.pth` state dicts, read without torch: five pickles in a row, and then the numbers.

The format is torch's before 1.6: https://github.com/pytorch/pytorch/blob/v1.5.0/torch/serialization.py.
"""

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from regraft.backbones.checkpoints.checks import MAX_AXES, check_digest, open_weights
from regraft.backbones.checkpoints.unpickler import (
    MAX_COUNT,
    AllowedGlobals,
    BoundedFile,
    Inert,
    is_shape,
    load_pickle,
    require,
)
from regraft.errors import CheckpointError

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001


def read_legacy_pth(path: Path, digest_start: str | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of a legacy `.pth` state dict, by name. Raises CheckpointError, and nothing else.

    `digest_start`: the first hex digits of the file's SHA-256, checked before anything is parsed; None: any file.
    """
    check_digest(path, digest_start)
    with open_weights(path) as file:
        require(load_pickle(file, {}) == MAGIC_NUMBER, "not a legacy torch file")
        require(load_pickle(file, {}) == PROTOCOL_VERSION, "not a legacy torch file")
        system = load_pickle(file, {})
        require(isinstance(system, dict) and system.get("little_endian") is True, "big-endian file")
        storages: dict[str, _Storage] = {}
        state = load_pickle(file, _GLOBALS, lambda persistent_id: _storage(persistent_id, storages))
        require(
            type(state) is _StateDict and all(isinstance(k, str) and type(v) is _Tensor for k, v in state.items()),
            "not a flat state dict",
        )
        for name in _storage_names(file, storages):
            storages[name].read(file)
        require(file.read(1) == b"", "bytes after the end")
        return {name: tensor.array() for name, tensor in state.items()}


def _storage_names(file: BinaryIO, storages: dict[str, "_Storage"]) -> list[str]:
    """The names of all storages, in the order of their numbers in the file."""
    names = load_pickle(file, {})
    require(isinstance(names, list) and all(isinstance(name, str) for name in names), "storage list")
    require(len(names) == len(set(names)) and set(names) == set(storages), "storage list")
    return list(names)


class _StateDict(dict[Any, Any]):
    """Stands for collections.OrderedDict; torch's _metadata, its state, is ignored."""

    __slots__ = ()

    def __init__(self, *args: Any) -> None:
        require(not args, "OrderedDict with arguments")
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass


class _StorageType(Inert):
    """Stands for torch.FloatStorage and its kin."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Storage(Inert):
    """A flat run of numbers that tensors are views of."""

    __slots__ = ("count", "data", "dtype")

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = dtype, count
        self.data: NDArray[Any] | None = None

    def read(self, file: BinaryIO) -> None:
        """Read the numbers at the file's position, after their count."""
        count = file.read(8)
        require(len(count) == 8 and struct.unpack("<q", count)[0] == self.count, "storage size")
        self.data = np.frombuffer(BoundedFile(file).read(self.count * np.dtype(self.dtype).itemsize), self.dtype)


class _Tensor(Inert):
    """Stands for torch._utils._rebuild_tensor_v2: a view of a storage."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> None:
        require(
            type(storage) is _Storage
            and type(offset) is int
            and 0 <= offset < MAX_COUNT
            and is_shape(shape)
            and is_shape(strides)
            and len(shape) == len(strides) <= MAX_AXES,
            "tensor arguments",
        )
        count = math.prod(shape)
        last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        require(count <= storage.count and (count == 0 or last < storage.count), "tensor outside its storage")
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> NDArray[Any]:
        """Return the numbers as an array of their own."""
        data = self.storage.data
        if data is None:
            raise CheckpointError("refused: a tensor without data")
        strides = [stride * data.itemsize for stride in self.strides]
        view = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, strides, writeable=False)
        return view.copy(order="C")


def _storage(persistent_id: Any, storages: dict[str, _Storage]) -> _Storage:
    """The storage that a persistent id describes: ("storage", type, name, device, count, None)."""
    require(
        isinstance(persistent_id, tuple)
        and len(persistent_id) == 6
        and persistent_id[0] == "storage"
        and type(persistent_id[1]) is _StorageType
        and isinstance(persistent_id[2], str)
        and type(persistent_id[4]) is int
        and 0 <= persistent_id[4] < MAX_COUNT
        and persistent_id[5] is None,
        "persistent id",
    )
    _, kind, name, _, count, _ = persistent_id
    storage = storages.setdefault(name, _Storage(kind.dtype, count))
    require((storage.dtype, storage.count) == (kind.dtype, count), "storage described twice")
    return storage


_GLOBALS: AllowedGlobals = {
    ("collections", "OrderedDict"): _StateDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch", "FloatStorage"): _StorageType("<f4"),
    ("torch", "LongStorage"): _StorageType("<i8"),
}
