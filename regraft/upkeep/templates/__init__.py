"""The template of a receipt."""
