"""The system calls that change a folder: all of them in one place, so that a test can have any of them fail."""

import ctypes
import os

FILE_MODE = 0o666
"""Permissions of a new file, less what the process's umask takes away."""


class SystemCalls:
    """The operating system's own calls. Each raises OSError where the system refuses it."""

    def create(self, path: str) -> int:
        """Make a new file and return its descriptor, open for writing."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write some bytes; return how many were written."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """Wait until an open file or folder survives a crash of the machine."""
        os.fsync(descriptor)

    def sync_all(self, descriptor: int) -> None:
        """Wait for the file system that an open folder lies on: one call for any number of files."""
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:  # not every system has it
            os.sync()
        elif syncfs(descriptor) != 0:
            raise OSError(number := ctypes.get_errno(), os.strerror(number))

    def rename(self, source: str, target: str) -> None:
        """Put a file or folder in another place, over a file that is there."""
        os.rename(source, target)

    def link(self, source: str, target: str) -> None:
        """Give a file a second name. Raises FileExistsError where that is taken."""
        os.link(source, target)

    def unlink(self, path: str) -> None:
        """Remove a file's name."""
        os.unlink(path)

    def mkdir(self, path: str) -> None:
        """Make a folder."""
        os.mkdir(path)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)

    def flock(self, descriptor: int) -> None:
        """Lock an open file for this descriptor alone. Raises BlockingIOError where another has it."""
        import fcntl  # only whoever locks needs it

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
