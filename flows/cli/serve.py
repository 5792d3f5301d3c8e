"""`regraft deploy`, `serve`: what the dashboard needs."""

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
    port: Annotated[int, typer.Option(help="The port on this machine.")] = 4201,
) -> None:
    """Serve the reports to this machine's browser, until Ctrl-C. The dashboard's links lead here.

    Example: `regraft serve --store artifacts/felidae`
    """
    with exit_with_message():
        from regraft.flows.cli.report_server import HOST, report_server
        from regraft.flows.cli.stores import open_store

        opened = open_store(store)
        with report_server(opened, port) as server:
            print(f"The reports in {opened.url} are at http://{HOST}:{server.server_port}", flush=True)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                print("regraft: ended.")
