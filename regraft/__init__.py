"""Regraft: a transfer-learned model kept alive on image links that die."""

import os

# Arrow's own allocator keeps what each thread once used: with it a run of 50,000 links took twice the memory.
# It is chosen when Arrow is first imported; what the user has set stands.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

__version__ = "0.1.0"
