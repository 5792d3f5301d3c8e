"""Links that people take for one, however they are written: to find what somebody means, never to judge a link.

Scheme, `www.`, capitals, a default port, percent-encoding, slashes at the end and a fragment do not count.
"""

import re
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regraft.identity import Url
from regraft.web.urls import BadUrl, Blocked, normalised

SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[/\\]*")
ODD = r"[^!-~]|%|/\.|\\"
"""What makes a URL one that is not compared by its letters alone."""
LEFT_OUT = (
    (r"^[a-z][a-z0-9+.-]*:[/\\]*", ""),
    (r"^www\.", ""),
    (r"#.*$", ""),
    (r"^([^/?]*?)\.?(?::(?:80|443))?([/?]|$)", r"\1\2"),
    (r"/+$", ""),
)
"""Patterns of what does not count, in this order, and what stands there instead."""


def spelt_as(word: str, urls: pa.ChunkedArray) -> list[Url]:
    """Return the distinct URLs, of N, that somebody means who writes `word`, in their order."""
    word = word.strip()
    keys = _keys(urls)
    wanted = _keys(pa.chunked_array([[word if SCHEME.match(word) else f"http://{word}"]], pa.string()))
    is_same: NDArray[np.bool_] = np.asarray(pc.equal(keys, wanted[0]), dtype=bool)
    return [Url(url) for url in pc.unique(urls.filter(pa.array(is_same))).to_pylist()]


def _keys(urls: pa.ChunkedArray) -> pa.ChunkedArray:
    """What counts of each URL, (N,)."""
    is_odd = pc.match_substring_regex(urls, ODD)
    keys = pc.replace_with_mask(
        urls.combine_chunks(),
        is_odd.combine_chunks(),
        pa.array([_decoded(url) for url in urls.filter(is_odd).to_pylist()], pa.string()),
    )
    keys = pc.utf8_lower(keys)
    for pattern, replacement in LEFT_OUT:
        keys = pc.replace_substring_regex(keys, pattern, replacement)
    return keys


def _decoded(url: str) -> str:
    """A URL as it is requested, its host in ASCII, but with the characters that percent-encoding stands for."""
    try:
        return unquote(normalised(url))
    except (BadUrl, Blocked):
        return unquote(url)
