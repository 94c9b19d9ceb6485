"""Limit the size of a response's body, and decompress it."""

from __future__ import annotations

import zlib

from rocketchat_integrations._protocol.transport_errors import failure

# Reading a member copies the rest of the body, so a body of many small members would take long.
_MOST_MEMBERS = 16
_COMPRESSED = ("gzip", "x-gzip", "deflate")
# Lists of records compress 6 to 90 times. No text whose repeats are more than 512 bytes apart compresses 206 times.
_MOST_INFLATION = 200
_ALWAYS_ALLOWED = 2**20  # bytes that a small body may always inflate to


def check_size(size: int, limit: int, url: str, unit: str = "bytes") -> None:
    """Raise TransportError if a response is too large."""
    if size > limit:
        raise failure(f"the response is larger than {limit} {unit}", "too-large", url)


def decompressed(body: bytes, encoding: str, limit: int, url: str) -> bytes:
    """Return the body without its content encoding.

    Raises:
        TransportError: if it is too large, compressed suspiciously well, or incomplete.
        zlib.error: if it is not compressed.
    """
    if not body or encoding.lower() not in _COMPRESSED:
        return body
    inflated, rest, members = bytearray(), body, 0
    while rest:
        members += 1
        check_size(members, _MOST_MEMBERS, url, "gzip members")
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # detects gzip or zlib
        inflated += inflater.decompress(rest, limit + 1 - len(inflated))
        check_size(len(inflated), limit, url)
        if not inflater.eof:
            raise failure("the response is incomplete", "incomplete", url)
        rest = inflater.unused_data.lstrip(b"\0")  # padding
    if len(inflated) > max(_ALWAYS_ALLOWED, _MOST_INFLATION * len(body)):
        raise failure(f"the response is compressed more than {_MOST_INFLATION} times", "too-large", url)
    return bytes(inflated)
