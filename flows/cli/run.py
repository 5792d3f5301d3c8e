"""`regraft run`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.errors import ConfigError, ServerError
from regraft.flows.cli.app import JsonOption, ProxyOption, app, leave, stopped_at_once, told_apart
from regraft.flows.cli.output import print_run_summary


@app.command()
def run(
    config: Annotated[
        Path | None, typer.Argument(help="The job's YAML file. Without it: the embedded menagerie.")
    ] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", metavar="CATEGORY=SOURCE", help="Read a category's list from here instead."),
    ] = None,
    store: Annotated[str | None, typer.Option(help="Publish into this store instead of the config's.")] = None,
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the job once: fetch, screen, label, embed, drop misfiled, train, evaluate, gate, publish.

    Examples:
    - `regraft run`: the embedded menagerie, drawn animals behind dying links
    - `regraft run job.yaml`: your own lists
    - `regraft run felidae.yaml --list tiger=tiger.txt --list kittycat=cats.txt`
    """
    with told_apart():
        chosen = _config(config, lists or [], store, proxy)
        _quiet_prefect()
        from regraft.flows.cli.progress_bars import bars

        with stopped_at_once(), bars():
            from regraft.flows.cli.temporary_server import start

            wait = start()
            from regraft.flows.refresh import refresh

            if wait:
                _use_the_wait(chosen)
                wait()
            name = _run(refresh, chosen)
        from regraft.store.store import Store
        from regraft.store.versions import version

        print_run_summary(version(Store(chosen.store), name), chosen.store, as_json)


def _run(refresh: Callable[[Any], str], config: Any) -> str:
    """Run the flow; leave at once where Prefect's server is gone, as Prefect would try to reach it for minutes more."""
    import httpx
    from prefect.settings import get_current_settings

    try:
        return refresh(config)
    except httpx.TransportError:
        gone = ServerError(
            f"Prefect's server at {get_current_settings().api.url} stopped answering. What was fetched, embedded and "
            "published is kept; start the server again, and the next run goes on from there."
        )
        print(f"regraft: {gone}", file=sys.stderr, flush=True)
        leave(gone.exit_code)
        raise


def _use_the_wait(config: Any) -> None:
    """Import TensorFlow while Prefect's server comes up, where a store has no version yet: its first run needs it."""
    if "://" not in config.store and not Path(config.store, "versions").exists():
        from regraft.tasks.embed import preload

        preload()


def _config(path: Path | None, lists: list[str], store: str | None, proxy: str | None) -> Any:
    from regraft.config_file import load_config, parse_config

    told = dict(pair(text) for text in lists)
    if path is None:
        from regraft import menagerie

        if told:
            raise ConfigError(
                "--list needs a config to put its list in: regraft run CONFIG.yaml --list CATEGORY=SOURCE"
            )
        config = menagerie.CONFIG
    else:
        config = load_config(path, told)
    changed = config.model_dump()
    if store is not None:
        changed["store"] = store
    if proxy is not None:
        changed["fetch"]["proxy"] = proxy
    return parse_config(changed, source="The command line")


def pair(text: str) -> tuple[str, str]:
    """Return CATEGORY and SOURCE. Raises ConfigError."""
    name, equals, source = text.partition("=")
    if not (name and equals and source):
        raise ConfigError(f"--list {text!r} is not understood: write CATEGORY=SOURCE, such as --list tiger=tiger.txt")
    return name, source


def _quiet_prefect() -> None:
    """Leave the console to the command line: Prefect's own log still goes to its dashboard."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")
