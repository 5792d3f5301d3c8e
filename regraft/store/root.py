"""The names in a store's root that several modules know: some are read or listed below where they are written."""

# Folders
DRAFTS = "drafts"
FEATURES = "features"
LINKS = "links"
"""What is known of links and pictures: tables, and below them folders of shards."""
NETWORKS = "networks"
RECEIPTS = "receipts"
"""What was removed where."""
VERSIONS = "versions"
# Files
LAYOUT_FILE = "store.json"
"""The store's format, and how LINKS is cut."""
REMOVALS = "removals.parquet"
"""What must never come back."""
REMOVING = "removing.json"
"""The receipt of a removal under way; another run goes on with it."""
