"""How a body is encoded is decided by its bytes, whatever its server says."""

import gzip
import zlib

import pyarrow as pa
import pytest

from regraft.web.client import Client
from regraft.web.guard import Guard
from tests.hostile import ok, serving
from tests.web.answers import ALIVE, CUT, JPEG, Outcome, fails, outcome_of

pytestmark = pytest.mark.server

DEFLATED = zlib.compress(JPEG)
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATED = RAW.compress(JPEG) + RAW.flush()
MEMBERS = gzip.compress(JPEG[:5]) + gzip.compress(JPEG[5:])
BIG = b"\xff\xd8\xff" + bytes(10**6)


def arrow(codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(JPEG)
    return sink.getvalue().to_pybytes()


GIF, PNG, WEBP, BMP = b"GIF89a...", b"\x89PNG\r\n\x1a\n...", b"RIFF\x04\0\0\0WEBPVP8 ", b"BM\x1a\0\0\0"
ENCODED: dict[str, tuple[str, bytes, Outcome]] = {
    **{
        f"{encoding} named over a plain JPEG": (encoding, JPEG, ALIVE)
        for encoding in """none utf-8 binary image/jpeg base64 identity gzip x-gzip deflate br zstd compress aws-chunked
        8bit GZIP gzip,deflate x""".split()
    },
    **{
        f"deflate named over a plain {name}": ("deflate", data, Outcome(data=data))
        for name, data in (("GIF", GIF), ("PNG", PNG), ("WebP", WEBP), ("BMP", BMP))
    },
    "gzip": ("gzip", gzip.compress(JPEG), ALIVE),
    "gzip and a blank": ("gzip ", gzip.compress(JPEG), ALIVE),
    "x-gzip": ("x-gzip", gzip.compress(JPEG), ALIVE),
    "GZIP": ("GZIP", gzip.compress(JPEG), ALIVE),
    "gzip, not named": ("", gzip.compress(JPEG), ALIVE),
    "gzip, wrongly named": ("deflate", gzip.compress(JPEG), ALIVE),
    "deflate, wrongly named": ("gzip", DEFLATED, ALIVE),
    "deflate of the least, wrongly named": ("x-gzip", zlib.compress(JPEG, 0), ALIVE),
    "gzip named over text that begins as zlib": ("gzip", b"x\x01 marks", Outcome(data=b"x\x01 marks")),
    "gzip twice": ("gzip, gzip", gzip.compress(gzip.compress(JPEG)), ALIVE),
    "gzip twice, named once": ("gzip", gzip.compress(gzip.compress(JPEG)), ALIVE),
    "gzip in members": ("gzip", MEMBERS, ALIVE),
    "gzip and zeros": ("gzip", gzip.compress(JPEG) + bytes(9), ALIVE),
    "gzip of nothing, again and again": ("gzip", gzip.compress(b"") * 4000 + gzip.compress(JPEG), CUT),
    "deflate of nothing at all": ("deflate", b"", Outcome(data=b"")),
    "Brotli of nothing at all": ("br", b"", Outcome(data=b"")),
    "gzip cut": ("gzip", gzip.compress(JPEG)[:-9], CUT),
    "gzip damaged": ("gzip", gzip.compress(JPEG)[:-8] + bytes(8), CUT),
    "gzip of too much": ("gzip", gzip.compress(BIG), fails("too_large", 200)),
    "gzip members of too much": ("gzip", gzip.compress(BIG[:50_000]) * 3, fails("too_large", 200)),
    "gzip named over text": ("gzip", b"plain", Outcome(data=b"plain")),
    "deflate": ("deflate", DEFLATED, ALIVE),
    "deflate without zlib's header": ("deflate", RAW_DEFLATED, ALIVE),
    "deflate cut": ("deflate", DEFLATED[:-6], CUT),
    "deflate of too much": ("deflate", zlib.compress(BIG), fails("too_large", 200)),
    "deflate named over text": ("deflate", b"plain text", Outcome(data=b"plain text")),
    "Brotli": ("br", arrow("brotli"), ALIVE),
    "Brotli cut": ("br", arrow("brotli")[:-3], CUT),
    "Zstandard": ("zstd", arrow("zstd"), ALIVE),
    "Zstandard, not named": ("", arrow("zstd"), ALIVE),
    "deflate, then gzip": ("deflate, gzip", gzip.compress(DEFLATED), ALIVE),
}


@pytest.mark.parametrize("name", ENCODED)
def test_the_bytes_decide_how_a_body_is_encoded(name: str) -> None:
    encoding, body, expected = ENCODED[name]
    with serving(lambda talk: talk.say(ok(body, f"Content-Encoding: {encoding}"))) as server:
        assert outcome_of(Client(Guard([server.exemption]), max_bytes=100_000), server.url) == expected
