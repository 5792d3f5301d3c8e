"""The steps of a run: the flow and the library do the same ones, and each has its task."""

import ast
from pathlib import Path

from regraft.pipeline import steps
from tests.docs_commands import ROOT

STEPS = steps.__all__


def steps_in(path: Path) -> list[str]:
    """The steps that a file calls, in the order of its text: `embed(...)`, `fetch.map(...)` or `steps.embed(...)`."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = [(call.end_lineno, call.end_col_offset, ast.unparse(call).replace("steps.", "")) for call in calls]
    return [step for _, _, name in sorted(names) if (step := name.removesuffix(".map")) in STEPS]


def test_the_flow_and_the_library_do_the_same_steps_in_the_same_order() -> None:
    flow, library = steps_in(ROOT / "flows" / "refresh.py"), steps_in(ROOT / "regraft" / "pipeline" / "refresh.py")
    assert flow == library
    assert sorted(flow) == sorted(STEPS)


def test_every_step_is_a_task_in_a_file_of_its_name() -> None:
    assert {path.stem for path in (ROOT / "tasks").glob("*.py")} - {"__init__", "bench", "retrying"} == set(STEPS)
