"""Files that a command is to write: checked before it works for them."""

import os
from collections.abc import Collection
from pathlib import Path

from regraft.errors import ConfigError


def check_file(option: str, path: Path, suffixes: Collection[str] = ()) -> None:
    """Raise ConfigError where no file can be written to a path; `option` is what the command line calls it.

    `suffixes` are the endings that its name may have; any may where there are none.
    """
    if suffixes and path.suffix not in suffixes:
        raise ConfigError(f"{option} {path}: the name must end in {' or '.join(suffixes)}.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {folder}.")
    if path.is_dir():
        raise ConfigError(f"{option} {path}: it is a folder; name a file.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise ConfigError(f"{option} {path}: your user may not write there.")
