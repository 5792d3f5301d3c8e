"""What the repository's Python files name and import. Each is parsed once for all tests that look at it."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("regraft", "flows", "tasks", "tests")


@dataclass(frozen=True)
class Source:
    """A Python file."""

    names: list[tuple[int, str]]
    """The line and the name of everything that it names."""
    imports: list[ast.Import | ast.ImportFrom]
    """Its imports, wherever in it."""
    imported_by_call: list[str]
    """The modules that it imports by calling a function."""


def files() -> Iterator[Path]:
    """Every Python file once: `regraft/flows` and `regraft/tasks` are links, which are not followed."""
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


@cache
def modules() -> dict[str, Path]:
    """Every module by the name that it is imported by; `flows/` and `tasks/` are parts of the package `regraft`."""
    result = {}
    for folder, package in (
        (ROOT / "regraft", "regraft"),
        (ROOT / "flows", "regraft.flows"),
        (ROOT / "tasks", "regraft.tasks"),
    ):
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder)
            if package == "regraft" and inner.parts[0] in ("flows", "tasks"):
                continue
            parts = [package, *inner.with_suffix("").parts]
            result[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return result


@cache
def source(path: Path) -> Source:
    """Return what a file names and imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return Source(list(_names(nodes)), imports, [module for call in calls for module in _imported_by(call)])


def _names(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """The line and the name of everything that is named.

    Left out is `of` as the method that makes a thing of its class: `Client.of(settings)` reads as a sentence.
    """
    methods: set[int] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name != "of" or id(node) not in methods:
                    yield node.lineno, name
            case ast.ClassDef(name=name):
                methods |= set(map(id, node.body))
                yield node.lineno, name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def _imported_by(call: ast.Call) -> list[str]:
    match call.func:
        case ast.Attribute(attr="import_module" | "__import__") | ast.Name(id="import_module" | "__import__"):
            return [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return []
