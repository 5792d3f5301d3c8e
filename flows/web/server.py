"""The curator's pages on a port, until somebody stops them."""

import errno
import socket
from collections.abc import Callable

import uvicorn

from regraft.errors import ConfigError, StoreError
from regraft.flows.web.access import Access, is_loopback
from regraft.flows.web.app import curator
from regraft.store.store import Store
from regraft.upkeep.purge import AskPrefect

MIN_TOKEN_LENGTH = 16
STOP_S = 2
"""Seconds that answers under way have once the server is stopped."""
ADVICE = {
    errno.EADDRINUSE: "Something listens there already: choose another with --port.",
    errno.EACCES: "Ports below 1024 are for the administrator: choose another with --port.",
}
"""What helps where a port cannot be used."""


def serve(
    store: Store,
    host: str,
    port: int,
    token: str | None,
    on_ready: Callable[[str], None],
    ask_prefect: AskPrefect | None = None,
) -> None:
    """Serve a store's pages at an address of this machine until a signal ends them; port 0 is any that is free.

    `on_ready` is called with the pages' URL; `ask_prefect`, see `upkeep.purge`, where something is removed. Raises
    ConfigError where other machines could come in without a token, or with one that can be guessed; StoreError where
    the port cannot be used.
    """
    check_access(host, token)
    with _listening(host, port) as listener:
        address, number = listener.getsockname()[:2]
        name = f"[{address}]" if ":" in address else address
        config = uvicorn.Config(
            curator(store, Access(token, host), ask_prefect, prepares=True),
            log_level="error",
            server_header=False,
            proxy_headers=False,  # who asks is who has connected, whatever a header says
            timeout_graceful_shutdown=STOP_S,
        )
        on_ready(f"http://{name}:{number}")
        uvicorn.Server(config).run(sockets=[listener])


def check_access(host: str, token: str | None) -> None:
    """Raise ConfigError where pages at an address would be open to other machines without a good token."""
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"At {host} other machines could see all pictures and decide about them. Set a token for them to log in "
            "with, in the variable REGRAFT_TOKEN or with --token, or serve this machine alone, without --host."
        )
    if token is not None and len(token) < MIN_TOKEN_LENGTH:
        raise ConfigError(
            f"The token has {len(token)} characters and could be guessed: it takes {MIN_TOKEN_LENGTH} or more, "
            "such as those of `openssl rand -hex 16`."
        )


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address. Raises StoreError where it cannot."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = addresses[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as error:
        number = error.errno if isinstance(error, OSError) else None
        advice = ADVICE.get(number or 0, "Choose another with --host or --port.")
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"Port {port} of {host} cannot be used ({reason}). {advice}") from error
