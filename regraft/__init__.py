"""Regraft: a transfer-learned model kept alive on image links that die."""

__version__ = "0.1.0"
