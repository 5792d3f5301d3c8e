"""`regraft remove`: what somebody wants gone goes, from every version, and never comes back."""

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.errors import ConfigError, LinkError
from regraft.flows.cli.app import JsonOption, Panel, StoreOption, app, exit_with_message, url_as_listed
from regraft.flows.cli.output import table
from regraft.identity import short_digest
from regraft.store.root import RECEIPTS

if TYPE_CHECKING:
    from regraft.links.removals import Kind
    from regraft.store.store import Store
    from regraft.upkeep.receipt import Receipt
    from regraft.upkeep.remove import RemovalPlan
    from regraft.upkeep.wanted import Wanted

STDIN = "-"
MAX_LOOK_ALIKES = 20
"""Pictures that are offered at most."""


@app.command(rich_help_panel=Panel.PUT_RIGHT)
def remove(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="URL|HOST|DIGEST", help="A link, a host's links, or a picture.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A file with one a line; - is standard input."),
    ] = None,
    opted_out: Annotated[
        bool, typer.Option("--opted-out", help="All links whose owners say by now that they must not be learnt from.")
    ] = False,
    why: Annotated[str | None, typer.Option(help="Why; it is kept in the receipt, so name nobody.")] = None,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates", help="What looks like a picture that goes, goes too.")
    ] = False,
    ahead: Annotated[
        bool, typer.Option("--ahead", help="Also what is not here yet: it will never be fetched.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only shown.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take pictures out of all that a store keeps, in every version, and never fetch them again.

    With a link goes every picture that it ever showed; with a picture every row of it, whatever link shows it. A
    receipt says what was removed where. Without --yes nothing is removed, only shown.

    Examples:
    - `regraft remove http://photos.savanna.example/tiger/035.jpg`
    - `regraft remove photos.savanna.example --why "the owner wants it" --yes`
    - `regraft remove --from wishes.txt --why "opt-outs of November" --yes`
    """
    with exit_with_message():
        if yes and not (why or "").strip():
            raise ConfigError('Say why: --why "the owner wants it". It is kept in the receipt. Nothing was changed.')
        from regraft.flows.cli.prefect_reports import remove_artifacts
        from regraft.flows.cli.stores import open_store
        from regraft.upkeep import remove as removing

        opened = open_store(store)
        wanted = _wanted(what or [], file, opted_out, opened)
        if not yes:
            plan = removing.plan(opened, wanted, near_duplicates=near_duplicates, ahead=ahead)
            _print_plan(plan, opened, as_json)
            return
        receipt = removing.remove(
            opened, wanted, str(why), near_duplicates=near_duplicates, ahead=ahead, ask_prefect=remove_artifacts
        )
        print(receipt.to_bytes().decode() if as_json else _removed(receipt, opened))


def _wanted(words: Sequence[str], file: Path | None, opted_out: bool, store: "Store") -> "list[Wanted]":
    """What is wanted gone. Raises LinkError where nothing is named, or something is not understood."""
    from regraft.upkeep import remove as removing
    from regraft.upkeep.wanted import wanted_in, wanted_of

    wanted = [wanted_of(url_as_listed(word)) for word in words]
    if file is not None:
        wanted += wanted_in(_text(file), str(file))
    if opted_out:
        wanted += removing.opted_out(store)
        if not wanted:
            raise LinkError(f"No link in {store.url} has opted out; nothing was changed.")
    if not wanted:
        raise LinkError("Name what is to go: a URL, a host or a digest, --from FILE or --opted-out.")
    return wanted


def _text(file: Path) -> str:
    """A file's text, in whatever encoding a list may have. Raises LinkError."""
    from regraft.links.list_bytes import UnusableError
    from regraft.links.list_text import line_blocks

    try:
        with io.BytesIO(sys.stdin.buffer.read()) if str(file) == STDIN else file.open("rb", buffering=0) as raw:
            return "\n".join(chain.from_iterable(line_blocks(io.BufferedReader(raw))))
    except OSError as error:
        raise LinkError(f"{file} cannot be read: {error.strerror or error}. Nothing was changed.") from error
    except UnusableError as problem:
        raise LinkError(f"{file} {problem} Nothing was changed.") from problem


def _print_plan(plan: "RemovalPlan", store: "Store", as_json: bool) -> None:
    """Show what would go."""
    if as_json:
        content = {
            "hashes": [its.model_dump(mode="json") for its in plan.hashes],
            "files": [asdict(trace) for trace in plan.traces],
            "versions": [version.model_dump(mode="json") for version in plan.versions],
            "look_alikes": plan.copies.to_dict("records"),
        }
        print(json.dumps(content, indent=1))
        return
    for trace in plan.traces:
        print(f"{trace.path}: {trace.what}")
    for version in plan.versions:
        if version.learnt:
            in_use = ", the champion" if version.is_champion else ""
            print(f"{version.version}{in_use}: its head has learnt from {version.learnt}, which stays in its weights")
    if len(plan.copies):
        print("These look like it, and stay; --near-duplicates takes them too:")
        shown = plan.copies.head(MAX_LOOK_ALIKES)
        rows = zip(shown["url"], shown["digest"].map(short_digest), shown["distance"], strict=True)
        table(["url", "digest", "bits of 64 that differ"], list(rows))
    count = _counted(plan.count)
    if not plan.traces:
        print(f"Nothing in {store.url} has anything of {count}; `--yes` with a `--why` keeps it out from now on.")
        return
    print(f"{count} would go from {len(plan.traces)} files of {store.url}; `--yes` with a `--why` does it.")


def _removed(receipt: "Receipt", store: "Store") -> str:
    """What was removed, for people."""
    count, files = _counted(receipt.count), len(receipt.files)
    lines = [f"{count} removed from {files} files of {store.url}, and kept out from now on."]
    lines += [
        f"{version.version}{', the champion,' if version.is_champion else ''} has learnt from {version.learnt} of "
        "these pictures; the next run trains without."
        for version in receipt.learnt
    ]
    lines += [receipt.prefect, "What was exported or copied elsewhere is not known here: remove it there too."]
    return "\n".join([*lines, f"Receipt: {store.address}/{RECEIPTS}/{receipt.id}.html"])


def _counted(count: "dict[Kind, int]") -> str:
    """Such as "2 pictures, 1 link"."""
    from regraft.links.removals import Kind

    names = [kind for kind in (Kind.PICTURE, Kind.LINK, Kind.HOST) if count[kind]]
    return ", ".join(f"{count[kind]} {kind}{'' if count[kind] == 1 else 's'}" for kind in names)
