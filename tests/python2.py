"""The tutorial's weights format: a NumPy object array in .npy, its dict pickled by Python 2."""

import io
import pickle
import struct
from typing import Any

import numpy as np


class Python2(pickle._Pickler):
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


def npy(layers: Any) -> bytes:
    """The bytes of a vgg16.npy."""
    file = io.BytesIO()
    whole = np.empty((), dtype=object)
    whole[()] = layers
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    Python2(file, 2).dump(whole)
    return file.getvalue()
