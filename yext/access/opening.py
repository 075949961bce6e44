"""The opening of a connection: whether it speaks another protocol than its listener's.

A web page can have a browser send a request to any port of the machine that it is shown on, with a
body whose lines a listener would carry out: the browser runs as the user whom the listener trusts
(cross-protocol request forgery). So a connection that opens in another protocol is closed before
a line of it is carried out. What a person mistypes looks like none of them.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 8192
"""Bytes of a first line that are looked at."""

_OURS: Final = (b"%", b"\xff")
"""The first bytes of lines for the external module, and of telnet commands."""

BINARY: Final = (
    ("TLS", re.compile(rb"\x16\x03")),
    ("SSL", re.compile(rb"\x80.\x01[\x00-\x03]", re.DOTALL)),
    ("PROXY", re.compile(rb"\r\n\r\n\0\r\nQUIT\n")),
)
"""Protocols by the bytes that a client sends first."""

LINES: Final = (
    ("HTTP", re.compile(rb"\S+ +\S.* HTTP/\d(\.\d)?\s*$")),
    (
        "HTTP",
        re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|CONNECT|OPTIONS|TRACE) +(/|\*|https?:)"),
    ),
    ("HTTP", re.compile(rb"HTTP/\d")),
    (
        "HTTP",
        re.compile(
            rb"(host|user-agent|accept[a-z-]*|connection|content-[a-z-]+|transfer-encoding|origin"
            rb"|referer|cookie|authorization|cache-control|pragma|upgrade[a-z-]*|sec-[a-z-]+"
            rb"|x-[a-z-]+|via|date|server) *:",
            re.IGNORECASE,
        ),
    ),
    ("SIP or RTSP", re.compile(rb"\S+ +\S+ +(SIP|RTSP)/\d|(SIP|RTSP)/\d")),
    ("SSH", re.compile(rb"SSH-\d")),
    # Not HELO in small letters alone: that is how help is mistyped.
    ("SMTP", re.compile(rb"(?i:ehlo|lhlo) +\S|HELO +\S|(?i:mail from|rcpt to) *:")),
    ("PROXY", re.compile(rb"PROXY +(TCP[46]|UNKNOWN)")),
    ("XML", re.compile(rb"<(\?xml|stream:|!doctype|html)", re.IGNORECASE)),
    ("Redis", re.compile(rb"\*\d+$")),
)
"""Protocols by the first line that a client sends, leading blank lines not counted."""

_END: Final = re.compile(rb"[\r\n\0]")


class Opening:
    """The first bytes of one connection, until it is clear what it speaks.

    Attributes:
        over: True once that is clear.
        foreign: the name of the other protocol that it speaks, empty for none.
    """

    __slots__ = ("_start", "foreign", "over")

    def __init__(self) -> None:
        self.over = False
        self.foreign = ""
        self._start = b""

    def feed(self, data: bytes) -> bool:
        """Look at further bytes; return True if the connection speaks another protocol."""
        if self.over:
            return bool(self.foreign)
        start = self._start = (self._start + data)[:_LONGEST]
        whole = len(start) == _LONGEST
        self.foreign = _named(BINARY, start)
        begun = start.lstrip(b" \t\r\n\0")
        if self.foreign or begun.startswith(_OURS):
            self.over = True
        elif begun:
            end = _END.search(begun)
            self.over = whole or end is not None
            if self.over:
                self.foreign = _named(LINES, begun[: end.start()] if end is not None else begun)
        else:
            self.over = whole
        if self.over:
            self._start = b""
        return bool(self.foreign)

    def refusal(self, name: str) -> str:
        """Return the line for the log about the connection `name`, which is closed."""
        return f"{name} closed: it begins as {self.foreign}, and nothing of it is carried out"


def _named(table: tuple[tuple[str, re.Pattern[bytes]], ...], start: bytes) -> str:
    return next((name for name, pattern in table if pattern.match(start)), "")
