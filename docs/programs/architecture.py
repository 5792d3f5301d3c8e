"""The picture in docs/architecture.md: the ladder of rooms, and beside it what a run makes, from top to bottom.

Rooms, their order and what they say of themselves come from the code, so the picture shows the rooms that there are.
"""

import textwrap
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from docs.programs.code_tables import room_about
from tests.test_rooms import LADDER

WIDTH, MARGIN, GAP = 1040, 24, 10
ROOMS_WIDTH = 680
"""Pixels from the left margin to the right edge of the rooms; what a run makes stands beyond."""
STEP_X, STEP_WIDTH, STEP_HEIGHT = 744, 272, 36
LINE = 17
"""Pixels from one line of small text to the next."""
CHARACTER = 6.1
"""Pixels that a character of small text takes, on average and rounded up."""
EVERYBODY = "what every room may know"
"""What stands under the first rows of the ladder."""
COLOURS = {
    "web": "#dbe9f6",
    "pictures": "#dbe9f6",
    "store": "#dbe9f6",
    "links": "#d9efe4",
    "fetching": "#d9efe4",
    "dataset": "#d9efe4",
    "backbones": "#eee3f5",
    "targets": "#eee3f5",
    "heads": "#eee3f5",
    "judging": "#fbe6d0",
    "reporting": "#f9dfe0",
    "upkeep": "#dbe9f6",
    "pipeline": "#f5ecc8",
}
"""A room's ground; others are grey. Rooms of one row stand in this order."""
GREY = "#eceff1"
FIRST_ROW = next(number for number, row in enumerate(LADDER) if "web" in row)
"""The rows of the ladder above this one have one small room each."""
STEPS = {
    "links": ["links, read from the lists", "what is known of each link"],
    "fetching": ["pictures, named by digest"],
    "dataset": ["manifest: labels and splits"],
    "backbones": ["features"],
    "heads": ["head"],
    "judging": ["evaluation against the oracle", "gate: champion or not"],
    "reporting": ["report and plots"],
    "pipeline": ["version"],
}
"""What a run makes, in its order, by the room that makes it."""
FLOORS = {
    "tasks/": "One Prefect task a file: a thin wrap around a step of the library, with its retries.",
    "flows/": "What happens in which order: the Prefect flows, and the command line.",
}
STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2933 }
.name { font-size: 15px; font-weight: 600 }
.small { font-size: 12px }
.head { font-size: 17px; font-weight: 600 }
.room { stroke: #9aa5b1 }
.step { fill: #fff; stroke: #2d8659; stroke-width: 1.5 }
.flow { stroke: #2d8659; stroke-width: 2; fill: none; marker-end: url(#arrow) }
"""

ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" '
    'markerUnits="userSpaceOnUse"><path d="M0 0 L8 4 L0 8 z" fill="#2d8659"/></marker>'
)


@dataclass(frozen=True)
class Box:
    """A room or floor, with its text."""

    name: str
    lines: tuple[str, ...]
    x: float
    width: float
    colour: str

    @property
    def height(self) -> float:
        """Pixels that its text needs."""
        return 34 + LINE * len(self.lines)

    def svg(self, y: float, height: float) -> str:
        """Return the box, its top at `y`."""
        parts = [
            f'<rect class="room" x="{self.x:g}" y="{y:g}" width="{self.width:g}" height="{height:g}" rx="6" '
            f'fill="{self.colour}"/>',
            text(self.name, self.x + 12, y + 22, "name"),
        ]
        parts += [text(line, self.x + 12, y + 40 + LINE * number, "small") for number, line in enumerate(self.lines)]
        return "\n".join(parts)


def architecture_svg() -> str:
    """Return the picture as SVG."""
    drawn = [text("Rooms: each imports only from those above", MARGIN, 36, "head")]
    drawn.append(text("What a run makes", STEP_X, 36, "head"))
    y, body = _everybody(52)
    drawn.append(body)
    ends: list[float] = []
    for row in LADDER[FIRST_ROW:-1]:
        y, body, middles = _row(sorted(row, key=_place), y)
        drawn.append(body)
        ends += middles
    drawn += [_flow(a, b) for a, b in pairwise(ends)]
    for name, about in FLOORS.items():
        box = _box(name, about, MARGIN, ROOMS_WIDTH, "#fff")
        drawn.append(box.svg(y, box.height))
        y += box.height + GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + MARGIN - GAP:g}" role="img" '
        f'aria-label="The rooms of Regraft, and what a run makes">\n<style>{STYLE}</style>\n'
        f"<defs>{ARROW}</defs>\n"
        f'<rect width="{WIDTH}" height="{y + MARGIN - GAP:g}" rx="8" fill="#fdfdfb"/>\n'
    )
    return head + "\n".join(drawn) + "\n</svg>\n"


def _everybody(y: float) -> tuple[float, str]:
    """The rooms at the top of the ladder, side by side in one box; and where the next row begins."""
    names = [" · ".join(sorted(row)) for row in LADDER[:FIRST_ROW]]
    box = Box("  ‹  ".join(names), (EVERYBODY,), MARGIN, ROOMS_WIDTH, GREY)
    return y + box.height + GAP, box.svg(y, box.height)


def _row(rooms: list[str], y: float) -> tuple[float, str, list[float]]:
    """One row of the ladder: where the next begins, the row, and the middle of each step beside it."""
    width = (ROOMS_WIDTH - GAP * (len(rooms) - 1)) / len(rooms)
    boxes = [
        _box(room, first_sentence(room_about(room)), MARGIN + number * (width + GAP), width, COLOURS.get(room, GREY))
        for number, room in enumerate(rooms)
    ]
    steps = [(step, COLOURS.get(room, GREY)) for room in rooms for step in STEPS.get(room, [])]
    height = max([box.height for box in boxes] + [len(steps) * (STEP_HEIGHT + GAP) - GAP])
    drawn = [box.svg(y, height) for box in boxes]
    top = y + (height - len(steps) * (STEP_HEIGHT + GAP) + GAP) / 2
    middles = []
    for number, (step, colour) in enumerate(steps):
        at = top + number * (STEP_HEIGHT + GAP)
        drawn.append(
            f'<rect class="step" x="{STEP_X}" y="{at:g}" width="{STEP_WIDTH}" height="{STEP_HEIGHT}" rx="18" '
            f'style="fill: {colour}"/>'
        )
        drawn.append(text(step, STEP_X + STEP_WIDTH / 2, at + 23, "small", anchor="middle"))
        middles.append(at + STEP_HEIGHT / 2)
    return y + height + GAP, "\n".join(drawn), middles


def _place(room: str) -> int:
    return list(COLOURS).index(room) if room in COLOURS else len(COLOURS)


def _box(name: str, about: str, x: float, width: float, colour: str) -> Box:
    return Box(name, tuple(textwrap.wrap(about, int((width - 24) / CHARACTER))), x, width, colour)


def _flow(start: float, end: float) -> str:
    x = STEP_X + STEP_WIDTH / 2
    return f'<path class="flow" d="M{x:g} {start + STEP_HEIGHT / 2:g} V{end - STEP_HEIGHT / 2 - 2:g}"/>'


def first_sentence(words: str) -> str:
    """Return the first sentence of a text, on one line."""
    return " ".join(words.replace("`", "").split()).split(". ")[0].rstrip(".") + "."


def text(words: str, x: float, y: float, kind: str, anchor: str = "start") -> str:
    """Return a line of text that begins at `x`, or has its middle there."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'
