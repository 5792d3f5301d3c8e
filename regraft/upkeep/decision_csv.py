"""Decisions as CSV: written for spreadsheets, and read from there, all of them or none.

A cell that a spreadsheet would take for a formula begins with an apostrophe, which reading takes away again:
https://owasp.org/www-community/attacks/CSV_Injection.
"""

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from regraft.dataset.decision import Decision, DecisionKind
from regraft.dataset.decisions import check_complete
from regraft.errors import LinkError
from regraft.identity import Digest, Url
from regraft.links.list_text import decoded, is_row, shortened
from regraft.upkeep.decide import KnownPictures, decisions_on, kind_named

COLUMNS = (
    "kind",
    "url",
    "digest",
    "category",
    "to_category",
    "why",
    "decided_at",
    "decided_by",
    "review",
    "undoes",
    "id",
)
"""The columns of a file; `kind` and one of `url`, `digest` and `undoes` are needed, the others may be missing."""
DELIMITERS = ",;\t"
"""What may stand between cells: a spreadsheet writes what is usual where it runs."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet takes for the beginning of a formula, and the apostrophe, so that reading is unequivocal."""

MAX_BYTES = 200_000_000
"""Of a file of decisions; a million of them have fewer."""


def to_csv(decisions: Sequence[Decision]) -> str:
    """Return decisions as CSV, columns COLUMNS; `from_csv` gives the same decisions back."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for decision in decisions:
        values = {**vars(decision), "id": decision.id, "decided_at": decision.decided_at.astimezone(UTC).isoformat()}
        writer.writerow(safe_cell(str(values[name])) for name in COLUMNS)
    return file.getvalue()


def safe_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula; `plain_text` undoes it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def plain_text(cell: str) -> str:
    """Return the text of a cell that `safe_cell` made; any other cell is its own text."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


@dataclass(frozen=True)
class Imported:
    """What a file comes to."""

    decisions: list[Decision]
    """What is to be decided."""
    known: int
    """Rows that were decided so already."""


def from_csv(path: Path, by: str, now: datetime, pictures: KnownPictures) -> Imported:
    """Return the decisions in a file that are new to a store. Where a row says neither who nor when, it is `by`, `now`.

    Raises LinkError, naming the file and the line, where it is not such a table, or where a row is wrong: an unknown
    kind, category or picture.
    """
    earlier = {decision.id for decision in pictures.decisions}
    decisions, known = list[Decision](), 0
    for line, row in _rows(path):
        try:
            new = [each for each in _decisions(row, by, now, pictures, earlier) if each.id not in earlier]
            for decision in new:
                check_complete(decision)
        except LinkError as error:
            raise LinkError(f"{path}, line {line}: {error}") from error
        known += not new
        earlier |= {decision.id for decision in new}
        decisions += new
    return Imported(decisions, known)


def _decisions(
    row: dict[str, str], by: str, now: datetime, pictures: KnownPictures, earlier: set[str]
) -> list[Decision]:
    """The decisions of one row; none where it was decided so already. `earlier`: the ids of those decided or read."""
    wish = Decision(
        kind=kind_named(row.get("kind", "").strip().lower()),
        url=Url(row.get("url", "").strip()),
        digest=Digest(pictures.whole_digest(row.get("digest", "").strip())),
        category=row.get("category", ""),
        to_category=row.get("to_category", ""),
        decided_at=_moment(row.get("decided_at", ""), now),
        decided_by=row.get("decided_by", "") or by,
        why=row.get("why", ""),
        review=row.get("review", ""),
        undoes=row.get("undoes", ""),
    )
    if wish.id in earlier:
        return []
    if wish.undoes and wish.undoes not in earlier:
        raise LinkError(f"there is no decision {wish.undoes!r} that could be taken back; nothing was changed.")
    if wish.undoes:
        return [wish]
    pictures.check_known(wish)
    if wish.digest and wish.kind is not DecisionKind.UNDO:
        return [] if _holds(wish, pictures) and not row.get("decided_at") else [wish]
    links = pictures.links_of(wish.url or wish.digest)
    links = [link for link in links if wish.category in ("", link.category)]
    if links and all(_holds(replace(wish, digest=link.digest, category=link.category), pictures) for link in links):
        return []
    return decisions_on(wish.url or wish.digest, wish, pictures)


def _holds(wish: Decision, pictures: KnownPictures) -> bool:
    """Whether the same was decided on a picture already, by whomever."""
    decision = pictures.holding.get((wish.digest, wish.category))
    return decision is not None and (decision.kind, decision.to_category) == (wish.kind, wish.to_category)


def _moment(text: str, now: datetime) -> datetime:
    """The time of a cell, in UTC where it names no zone; `now` where there is none."""
    if not text:
        return now
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter at the ends of the calendar
        raise LinkError(f"{text!r} is no time such as 2026-01-31T12:00:00Z; nothing was changed.") from None


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a file by column, and the line at which each ends, without what is empty."""
    lines = io.StringIO(_text(path), newline="").readlines()
    skipped = next((place for place, line in enumerate(lines) if is_row(line)), 0)
    delimiter = max(DELIMITERS, key="".join(lines[skipped : skipped + 1]).count)
    reader = csv.reader(lines[skipped:], strict=True, delimiter=delimiter)
    try:
        header = [cell.strip().lower() for cell in _without_empty_end(next(reader, []))]
        _check_header(header, f"{path}, line {skipped + 1}")
        for cells in map(_without_empty_end, reader):
            line = skipped + reader.line_num
            if len(cells) > len(header):
                raise LinkError(f"{path}, line {line}: more cells than columns; nothing was changed.")
            if cells:
                yield line, dict(zip(header, map(plain_text, cells), strict=False))
    except csv.Error as error:
        line = skipped + reader.line_num
        raise LinkError(f"{path}, line {line}: it is no CSV ({error}); nothing was changed.") from error


def _without_empty_end(cells: list[str]) -> list[str]:
    """The cells of a row without the empty ones at its end, which spreadsheets add."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _text(path: Path) -> str:
    """A file's text, as editors and spreadsheets write it: UTF-8, UTF-16 with a mark, or Windows-1252."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise LinkError(f"{path} has more than {MAX_BYTES:,} bytes; nothing was changed. Split it.")
        text = data.decode("utf-16") if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else decoded(data)
    except OSError as error:
        raise LinkError(f"{path} cannot be read: {error.strerror}; nothing was changed.") from error
    except UnicodeDecodeError as error:
        raise LinkError(f"{path} is no text in UTF-16, as its first bytes say; nothing was changed.") from error
    return text.removeprefix("\ufeff")


def _check_header(header: Sequence[str], place: str) -> None:
    """Raise LinkError, naming the `place`, where the columns are not those of decisions."""
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or "kind" not in header or not {"url", "digest", "undoes"} & set(header):
        columns = f"the columns {shortened(', '.join(header))}" if header else "no columns"
        wrong = f"has a column {shortened(unknown[0])!r}" if unknown else f"has {columns}"
        raise LinkError(
            f"{place}: it {wrong}; expected kind, url and others of {', '.join(COLUMNS)}. Nothing was changed."
        )
    if len(set(header)) < len(header):
        raise LinkError(f"{place}: a column is there twice; nothing was changed.")
