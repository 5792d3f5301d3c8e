"""A pickle machine with a short list of plain operations, for weights files whose format is a pickle.

A pickle can name any function of any module and call it. Here the names that a weights file needs are bound to inert
stand-ins of our own, and every other name is refused. No real NumPy or torch object ever reaches the machine, because
NumPy's own `ndarray` and `dtype` can be crashed by a crafted state. Lengths are checked against the file's length
before memory is allocated for them.
"""

import pickle
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, ClassVar

from regraft.errors import CheckpointError

AllowedGlobals = Mapping[tuple[str, str], Any]
"""The stand-ins for the (module, name) pairs that a pickle may name."""
MAX_COUNT = 2**40
"""Numbers along an axis, or in a storage, at most."""
MAX_LINE_BYTES = 512
OPERATIONS = """PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE
    SHORT_BINUNICODE BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS BINGET LONG_BINGET BINPUT LONG_BINPUT MEMOIZE GLOBAL
    STACK_GLOBAL REDUCE BUILD BINPERSID""".split()
"""The operations that weights files use; all others are refused."""


def require(condition: bool, problem: str) -> None:
    """Raise CheckpointError where a condition does not hold."""
    if not condition:
        raise CheckpointError(f"refused: {problem}"[:200])


def is_shape(value: object) -> bool:
    """Return whether a value is a tuple of whole numbers that can be a shape."""
    return isinstance(value, tuple) and all(type(n) is int and 0 <= n < MAX_COUNT for n in value)


def load_pickle(
    file: BinaryIO, allowed_globals: AllowedGlobals, persistent_load: Callable[[Any], Any] | None = None
) -> Any:
    """Return the object of the pickle at the file's position, made of plain values and the stand-ins.

    `persistent_load` returns the object for a persistent id; None where there must be no such id. Raises
    CheckpointError, and nothing else.
    """
    try:
        return _Unpickler(file, allowed_globals, persistent_load).load()
    except CheckpointError:
        raise
    except Exception as error:  # a crafted pickle can make the machine raise anything
        raise CheckpointError(f"not a plain weights file: {type(error).__name__}: {error}"[:200]) from error


class Inert:
    """A stand-in that does nothing: the base of those that may be built, each of which checks its own state."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise CheckpointError("refused: unexpected state")


class InertFunction(Inert):
    """One of our own functions, which a pickle may call in place of the function that it names."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


class BoundedFile:
    """A file whose length fields can never make us allocate more memory than the file has bytes left."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        position = file.tell()
        self._end = file.seek(0, 2)
        file.seek(position)

    def read(self, n: int = -1) -> bytes:
        """Return exactly `n` bytes. Raises CheckpointError where the file has fewer left."""
        require(0 <= n <= self._end - self._file.tell(), "a length runs past the end of the file")
        return self._file.read(n)

    def readline(self) -> bytes:
        """Return a line. Raises CheckpointError where it is longer than MAX_LINE_BYTES."""
        line = self._file.readline(MAX_LINE_BYTES)
        require(line.endswith(b"\n"), "line too long")
        return line


class _Unpickler(pickle._Unpickler):
    """Python's own machine rather than the one in C: its operations can be restricted, and its memo is a dict."""

    dispatch: ClassVar = {
        getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]] for name in OPERATIONS
    }

    def __init__(
        self, file: BinaryIO, allowed_globals: AllowedGlobals, persistent_load: Callable[[Any], Any] | None
    ) -> None:
        super().__init__(BoundedFile(file), fix_imports=False, encoding="bytes")
        self._globals, self._persistent_load = allowed_globals, persistent_load

    def find_class(self, module: str, name: str) -> Any:
        require((module, name) in self._globals, f"it names {module!r:.60}.{name!r:.60}")
        return self._globals[module, name]

    def persistent_load(self, persistent_id: Any) -> Any:
        if self._persistent_load is None:
            raise CheckpointError("refused: persistent id")
        return self._persistent_load(persistent_id)
