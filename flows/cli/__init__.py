"""The command line: each import registers its commands. Nothing heavy is imported before a command needs it."""

from regraft.flows.cli import keep as cli_keep
from regraft.flows.cli import look as cli_look
from regraft.flows.cli import run as cli_run
from regraft.flows.cli import serve as cli_serve
from regraft.flows.cli import use as cli_use
from regraft.flows.cli.app import app

__all__ = ["app", "cli_keep", "cli_look", "cli_run", "cli_serve", "cli_use"]

if __name__ == "__main__":
    app()
