"""`regraft deploy`, `serve`: what the dashboard needs."""

from pathlib import Path
from typing import Annotated

import typer

from regraft.flows.cli.app import StoreOption, app, told_apart


@app.command()
def deploy(
    file: Annotated[Path, typer.Argument(help="The deployments.")] = Path("deployment.yaml"),
    automations: Annotated[Path, typer.Option(help="The automations.")] = Path("automations.yaml"),
    pool: Annotated[str, typer.Option(help="The work pool that the worker serves.")] = "regraft",
) -> None:
    """Put the deployments and automations on the Prefect server that PREFECT_API_URL names.

    Makes the work pool where it is missing, and puts the same names in place of what was there. Refuses a server that
    others can reach and that has no password: whoever reaches it may run programs as your worker.

    Example: `PREFECT_API_URL=http://127.0.0.1:4200/api regraft deploy`
    """
    with told_apart():
        from regraft.flows.cli.deploy import deploy as deploying

        for line in deploying(file, automations, pool):
            print(line)


@app.command()
def serve(
    store: StoreOption = "artifacts",
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 4201,
) -> None:
    """Serve the reports to this machine's browser; the dashboard's links lead here. Ctrl-C ends it.

    Example: `regraft serve --store artifacts/felidae`
    """
    with told_apart():
        from regraft.flows.cli.report_server import HOST, server
        from regraft.store.store import Store

        with server(Store(store), port) as reports:
            print(f"The reports in {store} are at http://{HOST}:{reports.server_address[1]}", flush=True)
            try:
                reports.serve_forever()
            except KeyboardInterrupt:
                print("regraft: ended.")
