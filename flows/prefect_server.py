"""The main module of Prefect's temporary server. It ends with the process that started it, however that ends."""

import os
import signal
import sys
import threading
import time

FACTORY = "prefect.server.api.server:create_app"
STOP_S = 5.0
"""Seconds that the server has to close its database."""
STDIN = 0


def serve(port: int) -> None:
    """Serve Prefect's API on a port of the loopback address until the pipe on standard input closes."""
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    import uvicorn

    uvicorn.run(FACTORY, factory=True, host="127.0.0.1", port=port, log_level="critical")


def _stop_with_parent() -> None:
    """Stop this process once nobody holds the other end of the pipe any more: the system closes it for the dead."""
    while os.read(STDIN, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_S)
    os._exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
