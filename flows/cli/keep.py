"""`regraft verify`, `prune`, `init`: what keeps a store sound and small, and a first config."""

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.flows.cli.app import JsonOption, Panel, StoreOption, app, exit_with_message

if TYPE_CHECKING:
    from regraft.store.store import Store
    from regraft.upkeep.damage import Damage

DAMAGED_EXIT_CODE = 12
"""The exit code where damage was found and not mended."""


@app.command(rich_help_panel=Panel.KEEP)
def verify(
    store: StoreOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be: fetch it again, or remove it to be made again.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Fetch with the settings of this job, such as its proxy.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a store: every digest, every table, every pointer. The exit code is 12 where damage remains.

    Examples: `regraft verify`, `regraft verify --repair`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store

        opened = open_store(store)
        damages = list(_find_damage(opened, repair, config))
        remaining = [damage for damage in damages if not damage.mended]
        if as_json:
            print(json.dumps([asdict(damage) for damage in damages], indent=1))
        else:
            for damage in damages:
                print(f"{damage.path}: {damage.what}" + (f"; {damage.mended}" if damage.mended else ""))
            may_be_mended = not repair and any(damage.may_be_mended for damage in remaining)
            hint = "; `regraft verify --repair` mends what can be" if may_be_mended else ""
            print(f"{opened.url}: {len(damages)} damaged, {len(damages) - len(remaining)} mended{hint}.")
        if remaining:
            raise typer.Exit(DAMAGED_EXIT_CODE)


def _find_damage(store: "Store", repair: bool, config: Path | None) -> "Iterator[Damage]":
    """What is damaged in a store. No run may use the store while it is repaired."""
    from regraft.config import FetchSettings
    from regraft.config_file import load_config
    from regraft.upkeep import verify

    fetch = load_config(config).fetch if config else FetchSettings()
    with _spinner("verify") as show, store.held() if repair else nullcontext():
        yield from verify.verify(store, repair, fetch, show)


@contextmanager
def _spinner(command: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal's standard error which file is looked at; yield the function to call with its path."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(command) as status:
        yield lambda path: status.update(f"{command} {path}")


@app.command(rich_help_panel=Panel.KEEP)
def prune(
    store: StoreOption = None,
    last: Annotated[int, typer.Option(min=1, help="Keep so many of the newest versions.")] = 10,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only shown.")] = False,
) -> None:
    """Free space: remove old versions, and the blobs and features that only they need.

    The newest versions stay, and so do the champion and the champions before it. Without --yes nothing is removed, only
    shown.

    Examples: `regraft prune`, `regraft prune --last 3 --yes`
    """
    with exit_with_message():
        from regraft.flows.cli.stores import open_store
        from regraft.upkeep import prune

        opened = open_store(store)
        plan = prune.prune(opened, last, lambda _: None) if yes else prune.plan(opened, last)
        for kind, usage in plan.usage.items():
            print(f"{kind:9} {usage.files:7,} files {usage.size / 1e6:10,.1f} MB")
        verb = "freed" if yes else "would be freed; `--yes` does it"
        freed = f"{plan.size / 1e6:,.1f} MB {verb}" if plan.size else "There is nothing to free"
        print(f"{freed}. Kept: {', '.join(plan.kept) or 'nothing'}")


@app.command(rich_help_panel=Panel.RUN)
def init(
    config: Annotated[Path, typer.Argument(help="The file to write.")] = Path("job.yaml"),
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", metavar="CATEGORY=SOURCE", help="A category and its list; use it once for each."),
    ] = None,
) -> None:
    """Write a commented config for your lists.

    Example: `regraft init felidae.yaml --list tiger=tiger.txt --list kittycat=cats.csv`
    """
    with exit_with_message():
        from regraft.flows.cli.first_config import write_config
        from regraft.flows.cli.run import lists_by_category

        write_config(config, lists_by_category(lists or []))
        print(f"{config} is written: look at its lists and lengths, then `regraft run {shlex.quote(str(config))}`.")
