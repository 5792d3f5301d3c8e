"""Files that a command is to write: checked before it works for them, and written whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from regraft.errors import ConfigError, StoreError


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


def write_file(path: Path, data: bytes) -> None:
    """Put a file in place: whole, or what was there before stays. Raises StoreError, naming it, where that fails."""
    target = Path(os.path.realpath(path))  # a link stays one
    try:
        is_special = target.exists() and not target.is_file()  # such as /dev/null
        if is_special or not os.access(target.parent, os.W_OK):
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.") from error


def _replace(target: Path, data: bytes) -> None:
    """Write a file aside, then put it in its place, with the permissions of the one that was there."""
    aside = target.with_name(f".{os.getpid()}.part")
    try:
        aside.write_bytes(data)
        if target.exists():
            shutil.copymode(target, aside)
        aside.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
