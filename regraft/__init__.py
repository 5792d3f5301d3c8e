"""Regraft: a transfer-learned model kept alive on image links that die.

The names below are the public interface, for notebooks and scripts; docs/notebook.md shows them at work. Each is
imported when it is first used, so that `import regraft` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from regraft.release import __version__ as __version__

if TYPE_CHECKING:
    from regraft.api import Config, RegraftError, Store, Version, load_config, open_store, run, version, versions

__all__ = ["Config", "RegraftError", "Store", "Version", "load_config", "open_store", "run", "version", "versions"]

if not TYPE_CHECKING:  # a type checker would take any name for one that this module has

    def __getattr__(name: str) -> object:
        """Return a public name from `regraft.api`."""
        if name in __all__:
            return getattr(import_module("regraft.api"), name)
        raise AttributeError(f"module 'regraft' has no attribute {name!r}; it has: {', '.join(__all__)}")

    def __dir__() -> list[str]:
        return __all__
