"""The command line: each import registers its commands. Nothing heavy is imported before a command needs it."""

from regraft.flows.cli import dataset, keep, look, run, serve, use
from regraft.flows.cli.app import app

__all__ = ["app", "dataset", "keep", "look", "run", "serve", "use"]
