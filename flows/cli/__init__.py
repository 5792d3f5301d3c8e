"""The command line: each import registers its commands. Nothing heavy is imported before a command needs it."""

from regraft.flows.cli import dataset, decide, keep, links, look, remove, run, serve, use
from regraft.flows.cli.app import Panel, app

app.registered_commands.sort(key=lambda command: [*Panel].index(Panel(str(command.rich_help_panel))))

__all__ = ["app", "dataset", "decide", "keep", "links", "look", "remove", "run", "serve", "use"]
