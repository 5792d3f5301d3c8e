"""Verbs: one Prefect task a file, each a thin wrap around the library."""
