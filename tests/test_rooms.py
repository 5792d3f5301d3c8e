"""Imports run flows -> tasks -> regraft, never back, and the library knows nothing of Prefect."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY = {
    "flows": {"flows", "tasks", "regraft", "prefect"},
    "tasks": {"tasks", "regraft", "prefect"},
    "regraft": {"regraft"},
}


@pytest.mark.parametrize("room", MAY)
def test_imports_never_run_back(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            tops = {name.split(".")[0] for name in names} & {"flows", "tasks", "regraft", "prefect"}
            assert tops <= MAY[room], f"{path} imports {tops - MAY[room]}"
