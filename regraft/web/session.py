"""The guard under `requests`, for code that wants that interface; the crew speaks to urllib3, its engine, directly."""

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter


def guarded_session(pool: Any, headers: Mapping[str, str]) -> requests.Session:
    """Return a session whose every socket comes from a guarded pool, see regraft.connections."""
    session = requests.Session()
    session.trust_env = False  # no HTTP_PROXY, no .netrc
    session.headers.update(headers)
    adapter = GuardedAdapter(pool)
    session.adapters.clear()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class GuardedAdapter(HTTPAdapter):
    """A requests adapter over a guarded pool; its methods are those that requests calls."""

    def __init__(self, pool: Any):
        self._guarded = pool
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = self._guarded

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        return self._guarded.connection_from_url(request.url)

    def request_url(self, request: Any, proxies: Any) -> str:
        if self._guarded.proxy is not None and request.url.startswith("http:"):
            return str(request.url)
        return str(request.path_url)
