"""The ladder of rooms: imports run one way, from the flows down to what everybody may know.

Every import counts, also inside functions and for type checkers only: the ladder is for whoever reads a room.
"""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.sources import ROOT, modules, source

LADDER = [
    {"errors", "release"},
    {"progress"},
    {"verdicts"},
    {"identity"},
    {"process"},
    {"config"},
    {"config_file"},
    {"web", "pictures", "store"},
    {"links"},
    {"fetching", "dataset", "backbones"},
    {"targets"},
    {"heads"},
    {"judging"},
    {"reporting"},
    {"upkeep"},
    {"pipeline"},
    {"menagerie"},
    {"api"},
    {""},
]
"""The library's rooms, row by row. A room may import from the rows above its own, and from itself.

The last is the package itself: `import regraft` offers the names of api.
"""

ONLY = {"menagerie": {"config", "errors"}}
"""A room that may import less than its row."""

FLOORS = {"flows": {"flows", "tasks", "regraft"}, "tasks": {"tasks", "regraft"}, "regraft": {"regraft"}}
"""The three floors, and what each may import of them."""

COMPUTES = {"backbones", "heads"}
"""The rooms in which pictures become features and features predictions: only they may import TensorFlow."""


def place(module: str) -> tuple[str, str]:
    """A module's floor and room: `regraft.web.urls` is of (regraft, web), `regraft.flows.cli.run` of (flows, cli)."""
    parts = module.split(".")[1:] or [""]
    if parts[0] in ("flows", "tasks"):
        return parts[0], (parts[1] if len(parts) > 1 else "")
    return "regraft", parts[0]


@cache
def imported_names(path: Path, module: str) -> tuple[str, ...]:
    """The full name of everything that a file imports, wherever in it: `from a import b` gives `a.b`."""
    return tuple(_imported_names(path, module))


def _imported_names(path: Path, module: str) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in source(path).imports:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            yield from (f"{base}.{alias.name}" for alias in node.names)
    yield from source(path).imported_by_call


@cache
def arrows() -> frozenset[tuple[str, str]]:
    """Which module imports which, of our own."""
    known = modules()
    result = set()
    for module, path in known.items():
        for name in imported_names(path, module):
            target = name if name in known else name.rpartition(".")[0]
            if target in known and target != module:
                result.add((module, target))
    return frozenset(result)


def row(room: str) -> int:
    return next(number for number, rooms in enumerate(LADDER) if room in rooms)


def climbs(importer: str, imported: str) -> bool:
    """Whether an import runs against the ladder."""
    (floor, room), (other_floor, other_room) = place(importer), place(imported)
    if floor != other_floor:
        return other_floor not in FLOORS[floor]
    if floor != "regraft" or room == other_room:
        return False
    return row(other_room) >= row(room) or other_room not in ONLY.get(room, {other_room})


def test_every_module_is_in_a_known_room() -> None:
    known = {room for rooms in LADDER for room in rooms}
    assert {module for module in modules() if place(module)[0] == "regraft" and place(module)[1] not in known} == set()


def test_imports_run_one_way() -> None:
    against = {arrow for arrow in arrows() if climbs(*arrow)}
    assert sorted(against) == []


def test_no_flow_knows_the_command_line_and_no_part_of_the_dashboard_a_task() -> None:
    cli, dashboard = "regraft.flows.cli", "regraft.tasks.dashboard"
    back = {(a, b) for a, b in arrows() if b.startswith(cli) and not a.startswith(cli)}
    back |= {(a, b) for a, b in arrows() if a.startswith(dashboard) and place(b)[0] == "tasks" and dashboard not in b}
    assert back == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    needs: dict[str, set[str]] = {module: set() for module in modules()}
    for importer, imported in arrows():
        needs[importer].add(imported)
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_the_floors_are_imported_by_their_installed_names() -> None:
    """`flows` and `tasks` are folders of the repository; anybody's own folders may have these names."""
    files = {path: module for module, path in modules().items()}
    files |= {path: "tests." + path.stem for path in (ROOT / "tests").rglob("*.py")}
    top_level = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, module in files.items()
        for name in imported_names(path, module)
        if name.split(".")[0] in ("flows", "tasks")
    ]
    assert top_level == []


def importers(*packages: str) -> set[str]:
    """The modules that import one of these packages, wherever in the file."""
    return {
        module
        for module, path in modules().items()
        if any(name.split(".")[0] in packages for name in imported_names(path, module))
    }


def test_the_library_knows_nothing_of_prefect() -> None:
    assert {module for module in importers("prefect") if place(module)[0] == "regraft"} == set()


def test_tensorflow_is_imported_only_where_pictures_become_features_or_predictions() -> None:
    outside = {
        module for module in importers("tensorflow", "keras", "ai_edge_litert") if place(module)[1] not in COMPUTES
    }
    assert outside == set()


def imports_of(script: str) -> set[str]:
    """The top packages that a fresh process has imported when a script has run."""
    script += "\nimport sys; sys.stderr.write(' '.join({name.split('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stderr.split())


HEAVY = {"fastapi", "uvicorn", "pandas", "pydantic", "tensorflow", "keras", "prefect", "matplotlib"}


def test_a_fetching_worker_imports_neither_pandas_nor_pydantic() -> None:
    assert imports_of("import regraft.fetching.worker, regraft.fetching.fetcher") & HEAVY == set()


def test_a_fetching_worker_is_prepared_before_numpy_and_the_decoders_are_imported() -> None:
    assert not imports_of("import regraft.fetching.worker") & {"numpy", "PIL", "simplejpeg"}


def test_fetching_and_screening_a_list_on_disk_imports_no_engine_that_they_do_not_use() -> None:
    script = "import regraft.fetching.shard, regraft.dataset.screening, regraft.links.lists"
    assert not imports_of(script) & {"asyncio", "fsspec", "scipy", "tensorflow", "prefect"}


def test_the_processes_that_fetch_start_before_pandas_and_numpy_are_imported(tmp_path: Path) -> None:
    categories = {name: {"list": f"{name}.txt", "label": {"mean": 1, "std": 1}} for name in ("one", "two")}
    job = {"name": "job", "store": str(tmp_path), "categories": categories}
    script = "from regraft.config_file import parse_config; from regraft.pipeline.bench import Bench\n"
    script += f"from regraft.pipeline.run import open_run\nconfig = parse_config({job!r})\n"
    script += "with open_run(config) as spec:\n    Bench.of(spec).crew.start()"
    assert not imports_of(script) & (HEAVY - {"pydantic"} | {"numpy", "pyarrow", "PIL"})


def test_a_help_page_imports_nothing_heavy() -> None:
    script = "from regraft.flows.cli import app\ntry: app(['--help'])\nexcept SystemExit: pass"
    assert imports_of(script) & HEAVY == set()
