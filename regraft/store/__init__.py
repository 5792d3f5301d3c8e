"""Kept and found again: image bytes, tables, features, versions, and the lock that one run holds."""
