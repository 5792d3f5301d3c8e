"""Damage: what is wrong with a file of a store, and how it was mended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Damage:
    """A file that is not what it should be."""

    path: str
    """Its path in the store."""
    what: str
    """What is wrong with it."""
    mended: str = ""
    """How it was mended; empty where it was not."""
    may_be_mended: bool = True
    """Whether `--repair` may mend it, or has."""

    def joined(self, other: "Damage") -> "Damage":
        """Return this with another damage of the same file, which was found later."""
        what = f"{self.what.rstrip('.')}. {other.what[0].upper()}{other.what[1:]}"
        return Damage(self.path, what, other.mended or self.mended, self.may_be_mended or other.may_be_mended)
