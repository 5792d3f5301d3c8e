"""The lines of a list that is text, in whatever encoding each of them was written.

Lists are put together over years and from many sources, so their lines need not have one encoding.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BufferedReader

from regraft.links.list_bytes import BLOCK_BYTES, UnusableError

EXPECTED = "Expected one URL a line, or a .csv, .tsv, .jsonl or .parquet file with a column `url`."
MAX_LINE_LENGTH = 100_000
"""In bytes and in characters. What is longer is cut, and is no URL anyway."""
MAX_SHOWN_LENGTH = 80
"""Characters of a list that a message repeats at most."""
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
WIDE_ENCODINGS = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
SCHEME = "http"
"""What every list has near its beginning, and what shows how a text without a byte order mark is encoded."""
SNIFFED_BYTES = 4096
"""Bytes at a list's beginning that tell whether it is text, and whether in UTF-16 or UTF-32."""
LINE_END = re.compile(r"\r\n|\n|\r")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
"""No text has them. Left out is Ctrl-Z, with which DOS ends a text."""
UNDEFINED_BYTES = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
"""Windows-1252 has no characters for them; browsers keep them: https://encoding.spec.whatwg.org/#windows-1252."""
WINDOWS_1252 = {byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in UNDEFINED_BYTES}
"""Its characters where they differ from Latin-1's."""
INVISIBLE_CHARACTERS = (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))
"""Without width, or for the direction of writing: https://www.unicode.org/charts/PDF/U2000.pdf."""
BLANKS = "\0\x1a\ufeff\u00ad" + "".join(map(chr, INVISIBLE_CHARACTERS))
"""What no eye sees besides whitespace: zeros that pad a record, Ctrl-Z, a byte order mark where files were joined, soft
hyphens, and characters without width."""
QUOTES = {'"': '"', "'": "'", "<": ">", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
"""What people put around texts."""
BRACKETS = {"(": ")", "[": "]", "{": "}"}
"""What people and programs put around URLs."""
SEPARATORS = ",;"
"""What ends a URL's line where it was taken from a row of a table, or from a list of a program."""
NO_ROW = re.compile(r'#|"?sep=.*$', re.IGNORECASE)
"""How a line begins that is no row of a table: a comment, and the line by which Excel finds a CSV file's columns."""
COMMENT = re.compile(r"\s#.*", re.DOTALL)
"""What follows a blank and #: browsers take it for a fragment, which is not sent to a server either."""
AMPERSAND = re.compile(r"&(?:amp|#0*38|#[xX]0*26);")
"""How HTML and XML write &: https://html.spec.whatwg.org/multipage/syntax.html#character-references."""


def line_blocks(file: BufferedReader) -> Iterator[list[str]]:
    """Yield a text's lines, without their ends, in blocks of about BLOCK_BYTES.

    A line ends with LF, CR LF or CR. A line that is not UTF-8 is read as Windows-1252. Lines beyond MAX_LINE_LENGTH
    are cut. Raises UnusableError where most of the first lines hold control characters, which no text has.
    """
    head = file.peek(SNIFFED_BYTES)[:SNIFFED_BYTES]
    encoding = _wide_encoding(head)
    _check_text(head.decode(encoding or "latin-1", "replace"))
    for block in _whole_lines(_as_utf8(file, encoding)):
        yield _lines(block)


def decoded(line: bytes) -> str:
    """Return bytes as text: UTF-8, or else Windows-1252, which reads whatever bytes there are."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1").translate(WINDOWS_1252)


def is_row(line: str) -> bool:
    """Return whether a line is a row of a table: neither blank, nor a comment, nor Excel's `sep=;`."""
    return bool(line.strip()) and not NO_ROW.match(line)


def shortened(text: str) -> str:
    """Return a text as a message repeats it."""
    return text if len(text) <= MAX_SHOWN_LENGTH else text[:MAX_SHOWN_LENGTH] + "..."


def cleaned(text: str) -> str:
    """Return a cell or a line without what is around its content: whitespace, invisible characters, quotes."""
    text = text.strip()
    if text[:1] in BLANKS or text[-1:] in BLANKS:
        text = text.strip(BLANKS).strip()
    return _without_pair(text, QUOTES)


def cleaned_urls(texts: Iterable[str]) -> list[str]:
    """Return the URL in each text; "" for a comment. Most texts are nothing else, which is quick.

    Around it may be what `cleaned` takes away, brackets, and at its end a comma, a semicolon or a comment. `&amp;`
    and `&#38;` mean &.
    """
    return [text if not text or _is_clean(text) else _cleaned_url(text) for text in texts]


def _is_clean(url: str) -> bool:
    """Whether there is nothing to take away, as of nearly all URLs; False where that takes a closer look."""
    return url[0] == "h" and url[-1].isalnum() and "#" not in url and "&amp;" not in url


def _cleaned_url(text: str) -> str:
    url = cleaned(text)
    if url[:1] == "#":
        return ""
    url = cleaned(COMMENT.sub("", url).rstrip().rstrip(SEPARATORS))
    if url[1:].startswith(SCHEME):
        url = _without_pair(url, BRACKETS)
    return AMPERSAND.sub("&", url)


def _without_pair(text: str, pairs: Mapping[str, str]) -> str:
    """A text without the two characters around it, where they are a pair."""
    return text[1:-1].strip() if len(text) > 1 and pairs.get(text[0]) == text[-1] else text


def _as_utf8(file: BufferedReader, encoding: str | None) -> Iterator[bytes]:
    """The bytes in blocks; those of a text in UTF-16 or UTF-32 as UTF-8."""
    if encoding is None:
        yield from iter(lambda: file.read(BLOCK_BYTES), b"")
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while block := file.read(BLOCK_BYTES):
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, where a text begins so; None where its characters are single bytes or UTF-8."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    return next((encoding for encoding in WIDE_ENCODINGS if _has_scheme(head, encoding)), None)


def _has_scheme(head: bytes, encoding: str) -> bool:
    """Whether a URL's scheme stands in a text of that encoding, where one of its characters begins."""
    scheme = SCHEME.encode(encoding)
    width = len(scheme) // len(SCHEME)
    return any(match.start() % width == 0 for match in re.finditer(re.escape(scheme), head, re.IGNORECASE))


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks cut anew, so that each ends where a line does; a line that never ends is cut to MAX_LINE_LENGTH."""
    rest = b""
    for block in blocks:
        end = (block.rfind(b"\n") + 1) or block.rfind(b"\r", 0, -1) + 1  # a CR at the end may have its LF in the next
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest = (rest + block)[:MAX_LINE_LENGTH]
    if rest:
        yield rest


def _lines(block: bytes) -> list[str]:
    """The lines of a block that ends where a line does."""
    block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n")
    try:
        lines = block.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = [decoded(line) for line in block.split(b"\n")]
    return [line[:MAX_LINE_LENGTH] for line in lines] if len(block) > MAX_LINE_LENGTH else lines


def _check_text(head: str) -> None:
    """Raise UnusableError where most lines at a list's beginning hold control characters."""
    lines = LINE_END.split(head)
    if sum(CONTROL_CHARACTERS.search(line) is not None for line in lines) * 2 > len(lines):
        raise UnusableError(f"is not text. {EXPECTED}")
