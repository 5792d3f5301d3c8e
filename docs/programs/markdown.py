"""Markdown written by programs: tables, and the regions of a page that they fill."""

import re
from collections.abc import Sequence

REGION = re.compile(r"(<!-- made from the code: ([\w-]+) -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)
"""A region of a page: its first line, its name, what is in it, its last line."""


def table_of(rows: Sequence[Sequence[str]]) -> str:
    """Return a table, the header being its first row and the rule its second."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def table_text(text: str) -> str:
    """Return text as it may stand in a table's cell: one line, without the character that divides cells."""
    return " ".join(text.split()).replace("|", "\\|")
