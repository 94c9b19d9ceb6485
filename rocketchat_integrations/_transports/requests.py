"""Send HTTP requests by the library requests. No other module imports it or urllib3.

Uses the adapter of requests, which keeps the connections, and no session: that reads the environment and netrc for
every call, follows redirects with the login headers, and keeps cookies.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from http.client import HTTPException, IncompleteRead
from pathlib import Path
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
from rocketchat_integrations.exceptions import ConfigurationError, TransportError, TransportTimeout

_CHUNK = 65536
_COMPRESSED = ("gzip", "x-gzip", "deflate")
_PORTS = {"http": 80, "https": 443}

_current_secrets: ContextVar[tuple[str, ...]] = ContextVar("current_secrets", default=())


class _WithoutSecrets(logging.Filter):
    """Hides secrets in urllib3's log records: they contain paths, and a webhook's path is its secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        secrets = _current_secrets.get()
        if secrets:
            record.msg = redacted(record.getMessage(), spellings(secrets, shortest=1, levels=2))
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
        self._verify = _verification(options.verify, base_url)
        self._cert = _certificate(options.cert)
        self._proxies = _proxies(base_url, options.proxies)
        self._timeout = options.timeout
        self._max_response_size = options.max_response_size
        self._adapter = _Adapter(options.pool_size)

    def send(self, request: Request) -> Response:
        """Send the request and read the whole response."""
        handled = sys.exc_info()[1]
        secrets = _current_secrets.set(request.secrets)
        try:
            return self._exchange(request)
        except TransportError as error:
            failure = error
        except Exception as error:
            # It holds the request with its tokens: describe and drop it.
            failure = _translated(error, request.url, handled)
        finally:
            _current_secrets.reset(secrets)
        raise failure.with_traceback(None)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

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
        deadline = time.monotonic() + self._timeout.total
        # read1 returns what has arrived; read would wait for a full chunk, past the deadline.
        while body.write(raw.read1(_CHUNK, decode_content=False)):
            self._check_size(body.tell(), url)
            if time.monotonic() > deadline:
                raise _failure(f"the response took longer than {self._timeout.total:g} s", "timeout", url)
        if body.tell() and raw.headers.get("content-encoding", "").lower() in _COMPRESSED:
            return self._inflated(body.getvalue(), url)
        return body.getvalue()

    def _inflated(self, body: bytes, url: str) -> bytes:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # detects gzip or zlib
        inflated = inflater.decompress(body, self._max_response_size + 1)
        self._check_size(len(inflated), url)
        if not inflater.eof:
            raise _failure("the response is incomplete", "incomplete", url)
        return inflated

    def _check_size(self, size: int, url: str) -> None:
        if size > self._max_response_size:
            raise _failure(f"the response is larger than {self._max_response_size} bytes", "too-large", url)


def _verification(verify: bool | str, base_url: str) -> bool | str:
    option = "verify"
    if verify is True and base_url.lower().startswith("https"):
        for option in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            if os.environ.get(option):
                verify = os.environ[option]
                break
    if isinstance(verify, str) and not Path(verify).is_dir():
        _try(option, verify, partial(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations, verify))
    return verify


def _certificate(cert: str | tuple[str, str] | None) -> str | tuple[str, str] | None:
    if cert is not None:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # Without a password, OpenSSL would prompt for one on the terminal.
        _try("cert", f"{cert}", partial(context.load_cert_chain, certificate, key, password=""))
    return cert


def _try(option: str, path: str, load: Callable[[], None]) -> None:
    try:
        load()
        return
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or type(error).__name__
    raise ConfigurationError(f"{option}: {path} cannot be used: {problem}")


def _proxies(base_url: str, explicit: Mapping[str, str] | None) -> dict[str, str]:
    """Return the proxy for this URL. The option takes precedence over the environment, even by the key ``"all"``."""
    proxy = select_proxy(base_url, explicit or {})
    if proxy is None:
        proxy = select_proxy(base_url, get_environ_proxies(base_url))
    return {urlsplit(base_url).scheme: proxy} if proxy else {}


def _failure(what: str, kind: str, url: str, *, may_have_acted: bool = True) -> TransportError:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    kind_of_error = TransportTimeout if kind == "timeout" else TransportError
    return kind_of_error(f"{place}: {what}", kind=kind, host=host, port=port, may_have_acted=may_have_acted)


_CONNECTION_LOST = "the connection was lost before the response"

# From the most specific class to the least; the first that occurs in a chain of exceptions counts.
# Columns: classes, message, kind, whether the server may have received the request.
_FAILURES: tuple[tuple[tuple[type[BaseException], ...], str, str, bool], ...] = (
    ((from_urllib3.ProxyError, from_requests.ProxyError), "the proxy cannot be reached", "proxy", False),
    ((ssl.SSLCertVerificationError, CertificateError), "the server's certificate is not trusted", "certificate", False),
    ((from_urllib3.NameResolutionError, socket.gaierror), "the host name is unknown", "name", False),
    ((from_requests.ConnectTimeout,), "the connection took too long", "timeout", False),
    ((ConnectionRefusedError,), "the connection was refused", "refused", False),
    # Before ConnectTimeoutError, its base class.
    ((from_urllib3.NewConnectionError,), "the host cannot be reached", "unreachable", False),
    ((from_urllib3.ConnectTimeoutError,), "the connection took too long", "timeout", False),
    ((TimeoutError, from_urllib3.TimeoutError, from_requests.Timeout), "the response took too long", "timeout", True),
    ((ssl.SSLError, from_urllib3.SSLError, from_requests.SSLError), "TLS failed", "tls", True),
    ((IncompleteRead, from_urllib3.DecodeError, zlib.error), "the response is incomplete", "incomplete", True),
    ((ConnectionError,), _CONNECTION_LOST, "reset", True),
    ((HTTPException, from_urllib3.InvalidHeader), "the response is not valid HTTP", "other", True),
    ((from_urllib3.ProtocolError, from_requests.ConnectionError), _CONNECTION_LOST, "reset", True),
    ((from_urllib3.LocationValueError,), "the URL, or the proxy's, cannot be used", "other", False),
    (
        (from_requests.InvalidURL, from_requests.InvalidSchema),
        "the URL, or the proxy's, cannot be used",
        "other",
        False,
    ),
)


def _translated(error: Exception, url: str, handled: BaseException | None) -> TransportError:
    chain = list(_chain(error, handled))
    for classes, what, kind, may_have_acted in _FAILURES:
        if any(isinstance(link, classes) for link in chain):
            return _failure(what + _tls_detail(chain), kind, url, may_have_acted=may_have_acted)
    return _failure(f"the call failed ({type(error).__name__})", "other", url)


def _tls_detail(chain: list[BaseException]) -> str:
    errors = [link for link in chain if isinstance(link, ssl.SSLError)]
    words = [getattr(error, name, None) for error in errors for name in ("verify_message", "reason")]
    return next((f" ({word})" for word in words if word), "")


def _chain(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and all that it wraps, without the exception that the caller was handling."""
    seen = [handled]
    ahead: list[object] = [error]
    while ahead:
        link = ahead.pop(0)
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            yield link
            ahead += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
