"""The licences of pictures, where their lists name them, for those who take a data set away."""

import re
from collections.abc import Iterable

import pandas as pd

COLUMNS = ("licence", "license")
"""What a list calls the column of its licences; case does not count."""
UNKNOWN, OTHER = "unknown", "other"
IDENTIFIERS = frozenset(
    {
        *("cc0-1.0", "cc", "pddl", "mit", "apache-2.0", "gfdl"),
        *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
        *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0"),
        *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    }
)
"""Those that pictures have of the identifiers in https://huggingface.co/docs/hub/repositories-licenses."""
CREATIVE_COMMONS = re.compile(r"(by(?:-nc)?(?:-sa|-nd)?)-(\d\.\d)")
ZERO = re.compile(r"\bcc-?0\b|publicdomain-zero|cc-zero")


def licence_counts(rows: pd.DataFrame) -> "pd.Series[int]":
    """Return how many pictures have each licence, as the lists write it, most first; "" where there is none.

    `rows` are those of an export. Empty where no list has a column of licences.
    """
    columns = [name for name in rows if str(name).casefold() in COLUMNS]
    if not columns:
        return pd.Series(dtype=int)
    licences = rows[columns].astype(object).bfill(axis=1).iloc[:, 0]  # some lists have numbers there
    return licences.map(str, na_action="ignore").fillna("").value_counts()


def identifiers(licences: Iterable[str]) -> list[str]:
    """Return the identifiers that Hugging Face's hub has for licences, in order: `unknown` where there is none."""
    return sorted({_identifier(licence) for licence in licences}) or [UNKNOWN]


def _identifier(licence: str) -> str:
    """`CC BY-NC 2.0` and https://creativecommons.org/licenses/by-nc/2.0/ are both cc-by-nc-2.0."""
    if not licence.strip():
        return UNKNOWN
    text = re.sub(r"[^a-z0-9.]+", "-", licence.casefold()).strip("-")
    if text in IDENTIFIERS:
        return text
    if ZERO.search(text):
        return "cc0-1.0"
    match = CREATIVE_COMMONS.search(text)
    name = f"cc-{match[1]}-{match[2]}" if match else ""
    return name if name in IDENTIFIERS else OTHER
