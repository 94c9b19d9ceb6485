"""Send the requests of an ``AsyncClient`` with httpx2: ``AsyncClient(url, auth, transport=Httpx2Transport())``.

It uses the transport of httpx2 below its client, which would log the URLs of webhooks, and read the environment.
"""

from __future__ import annotations

import httpx2

from rocketchat_integrations import Request, Response, TransportError, TransportTimeout


class Httpx2Transport:
    """Has the methods of ``AsyncTransport``.

    Args:
        connect: seconds to connect.
        read: seconds until the response begins, and between two parts of it.
        max_response_size: the maximum size of a response, in bytes.
    """

    def __init__(self, *, connect: float = 5.0, read: float = 30.0, max_response_size: int = 16 * 2**20) -> None:
        self._transport = httpx2.AsyncHTTPTransport()
        self._timeouts = httpx2.Timeout(read, connect=connect).as_dict()
        self._max_response_size = max_response_size

    async def send(self, request: Request) -> Response:
        """Send the request without following redirects."""
        try:
            return await self._exchange(request)
        except TransportError as error:
            failure = error
        except Exception as error:
            # It holds the request with its tokens: describe and drop it.
            failure = _translated(error, request.url)
        raise failure.with_traceback(None)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _exchange(self, request: Request) -> Response:
        reply = await self._transport.handle_async_request(
            httpx2.Request(
                request.method,
                request.url,
                headers=request.headers,
                content=request.body,
                extensions={"timeout": self._timeouts},
            )
        )
        body = bytearray()
        try:
            async for part in reply.aiter_bytes():  # decompressed
                body += part
                if len(body) > self._max_response_size:
                    raise _failure("the response is too large", "too-large", request.url)
        finally:
            await reply.aclose()
        return Response(reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, bytes(body))


def _translated(error: Exception, url: str) -> TransportError:
    not_sent = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError))
    if isinstance(error, httpx2.TimeoutException):
        return _failure("the server took too long", "timeout", url, may_have_acted=not not_sent)
    if isinstance(error, httpx2.ConnectError):
        return _failure("the host cannot be reached", "unreachable", url, may_have_acted=False)
    if isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError):
        return _failure("the connection was lost before the response", "reset", url)
    return _failure(f"the call failed ({type(error).__name__})", "other", url, may_have_acted=not not_sent)


def _failure(what: str, kind: str, url: str, *, may_have_acted: bool = True) -> TransportError:
    place = httpx2.URL(url)
    host, port = place.host, place.port or (443 if place.scheme == "https" else 80)
    kind_of_error = TransportTimeout if kind == "timeout" else TransportError
    return kind_of_error(f"{host}:{port}: {what}", kind=kind, host=host, port=port, may_have_acted=may_have_acted)
