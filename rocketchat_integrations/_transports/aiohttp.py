"""Send HTTP requests with aiohttp.

The session is opened when the first request is sent, because it belongs to the event loop that runs then.
"""

from __future__ import annotations

import asyncio
import io
import ssl
import sys
import zlib

import aiohttp
import certifi
from yarl import URL

from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations._protocol.options import ConnectionOptions
from rocketchat_integrations._protocol.transport_errors import failure
from rocketchat_integrations.exceptions import TransportError

from .aiohttp_connections import LimitedCall, LimitedConnector, current_call
from .bodies import check_size, decompressed
from .certificates import client_certificate, load_client_certificate, verification
from .connections import LONGEST_IDLE
from .proxies import Proxy, proxy_url
from .translation import Cause, passed_on, translated

# The maximum number of connections at a time, unless `pool_size` is larger: requests beyond it wait for one.
_MOST_CONNECTIONS = 100
# The longest header of a response, as in http.client.
_LONGEST_HEADER = 65536
# aiohttp warns about larger bodies as bytes, because it sends them in one piece.
_LARGEST_PIECE = 2**20
# aiohttp would add this header to a POST without a body. The client sets the others that it would add.
_WITHOUT_BODY = ("Content-Type",)


class AiohttpTransport:
    """A transport over the connections of one :class:`aiohttp.ClientSession`."""

    def __init__(self, base_url: str, options: ConnectionOptions) -> None:
        # Reads the environment once, not for every call.
        self._tls = _tls_context(base_url, options)
        self._proxy = Proxy.of(proxy_url(base_url, options.proxies))
        self._timeout = options.timeout
        self._max_response_size = options.max_response_size
        self._most_connections = max(_MOST_CONNECTIONS, options.pool_size)
        self._slots = asyncio.Semaphore(self._most_connections)
        self._session: aiohttp.ClientSession | None = None
        self._connector: LimitedConnector | None = None
        self._is_closed = False

    async def send(self, request: Request) -> Response:
        """Send the request and read the whole response."""
        handled = sys.exc_info()[1]
        call = LimitedCall(self._timeout.total)
        current_call.set(call)  # not reset: a coroutine may be closed in another context
        try:
            async with self._slots:
                return await self._exchange(request)
        except TransportError as error:
            problem: BaseException = error
        except asyncio.CancelledError as error:
            # Without the frames of aiohttp, and what it was handling: they hold the request with its tokens.
            problem = error
            problem.__cause__ = problem.__context__ = None
        except Exception as error:
            # It holds the request with its tokens: describe and drop it.
            problem = passed_on(error, handled, _LIBRARIES) or translated(
                error,
                request.url,
                handled,
                _CAUSES if self._proxy is None else _CAUSES_WITH_PROXY,
                is_connecting=call.is_connecting,
                limit=self._timeout.total if call.has_expired else None,
            )
        finally:
            call.end()
        raise problem.with_traceback(None)

    async def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def forget_connections(self) -> None:
        """Open new connections from now on. For a child process: the existing ones are its parent's."""
        self._slots = asyncio.Semaphore(self._most_connections)
        session, self._session = self._session, None
        if session is not None and self._connector is not None:
            self._connector.abandon()
            session.detach()

    async def _exchange(self, request: Request) -> Response:
        session = self._opened(request.url)
        proxy, for_proxy = (None, None) if self._proxy is None else self._proxy.url_and_headers(request.url)
        is_tunnelled = self._tls is not None
        body = request.body
        async with session.request(
            request.method,
            URL(request.url, encoded=True),
            data=io.BytesIO(body) if body is not None and len(body) > _LARGEST_PIECE else body,
            headers=request.headers if is_tunnelled or for_proxy is None else {**request.headers, **for_proxy},
            skip_auto_headers=_WITHOUT_BODY if body is None else None,
            allow_redirects=False,
            proxy=proxy,
            proxy_headers=for_proxy if is_tunnelled else None,
        ) as reply:
            if reply.status == 101:  # no request asks for another protocol
                raise failure(_NO_HTTP, "other", request.url)
            encoded = await self._body(reply, request.url)
        encoding = reply.headers.get("Content-Encoding", "")
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Response(reply.status, headers, decompressed(encoded, encoding, self._max_response_size, request.url))

    def _opened(self, url: str) -> aiohttp.ClientSession:
        if self._is_closed:
            raise failure("the client was closed before the request", "reset", url, may_have_acted=False)
        if self._session is None:
            # A limit here would count the wait for a connection as time to connect: the semaphore is the limit.
            # Without a DNS cache, a cancelled request leaves no lookup task.
            self._connector = LimitedConnector(
                ssl=self._tls or True, limit=0, use_dns_cache=False, keepalive_timeout=LONGEST_IDLE
            )
            self._session = aiohttp.ClientSession(
                connector=self._connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._limits(),
                auto_decompress=False,
                trust_env=False,  # it would also read netrc, and the environment for every call
                middlewares=(_send_once,),
                max_field_size=_LONGEST_HEADER,
            )
        return self._session

    def _limits(self) -> aiohttp.ClientTimeout:
        connect, read = self._timeout.connect, self._timeout.read
        # `sock_connect` is the time for one address. A proxy's answer to CONNECT has no other limit than `connect`.
        all_of_connecting = None if self._proxy is None else connect + read
        return aiohttp.ClientTimeout(total=None, connect=all_of_connecting, sock_connect=connect, sock_read=read)

    async def _body(self, reply: aiohttp.ClientResponse, url: str) -> bytes:
        if reply.content.is_eof():  # it came with the headers: no need to wait
            body = reply.content.read_nowait()
            check_size(len(body), self._max_response_size, url)
            return body
        parts: list[bytes] = []
        size = 0
        async for part in reply.content.iter_any():
            size += len(part)
            check_size(size, self._max_response_size, url)
            parts.append(part)
        return b"".join(parts)


