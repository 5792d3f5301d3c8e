"""HDF5 weight files looked through before Keras reads them: no link out of the file, nothing that breaks the reader.

The HDF5 library is C and has crashed on crafted files, and a file may name others on this machine and have them read
as weights. So a process of its own walks the whole file first, and reads every array; what it does not live through is
refused.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from regraft.errors import CheckpointError

PATIENCE_S = 120
MOST_OBJECTS = 100_000
SUFFIXES = (".h5", ".hdf5")
MOST_TIMES = 1000
"""How many times larger an array may be than what it takes in the file."""


def check_hdf5(path: Path) -> None:
    """Raise CheckpointError, and nothing else, where a file is not plain HDF5 all of whose data it holds itself."""
    if path.suffix not in SUFFIXES:
        raise CheckpointError(f"The weights {path} must be an HDF5 file: *.weights.h5 or *.h5.")
    try:
        with open(path, "rb"):
            pass
        command = [sys.executable, "-m", "regraft.backbones.hdf5", str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except OSError as error:
        raise CheckpointError(f"The weights {path} cannot be read: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise CheckpointError(f"refused: {path} was not read within {PATIENCE_S} s") from error
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines()[-1:] or [f"its reader crashed ({ran.returncode})"]
        raise CheckpointError(f"refused: {path}: {said[0]}"[:300])


def _walk(group: Any, seen: set[int]) -> None:
    """Visit everything below a group. Raises CheckpointError."""
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise CheckpointError(f"{name!r:.60} is a link out of its place")
        found = group[name]
        address = h5py.h5o.get_info(found.id).addr
        if address in seen:
            raise CheckpointError(f"{name!r:.60} is there twice")
        seen.add(address)
        if len(seen) > MOST_OBJECTS:
            raise CheckpointError("too many objects")
        if isinstance(found, h5py.Group):
            _walk(found, seen)
        elif isinstance(found, h5py.Dataset):
            _read(name, found)
        else:
            raise CheckpointError(f"{name!r:.60} is neither group nor array")


def _read(name: str, array: Any) -> None:
    import h5py

    if array.external or array.is_virtual:
        raise CheckpointError(f"{name!r:.60} keeps its data in another file")
    if array.dtype.kind not in "fiub" and h5py.check_string_dtype(array.dtype) is None:
        raise CheckpointError(f"{name!r:.60} holds {array.dtype}, no numbers")
    if array.dtype.kind in "fiub" and array.nbytes > MOST_TIMES * max(array.id.get_storage_size(), 1024):
        raise CheckpointError(f"{name!r:.60} is a bomb: {array.nbytes} bytes of {array.id.get_storage_size()}")
    array[()]


def _main() -> None:
    import h5py

    try:
        with h5py.File(sys.argv[1], "r") as file:
            _walk(file, set())
    except Exception as error:  # h5py raises anything
        sys.exit(f"{type(error).__name__}: {error}".replace("\n", " ").removeprefix("CheckpointError: "))


if __name__ == "__main__":
    _main()
