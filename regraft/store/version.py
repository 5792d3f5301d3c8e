"""One published version: its files, each checked against the digest that it was published with."""

import contextlib
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from regraft.errors import CorruptError, DamagedVersionError, VersionError
from regraft.identity import digest_of
from regraft.store.root import REMOVING, VERSIONS
from regraft.store.scratch import Scratch
from regraft.store.store import Store
from regraft.store.tables import OpenTable, arrow_of_parquet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from regraft.store.metrics_record import MetricsRecord
    from regraft.store.run_record import RunRecord

LAST_FILE = "run.json"
"""The file that makes a folder a version: published last and deleted first."""
VERSION_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")
NAME_FORMAT = "%Y%m%dT%H%M%SZ"
"""How a name begins: when it was published."""


@dataclass(frozen=True)
class Version:
    """One published version. Its files are read when they are needed."""

    store: Store
    """The store that it lies in."""
    name: str
    """When it was published, such as 20261124T030000Z."""

    @property
    def address(self) -> str:
        """Where its folder lies, for people and programs: an absolute path, or a URL."""
        return f"{self.store.address}/{self.path}"

    @property
    def path(self) -> str:
        """The path of its folder in the store."""
        return f"{VERSIONS}/{self.name}"

    def read(self, file: str) -> bytes:
        """Return a file's bytes.

        Raises DamagedVersionError, naming the file, where it is gone or not what was published; VersionError where the
        version is gone.
        """
        with self._needing(file):
            data = self.store.disk.read(f"{self.path}/{file}")
        if file != LAST_FILE:
            self._check_known(file, digest_of(data))
        return data

    def _check_known(self, file: str, digest: str) -> None:
        """Raise DamagedVersionError where a file with that digest is none that the version has or had."""
        if not self._is_known(file, digest):
            raise self._damaged(file, f"its bytes are not what was published in {self.store.url}")

    def _is_known(self, file: str, digest: str) -> bool:
        """Whether a file with that digest is one that the version has, or had until what was removed is gone."""
        if digest == self.digests.get(file, digest):
            return True
        if digest == _recorded_digests(self).get(file):  # a picture was removed since they were read
            return True
        before: set[str] = set()
        with contextlib.suppress(VersionError):
            before = {note.files[file].before for note in self.run.removals if file in note.files}
        return digest in before and self.store.disk.exists(REMOVING)

    def replace(self, files: Mapping[str, bytes], run: "RunRecord | None") -> None:
        """Put files in place of those that were published, for what somebody had removed; `run` says so, and is first.

        Cut off at any moment, every file is read as it was or as it is to be. The store must be held.
        """
        if run is not None:
            self.store.disk.write(f"{self.path}/{LAST_FILE}", run.to_bytes())
        for file, data in files.items():
            self.store.disk.write(f"{self.path}/{file}", data)

    def local_copy(self, file: str) -> Path:
        """Return where programs of this machine can open a file, unchecked. Raises VersionError where it is gone."""
        with self._needing(file):
            return self.store.disk.local_copy(f"{self.path}/{file}")

    def has(self, file: str) -> bool:
        """Return whether the version was published with a file; those of earlier Regrafts lack some."""
        if self.digests:
            return file in self.digests
        return self.store.disk.exists(f"{self.path}/{file}")

    @property
    def is_published(self) -> bool:
        """Whether it counts as a version."""
        return self.store.disk.exists(f"{self.path}/{LAST_FILE}")

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The digest of each of its files, by name; none where run.json is damaged or of an earlier Regraft."""
        return _recorded_digests(self)

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each of its files, by path in the store."""
        return self.store.disk.sizes(self.path)

    def delete(self) -> None:
        """Remove it. Cut off at any moment, it is whole or no version at all."""
        self.store.disk.withdraw(self.path, LAST_FILE)

    @property
    def metrics(self) -> "MetricsRecord":
        """metrics.json. Raises DamagedVersionError where it is damaged, VersionError where a newer Regraft wrote it."""
        from regraft.store.metrics_record import read_metrics  # pydantic takes its time, and a name needs none

        with self._naming_itself():
            return read_metrics(self.read("metrics.json"))

    @property
    def run(self) -> "RunRecord":
        """run.json. Raises DamagedVersionError where it is damaged, VersionError where a newer Regraft wrote it."""
        from regraft.store.run_record import read_run

        with self._naming_itself():
            return read_run(self.read("run.json"))

    @contextlib.contextmanager
    def _naming_itself(self) -> Iterator[None]:
        """Put the version's name into what went wrong with one of its files."""
        try:
            yield
        except VersionError as error:
            if self.name in str(error):
                raise
            raise type(error)(f"Version {self.name}: {error}") from error

    def table(self, file: str, columns: list[str] | None = None) -> "pd.DataFrame":
        """Return one of its tables, such as manifest.parquet, or some columns of it. Raises as `read` does."""
        return self.arrow_table(file, columns).to_pandas(use_threads=False)

    def arrow_table(self, file: str, columns: list[str] | None = None) -> "pa.Table":
        """Return a table as `table` does, with the types and nulls that pandas would not keep."""
        data = self.read(file)
        try:
            return arrow_of_parquet(data, columns)
        except Exception as error:  # Arrow raises anything on a damaged file
            raise self._damaged(file, error) from error

    def rows(self, file: str, column: str, texts: Collection[str], columns: Sequence[str]) -> "pd.DataFrame":
        """Return some columns of a table's rows in which a column has one of some texts, without reading the whole.

        Columns that the table of an earlier Regraft lacks are null. Raises as `read` does.
        """
        from regraft.store.row_tables import rows_among  # pandas takes its time, and most commands need none

        try:
            with self._needing(file), self.store.disk.opened(f"{self.path}/{file}") as opened:
                return rows_among(OpenTable(opened), column, texts, columns)
        except CorruptError as error:
            raise self._damaged(file, error) from error

    def opened(self, file: str, scratch: Scratch | None = None) -> OpenTable:
        """Return one of its tables, opened, to be read a group of rows at a time. Raises as `read` does.

        A table of a remote store is copied to this machine first, into `scratch` if that is given.
        """
        with self._needing(file):
            path = self.store.disk.local_copy(f"{self.path}/{file}", scratch)
            with path.open("rb") as bytes_of_file:
                digest = hashlib.file_digest(bytes_of_file, "sha256").hexdigest()
        self._check_known(file, digest)
        try:
            return OpenTable(path)
        except CorruptError as error:
            raise self._damaged(file, error) from error

    def _damaged(self, file: str, problem: object) -> DamagedVersionError:
        return DamagedVersionError(f"{file} of version {self.name} is damaged: {problem}.")

    @contextlib.contextmanager
    def _needing(self, file: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            if not self.is_published:
                raise VersionError(
                    f"Version {self.name} is not in {self.store.url} any more; `regraft versions` lists those that are."
                ) from None
            raise DamagedVersionError(
                f"Version {self.name} has no {file}; the store {self.store.url} is damaged."
            ) from None


def published_at(name: str) -> datetime:
    """Return when the version of a name was published, to the second."""
    return datetime.strptime(name.partition("-")[0], NAME_FORMAT).replace(tzinfo=UTC)


def _recorded_digests(version: Version) -> dict[str, str]:
    """The digests in run.json as it is now; none where it is damaged or of an earlier Regraft."""
    try:
        return dict(json.loads(version.store.disk.read(f"{version.path}/{LAST_FILE}"))["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return {}
