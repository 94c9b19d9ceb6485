"""Send HTTP requests with requests and urllib3, which only this module imports.

Uses the adapter of requests, which keeps the connections, and no session: that reads the environment and netrc for
every call, follows redirects with the login headers, and keeps cookies.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import sys
import threading
import zlib
from collections.abc import Mapping
from http.client import HTTPException, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import exceptions as from_requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import HTTPResponse, exceptions as from_urllib3
from urllib3.connectionpool import ConnectionPool
from urllib3.util.ssl_match_hostname import CertificateError

from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations._protocol.options import ConnectionOptions
from rocketchat_integrations._redaction import redacted, spellings
from rocketchat_integrations.exceptions import TransportError

from .bodies import check_size, decompressed
from .certificates import client_certificate, verification
from .connections import LimitedConnection, TimedCall, current_call
from .translation import Cause, passed_on, translated

_CHUNK = 65536


class _WithoutSecrets(logging.Filter):
    """Hides secrets in urllib3's log records: they contain paths, and a webhook's path is its secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        call = current_call.get(None)
        if call is not None and call.secrets:
            record.msg = redacted(record.getMessage(), spellings(call.secrets, shortest=1, levels=2))
            record.args, record.exc_info = (), None
        return True


for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_WithoutSecrets())


class _Adapter(HTTPAdapter):
    """An adapter for one URL. Looks up its connection pool once: that takes a tenth of a call."""

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
        self._lock = threading.Lock()
        self._pool: ConnectionPool | None = None
        self._is_closed = False

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> ConnectionPool:
        if self._pool is not None:
            return self._pool
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        of_pool: Any = pool
        of_pool.ConnectionCls = type("Connection", (LimitedConnection, of_pool.ConnectionCls), {})
        with self._lock:
            # A call under way while the adapter is closed must not store a pool that nobody closes.
            if not self._is_closed:
                self._pool = pool
        return pool

    def close(self) -> None:
        with self._lock:
            self._is_closed, self._pool = True, None
        super().close()


class RequestsTransport:
    """A transport over the connections of one :class:`requests.adapters.HTTPAdapter`."""

    def __init__(self, base_url: str, options: ConnectionOptions) -> None:
        # Reads the environment once, not for every call.
        self._verify = verification(options.verify, base_url)
        self._cert = client_certificate(options.cert)
        self._proxies = _proxies(base_url, options.proxies)
        self._timeout = options.timeout
        self._max_response_size = options.max_response_size
        self._pool_size = options.pool_size
        self._adapter = _Adapter(options.pool_size)

    def send(self, request: Request) -> Response:
        """Send the request and read the whole response."""
        handled = sys.exc_info()[1]
        call = TimedCall(self._timeout, request.secrets)
        before = current_call.set(call)
        try:
            return self._exchange(request)
        except TransportError as error:
            problem: Exception = error
        except Exception as error:
            # It holds the request with its tokens: describe and drop it.
            problem = passed_on(error, handled, _LIBRARIES) or translated(
                error, request.url, handled, _CAUSES, is_connecting=call.is_connecting, limit=call.expired_limit()
            )
        finally:
            current_call.reset(before)
        raise problem.with_traceback(None)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def forget_connections(self) -> None:
        """Open new connections from now on. For a child process: the existing ones are its parent's."""
        self._adapter = _Adapter(self._pool_size)

    def _exchange(self, request: Request) -> Response:
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = request.method, request.url
        prepared.headers = CaseInsensitiveDict(request.headers)
        if request.body is not None:
            prepared.body = request.body
            prepared.headers["Content-Length"] = str(len(request.body))
        reply = self._adapter.send(
            prepared,
            stream=True,
            timeout=(self._timeout.connect, self._timeout.read),
            verify=self._verify,
            cert=self._cert,
            proxies=self._proxies,
        )
        try:
            body = self._body(reply.raw, request.url)
        finally:
            reply.raw.close()
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Response(reply.status_code, headers, body)

    def _body(self, raw: HTTPResponse, url: str) -> bytes:
        body = io.BytesIO()
        # read1 returns what has arrived, so that the size is checked early.
        while body.write(raw.read1(_CHUNK, decode_content=False)):
            check_size(body.tell(), self._max_response_size, url)
        encoding = raw.headers.get("content-encoding", "")
        return decompressed(body.getvalue(), encoding, self._max_response_size, url)


def _proxies(base_url: str, explicit: Mapping[str, str] | None) -> dict[str, str]:
    """Return the proxy for this URL. The option takes precedence over the environment, even by the key ``"all"``."""
    proxy = select_proxy(base_url, explicit or {})
    if proxy is None:
        proxy = select_proxy(base_url, get_environ_proxies(base_url))
    return {urlsplit(base_url).scheme: proxy} if proxy else {}


# The packages whose exceptions are failures of a call.
_LIBRARIES = ("requests", "urllib3", "http", "ssl", "socket", "zlib")

_CONNECTION_LOST = "the connection was lost before the response"

# From the most specific class to the least; the first that occurs in a chain of exceptions counts.
_CAUSES = (
    Cause((from_urllib3.ProxyError, from_requests.ProxyError), "the proxy cannot be reached", "proxy", False),
    Cause(
        (ssl.SSLCertVerificationError, CertificateError),
        "the server's certificate is not trusted",
        "certificate",
        False,
    ),
    Cause((from_urllib3.NameResolutionError, socket.gaierror), "the host name is unknown", "name", False),
    Cause((from_requests.ConnectTimeout,), "the connection took too long", "timeout", False),
    Cause((ConnectionRefusedError,), "the connection was refused", "refused", False),
    # Before ConnectTimeoutError, its base class.
    Cause((from_urllib3.NewConnectionError,), "the host cannot be reached", "unreachable", False),
    Cause((from_urllib3.ConnectTimeoutError,), "the connection took too long", "timeout", False),
    Cause(
        (TimeoutError, from_urllib3.TimeoutError, from_requests.Timeout), "the response took too long", "timeout", True
    ),
    Cause((ssl.SSLError, from_urllib3.SSLError, from_requests.SSLError), "TLS failed", "tls", True),
    Cause((IncompleteRead, from_urllib3.DecodeError, zlib.error), "the response is incomplete", "incomplete", True),
    Cause((ConnectionError,), _CONNECTION_LOST, "reset", True),
    Cause((HTTPException, from_urllib3.InvalidHeader), "the response is not valid HTTP", "other", True),
    Cause((from_urllib3.ProtocolError, from_requests.ConnectionError), _CONNECTION_LOST, "reset", True),
    Cause((from_urllib3.LocationValueError,), "the URL, or the proxy's, cannot be used", "other", False),
    Cause(
        (from_requests.InvalidURL, from_requests.InvalidSchema),
        "the URL, or the proxy's, cannot be used",
        "other",
        False,
    ),
)
