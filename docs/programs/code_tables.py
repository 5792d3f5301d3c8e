"""The tables of reasons, exit codes and rooms, made from the code's own descriptions."""

import ast
import importlib
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from docs.programs.markdown import table_of, table_text
from regraft import errors, verdicts
from regraft.links.recheck import NEVER, RECHECK
from regraft.verdicts import Reason
from tests.test_rooms import LADDER

OTHER_EXIT_CODES = {
    0: "Done.",
    12: "`regraft verify` found damage that stays.",
    130: "Stopped by Ctrl-C.",
}
"""Exit codes that no error stands for."""


def reasons_table() -> str:
    """Return the verdicts and reasons, what each means, and how long such a link is left alone."""
    texts = dict(_member_texts(Path(verdicts.__file__), "Reason"))
    rows = [["reason", "verdict", "what it means", "not asked for, once it is so"], ["---"] * 4]
    for reason in Reason:
        name = f"`{reason.value}`" if reason.value else "none"
        rows.append([name, reason.verdict.value, table_text(texts[reason.name]), _waiting_time(reason)])
    return table_of(rows)


def _waiting_time(reason: Reason) -> str:
    if reason not in RECHECK:
        return ""
    schedule = RECHECK[reason]
    if schedule.shortest == NEVER:
        return "for ever"
    shares = {1.0: "as long as it has been so", 0.5: "half as long", 0.25: "a quarter as long"}
    hours = schedule.shortest // timedelta(hours=1)
    least = f", {hours} hours at least" if hours else ""
    return f"{shares[schedule.share]}{least}, {schedule.longest.days} days at most"


def _member_texts(path: Path, enum: str) -> Iterator[tuple[str, str]]:
    """Yield each member of an enum and the text beneath it."""
    classes = (node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef))
    [body] = [node.body for node in classes if node.name == enum]
    for member, text in pairwise(body):
        match member, text:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(about))):
                yield name, about


def exit_codes_table() -> str:
    """Return the exit codes of `regraft` and what each means."""
    meanings = dict(OTHER_EXIT_CODES)
    for error in vars(errors).values():
        own = isinstance(error, type) and "exit_code" in vars(error) and error is not errors.RegraftError
        if own:
            about = table_text(error.__doc__ or "")
            meanings[error.exit_code] = " ".join(filter(None, [meanings.get(error.exit_code), about]))
    rows = [["exit code", "what it means"], ["---:", "---"]]
    return table_of(rows + [[str(code), meaning] for code, meaning in sorted(meanings.items())])


def rooms_table() -> str:
    """Return the rooms of the library from the top of the ladder down, and what lives in each."""
    rows = [["room", "what lives there"], ["---", "---"]]
    rooms = [room for row in LADDER for room in sorted(row - {""})]
    rows += [[f"`{room}`", table_text(room_about(room))] for room in rooms]
    return table_of(rows)


def room_about(room: str) -> str:
    """Return what a room says of itself: the first paragraph of its docstring."""
    text = importlib.import_module(f"regraft.{room}").__doc__ or ""
    return text.strip().split("\n\n")[0]
