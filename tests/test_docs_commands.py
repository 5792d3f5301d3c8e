"""Every code block of the README and of docs/ is run by a test, or says why not."""

import ast
import re
from collections import Counter

from tests.docs_commands import ROOT, blocks, read_blocks

PAGE = """
Some words.

<!-- run: indented -->

    one  # a comment

    two

More words, and a list:
- an item
    that goes on

<!-- not run: a drawing -->
```text
a -> b
```

  ```sh
  unmarked
  ```
"""

USES = ("block", "commands", "output")
"""The functions whose first argument names a block."""
USE = re.compile(rf"\b({'|'.join(USES)})\(")


def test_blocks_are_found_with_their_markers() -> None:
    page_blocks = read_blocks("page.md", PAGE)
    assert [(each.name, each.why_not_run, each.language, each.text) for each in page_blocks] == [
        ("indented", "", "", "one  # a comment\n\ntwo"),
        ("", "a drawing", "text", "a -> b"),
        ("", "", "sh", "unmarked"),
    ]
    assert PAGE.splitlines()[page_blocks[1].line - 1] == "a -> b"


def test_every_block_has_a_name_or_says_why_it_is_not_run() -> None:
    unmarked = [f"{each.page}:{each.line}" for each in blocks() if not each.name and not each.why_not_run]
    assert unmarked == [], "mark them <!-- run: NAME --> or <!-- not run: WHY -->"


def test_every_named_block_is_run_by_a_test() -> None:
    names = Counter(each.name for each in blocks() if each.name)
    assert [name for name, times in names.items() if times > 1] == []
    texts = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    used = {
        node.args[0].value
        for text in texts
        if USE.search(text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in USES
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert set(names) == used, "a test runs each by commands(NAME), block(NAME) or output(NAME)"
