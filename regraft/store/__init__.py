"""Kept and found again: image bytes, tables, features, a run's drafts, versions, and the lock that one run holds."""
