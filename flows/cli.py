"""The command line: each import registers its commands. Nothing heavy is imported before a command needs it."""

from flows import cli_keep, cli_look, cli_run, cli_serve, cli_use
from flows.app import app

__all__ = ["app", "cli_keep", "cli_look", "cli_run", "cli_serve", "cli_use"]

if __name__ == "__main__":
    app()
