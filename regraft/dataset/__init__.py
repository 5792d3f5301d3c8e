"""From pictures to a manifest: what is left out, labels, splits."""
