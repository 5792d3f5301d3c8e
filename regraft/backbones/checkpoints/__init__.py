"""Weights files from elsewhere, read without executing anything that they contain."""
