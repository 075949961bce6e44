"""The server of pages: what it answers, and what a hostile client can do to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

from yext.metrics import http
from yext.metrics.http import CONNECTIONS_MAX, HEAD_MAX, Fetch, Page, Site

PAGES = {"/metrics": lambda: Page(200, "42 ü\n", "text/x")}


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[int]:
    """Serve a site on a port of its own."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Fetch(site), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        site.close()


async def reply(port: int, *pieces: bytes) -> bytes:
    """Send pieces on a connection of their own; return all that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    try:
        return await reader.read()
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bool:
    """Return True once the connection has ended without a reply."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


def run(work: Callable[[int, Site], Coroutine[None, None, None]], *, local: bool = True) -> None:
    async def main() -> None:
        site = Site(PAGES, local=local)
        async with served(site) as port:
            await work(port, site)

    asyncio.run(asyncio.wait_for(main(), 20))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nHost: [::1]:9\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nhOST:  localhost\r\nAccept: */*\r\n\r\n", 200),
        (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", 200),
        (b"\r\nGET /metrics HTTP/1.1\nHost: localhost\n\n", 200),
        (b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET /other HTTP/1.1\r\n\r\n", 404),
        (b"GET http://localhost/metrics HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 405),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET  /metrics HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost.evil.example:80\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * HEAD_MAX + b"\r\n\r\n", 431),
        (b"x" * (HEAD_MAX + 1), 431),
    ],
)
def test_requests(request_: bytes, status: int) -> None:
    async def work(port: int, site: Site) -> None:
        answer = await reply(port, request_)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"Connection: close" in head
        if request_.startswith(b"HEAD"):
            assert not body and b"Content-Length: 6" in head
        else:
            assert b"Content-Length: %d\r\n" % len(body) in head
        if status == 200 and not request_.startswith(b"HEAD"):
            assert body.decode() == "42 ü\n"
        assert (b"Allow: GET, HEAD" in head) is (status == 405)

    run(work)


def test_a_request_byte_by_byte() -> None:
    async def work(port: int, site: Site) -> None:
        whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        pieces = [whole[at : at + 1] for at in range(len(whole))]
        assert (await reply(port, *pieces)).startswith(b"HTTP/1.1 200 ")

    run(work)


def test_other_machines_use_their_names() -> None:
    async def work(port: int, site: Site) -> None:
        request = b"GET /metrics HTTP/1.1\r\nHost: pbx.example:9100\r\n\r\n"
        assert (await reply(port, request)).startswith(b"HTTP/1.1 200 ")

    run(work, local=False)


def test_who_says_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.05)

    async def work(port: int, site: Site) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HT")
        assert await ended(reader)
        writer.close()

    run(work)


def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.2)
    monkeypatch.setitem(PAGES, "/metrics", lambda: Page(200, "x" * 20_000_000))

    async def work(port: int, site: Site) -> None:
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            while not site._open:
                await asyncio.sleep(0)
            while site._open:
                await asyncio.sleep(0.01)

    run(work)


def test_too_many_connections_close_the_oldest() -> None:
    async def work(port: int, site: Site) -> None:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
        request = b"GET /metrics HTTP/1.1\r\n\r\n"
        assert (await reply(port, request)).startswith(b"HTTP/1.1 200 ")
        assert len(site._open) < CONNECTIONS_MAX
        assert await ended(silent[0][0])
        for _, writer in silent:
            writer.close()

    run(work)
