"""Weight files from elsewhere: hostile ones are refused, and nothing is ever executed."""

import os
import pickle
import random
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from regraft.backbones import applications
from regraft.backbones.checkpoints import read_legacy_pth, read_npy_layers
from regraft.backbones.hdf5 import check_hdf5
from regraft.errors import CheckpointError
from tests.python2 import npy

# hostile files


FUNCTIONS = """os.system posix.system subprocess.Popen subprocess.call builtins.eval builtins.exec builtins.open
    builtins.getattr builtins.__import__ builtins.compile importlib.import_module shutil.rmtree pty.spawn
    socket.socket ctypes.CDLL runpy.run_path code.interact webbrowser.open pickle.loads marshal.loads
    numpy.load numpy.fromfile numpy.memmap numpy.testing._private.utils.runstring torch.load torch.hub.load
    torch.storage._load_from_bytes torch._utils._rebuild_sparse_tensor numpy.core.multiarray.scalar
    numpy.f2py.compile keras.layers.Lambda tensorflow.py_function operator.attrgetter functools.partial
    functools.reduce types.FunctionType types.CodeType copyreg._reconstructor copyreg.__newobj__ sys.exit
    os.remove os.execv pathlib.Path tempfile.mktemp urllib.request.urlopen threading.Thread
    multiprocessing.Process timeit.timeit pdb.run cProfile.run""".split()
MARK = "regraft-was-here"


def calls(function: str, argument: str) -> bytes:
    """A pickle that calls a function by REDUCE."""
    module, _, name = function.rpartition(".")
    text = pickle.BINUNICODE + struct.pack("<I", len(argument)) + argument.encode()
    return b"\x80\x02" + pickle.GLOBAL + f"{module}\n{name}\n".encode() + text + pickle.TUPLE1 + pickle.REDUCE + b"."


def header(shape: str = "()", descr: str = "'|O'", version: bytes = b"\x01\x00") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text


def legacy(*pickles: Any) -> bytes:
    """A legacy torch file made of pickles, given as objects or as bytes."""
    return b"".join(part if isinstance(part, bytes) else pickle.dumps(part, 2) for part in pickles)


MAGIC = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001, "type_sizes": {}})


def hostile() -> dict[str, tuple[Callable[[Path], Any], bytes]]:
    """Files by name, with the reader that must refuse each."""
    files: dict[str, tuple[Callable[[Path], Any], bytes]] = {}
    for function in FUNCTIONS:
        attack = calls(function, f"touch {MARK}")
        files[f"npy calls {function}"] = (read_npy_layers, header() + attack)
        files[f"pth calls {function}"] = (read_legacy_pth, legacy(*MAGIC, attack, []))
    plain = pickle.dumps({"a": 1}, 2)
    odd: dict[str, bytes] = {
        "empty": b"",
        "no magic": b"hello",
        "zip": b"PK\x03\x04" + bytes(40),
        "html": b"<html>",
        "half magic": b"\x93NUM",
        "numbers": header("(3,)", "'<f4'") + bytes(12),
        "an array of objects": header("(2,)") + plain,
        "fields": header("()", "[('a', '|O')]") + plain,
        "negative shape": header("(-1,)") + plain,
        "version 9": header(version=b"\x09\x00") + plain,
        "no dict": header() + pickle.dumps([1], 2),
        "a plain dict": header() + plain,
        "bytes after": npy(vgg_small()) + b"x",
        "cut off": npy(vgg_small())[:-40],
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
    files |= {f"npy: {name}": (read_npy_layers, data) for name, data in odd.items()}
    torch: dict[str, bytes] = {
        "empty": b"",
        "zip": b"PK\x03\x04" + bytes(40),
        "no magic": legacy(1, 1001, {}),
        "big-endian": legacy(*MAGIC[:2], {"little_endian": False}, {}, []),
        "no state": legacy(*MAGIC),
        "a list": legacy(*MAGIC, [], []),
        "plain state": legacy(*MAGIC, {"w": 1}, []),
        "names of nothing": legacy(*MAGIC, OrderedDict(), ["a"]),
        "number names": legacy(*MAGIC, OrderedDict(), [1]),
    }
    files |= {f"pth: {name}": (read_legacy_pth, data) for name, data in torch.items()}
    return files


def vgg_small() -> dict[str, list[np.ndarray]]:
    return {"conv1_1": [np.ones((3, 3, 3, 4), np.float32), np.zeros(4, np.float32)], "é": [np.ones(300)]}


HOSTILE = hostile()


def test_there_are_a_hundred_hostile_files_and_more() -> None:
    assert len(HOSTILE) >= 100


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_and_nothing_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read, data = HOSTILE[name]
    Path("file").write_bytes(data)
    with pytest.raises(CheckpointError):
        read(Path("file"))
    assert os.listdir() == ["file"]


def test_two_thousand_mutations_never_raise_anything_else(tmp_path: Path) -> None:
    draw, path = random.Random(0), tmp_path / "file"
    good = [npy(vgg_small()), legacy(*MAGIC, OrderedDict(), [])]
    readers: list[Callable[[Path], Any]] = [read_npy_layers, read_legacy_pth]
    refused = 0
    for turn in range(2000):
        which = turn % 2
        data = bytearray(good[which])
        for _ in range(draw.choice((1, 1, 2, 4, 16))):
            match draw.randrange(4):
                case 0:
                    data[draw.randrange(len(data))] = draw.randrange(256)
                case 1:
                    del data[draw.randrange(len(data)) :][:1]
                case 2:
                    at = draw.randrange(len(data))
                    data[at:at] = draw.randbytes(draw.randrange(1, 9))
                case _:
                    at = draw.randrange(len(data))
                    data[at : at + draw.randrange(1, 40)] = b""
            if not data:
                data = bytearray(b"\0")
        path.write_bytes(data)
        try:
            readers[which](path)
        except CheckpointError:
            refused += 1
    print(f"{refused} of 2000 refused")
    assert refused > 1000


# HDF5


def h5(path: Path, make: Callable[[Any], Any]) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("layers")["kernel"] = np.ones((3, 3), np.float32)
        make(file)
    return path


def external_data(file: Any) -> None:
    file.create_dataset("stolen", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8,))
    file.create_virtual_dataset("stolen", layout)


