"""The strings that Regraft names things by, as types of their own; how a digest is made, and an address known."""

import hashlib
import ipaddress
import re
from typing import NewType

Digest = NewType("Digest", str)
"""The SHA-256 of some bytes, as 64 lower-case hex digits: the name of an image, or proof that a file is unchanged."""
DIGEST_DIGITS = 64
SHORT_DIGEST_DIGITS = 8
"""Digits of a digest that people are shown, and need to write at least."""
DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_DIGITS}}}")
"""What a digest looks like."""
DIGEST_BEGINNING = re.compile(rf"[0-9a-fA-F]{{{SHORT_DIGEST_DIGITS},{DIGEST_DIGITS}}}")
"""What people may write in place of a digest: its first digits, or all of them."""
Url = NewType("Url", str)
"""The address of a link, exactly as its list has it."""
Host = NewType("Host", str)
"""A server's name, in lower case and without a port."""


def digest_of(data: bytes) -> Digest:
    """Return the digest of some bytes."""
    return Digest(hashlib.sha256(data).hexdigest())


def short_digest(digest: str) -> str:
    """Return a digest as people are shown it."""
    return digest[:SHORT_DIGEST_DIGITS]


def is_address(host: str) -> bool:
    """Return whether a host is an IP address, in its usual notation and without brackets."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
