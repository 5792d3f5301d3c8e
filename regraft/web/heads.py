"""The head of an HTTP response: its status and its fields, read as leniently as browsers read them.

https://www.rfc-editor.org/rfc/rfc9112 says what a head is; servers say all sorts of things.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

STATUS_LINE = re.compile(r"HTTP/([0-9])(?:\.([0-9]+))?[ \t]+([0-9]{3})(?![0-9])", re.IGNORECASE)
SWITCHING_PROTOCOLS = 101
MAX_DIGITS = 18
"""Of a number of bytes: one of more digits is as good as endless, and Python reads no more than 4,300 of them."""


class BrokenHttp(Exception):
    """What a server sends is no HTTP that can be understood."""


@dataclass(frozen=True, slots=True)
class Head:
    """A response's status and its fields."""

    version: tuple[int, int]
    """The HTTP version, such as (1, 1)."""
    status: int
    """The HTTP status, 0 to 999."""
    fields: Mapping[str, list[str]]
    """The values of each field by its name in lower case, in the order in which they came."""

    def get(self, name: str) -> str:
        """Return a field's first value; "" where there is none. `name` is in lower case."""
        values = self.fields.get(name)
        return values[0] if values else ""

    def members(self, name: str) -> list[str]:
        """Return the members of a field that is a list, over all its lines, in lower case."""
        values = self.fields.get(name)
        return [member.strip().lower() for member in ",".join(values).split(",")] if values else []

    @property
    def is_interim(self) -> bool:
        """Whether another head follows: 100, 102 and 103 only announce the answer."""
        return 100 <= self.status < 200 and self.status != SWITCHING_PROTOCOLS


def parse_head(data: bytes) -> Head:
    """Return the head in a response's bytes up to its empty line. Raises BrokenHttp where they begin with no status.

    Lines that are no field are passed over, and a folded line belongs to the one before it.
    """
    lines = data.decode("latin-1").lstrip("\r\n").split("\n")
    status = STATUS_LINE.match(lines[0].rstrip("\r"))
    if status is None:
        raise BrokenHttp(f"the server speaks no HTTP: {lines[0][:80]!r}")
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and values:
            values[-1] = f"{values[-1]} {_value(line)}".strip()
            continue
        name, colon, value = line.partition(":")
        if colon and name.strip():
            values = fields.setdefault(name.strip().lower(), [])
            values.append(_value(value))
    return Head((int(status[1]), int(status[2] or 0)), int(status[3]), fields)


def whole_number(digits: str) -> int:
    """Return the number that ASCII digits are, however many; one that is beyond all measure may become smaller."""
    return int(digits.lstrip("0")[:MAX_DIGITS] or "0")


def date_in(text: str) -> datetime | None:
    """Return the moment that a field's value is, with its zone; None where it is none.

    Without a zone it is in UTC, https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7.
    """
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _value(text: str) -> str:
    """A field's value. RFC 9112, section 2.2, and RFC 9110, section 5.5: a lone CR and a NUL count as a space."""
    return text.replace("\r", " ").replace("\0", " ").strip()
