"""One run: what it is asked for, what it shares, and what it publishes."""
