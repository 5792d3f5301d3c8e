"""Weight files read without executing anything: a pickle machine with a short list of plain operations.

A pickle can name any function of any module and call it. Here the names that weight files need are bound to inert
stand-ins of our own, no real NumPy or torch object is ever handed to the machine (NumPy's own `ndarray` and `dtype`
can be made to crash by crafted states), and everything else is refused. Lengths are checked against the file's before
memory is taken for them.
"""

import hashlib
import math
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from regraft.errors import CheckpointError

Weights = dict[str, NDArray[Any]]
MAX_COUNT = 2**40
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001


def read_legacy_pth(path: Path, digest_begins: str | None = None) -> Weights:
    """Return the arrays of a legacy `.pth` state dict, by name. Raises CheckpointError, and nothing else.

    `digest_begins` are the first hex digits of the file's SHA-256, checked before anything is parsed.
    """
    check_digest(path, digest_begins)
    with _open(path) as file:
        _need(_load(file, {}) == LEGACY_MAGIC and _load(file, {}) == LEGACY_PROTOCOL, "not a legacy torch file")
        info = _load(file, {})
        _need(isinstance(info, dict) and info.get("little_endian") is True, "big-endian file")
        storages: dict[str, _Storage] = {}
        state = _load(file, _TORCH, lambda told: _storage_of(told, storages))
        names = _load(file, {})
        _need(isinstance(names, list) and all(isinstance(name, str) for name in names), "storage list")
        _need(len(names) == len(set(names)) and set(names) == set(storages), "storage list")
        _need(
            type(state) is _Dict and all(isinstance(k, str) and type(v) is _Tensor for k, v in state.items()),
            "not a flat state dict",
        )
        for name in names:
            storages[name].read(file)
        _need(file.read(1) == b"", "bytes after the end")
    return {name: tensor.array() for name, tensor in state.items()}


def read_npy_layers(path: Path) -> dict[str, list[NDArray[Any]]]:
    """Return {layer: [kernel, bias]} of a `.npy` file such as vgg16.npy. Raises CheckpointError, and nothing else."""
    with _open(path) as file:
        try:
            version = np.lib.format.read_magic(file)
            _need(version in ((1, 0), (2, 0)), "npy version")
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = reader(file)
        except CheckpointError:
            raise
        except Exception as error:  # NumPy's header parser raises anything
            raise CheckpointError(f"{path}: npy header: {error}"[:200]) from error
        _need(dtype == np.dtype(object) and shape == (), "not a pickled dict")
        root = _load(file, _NUMPY)
        _need(file.read(1) == b"", "bytes after the end")
    _need(type(root) is _Array and isinstance(getattr(root, "value", None), dict), "not a dict of layers")
    layers: dict[str, list[NDArray[Any]]] = {}
    for key, value in root.value.items():
        name = _text(key)
        _need(isinstance(name, str) and name.isprintable() and 0 < len(name) < 200, "layer name")
        arrays = list(value.values()) if isinstance(value, dict) else value
        _need(isinstance(arrays, list | tuple) and 1 <= len(arrays) <= 4, f"layer {name} is not [kernel, bias]")
        layers[name] = [_plain(array) for array in arrays]
    return layers


def check_digest(path: Path, digest_begins: str | None) -> str:
    """Return a file's SHA-256. Raises CheckpointError where it cannot be read or does not begin so."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"The weights {path} cannot be read: {error.strerror}.") from error
    if digest_begins is not None and not digest.startswith(digest_begins):
        raise CheckpointError(
            f"The weights {path} are not the known ones: SHA-256 {digest[:8]}..., expected {digest_begins}..."
        )
    return digest


def check_shapes(path: object, weights: Mapping[str, NDArray[Any]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise CheckpointError, naming the layer, where weights are missing or have another shape than the network's."""
    for name, shape in expected.items():
        if name not in weights:
            raise CheckpointError(f"{path} has no {name!r}; it is made for another network.")
        if tuple(weights[name].shape) != shape:
            raise CheckpointError(f"{path}: {name!r} is {weights[name].shape}, the network needs {shape}.")


def _need(holds: bool, why: str) -> None:
    if not holds:
        raise CheckpointError(f"refused: {why}"[:200])


