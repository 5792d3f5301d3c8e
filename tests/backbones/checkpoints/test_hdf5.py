"""HDF5 weights files: those that reach out of themselves, or break their reader, are refused."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from regraft.backbones.checkpoints.hdf5 import check_hdf5
from regraft.errors import CheckpointError


def hdf5_file(path: Path, add: Callable[[Any], Any]) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("layers")["kernel"] = np.ones((3, 3), np.float32)
        add(file)
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


def hard_link(file: Any) -> None:
    file["again"] = file["layers/kernel"]


def link(target: Any) -> Callable[[Any], None]:
    def add(file: Any) -> None:
        file["stolen"] = target

    return add


@pytest.mark.parametrize(
    ("add", "problem"),
    [
        (link(h5py.ExternalLink("/etc/passwd", "/x")), "'stolen' is a link"),
        (link(h5py.SoftLink("/layers")), "'stolen' is a link"),
        (external_data, "'stolen' keeps its data in another file"),
        (virtual, "'stolen' keeps its data in another file"),
        (bomb, "'bomb' is a bomb"),
        (compound, "'odd' contains"),
        (hard_link, "in the file twice"),
    ],
    ids=["external link", "soft link", "external data", "virtual data", "bomb", "compound", "hard link"],
)
def test_hdf5_that_reaches_out_of_its_file_is_refused_with_the_reason(
    add: Callable[[Any], Any], problem: str, tmp_path: Path
) -> None:
    path = hdf5_file(tmp_path / "w.weights.h5", add)
    with pytest.raises(CheckpointError, match=f"refused.*{problem}"):
        check_hdf5(path)


def test_hdf5_broken_in_any_place_never_raises_anything_else(tmp_path: Path) -> None:
    """Each file is read by a process of its own, so there are few; that process's crash is a refusal too."""
    good = hdf5_file(tmp_path / "good.h5", lambda file: None).read_bytes()
    check_hdf5(tmp_path / "good.h5")
    draw, refused = random.Random(1), 0
    for turn in range(6):
        data = bytearray(good)
        for _ in range(8):
            data[draw.randrange(len(data) if turn % 2 else 200)] = draw.randrange(256)
        (tmp_path / "bad.h5").write_bytes(bytes(data[: draw.randrange(100, len(data))] if turn % 3 == 0 else data))
        try:
            check_hdf5(tmp_path / "bad.h5")
        except CheckpointError as error:
            assert "refused" in str(error)  # noqa: PT017 - not every one is refused
            refused += 1
    assert refused > 1


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"missing\.h5 cannot be read"):
        check_hdf5(tmp_path / "missing.h5")
