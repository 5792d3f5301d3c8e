"""Names of a head's layers that something else than the head looks for."""

CATEGORY_LAYER = "category"
"""The layer whose outputs are the categories' probabilities."""
SIMILARITY_LAYER, WITHIN_CATEGORY_LAYER = "similarity", "within_category"
"""The layers of a head that compare a picture with those learnt from, and that make an answer of it."""
