"""One run: what travels of it, what each process opens for it, its steps, and what it publishes."""
