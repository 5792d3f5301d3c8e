"""Weights files that are pickles: good ones are read, hostile ones are refused, and nothing is ever executed."""

import os
import pickle
import random
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regraft.backbones.checkpoints.npy import read_npy_layers
from regraft.backbones.checkpoints.torch_legacy import read_legacy_pth
from regraft.errors import CheckpointError
from tests.backbones.checkpoints.weights_files import TORCH_HEADER, legacy_pth_bytes, npy_bytes, pickles

LAYERS: dict[str, list[np.ndarray]] = {
    "conv1_1": [np.ones((3, 3, 3, 4), np.float32), np.zeros(4, np.float32)],
    "é": [np.ones(300)],
}
STATE = {"weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "bias": np.array([0.5, -2.0], np.float32)}


def test_the_layers_of_an_npy_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(npy_bytes(LAYERS))
    layers = read_npy_layers(tmp_path / "file")
    assert list(layers) == ["conv1_1", "é"]
    np.testing.assert_array_equal(layers["conv1_1"][0], LAYERS["conv1_1"][0], strict=True)
    np.testing.assert_array_equal(layers["é"][0], LAYERS["é"][0], strict=True)


def test_the_arrays_of_a_legacy_torch_file_are_read_whatever_their_strides(tmp_path: Path) -> None:
    arrays = STATE | {"transposed": np.asfortranarray(STATE["weight"])}
    (tmp_path / "file").write_bytes(legacy_pth_bytes(arrays))
    state = read_legacy_pth(tmp_path / "file")
    assert list(state) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(state[name], array, strict=True)


def test_a_file_with_another_digest_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no torch file")
    with pytest.raises(CheckpointError, match="not the known ones"):
        read_legacy_pth(tmp_path / "file", "00000000")


FUNCTIONS = """os.system posix.system subprocess.Popen subprocess.call builtins.eval builtins.exec builtins.open
    builtins.getattr builtins.__import__ builtins.compile importlib.import_module shutil.rmtree pty.spawn
    socket.socket ctypes.CDLL runpy.run_path code.interact webbrowser.open pickle.loads marshal.loads
    numpy.load numpy.fromfile numpy.memmap numpy.testing._private.utils.runstring torch.load torch.hub.load
    torch.storage._load_from_bytes torch._utils._rebuild_sparse_tensor numpy.core.multiarray.scalar
    numpy.f2py.compile keras.layers.Lambda tensorflow.py_function operator.attrgetter functools.partial
    functools.reduce types.FunctionType types.CodeType copyreg._reconstructor copyreg.__newobj__ sys.exit
    os.remove os.execv pathlib.Path tempfile.mktemp urllib.request.urlopen threading.Thread
    multiprocessing.Process timeit.timeit pdb.run cProfile.run""".split()


def calling(function: str, argument: str) -> bytes:
    """A pickle that calls a function by REDUCE."""
    module, _, name = function.rpartition(".")
    text = pickle.BINUNICODE + struct.pack("<I", len(argument)) + argument.encode()
    return b"\x80\x02" + pickle.GLOBAL + f"{module}\n{name}\n".encode() + text + pickle.TUPLE1 + pickle.REDUCE + b"."


def header(shape: str = "()", descr: str = "'|O'", version: bytes = b"\x01\x00") -> bytes:
    """The header of an .npy file."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("suffix", ["npy", "pth"])
def test_a_file_that_calls_a_function_is_refused_by_its_name_and_nothing_runs(
    function: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    attack = calling(function, "touch regraft-was-here")
    readers: dict[str, Callable[[Path], Any]] = {"npy": read_npy_layers, "pth": read_legacy_pth}
    Path("file").write_bytes(header() + attack if suffix == "npy" else pickles(*TORCH_HEADER, attack, []))
    module, _, name = function.rpartition(".")
    with pytest.raises(CheckpointError, match=f"refused: it names '{module}'.'{name}'"):
        readers[suffix](Path("file"))
    assert os.listdir() == ["file"]


PLAIN = pickle.dumps({"a": 1}, 2)
BAD_NPY = {
    "empty": b"",
    "no magic": b"hello",
    "zip": b"PK\x03\x04" + bytes(40),
    "html": b"<html>",
    "half magic": b"\x93NUM",
    "numbers": header("(3,)", "'<f4'") + bytes(12),
    "an array of objects": header("(2,)") + PLAIN,
    "fields": header("()", "[('a', '|O')]") + PLAIN,
    "negative shape": header("(-1,)") + PLAIN,
    "version 9": header(version=b"\x09\x00") + PLAIN,
    "no dict": header() + pickle.dumps([1], 2),
    "a plain dict": header() + PLAIN,
    "bytes after": npy_bytes(LAYERS) + b"x",
    "cut off": npy_bytes(LAYERS)[:-40],
    "code in the header": b"\x93NUMPY\x01\x00\x20\x00__import__('os').system('true')  ",
    "long line": header() + b"\x80\x02c" + b"a" * 5000,
    "protocol 0": header() + b"cos\nsystem\n(S'true'\ntR.",
    "inst": header() + b"(S'true'\nios\nsystem\n.",
    "obj": header() + b"\x80\x02(cos\nsystem\nX\x04\0\0\0trueo.",
    "newobj": header() + b"\x80\x02cos\nsystem\n)\x81.",
    "extension": header() + b"\x80\x02\x82\x01.",
    "persistent id": header() + b"\x80\x02X\x01\0\0\0aQ.",
    "huge length": header() + b"\x80\x02X\xff\xff\xff\x7f",
    "huge bytes8": header() + b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f",
    "memo of nothing": header() + b"\x80\x02h\x05.",
    "stack underflow": header() + b"\x80\x02R.",
    "mark underflow": header() + b"\x80\x02t.",
    "deep": header() + b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "frame": header() + b"\x80\x04\x95" + b"\xff" * 8,
    "itself": header() + b"\x80\x02]q\x00h\x00a.",
    "next buffer": header() + b"\x80\x05\x97.",
}
BAD_PTH = {
    "empty": b"",
    "zip": b"PK\x03\x04" + bytes(40),
    "no magic": pickles(1, 1001, {}),
    "big-endian": pickles(*TORCH_HEADER[:2], {"little_endian": False}, {}, []),
    "no state": pickles(*TORCH_HEADER),
    "a list": pickles(*TORCH_HEADER, [], []),
    "plain state": pickles(*TORCH_HEADER, {"w": 1}, []),
    "names of nothing": pickles(*TORCH_HEADER, OrderedDict(), ["a"]),
    "number names": pickles(*TORCH_HEADER, OrderedDict(), [1]),
    "bytes after": legacy_pth_bytes(STATE) + b"x",
    "cut off": legacy_pth_bytes(STATE)[:-4],
}


@pytest.mark.parametrize("data", BAD_NPY.values(), ids=BAD_NPY)
def test_a_broken_npy_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(CheckpointError):
        read_npy_layers(tmp_path / "file")


@pytest.mark.parametrize("data", BAD_PTH.values(), ids=BAD_PTH)
def test_a_broken_legacy_torch_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(CheckpointError):
        read_legacy_pth(tmp_path / "file")


def mutated(data: bytes, draw: random.Random) -> bytes:
    """A file with some of its bytes changed, cut off, added or left out."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        position = draw.randrange(len(changed))
        match draw.randrange(4):
            case 0:
                changed[position] = draw.randrange(256)
            case 1:
                del changed[position:]
            case 2:
                changed[position:position] = draw.randbytes(draw.randrange(1, 9))
            case _:
                changed[position : position + draw.randrange(1, 40)] = b""
        changed = changed or bytearray(b"\0")
    return bytes(changed)


@pytest.mark.parametrize(
    ("read", "good"), [(read_npy_layers, npy_bytes(LAYERS)), (read_legacy_pth, legacy_pth_bytes(STATE))]
)
def test_hundreds_of_mutations_of_a_good_file_never_raise_anything_else(
    read: Callable[[Path], Any], good: bytes, tmp_path: Path
) -> None:
    draw, path, refused = random.Random(0), tmp_path / "file", 0
    for _ in range(400):
        path.write_bytes(mutated(good, draw))
        try:
            read(path)
        except CheckpointError:
            refused += 1
    print(f"{refused} of 400 refused")
    assert refused > 200
