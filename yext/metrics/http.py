"""A server of a few pages over HTTP/1.1, for programs that fetch one and leave.

Whoever reaches its address may connect, so it reads little, waits not long, has few connections,
and does no work before it has read a whole request. Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, cast

CONNECTIONS_MAX: Final = 20
"""Connections at a time; a further one closes the oldest."""

SECONDS: Final = 10.0
"""How long a connection may take for its request, and to read the reply."""

HEAD_MAX: Final = 8192
"""Bytes of a request line with the fields that follow."""

_REQUEST: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}) (\S{1,2000}) HTTP/1\.[01]")
_PORT: Final = re.compile(r":\d{1,5}$")

_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class Page(NamedTuple):
    """A reply: its status, its text, and the type of that."""

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"


class Site:
    """The pages of a server, and its connections.

    Args:
        pages: functions that make a page, by path.
        local: whether only names of this machine are answered to. A web page can have a browser
            look its own name up as the address of this machine, and then reads what is here.
    """

    def __init__(self, pages: Mapping[str, Callable[[], Page]], *, local: bool) -> None:
        self._pages = pages
        self._local = local
        self._open: dict[Fetch, None] = {}

    def add(self, fetch: Fetch) -> None:
        """Register a connection, and close the oldest if there are too many."""
        self._open[fetch] = None
        if len(self._open) > CONNECTIONS_MAX:
            next(iter(self._open)).abort()

    def remove(self, fetch: Fetch) -> None:
        """Forget a connection."""
        self._open.pop(fetch, None)

    def close(self) -> None:
        """Close all connections."""
        for fetch in list(self._open):
            fetch.abort()

    def reply(self, head: bytes) -> bytes:
        """Return the reply to a request, which is given without the blank line at its end."""
        first, *fields = head.decode("latin-1").replace("\r\n", "\n").split("\n")
        found = _REQUEST.fullmatch(first)
        if found is None:
            return _written(Page(400, "This is no request of HTTP/1.1.\n"))
        method, target = found[1], found[2].partition("?")[0]
        if method not in ("GET", "HEAD"):
            return _written(Page(405, "Only GET and HEAD are answered.\n"), "Allow: GET, HEAD\r\n")
        named = [field.partition(":") for field in fields]
        hosts = [value.strip() for name, _, value in named if name.lower() == "host"]
        if len(hosts) > 1:
            return _written(Page(400, "A request names one host.\n"))
        if self._local and hosts and not _is_local(hosts[0]):
            text = "Ask by the address, or by localhost: this listener is for this machine alone.\n"
            return _written(Page(421, text))
        make = self._pages.get(target)
        page = make() if make else Page(404, f"There are: {' '.join(self._pages)}\n")
        return _written(page, body=method == "GET")


def _is_local(host: str) -> bool:
    name = _PORT.sub("", host)
    if name == "localhost":
        return True
    try:
        return bool(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return False


def _written(page: Page, fields: str = "", *, body: bool = True) -> bytes:
    text = page.text.encode("utf-8", "backslashreplace")
    head = (
        f"HTTP/1.1 {page.status} {_REASONS[page.status]}\r\n"
        f"Content-Type: {page.content_type}\r\nContent-Length: {len(text)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        f"Connection: close\r\n{fields}\r\n"
    )
    return head.encode() + (text if body else b"")


class Fetch(asyncio.Protocol):
    """One connection: a request, its reply, and the end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._replied = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the request."""
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(SECONDS, self.abort)
        self._site.add(self)

    def data_received(self, data: bytes) -> None:
        """Reply once the request is whole; what follows it is not looked at."""
        if self._replied:
            return
        head = self._head = (self._head + data).lstrip(b"\r\n")
        end = _END.search(head)
        if end is not None and end.start() <= HEAD_MAX:
            self._reply(self._site.reply(head[: end.start()]))
        elif len(head) > HEAD_MAX:
            self._reply(_written(Page(431, f"A request has at most {HEAD_MAX} bytes.\n")))

    def _reply(self, reply: bytes) -> None:
        self._replied, self._head = True, b""
        assert self._transport is not None
        self._transport.write(reply)
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the site."""
        if self._timer is not None:
            self._timer.cancel()
        self._site.remove(self)

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()


_END: Final = re.compile(rb"\r?\n\r?\n")
