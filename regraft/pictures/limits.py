"""What a picture must keep to. Of its own, because whoever only hands it on needs no decoder."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture must keep to."""

    min_side: int = 32
    """Pixels of the shorter side at least."""
    max_pixels: int = 50_000_000
    """Width times height at most."""


ANY_SIZE = Limits(min_side=1, max_pixels=1 << 62)
"""For pictures whose hash is wanted, whatever a job would say of their size."""
