"""`regraft deploy`, `serve`: what the dashboard needs, and the curator's pages."""

from pathlib import Path
from typing import Annotated

import typer

from regraft.flows.cli.app import Panel, StoreOption, app, exit_with_message


@app.command(rich_help_panel=Panel.SERVE)
def deploy(
    file: Annotated[Path, typer.Argument(help="The file of deployments.")] = Path("deployment.yaml"),
    automations: Annotated[Path, typer.Option(help="The file of automations.")] = Path("automations.yaml"),
    pool: Annotated[str, typer.Option(help="The work pool that your worker serves.")] = "regraft",
) -> None:
    """Put the deployments and automations on the Prefect server that PREFECT_API_URL names.

    The work pool is made if it is missing; deployments and automations of the same name are replaced. A server that
    others can reach without a password is refused: whoever reaches it may run programs as your worker.

    Example: `PREFECT_API_URL=http://127.0.0.1:4200/api regraft deploy`
    """
    with exit_with_message():
        from regraft.flows.cli.deploy import deploy_files

        for line in deploy_files(file, automations, pool):
            print(line)


@app.command(rich_help_panel=Panel.SERVE)
def serve(
    store: StoreOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 is any that is free.")] = 4201,
    host: Annotated[str, typer.Option(help="The address to serve at; any but this machine's own takes a token.")] = (
        "127.0.0.1"
    ),
    token: Annotated[
        str | None,
        typer.Option(
            envvar="REGRAFT_TOKEN", show_default=False, help="What browsers log in with; better set as a variable."
        ),
    ] = None,
) -> None:
    """Serve the curator's pages to your browser, until Ctrl-C: look at links and pictures, and decide about them.

    Pages: versions and their reports; links, with filters; pictures by verdict; one picture with all that is known of
    it; what waits for a person; what was decided. The next run honours decisions. The dashboard's links lead here too.

    Only this machine's own browser is answered. From another one, `ssh -L 4201:127.0.0.1:4201 HOST` brings the pages to
    you; or serve them to a network, for who knows a token.

    Examples: `regraft serve`, `regraft serve --store artifacts/felidae --port 8080`,
    `REGRAFT_TOKEN=$(openssl rand -hex 16) regraft serve --host 0.0.0.0`
    """
    with exit_with_message():
        from regraft.flows.cli.prefect_reports import remove_artifacts_aside
        from regraft.flows.cli.stores import open_store
        from regraft.flows.web.server import serve as serve_pages

        opened = open_store(store)

        def print_address(url: str) -> None:
            print(f"The pages of {opened.url} are at {url}", flush=True)

        try:
            serve_pages(opened, host, port, token, print_address, remove_artifacts_aside)
        except KeyboardInterrupt:
            print("regraft: ended.")
