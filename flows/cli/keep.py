"""`regraft verify`, `prune`, `init`: what keeps a store sound and small, and a first config."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.flows.cli.app import JsonOption, StoreOption, app, told_apart

if TYPE_CHECKING:
    from regraft.upkeep.verify import Damage

DAMAGED = 12
"""Exit code where damage was found and not mended."""


@app.command()
def verify(
    store: StoreOption = "artifacts",
    repair: Annotated[
        bool, typer.Option("--repair", help="Fetch again, or drop to be made again, what can be.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Fetch as this job does: its proxy, its exemptions.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look through a store: every digest, every table, every pointer. Ends with code 12 where damage stays.

    Examples: `regraft verify`, `regraft verify --repair`
    """
    with told_apart():
        found = list(_looked_through(store, repair, config))
        if as_json:
            print(json.dumps([asdict(damage) for damage in found], indent=1))
        for damage in () if as_json else found:
            print(f"{damage.path}: {damage.what}" + (f"; {damage.mended}" if damage.mended else ""))
        left = [damage for damage in found if not damage.mended]
        if not as_json:
            hint = "; `regraft verify --repair` mends what can be" if left and not repair else ""
            print(f"{store}: {len(found)} damaged, {len(found) - len(left)} mended{hint}.")
        if left:
            raise typer.Exit(DAMAGED)


def _looked_through(store: str, repair: bool, config: Path | None) -> "Iterator[Damage]":
    """What is damaged in a store, with progress where somebody looks. Held against runs while it is repaired."""
    from regraft.config import FetchSettings
    from regraft.config_file import load_config
    from regraft.store.store import Store
    from regraft.upkeep.verify import verify as verifying

    opened, fetch = Store(store), load_config(config).fetch if config else FetchSettings()
    with _spinner("verify") as progress:
        if not repair:
            yield from verifying(opened, repair, fetch, progress)
            return
        with opened.held():
            yield from verifying(opened, repair, fetch, progress)


@contextmanager
def _spinner(what: str) -> Iterator[Callable[[str], None]]:
    """Show what is looked at, on standard error where somebody looks."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(what) as shown:
        yield lambda path: shown.update(f"{what} {path}")


@app.command()
def prune(
    store: StoreOption = "artifacts",
    last: Annotated[int, typer.Option(min=1, help="Keep so many of the newest versions.")] = 10,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only show what would go.")] = False,
) -> None:
    """Free space: remove old versions, and the blobs and features that only they need.

    The champion stays, with the champions that it came after, and the newest versions. Without --yes it only shows
    what would go.

    Examples: `regraft prune`, `regraft prune --last 3 --yes`
    """
    with told_apart():
        from regraft.store.store import Store
        from regraft.upkeep import prune as pruning

        opened = Store(store)
        plan = pruning.prune(opened, last, lambda _: None) if yes else pruning.plan(opened, last)
        for kind, usage in plan.usage.items():
            print(f"{kind:9} {usage.files:7,} files {usage.size / 1e6:10,.1f} MB")
        verb = "freed" if yes else "would be freed; `--yes` does it"
        print(f"{plan.size / 1e6:,.1f} MB {verb}. Kept: {', '.join(plan.kept) or 'nothing'}")


@app.command()
def init(
    config: Annotated[Path, typer.Argument(help="The file to write.")] = Path("job.yaml"),
    lists: Annotated[
        list[str] | None, typer.Option("--list", metavar="CATEGORY=SOURCE", help="A category and its list; repeat it.")
    ] = None,
) -> None:
    """Write a commented config for your lists.

    Example: `regraft init felidae.yaml --list tiger=tiger.txt --list kittycat=cats.csv`
    """
    with told_apart():
        from regraft.flows.cli.first_config import write_config
        from regraft.flows.cli.run import pair

        write_config(config, dict(pair(text) for text in lists or []))
        print(f"{config} is written: look at its lists and lengths, then `regraft run {config}`.")