def _open(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise CheckpointError(f"The weights {path} cannot be read: {error.strerror}.") from error


class _Inert:
    """A stand-in that does nothing; a BUILD that was not planned for is refused."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise CheckpointError("refused: unexpected state")


class _Dict(dict[Any, Any]):
    """collections.OrderedDict; torch's _metadata is ignored."""

    __slots__ = ()

    def __init__(self, *args: Any) -> None:
        _need(not args, "OrderedDict with arguments")
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass


_NUMBERS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_OBJECTS = {"O", "O4", "O8"}


def _text(word: Any) -> Any:
    return word.decode("latin-1") if isinstance(word, bytes) else word


class _DType(_Inert):
    """numpy.dtype of plain numbers, or of the one outer object."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any, *_: Any) -> None:
        code = _text(code)
        _need(isinstance(code, str) and code in _NUMBERS | _OBJECTS, f"dtype {code!r:.30}")
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        _need(
            isinstance(state, tuple)
            and len(state) >= 5
            and state[0] in (3, 4)
            and _text(state[1]) in ("<", ">", "|", "=")
            and state[2:5] == (None, None, None),
            "dtype with fields or subarray",
        )
        self.order = _text(state[1])


class _Array(_Inert):
    """numpy.ndarray."""

    __slots__ = ("value",)

    def __setstate__(self, state: Any) -> None:
        _need(isinstance(state, tuple) and len(state) == 5, "ndarray state")
        _, shape, dtype, fortran, raw = state
        _need(type(dtype) is _DType and _is_shape(shape) and len(shape) <= 8, "ndarray state")
        if dtype.code in _OBJECTS:
            _need(shape == () and isinstance(raw, list) and len(raw) == 1, "object array other than the outer one")
            self.value = raw[0]
            return
        _need(isinstance(raw, bytes), "ndarray data")
        plain = np.dtype(dtype.order.replace("=", "<").replace("|", "<") + dtype.code)
        _need(math.prod(shape) * plain.itemsize == len(raw), "ndarray size does not match its data")
        flat = np.frombuffer(raw, plain).reshape(shape, order="F" if fortran else "C")
        self.value = flat.astype(plain.newbyteorder("="), order="C")


class _Call(_Inert):
    """One of our own functions, callable by REDUCE."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    _need(kind is _Array and shape == (0,), "_reconstruct")
    return _Array()


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    _need(isinstance(text, str) and encoding in ("latin1", "latin-1"), "codecs.encode")
    return cast(str, text).encode("latin-1")


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(type(n) is int and 0 <= n < MAX_COUNT for n in shape)


class _Storage(_Inert):
    """A flat run of numbers that tensors look into."""

    __slots__ = ("count", "data", "dtype")

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = dtype, count
        self.data: NDArray[Any] | None = None

    def read(self, file: BinaryIO) -> None:
        told = file.read(8)
        _need(len(told) == 8 and struct.unpack("<q", told)[0] == self.count, "storage size")
        size = self.count * np.dtype(self.dtype).itemsize
        raw = _Capped(file).read(size)
        self.data = np.frombuffer(raw, self.dtype)


class _StorageType(_Inert):
    """torch.FloatStorage and its kin."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Tensor(_Inert):
    """torch._utils._rebuild_tensor_v2: a view into a storage."""

    __slots__ = ("offset", "shape", "storage", "strides")

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> None:
        _need(
            type(storage) is _Storage
            and type(offset) is int
            and 0 <= offset < MAX_COUNT
            and _is_shape(shape)
            and _is_shape(strides)
            and len(shape) == len(strides) <= 8,
            "tensor arguments",
        )
        count = math.prod(shape)
        reach = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
        _need(count <= storage.count and (count == 0 or reach < storage.count), "tensor outside its storage")
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self) -> NDArray[Any]:
        data = self.storage.data
        if data is None:
            raise CheckpointError("refused: a tensor without data")
        steps = [step * data.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, steps, writeable=False)
        return view.copy(order="C")


def _storage_of(told: Any, storages: dict[str, _Storage]) -> _Storage:
    _need(
        isinstance(told, tuple)
        and len(told) == 6
        and told[0] == "storage"
        and type(told[1]) is _StorageType
        and isinstance(told[2], str)
        and type(told[4]) is int
        and 0 <= told[4] < MAX_COUNT
        and told[5] is None,
        "persistent id",
    )
    _, kind, name, _, count, _ = told
    storage = storages.setdefault(name, _Storage(kind.dtype, count))
    _need((storage.dtype, storage.count) == (kind.dtype, count), "storage described twice")
    return storage


def _plain(array: Any) -> NDArray[Any]:
    value = getattr(array, "value", None) if type(array) is _Array else None
    if not isinstance(value, np.ndarray):
        raise CheckpointError("refused: a layer holds something that is no array")
    return value


_Table = Mapping[tuple[str, str], Any]
_NUMPY: _Table = {
    ("numpy.core.multiarray", "_reconstruct"): _Call(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _Call(_reconstruct),
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _Call(_encode),
}
_TORCH: _Table = {
    ("collections", "OrderedDict"): _Dict,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch", "FloatStorage"): _StorageType("<f4"),
    ("torch", "LongStorage"): _StorageType("<i8"),
}
_OPS = """PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE
    SHORT_BINUNICODE BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS BINGET LONG_BINGET BINPUT LONG_BINPUT MEMOIZE GLOBAL
    STACK_GLOBAL REDUCE BUILD BINPERSID""".split()


class _Capped:
    """A file whose length fields can never make us take more memory than the file holds."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        here = file.tell()
        self._end = file.seek(0, 2)
        file.seek(here)

    def read(self, n: int = -1) -> bytes:
        _need(0 <= n <= self._end - self._file.tell(), "a length runs past the end of the file")
        return self._file.read(n)

    def readline(self) -> bytes:
        line = self._file.readline(512)
        _need(line.endswith(b"\n"), "line too long")
        return line


class _Unpickler(pickle._Unpickler):
    """The pure-Python machine: its table of operations can be cut down, and its memo is a dict."""

    dispatch = {getattr(pickle, op)[0]: pickle._Unpickler.dispatch[getattr(pickle, op)[0]] for op in _OPS}

    def __init__(self, file: BinaryIO, table: _Table, persistent: Callable[[Any], Any] | None) -> None:
        super().__init__(_Capped(file), fix_imports=False, encoding="bytes")
        self._globals, self._persistent = table, persistent

    def find_class(self, module: str, name: str) -> Any:
        _need((module, name) in self._globals, f"it names {module!r:.60}.{name!r:.60}")
        return self._globals[module, name]

    def persistent_load(self, told: Any) -> Any:
        if self._persistent is None:
            raise CheckpointError("refused: persistent id")
        return self._persistent(told)


def _load(file: BinaryIO, table: _Table, persistent: Callable[[Any], Any] | None = None) -> Any:
    try:
        return _Unpickler(file, table, persistent).load()
    except CheckpointError:
        raise
    except Exception as error:  # a crafted pickle can make the machine raise anything
        raise CheckpointError(f"not a plain weights file: {type(error).__name__}: {error}"[:200]) from error
