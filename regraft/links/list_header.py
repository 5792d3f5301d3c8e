"""Which columns of a table hold the URLs and the lengths, by what they are called."""

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from regraft.links.list_bytes import UnusableError
from regraft.links.list_text import cleaned, shortened

URL, LABEL = "url", "label"
"""The columns' names where a job gives no others."""
DELIMITERS = ",\t;|"
"""What may separate the columns of a table."""
LENGTH_NAMES = (LABEL, "length")
"""What a column of lengths is most likely called: a column that is called nearly so is not overlooked in silence."""
LENGTH_WORD = re.compile(r"(?<![^\W_])(label|length|cm(?![^\W_]))")
"""What a column of lengths has in its name: `body_length`, `Length (cm)`, `size_cm`."""
URL_WORD = re.compile(r"url|link|href|src")
"""What a column of URLs may have in its name: `OriginalURL`, `image_link`."""
MIN_SIMILARITY = 0.75
"""From 0 to 1, as difflib measures it: `lable` and `labels` are similar to `label`, `table` is not."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold the URLs and the lengths.

    Case, surrounding spaces and how Unicode composes a letter do not count.
    """

    url: str | None = None
    """None: `url`."""
    label: str | None = None
    """None: `label`, where there is such a column."""
    has_lengths: bool = True
    """Whether lengths are wanted; where not, the column of labels may hold anything."""


def delimiter_of(header: str, columns: Columns) -> str | None:
    """Return what separates the columns that a line names; None where it does not name the column of URLs."""
    wanted = _folded(columns.url or URL)
    return next((d for d in DELIMITERS if wanted in map(_folded, header.split(d))), None)


def positions(names: Sequence[str], columns: Columns, advice: str = "") -> tuple[int, int | None]:
    """Return where the columns of URLs and of lengths are; None where a table has no lengths, or none are wanted.

    `advice` goes before what a message says of columns with other names.
    Raises UnusableError where there is no column of URLs, where one that the job names is missing, and where a column
    is called nearly as one of lengths is: to overlook it would mean to learn from synthetic lengths.
    """
    url = _position(names, columns.url or URL)
    if url is None:
        problem = f"has no column `{columns.url or URL}`; it has: {_shown_names(names)}. {advice}"
        similar = next((name for name in names if URL_WORD.search(_folded(name))), None)
        setting = "url_column" if similar is None else f"url_column: {shortened(similar)}"
        raise UnusableError(f"{problem}`{setting}` in the config says which holds the URLs.")
    if not columns.has_lengths:
        return url, None
    label = _position(names, columns.label or LABEL)
    if label is not None:
        return url, label
    if columns.label:
        problem = f"has no column `{columns.label}`, which `label_column` names"
        raise UnusableError(f"{problem}; it has: {_shown_names(names)}.")
    similar = _name_like_a_length(names)
    if similar is not None:
        shown = shortened(similar)
        problem = f"has a column `{shown}`, but none `{LABEL}`, so that its lengths would be overlooked."
        raise UnusableError(f"{problem} Write `label_column: {shown}` in the config, or take the column out.")
    return url, None


def needed_names(names: Sequence[str], columns: Columns) -> tuple[str, str | None]:
    """Return the names of the columns of URLs and of lengths, see `positions`."""
    url, label = positions(names, columns)
    return names[url], None if label is None else names[label]


def _position(names: Sequence[str], wanted: str) -> int | None:
    """Where a column is. One of exactly that name comes first; two that are alike are refused."""
    exact = [i for i, name in enumerate(names) if name == wanted]
    alike = exact or [i for i, name in enumerate(names) if _folded(name) == _folded(wanted)]
    if len(alike) > 1:
        raise UnusableError(f"has {len(alike)} columns `{wanted}`; it has: {_shown_names(names)}.")
    return alike[0] if alike else None


def _name_like_a_length(names: Sequence[str]) -> str | None:
    """The first name that a column of lengths may have."""
    by_folded = {_folded(name): name for name in reversed(names)}
    similar = {
        close for name in LENGTH_NAMES for close in difflib.get_close_matches(name, by_folded, 1, MIN_SIMILARITY)
    }
    return next((name for name in names if LENGTH_WORD.search(_folded(name)) or _folded(name) in similar), None)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", cleaned(name)).casefold()


def _shown_names(names: Sequence[str]) -> str:
    return shortened(", ".join(names)) or "none"
