"""The faults: what a network, a proxy or a broken server can do to a call."""

from __future__ import annotations

import functools
import gzip
import json
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import attrs

from .places import (
    Place,
    behind_the_proxy,
    full_backlog,
    handshake,
    refused,
    tls,
    unknown_name,
)
from .proxy import Act, Arrival, answer_rightly, http_answer

Known: TypeAlias = Literal["nothing", "not sent", "refused"]


@attrs.frozen
class Fault:
    """One way to fail."""

    name: str
    group: str
    """The row of the page that it belongs to."""

    acts: tuple[Act, ...] = (answer_rightly,)
    """What happens to the requests for the endpoint, one after the other."""

    known: Known = "nothing"
    """What a client can know of the request: nothing, that it was not sent, or that it was refused."""

    place: Place = behind_the_proxy
    is_harmless: bool = False
    """Whether the call must succeed."""

    is_passed_once: bool = False
    """Whether the call must succeed if it happens once."""

    waits: bool = False
    """Whether the client has to wait for a timeout."""

    is_pooled: bool = False
    """Whether it happens to a connection that has been used before."""

    is_large: bool = False
    """Whether the answer is one that takes memory."""

    with_password: bool = False
    """Whether the client logs in with a password."""

    on_login: tuple[Act, ...] = ()
    """What happens to logins after the first."""


# Connections


def _reset(arrival: Arrival) -> None:
    arrival.reset()


def _close(arrival: Arrival) -> None:
    arrival.close()


def _read_and(act: Act) -> Act:
    def read_and(arrival: Arrival) -> None:
        arrival.read()
        act(arrival)

    return read_and


def _acted_and(act: Act) -> Act:
    """The server acts; its answer is lost."""

    def acted_and(arrival: Arrival) -> None:
        arrival.forward()
        act(arrival)

    return acted_and


def _hang(arrival: Arrival) -> None:
    arrival.read()
    arrival.wait(10.0)
    arrival.close()


def _late(arrival: Arrival) -> None:
    """Answer when the client has given up."""
    arrival.forward()
    time.sleep(1.0)
    arrival.send(http_answer(b'{"success": true, "late": true}'))


# Answers


def _send(data: bytes, *, closes: bool = False, acts: bool = True) -> Act:
    """Send bytes in place of the server's answer."""

    def send(arrival: Arrival) -> None:
        if acts:
            arrival.forward()
        else:
            arrival.read()
        arrival.send(data)
        if closes:
            arrival.close()

    return send


def _of_answer(change: Callable[[bytes], bytes], *, closes: bool = False) -> Act:
    """Change the bytes of the server's answer."""

    def send(arrival: Arrival) -> None:
        arrival.send(change(arrival.right_answer()))
        if closes:
            arrival.close()

    return send


def _of_body(change: Callable[[bytes], bytes], *headers: str, closes: bool = False, **options: Any) -> Act:
    """Change the body of the server's answer."""

    def send(arrival: Arrival) -> None:
        answer = arrival.forward()
        arrival.send(http_answer(change(answer.body), *headers, status=f"{answer.status} OK", **options))
        if closes:
            arrival.close()

    return send


def _page(status: str, text: str = "Sorry", *headers: str) -> bytes:
    page = f"<html><body><h1>{text}</h1></body></html>".encode()
    return http_answer(page, *headers, status=status, content_type="text/html")


def _refusal(status: str, error: str, *headers: str) -> bytes:
    body = json.dumps({"success": False, "status": "error", "error": error, "message": error}).encode()
    return http_answer(body, *headers, status=status)


def _too_many(seconds: int) -> bytes:
    error = (
        "Error, too many requests. Please slow down. "
        f"You must wait {seconds} seconds before trying this endpoint again. [error-too-many-requests]"
    )
    return _refusal("429 Too Many Requests", error)


def _echo(arrival: Arrival) -> None:
    """Answer with an error page that repeats the request."""
    request = arrival.read()
    arrival.send(_page("502 Bad Gateway", request.decode("latin-1").replace("<", "&lt;")))


