"""HDF5 weights files, checked before Keras reads them: no link out of the file, and nothing that breaks the reader.

The HDF5 library is written in C and has crashed on crafted files, and a file may name other files of this machine and
have them read as weights. So a process of its own first walks the whole file and reads every array, and a file that it
cannot get through is refused.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from regraft.backbones.checkpoints.checks import open_weights
from regraft.errors import CheckpointError

SUFFIXES = (".h5", ".hdf5")
TIMEOUT_S = 120
MAX_OBJECTS = 100_000
"""Groups and arrays in a file at most."""
MAX_EXPANSION = 1000
"""How many times larger an array may be than its compressed bytes in the file."""
MIN_STORED_BYTES = 1024
"""Bytes that even the smallest array is taken to have in the file."""


def check_hdf5(path: Path) -> None:
    """Raise CheckpointError, and nothing else, where a file is not plain HDF5 that holds all of its data itself."""
    if path.suffix not in SUFFIXES:
        raise CheckpointError(
            f"The weights {path} must be an HDF5 file: *.weights.h5 or *.h5. Without `weights` they are Keras's own."
        )
    with open_weights(path):
        pass  # it can be read
    command = [sys.executable, "-m", "regraft.backbones.checkpoints.hdf5", str(path)]
    try:
        reader = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except OSError as error:
        raise CheckpointError(f"The weights {path} cannot be checked: {error}.") from error
    except subprocess.TimeoutExpired as error:
        raise CheckpointError(f"refused: {path} could not be read within {TIMEOUT_S} s") from error
    if reader.returncode != 0:
        problem = reader.stderr.strip().splitlines()[-1:] or [f"its reader crashed ({reader.returncode})"]
        raise CheckpointError(f"refused: {path}: {problem[0]}"[:300])


def _check_group(group: Any, addresses: set[int]) -> None:
    """Visit everything below a group; `addresses` are those of all objects visited. Raises CheckpointError."""
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise CheckpointError(f"{name!r:.60} is a link to another place")
        member = group[name]
        address = h5py.h5o.get_info(member.id).addr
        if address in addresses:
            raise CheckpointError(f"{name!r:.60} is in the file twice")
        addresses.add(address)
        if len(addresses) > MAX_OBJECTS:
            raise CheckpointError(f"more than {MAX_OBJECTS} objects")
        if isinstance(member, h5py.Group):
            _check_group(member, addresses)
        elif isinstance(member, h5py.Dataset):
            _check_array(name, member)
        else:
            raise CheckpointError(f"{name!r:.60} is neither a group nor an array")


def _check_array(name: str, array: Any) -> None:
    """Read an array. Raises CheckpointError where it is not plain numbers or text that the file holds itself."""
    import h5py

    is_numeric, stored_bytes = array.dtype.kind in "fiub", array.id.get_storage_size()
    if array.external or array.is_virtual:
        raise CheckpointError(f"{name!r:.60} keeps its data in another file")
    if not is_numeric and h5py.check_string_dtype(array.dtype) is None:
        raise CheckpointError(f"{name!r:.60} contains {array.dtype}, not numbers")
    if is_numeric and array.nbytes > MAX_EXPANSION * max(stored_bytes, MIN_STORED_BYTES):
        raise CheckpointError(f"{name!r:.60} is a bomb: {array.nbytes} bytes out of {stored_bytes} in the file")
    array[()]


def _main() -> None:
    import h5py

    try:
        with h5py.File(sys.argv[1], "r") as file:
            _check_group(file, set())
    except Exception as error:  # h5py raises anything
        sys.exit(f"{type(error).__name__}: {error}".replace("\n", " ").removeprefix("CheckpointError: "))


if __name__ == "__main__":
    _main()
