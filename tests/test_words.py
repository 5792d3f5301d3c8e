"""Names say what a thing is: `told`, `found` or `it` say only that it is there, and are no names.

STYLE: a variable, a field, a function is named by the field's own words. This test keeps the old ones from coming back.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("regraft", "flows", "tasks", "tests")

EMPTY_WORDS = {"told", "found", "said", "given", "asked", "it", "one", "of", "them"}
EMPTY_CONSTANTS = {"TOGETHER", "SHOWN", "SAME", "USUAL", "MOST", "FEW"}
BY_FIELD_WORDS = {
    "trial": "evaluate",
    "weed": "drop_misfiled",
    "recall": "reuse",
    "recipe": "fingerprint",
    "naming": "classification",
    "gallery": "examples",
    "telling": "output",
    "showing": "progress",
    "quarantine": "accept",
    "told_apart": "exit_with_message",
    "spelt": "normalised",
}
"""What had another name once, and the field's word for it."""


def files() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the name of everything that a file names.

    Left out is `of` as the method that makes a thing of its class: `Client.of(settings)` reads as a sentence.
    """
    methods: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods |= set(map(id, node.body))
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if name != "of" or id(node) not in methods:
                    yield node.lineno, name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def test_names_say_what_a_thing_is() -> None:
    no_names = EMPTY_WORDS | EMPTY_CONSTANTS | set(BY_FIELD_WORDS)
    bad = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in files()
        for line, name in names(ast.parse(path.read_text()))
        if name.strip("_") in no_names
    ]
    bad += [str(path.relative_to(ROOT)) for path in files() if path.stem in no_names]
    assert bad == [], f"the field's words: {BY_FIELD_WORDS}"