class _NotRepeated(Exception):
    """A failure that aiohttp would answer by sending the request again."""


class _CutShort(_NotRepeated):
    """The connection was lost in the headers of a response."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET or PUT over another connection: the client decides that."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        # The message is the part of a response that has arrived, if any.
        is_cut = not isinstance(getattr(error, "message", ""), str)
        raise (_CutShort if is_cut else _NotRepeated) from error


def _tls_context(base_url: str, options: ConnectionOptions) -> ssl.SSLContext | None:
    """Return the TLS settings, with the certificates that requests uses; None for a URL without TLS."""
    verify, cert = verification(options.verify, base_url), client_certificate(options.cert)
    if not base_url.lower().startswith("https"):
        return None  # loading the certificates takes most of the time that making a client takes
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if verify is False else _verifying(verify)
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(("http/1.1",))
    if cert is not None:
        load_client_certificate(context, cert)
    return context


def _verifying(verify: bool | str) -> ssl.SSLContext:
    bundle = verify if isinstance(verify, str) else certifi.where()
    try:
        return ssl.create_default_context(cafile=bundle)
    except IsADirectoryError:
        return ssl.create_default_context(capath=bundle)


# The packages whose exceptions are failures of a call.
_LIBRARIES = ("aiohttp", "asyncio", "ssl", "socket", "zlib", "rocketchat_integrations")

_NO_HTTP = "the response is not valid HTTP"
_CONNECTION_LOST = "the connection was lost before the response"
_NO_PROXY = "the proxy cannot be reached"

# From the most specific class to the least; the first that occurs in a chain of exceptions counts.
_CAUSES = (
    Cause((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), _NO_PROXY, "proxy", False),
    Cause(
        (ssl.SSLCertVerificationError, aiohttp.ClientConnectorCertificateError),
        "the server's certificate is not trusted",
        "certificate",
        False,
    ),
    Cause((aiohttp.ClientConnectorDNSError,), "the host name is unknown", "name", False),
    Cause((aiohttp.ConnectionTimeoutError,), "the connection took too long", "timeout", False),
    Cause((ConnectionRefusedError,), "the connection was refused", "refused", False),
    Cause((aiohttp.ClientConnectorSSLError,), "TLS failed", "tls", False),
    Cause((ConnectionResetError,), _CONNECTION_LOST, "reset", True),
    Cause((aiohttp.ClientConnectorError,), "the host cannot be reached", "unreachable", False),
    Cause((TimeoutError,), "the response took too long", "timeout", True),
    Cause((ssl.SSLError,), "TLS failed", "tls", True),
    Cause((aiohttp.ClientPayloadError, _CutShort, zlib.error), "the response is incomplete", "incomplete", True),
    Cause((aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), "the URL cannot be used", "other", False),
    Cause((ConnectionError, aiohttp.ClientConnectionError), _CONNECTION_LOST, "reset", True),
    Cause((aiohttp.ClientResponseError,), _NO_HTTP, "other", True),
)
# With a proxy, only the proxy's name is looked up here.
_CAUSES_WITH_PROXY = (Cause((aiohttp.ClientConnectorDNSError,), _NO_PROXY, "proxy", False), *_CAUSES)
