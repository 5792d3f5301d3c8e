"""The JSON files of a store: typed records, each with a schema number.

Files that were written before there was one are read by a migration; files of a newer Regraft are refused with a
sentence.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from regraft.errors import DamagedVersionError, VersionError

SCHEMA: Final = 1
"""The schema that is written, and the newest that can be read."""


class Record(BaseModel):
    """A frozen part of a JSON file that knows all of its keys. Numbers that are not finite are written as text."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        ser_json_inf_nan="strings",
        validate_by_name=True,
        serialize_by_alias=True,
    )


class FileRecord(Record):
    """A whole JSON file."""

    file: ClassVar[str]
    """Its name."""
    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    """The schema number."""

    def to_bytes(self) -> bytes:
        """Return the record as indented UTF-8 JSON, of which the equal record is read again."""
        return (self.model_dump_json(indent=1) + "\n").encode()


R = TypeVar("R", bound=FileRecord)


def read_record(data: bytes, kind: type[R], migrated: Callable[[dict[str, Any]], dict[str, Any]]) -> R:
    """Return the record in a file; `migrated` brings one without a schema number to schema 1.

    Raises VersionError where a newer Regraft wrote it, DamagedVersionError where it is damaged.
    """
    try:
        content = from_json(data)
    except ValueError as error:
        raise DamagedVersionError(f"{kind.file} is damaged: it is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise DamagedVersionError(f"{kind.file} is damaged: it holds a {type(content).__name__}, not an object.")
    schema = content.get("schema", 0)
    if isinstance(schema, int) and schema > SCHEMA:
        raise VersionError(
            f"{kind.file} was written by a newer Regraft (schema {schema}; this one reads up to {SCHEMA}): "
            "install a newer Regraft to read it."
        )
    try:
        if "schema" not in content:
            return kind.model_validate(migrated(content), extra="ignore")
        return kind.model_validate(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # ValidationError is a ValueError
        raise DamagedVersionError(f"{kind.file} is damaged: {_first_problem(error)}.") from error


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def renamed(old: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return what a file held, the keys in `names` by the names that they have now."""
    return {names.get(key, key): value for key, value in old.items()}
