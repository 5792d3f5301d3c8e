"""The code blocks of the README and of docs/, found by the marker above them.

A block that a test runs has a name, `<!-- run: own-lists -->`; any other block says why it has none,
`<!-- not run: a drawing -->`. The marker is the last line before the block that is not empty. Blocks are fenced with
backticks, or indented by four spaces after an empty line.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The repository."""
BIN = Path(sys.executable).parent
"""Where the commands of these tests' environment are; the pages write `.venv/bin`."""
MARKER = re.compile(r"<!-- *(run|not run): *(.+?) *-->")
FENCE = re.compile(r"( *)(`{3,})([^`]*)$")


@dataclass(frozen=True)
class Block:
    """One code block of a page."""

    page: str
    """Its file, from the repository's root."""
    line: int
    """Where its first line of code stands, from 1."""
    language: str
    """The first word after the fence's backticks; empty where there is none."""
    text: str
    """The code, without the block's own indentation."""
    marker: str
    """The line above the block that is not empty."""

    @property
    def name(self) -> str:
        """The name that the marker gives it, to be run by a test; empty where it is not run."""
        return self._marked("run")

    @property
    def why_not_run(self) -> str:
        """The reason that the marker gives for not running it; empty where there is none."""
        return self._marked("not run")

    def _marked(self, kind: str) -> str:
        match = MARKER.fullmatch(self.marker.strip())
        return match[2] if match and match[1] == kind else ""


def pages() -> list[Path]:
    """The README, the other pages beside it, and all pages of docs/."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks() -> list[Block]:
    """All code blocks of all pages."""
    return [block for path in pages() for block in read_blocks(path.relative_to(ROOT).as_posix(), path.read_text())]


def read_blocks(page: str, markdown: str) -> list[Block]:
    """The code blocks of one page, in their order."""
    lines, result, above, number = markdown.splitlines(), [], "", 0
    while number < len(lines):
        line = lines[number]
        if fence := FENCE.fullmatch(line):
            end = _end_of_fence(lines, number + 1, fence[2])
            code = [inner.removeprefix(fence[1]) for inner in lines[number + 1 : end]]
            result.append(Block(page, number + 2, (fence[3].split() or [""])[0], "\n".join(code), above))
            number, above = end + 1, ""
        elif line.startswith("    ") and line.strip() and (number == 0 or not lines[number - 1].strip()):
            end = _end_of_indented(lines, number)
            code = [inner.removeprefix("    ") for inner in lines[number:end]]
            result.append(Block(page, number + 1, "", "\n".join(code), above))
            number, above = end, ""
        else:
            above = line if line.strip() else above
            number += 1
    return result


def _end_of_fence(lines: list[str], start: int, backticks: str) -> int:
    closing = (number for number in range(start, len(lines)) if lines[number].strip() == backticks)
    return next(closing, len(lines))


def _end_of_indented(lines: list[str], start: int) -> int:
    """Where the block ends: an empty line belongs to it only where indented lines follow."""
    end = start
    for number in range(start, len(lines)):
        if lines[number].startswith("    "):
            end = number + 1
        elif lines[number].strip():
            break
    return end


def block(name: str) -> Block:
    """The one block with this name."""
    named = [each for each in blocks() if each.name == name]
    assert len(named) == 1, f"{len(named)} blocks are marked <!-- run: {name} -->, expected one"
    return named[0]


def commands(name: str) -> list[str]:
    """The shell commands of the block with this name, one each, without comments.

    In a `console` block the commands are the lines that begin with `$ `; the others are what they print. A backslash at
    a line's end joins it to the next one. `.venv/bin/` becomes BIN.
    """
    chosen = block(name)
    lines = re.sub(r" *\\\n\s*", " ", chosen.text).splitlines()
    if chosen.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    lines = [line.replace(".venv/bin/", f"{BIN}/") for line in lines]
    without_comments = [re.sub(r"(^|\s\s)#.*", "", line).strip() for line in lines]
    return [line for line in without_comments if line]


def output(name: str) -> str:
    """What a `console` block shows as printed, without its commands."""
    chosen = block(name)
    assert chosen.language == "console", f"{chosen.page}:{chosen.line} is no console block"
    return "\n".join(line for line in chosen.text.splitlines() if not line.startswith("$ "))
