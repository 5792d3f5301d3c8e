"""`regraft run`."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regraft.errors import ConfigError, EngineError, ServerError
from regraft.flows.cli.app import (
    JsonOption,
    Panel,
    ProxyOption,
    app,
    exit_at_once,
    exit_at_once_on_ctrl_c,
    exit_with_message,
    print_error,
)
from regraft.flows.cli.output import print_run_summary

if TYPE_CHECKING:
    from regraft.config import Config


@app.command(rich_help_panel=Panel.RUN)
def run(
    config: Annotated[
        Path | None, typer.Argument(help="The job's YAML file. Without it the embedded menagerie is run.")
    ] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", metavar="CATEGORY=SOURCE", help="Read a category's list from here instead."),
    ] = None,
    store: Annotated[str | None, typer.Option(help="Publish into this store instead of the config's.")] = None,
    proxy: ProxyOption = None,
    engine: Annotated[
        str | None,
        typer.Option(help="Fetch and embed on `threads` of this machine, or on a Dask cluster: tcp://HOST:PORT."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the job once: fetch, screen, label, embed, drop misfiled, train, evaluate, publish.

    Examples:
    - `regraft run`: the embedded menagerie, drawn animals behind dying links
    - `regraft run job.yaml`: your own lists
    - `regraft run felidae.yaml --list tiger=tiger.txt --list kittycat=cats.txt`
    """
    with exit_with_message(), exit_at_once_on_ctrl_c():
        job = _job(config, lists or [], store, proxy, engine)
        from regraft import menagerie
        from regraft.pipeline.inputs import check_inputs

        menagerie.check_lists(job)
        check_inputs(job)  # before TensorFlow and Prefect are imported, which takes longer
        _quiet_prefect()
        from regraft.flows.cli.progress_bars import progress_shown
        from regraft.flows.cli.stores import remember_store, store_option

        remember_store(job.store)
        with progress_shown():
            name = _run_flow(job)
        from regraft.store.store import Store
        from regraft.store.versions import version

        published = Store(job.store)
        print_run_summary(version(published, name), store_option(published), as_json)


def _parse_list_option(text: str) -> tuple[str, str]:
    """Return the category and the source in `CATEGORY=SOURCE`. Raises ConfigError."""
    name, equals, source = text.partition("=")
    if not (name and equals and source):
        raise ConfigError(f"--list {text!r} is not understood: write CATEGORY=SOURCE, such as --list tiger=tiger.txt")
    return name, source


def lists_by_category(options: Sequence[str]) -> dict[str, str]:
    """Return the sources in options `CATEGORY=SOURCE`. Raises ConfigError; a category has one list."""
    lists: dict[str, str] = {}
    for name, source in map(_parse_list_option, options):
        if name in lists:
            raise ConfigError(f"--list {name}={source}: {name!r} has the list {lists[name]} already; it takes one.")
        lists[name] = source
    return lists


def _job(
    path: Path | None, list_options: list[str], store: str | None, proxy: str | None, engine: str | None
) -> "Config":
    """The config in a file, or the menagerie's, with what the command line sets."""
    from regraft.config_file import load_config, parse_config

    lists = lists_by_category(list_options)
    if path is None:
        from regraft import menagerie

        if lists:
            raise ConfigError(
                "--list needs a config to put its list in: regraft run CONFIG.yaml --list CATEGORY=SOURCE"
            )
        config = menagerie.CONFIG
    else:
        config = load_config(path, lists)
    settings = config.model_dump()
    if store is not None:
        settings["store"] = store
    if proxy is not None:
        settings["fetch"]["proxy"] = proxy
    if engine is not None:
        settings["engine"] = {"kind": "threads"} if engine == "threads" else {"kind": "dask", "address": engine}
    return parse_config(settings, source="The command line")


def _quiet_prefect() -> None:
    """Leave the terminal to the command line."""
    from regraft.flows.cli.prefect_api import QUIET

    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # What keeps Prefect from being imported is logged with a traceback; it ends the command with a sentence anyway.
    logging.getLogger("prefect.plugins").setLevel(logging.CRITICAL)


def _run_flow(config: "Config") -> str:
    """Run the flow, on a temporary server where none is configured; return the version's name."""
    from regraft.flows.cli import prefect_api, temporary_server

    wait_for_server = temporary_server.start()
    prefect_api.check_client()
    if wait_for_server is None:
        prefect_api.check_server()
    from regraft.flows.refresh import refresh

    if wait_for_server:
        if _needs_tensorflow(config):
            from regraft.pipeline.bench import import_tensorflow

            import_tensorflow()  # while the server starts
        wait_for_server()
    return _call_flow(refresh, config)


def _needs_tensorflow(config: "Config") -> bool:
    """Whether a run will need TensorFlow for certain: a folder's first run does, later ones may find all features."""
    from regraft.store.root import VERSIONS

    return "://" not in config.store and not Path(config.store, VERSIONS).exists()


def _call_flow(refresh: "Callable[[Config], str]", config: "Config") -> str:
    """Call the flow; exit where Prefect's server is gone, because Prefect would try to reach it for minutes more."""
    import httpx
    from prefect.settings import get_current_settings

    from regraft.store import versions
    from regraft.store.store import Store

    store = Store(config.store)
    before = set(versions.names(store))
    try:
        return refresh(config)
    except (httpx.TransportError, ServerError):
        new = [name for name in versions.names(store) if name not in before]
        published = f"Version {new[-1]} is published. " if new else "No version was published. "
        error = ServerError(
            f"Prefect's server at {get_current_settings().api.url} stopped answering. {published}What was fetched and "
            "embedded is kept; start the server again, and the next run goes on from there."
        )
        print_error(error)
        exit_at_once(error.exit_code)
    except Exception as error:
        if not type(error).__module__.startswith("distributed."):
            raise
        raise EngineError(
            f"The cluster at {config.engine.address} lost what it worked at ({type(error).__name__}). What was fetched "
            "and embedded is kept; look at its workers' logs, and the next run goes on from there."
        ) from error