def _with_member(text: str) -> Callable[[bytes], bytes]:
    """Put a member at the beginning of the JSON object."""
    return lambda body: b"{" + text.encode() + b"," + body[1:]


def _with_total(text: str) -> Callable[[bytes], bytes]:
    """Put a member at the end of the JSON object, where it wins."""
    return lambda body: body[:-1] + f', "total": {text}, "count": {text}}}'.encode()


def _cut(share: float) -> Callable[[bytes], bytes]:
    """Keep the headers and a share of the body."""

    def cut(data: bytes) -> bytes:
        head, _, body = data.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n" + body[: int(len(body) * share)]

    return cut


def _head_until(text: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[: data.index(text) + 3]


def _with_header(line: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(b"\r\n", b"\r\n" + line + b"\r\n", 1)


def _before(interim: bytes) -> Callable[[bytes], bytes]:
    return lambda data: interim + data


def _chunked(
    *pieces: bytes, closes: bool = False, of_body: Callable[[bytes], Sequence[bytes]] = lambda body: [body]
) -> Act:
    """Send the answer in chunks, then these pieces."""

    def send(arrival: Arrival) -> None:
        answer = arrival.forward()
        head = f"HTTP/1.1 {answer.status} OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunks = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in of_body(answer.body)]
        arrival.send(b"".join([head.encode(), *chunks, *pieces]))
        if closes:
            arrival.close()

    return send


def _endless(line: bytes, *, before: Callable[[Arrival], bytes] = lambda _: b"", seconds: float = 4.0) -> Act:
    """Send lines, a few in a second, that never end."""

    def send(arrival: Arrival) -> None:
        arrival.send(before(arrival))
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            arrival.send(line)
            time.sleep(0.03)
        arrival.close()

    return send


def _in_chunks(arrival: Arrival) -> bytes:
    answer = arrival.forward()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n" % (len(answer.body), answer.body)


def _started_chunks(arrival: Arrival) -> bytes:
    return _in_chunks(arrival) + b"0\r\n"


def _started_head(arrival: Arrival) -> bytes:
    arrival.forward()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _drip(part: Callable[[bytes], tuple[bytes, bytes]]) -> Act:
    """Send the first part at once, and the second one byte by byte."""

    def drip(arrival: Arrival) -> None:
        at_once, slowly = part(arrival.right_answer())
        arrival.send(at_once)
        arrival.drip(slowly)
        arrival.close()

    return drip


def _body_part(data: bytes) -> tuple[bytes, bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    head = head.replace(b"Content-Length: %d" % len(body), b"Content-Length: %d" % (len(body) + 1000))
    return head + b"\r\n\r\n", b" " * 1000 + body


def _large(size: int) -> Act:
    """Send a body of blanks."""

    def send(arrival: Arrival) -> None:
        arrival.forward()
        arrival.send(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode())
        piece = b" " * 2**16
        for _ in range(size // len(piece)):
            arrival.send(piece)
        arrival.close()

    return send


def _large_in_chunks(size: int, first: bytes = b"") -> Act:
    def send(arrival: Arrival) -> None:
        arrival.forward()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        arrival.send(head + first)
        piece = b"10000\r\n" + b" " * 2**16 + b"\r\n"
        for _ in range(size // 2**16):
            arrival.send(piece)
        arrival.close()

    return send


def _gzip_of(piece: bytes, size: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """Return the gzip of a piece that is repeated up to a size: compressed once, so that it takes no time."""
    block = piece * (2**20 // len(piece))
    number = size // len(block)
    parts = [_deflated(before), _deflated(block) * number, _deflated(after, zlib.Z_FINISH)]
    check = functools.reduce(lambda sum, data: zlib.crc32(data, sum), [before, *[block] * number, after], 0)
    length = len(before) + len(block) * number + len(after)
    return b"\x1f\x8b\x08" + bytes(7) + b"".join(parts) + struct.pack("<II", check, length)


def _deflated(data: bytes, flush: int = zlib.Z_FULL_FLUSH) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(flush)


def _gzipped(make: Callable[[], bytes]) -> Act:
    make = functools.cache(make)

    def send(arrival: Arrival) -> None:
        arrival.forward()
        arrival.send(http_answer(make(), "Content-Encoding: gzip"))

    return send


def _redirect(status: str, base: str) -> Act:
    """Redirect to the same path of another base URL, in which ``PORT`` is the proxy's port."""

    def send(arrival: Arrival) -> None:
        path = arrival.read().split(b" ", 2)[1].decode("latin-1")
        location = base.replace("PORT", str(arrival.connection.getsockname()[1])) + path
        arrival.send(_page(status, "Moved", f"Location: {location}"))

    return send


def _twice(data: bytes) -> bytes:
    """Add an answer that nobody asked for."""
    body = b'{"success": true, "version": "1.0", "integration": {}}'
    return data + http_answer(body)


NOTHING = Fault("none", "no fault", is_harmless=True)

_LOGIN_FAILS = (_send(_page("503 Service Unavailable"), acts=False),) * 9

FAULTS: tuple[Fault, ...] = (
    NOTHING,
    Fault("TLS", "no fault", place=tls(), is_harmless=True),
    # Nothing gets through
    Fault("refused", "not reached", place=refused, known="not sent"),
    Fault("unknown host name", "not reached", place=unknown_name, known="not sent"),
    Fault("no answer to connecting", "not reached", place=full_backlog, known="not sent", waits=True),
    Fault("certificate of an unknown issuer", "TLS", place=tls(trusted=False), known="not sent"),
    Fault("certificate of another host", "TLS", place=tls("other.example"), known="not sent"),
    Fault("expired certificate", "TLS", place=tls(expired=True), known="not sent"),
    Fault(
        "plain HTTP in place of TLS",
        "TLS",
        place=handshake(lambda c: c.sendall(_refusal("400 Bad Request", "not HTTP"))),
        known="not sent",
    ),
    Fault("closed in the TLS handshake", "TLS", place=handshake(lambda c: c.close()), known="not sent"),
    Fault("TLS handshake hangs", "TLS", place=handshake(lambda c: None), known="not sent", waits=True),
    # Lost connections
    Fault("reset before reading", "lost before the server acted", (_reset,)),
    Fault("closed before reading", "lost before the server acted", (_close,)),
    Fault("closed after reading", "lost before the server acted", (_read_and(_close),)),
    Fault("reset of a pooled connection", "lost before the server acted", (_reset,), is_pooled=True),
    Fault("close of a pooled connection", "lost before the server acted", (_close,), is_pooled=True),
    Fault("pooled connection closed while idle", "no fault", is_pooled=True, is_harmless=True),
    Fault("reset after the server acted", "lost after the server acted", (_acted_and(_reset),)),
    Fault("closed after the server acted", "lost after the server acted", (_acted_and(_close),)),
    # Waits
    Fault("hang", "hanging", (_hang,), waits=True),
    Fault("hang after the server acted", "hanging", (_acted_and(_hang),), waits=True),
    Fault("late answer", "hanging", (_late,), waits=True),
    Fault("status line byte by byte", "slow", (_drip(lambda data: (b"", data)),), waits=True),
    Fault("headers byte by byte", "slow", (_drip(lambda data: (data[:20], b"X-A: b\r\n" * 99)),), waits=True),
    Fault("body byte by byte", "slow", (_drip(_body_part),), waits=True),
    Fault("headers without end", "slow", (_endless(b"X-Slow: yes\r\n", before=_started_head),), waits=True),
    Fault("trailers without end", "slow", (_endless(b"X-Slow: yes\r\n", before=_started_chunks),), waits=True),
    Fault(
        "chunk extension without end", "slow", (_endless(b";a=b", before=lambda a: _in_chunks(a) + b"5"),), waits=True
    ),
    Fault("100 Continue without end", "slow", (_endless(b"HTTP/1.1 100 Continue\r\n\r\n"),), waits=True),
    Fault("small chunks without end", "slow", (_endless(b"1\r\n \r\n", before=_in_chunks),), waits=True),
    # Cut
    Fault("cut in the status line", "cut", (_of_answer(lambda data: data[:11], closes=True),)),
    Fault("cut after the status line", "cut", (_of_answer(lambda data: data[:17], closes=True),)),
    Fault("cut in a header", "cut", (_of_answer(_head_until(b"Content-Length"), closes=True),)),
    Fault("cut between headers and body", "cut", (_of_answer(_cut(0), closes=True),)),
    Fault("cut in the body", "cut", (_of_answer(_cut(0.5), closes=True),)),
    Fault(
        "cut in the body, without a length",
        "cut",
        (_of_answer(lambda data: _cut(0.5)(data).replace(b"Content-Length", b"X-Length"), closes=True),),
    ),
    Fault("cut in a chunk", "cut", (_chunked(b"ff\r\nab", closes=True, of_body=lambda body: [body[:9]]),)),
    # Framing
    Fault(
        "Content-Length too long, closed",
        "framing",
        (_of_answer(lambda data: data.replace(b"Content-Length: ", b"Content-Length: 1"), closes=True),),
    ),
    Fault(
        "Content-Length too long",
        "framing",
        (_of_answer(lambda data: data.replace(b"Content-Length: ", b"Content-Length: 1")),),
        waits=True,
    ),
    Fault("Content-Length too short", "framing", (_of_body(lambda body: body, length=9),)),
    Fault(
        "Content-Length of a shorter object",
        "framing",
        (_of_body(lambda body: b'{"success": true}' + body, length=17),),
    ),
    Fault("negative Content-Length", "framing", (_of_body(lambda body: body, length=-5, closes=True),)),
    Fault("Content-Length that is no number", "framing", (_of_body(lambda body: body, length="x", closes=True),)),
    Fault("two Content-Lengths", "framing", (_of_answer(_with_header(b"Content-Length: 3")),)),
    Fault("chunks without a size", "framing", (_chunked(b"zz\r\n", of_body=lambda _: []),)),
    Fault("garbage between chunks", "framing", (_chunked(b"garbage\r\n\r\n", of_body=lambda body: [body[:9]]),)),
    Fault("chunk of a negative size", "framing", (_chunked(b"-5\r\nabcde\r\n0\r\n\r\n", closes=True),)),
    Fault("chunks and a length", "framing", (_of_answer(_with_header(b"Transfer-Encoding: chunked"), closes=True),)),
    Fault("a second answer", "framing", (_of_answer(_twice),)),
    Fault(
        "HTTP/1.0",
        "no fault",
        (_of_answer(lambda data: data.replace(b"HTTP/1.1", b"HTTP/1.0"), closes=True),),
        is_harmless=True,
    ),
    Fault("body without headers", "framing", (_send(b'{"success": true}', closes=True),)),
    Fault("garbage", "framing", (_send(b"\x00\xff\x16\x03garbage\r\n\r\n", closes=True),)),
    Fault("status 999", "framing", (_of_answer(lambda data: data.replace(b"200 OK", b"999 Odd")),)),
    Fault("status that is no number", "framing", (_of_answer(lambda data: data.replace(b"200 OK", b"OK 200")),)),
    # Informational answers
    Fault("100 Continue", "no fault", (_of_answer(_before(b"HTTP/1.1 100 Continue\r\n\r\n")),), is_harmless=True),
    Fault("102 Processing", "no fault", (_of_answer(_before(b"HTTP/1.1 102 Processing\r\n\r\n")),), is_harmless=True),
    Fault(
        "103 Early Hints",
        "no fault",
        (_of_answer(_before(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 3)),),
        is_harmless=True,
    ),
    Fault(
        "101 Switching Protocols",
        "framing",
        (_send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", closes=True),),
    ),
    # Headers
    Fault(
        "1 MB in one header",
        "headers",
        (_of_answer(_with_header(b"X-Large: " + b"x" * 2**20), closes=True),),
        is_large=True,
    ),
    Fault(
        "1 MB of headers",
        "headers",
        (
            _of_answer(
                _with_header(b"\r\n".join(b"X-Number-%d: %s" % (n, b"x" * 50) for n in range(16000))), closes=True
            ),
        ),
        is_large=True,
    ),
    Fault("header without a colon", "headers", (_of_answer(_with_header(b"nonsense"), closes=True),)),
    Fault("folded header", "headers", (_of_answer(_with_header(b"X-Folded: a\r\n b")),)),
    Fault("header with a zero byte", "headers", (_of_answer(_with_header(b"X-Zero: a\x00b")),)),
    Fault("header in Latin-1", "headers", (_of_answer(_with_header(b"X-Umlaut: \xe4\xff")),)),
    Fault(
        "header with a secret's echo",
        "headers",
        (
            lambda arrival: arrival.send(
                _page("302 Found", "x", f"Location: https://other.example/{_first_secret(arrival)}")
            ),
        ),
        known="refused",
    ),
    # Other answers
    Fault("200 with HTML", "other answers", (_send(_page("200 OK")),)),
    Fault("200 without a body", "other answers", (_send(http_answer(b"")),)),
    Fault("204", "other answers", (_send(b"HTTP/1.1 204 No Content\r\n\r\n"),)),
    Fault("502 page", "other answers", (_send(_page("502 Bad Gateway"), acts=False),)),
    Fault("503 page", "other answers", (_send(_page("503 Service Unavailable"), acts=False),)),
    Fault("504 page", "other answers", (_send(_page("504 Gateway Timeout"), acts=False),)),
    Fault("502 page after the server acted", "other answers", (_send(_page("502 Bad Gateway")),)),
    Fault("504 page after the server acted", "other answers", (_send(_page("504 Gateway Timeout")),)),
    Fault("page that repeats the request", "other answers", (_echo,)),
    Fault("413 page", "other answers", (_send(_page("413 Content Too Large"), acts=False),), known="refused"),
    Fault(
        "407 page", "other answers", (_send(_page("407 Proxy Authentication Required"), acts=False),), known="refused"
    ),
    Fault("408 page", "other answers", (_send(_page("408 Request Timeout"), closes=True, acts=False),)),
    Fault("301 to the same host", "redirects", (_redirect("301 Moved Permanently", ""),), known="refused"),
    Fault(
        "307 to another host",
        "redirects",
        (_redirect("307 Temporary Redirect", "http://localhost:PORT"),),
        known="refused",
    ),
    Fault(
        "308 to another scheme",
        "redirects",
        (_redirect("308 Permanent Redirect", "https://127.0.0.1:PORT"),),
        known="refused",
    ),
    Fault("302 to nonsense", "redirects", (_redirect("302 Found", "http://[::bad/\x7f"),), known="refused"),
    # Limits and logins
    Fault("429", "rate limits", (_send(_too_many(0), acts=False),), known="refused", is_passed_once=True),
    Fault("429 for an hour", "rate limits", (_send(_too_many(3600), acts=False),), known="refused"),
    Fault(
        "429 of a proxy",
        "rate limits",
        (_send(_page("429 Too Many Requests"), acts=False),),
        known="refused",
        is_passed_once=True,
    ),
    Fault(
        "401",
        "logins",
        (_send(_refusal("401 Unauthorized", "You must be logged in to do this."), acts=False),),
        known="refused",
    ),
    Fault(
        "401 in the middle of a session",
        "logins",
        (_send(_refusal("401 Unauthorized", "You must be logged in to do this."), acts=False),),
        known="refused",
        with_password=True,
    ),
    Fault(
        "answer lost, then 401, then no login",
        "logins",
        (
            _acted_and(_reset),
            _send(_refusal("401 Unauthorized", "You must be logged in to do this."), acts=False),
        ),
        with_password=True,
        on_login=_LOGIN_FAILS,
    ),
    Fault(
        "answer lost, then 429 for an hour",
        "lost after the server acted",
        (_acted_and(_reset), _send(_too_many(3600), acts=False)),
    ),
    Fault(
        "answer lost, then 403",
        "lost after the server acted",
        (_acted_and(_reset), _send(_refusal("403 Forbidden", "unauthorized"), acts=False)),
    ),
    # Large answers
    Fault("100 MB", "large", (_large(100 * 2**20),), is_large=True),
    Fault("100 MB in chunks", "large", (_large_in_chunks(100 * 2**20),), is_large=True),
    Fault("100 MB in a chunk of a negative size", "large", (_large_in_chunks(100 * 2**20, b"-5\r\n"),), is_large=True),
    Fault("gzip of 100 MB of blanks", "large", (_gzipped(lambda: _gzip_of(b" ", 100 * 2**20)),), is_large=True),
    Fault("gzip of 62 MB of empty lists", "large", (_gzipped(lambda: _gzip_of(b"[],", 62 * 2**20)),), is_large=True),
    Fault(
        "gzip of an object of empty lists",
        "large",
        (_gzipped(lambda: _gzip_of(b"[],", 12 * 2**20, b'{"success": true, "x": [', b"[]]}")),),
        is_large=True,
    ),
    Fault("gzip that is cut", "large", (_gzipped(lambda: gzip.compress(b'{"success": true}')[:-6]),)),
    Fault("gzip that is none", "large", (_of_body(lambda body: body, "Content-Encoding: gzip"),)),
    Fault("nesting of 100,000", "large", (_send(http_answer(b"[" * 100_000 + b"]" * 100_000)),), is_large=True),
    Fault(
        "nesting of 100,000 within the answer",
        "large",
        (_of_body(_with_member('"deep": ' + '{"a":' * 100_000 + "1" + "}" * 100_000)),),
        is_large=True,
    ),
    # JSON
    Fault("compressed", "no fault", (_of_body(gzip.compress, "Content-Encoding: gzip"),), is_harmless=True),
    Fault("byte order mark", "JSON", (_of_body(lambda body: b"\xef\xbb\xbf" + body),)),
    Fault("UTF-16", "JSON", (_of_body(lambda body: body.decode().encode("utf-16")),)),
    Fault("invalid UTF-8", "JSON", (_of_body(lambda body: body[:-1] + b', "x": "\xff\xfe"}'),)),
    Fault("half of a surrogate pair", "JSON", (_of_body(_with_member('"x": "\\ud83d"')),)),
    Fault(
        "duplicate keys",
        "JSON",
        (_of_body(_with_member('"integration": {}, "total": 0, "version": "0", "data": null')),),
    ),
    Fault("NaN and Infinity", "JSON", (_of_body(_with_member('"x": NaN, "y": [Infinity, -Infinity]')),)),
    Fault("total of NaN", "JSON", (_of_body(_with_total("NaN")),)),
    Fault("total of 10^400", "JSON", (_of_body(_with_total("1" + "0" * 400)),)),
    Fault("total of 5,000 digits", "JSON", (_of_body(_with_total("9" * 5000)),)),
    Fault("total of a billion", "JSON", (_of_body(_with_total("1000000000")),)),
    Fault("negative total", "JSON", (_of_body(_with_total("-5")),)),
    Fault("array in place of the object", "JSON", (_of_body(lambda body: b"[" + body + b"]"),)),
    Fault("JSON that is cut", "JSON", (_of_body(lambda body: body[:-1]),)),
    Fault("JSON and more", "JSON", (_of_body(lambda body: body + b"}"),)),
)
BY_NAME = {fault.name: fault for fault in FAULTS}


def _first_secret(arrival: Arrival) -> str:
    head = arrival.read().decode("latin-1")
    lines = [line for line in head.split("\r\n") if "canary" in line.lower()]
    return lines[0].replace(" ", "+") if lines else "x"
