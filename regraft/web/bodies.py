"""A response's body, read and decoded within a cap."""

import contextlib

from regraft.verdicts import Reason
from regraft.web.answers import Failed
from regraft.web.connections import Connection
from regraft.web.encodings import Damaged, decoded
from regraft.web.framing import EndedEarly, TooLarge, framing_of
from regraft.web.heads import BrokenHttp, Head

SKIP_S = 1.0
"""Seconds that a server gets to send an error page that nobody reads."""


def read_body(head: Head, connection: Connection, max_bytes: int, max_unannounced: int | None = None) -> bytes | Failed:
    """Return the whole body of an answer, its encodings undone; Failed where it is cut off or above `max_bytes`.

    A body whose server does not announce its size may have `max_unannounced` bytes, where that is not None. Raises
    BrokenHttp where the head does not say where the body ends.
    """
    status, framing = head.status, framing_of(head)
    try:
        bound = max_bytes if framing.has_size or max_unannounced is None else min(max_bytes, max_unannounced)
        data = framing.read(connection.stream, bound)
        return decoded(data, [*head.members("content-encoding"), *head.members("transfer-encoding")], max_bytes)
    except TooLarge as error:
        return Failed(reason=Reason.TOO_LARGE, detail=str(error), status=status, bytes=error.size)
    except (EndedEarly, BrokenHttp, OSError) as error:
        return Failed(reason=Reason.TRUNCATED, detail=f"the body ended early: {error}", status=status, may_pass=True)
    except Damaged as error:  # whole as it was sent, so the next attempt would bring the same
        return Failed(reason=Reason.TRUNCATED, detail=str(error), status=status)


def is_skipped(head: Head, connection: Connection, max_bytes: int) -> bool:
    """Read a body that nobody needs, if it is small; return whether it was read to its end.

    A connection can be used again only after that. What goes wrong costs the connection, never the answer.
    """
    with contextlib.suppress(TooLarge, EndedEarly, BrokenHttp, OSError):
        framing = framing_of(head)
        if framing.has_end:
            connection.socket.settimeout(SKIP_S)
            framing.read(connection.stream, max_bytes)
            connection.socket.settimeout(None)
            return True
    return False
