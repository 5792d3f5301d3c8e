"""A store kept sound and small: verify, prune, accept, remove."""