def bomb(file: Any) -> None:
    file.create_dataset("bomb", (200_000_000,), "u1", chunks=(1_000_000,), compression="gzip", fillvalue=0)


def compound(file: Any) -> None:
    file["odd"] = np.zeros(2, [("a", "<i4"), ("b", "<f4")])


def linked(link: Any) -> Callable[[Any], None]:
    def make(file: Any) -> None:
        file["stolen"] = link

    return make


@pytest.mark.parametrize(
    "make",
    [
        linked(h5py.ExternalLink("/etc/passwd", "/x")),
        linked(h5py.SoftLink("/layers")),
        external_data,
        virtual,
        bomb,
        compound,
    ],
    ids=["external link", "soft link", "external data", "virtual data", "bomb", "compound"],
)
def test_hdf5_that_reaches_out_of_its_file_is_refused(make: Callable[[Any], Any], tmp_path: Path) -> None:
    path = h5(tmp_path / "w.weights.h5", make)
    with pytest.raises(CheckpointError, match="refused"):
        check_hdf5(path)


def test_hdf5_broken_in_any_place_never_raises_anything_else(tmp_path: Path) -> None:
    """Each in a process of its own, so few; the reader's crash is a refusal too."""
    good = h5(tmp_path / "good.h5", lambda file: None).read_bytes()
    check_hdf5(tmp_path / "good.h5")
    draw = random.Random(1)
    for turn in range(12):
        data = bytearray(good)
        for _ in range(8):
            data[draw.randrange(len(data) if turn % 2 else 200)] = draw.randrange(256)
        (tmp_path / "bad.h5").write_bytes(bytes(data[: draw.randrange(100, len(data))] if turn % 3 == 0 else data))
        try:
            check_hdf5(tmp_path / "bad.h5")
        except CheckpointError as error:
            assert "refused" in str(error)  # noqa: PT017


def test_a_keras_archive_is_no_weights_file(tmp_path: Path) -> None:
    (tmp_path / "w.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(CheckpointError, match="HDF5"):
        applications.load("MobileNetV2", str(tmp_path / "w.keras"))


def test_weights_of_a_keras_network_are_read_and_those_of_another_refused(tmp_path: Path) -> None:
    import keras

    made = keras.applications.MobileNetV2(include_top=False, weights=None, pooling="avg")
    made.save_weights(tmp_path / "mobile.weights.h5")
    backbone = applications.load("MobileNetV2", str(tmp_path / "mobile.weights.h5"))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    expected = made.predict(pixels.astype(np.float32) / 127.5 - 1, verbose=0)
    np.testing.assert_allclose(backbone.features(pixels), expected, rtol=1e-2, atol=1e-4)
    with pytest.raises(CheckpointError, match="does not fit"):
        applications.load("MobileNet", str(tmp_path / "mobile.weights.h5"))
