"""The client of a remote manager: replies, lines outside them, completions."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from ports import free_port

from yext.console.client.connection import (
    ConnectError,
    ManagerClient,
    completions,
    connect_reason,
)
from yext.console.client.hosts import Host


@pytest.mark.parametrize(
    ("line", "shown", "words"),
    [
        ("sta", ["\r\x1b[K\rstatus "], ["status"]),
        ("s", ["", "status\tstop", "st"], ["status", "stop"]),
        ("status rm", ["\r\x1b[K\rstatus rmanager "], ["rmanager"]),
        ("nosuch", [], []),
        ("status", ["status"], []),
    ],
)
def test_what_tab_offers(line: str, shown: list[str], words: list[str]) -> None:
    assert completions(line, shown) == words


def test_a_line_behind_a_reply_comes_after_it(tmp_path: Path) -> None:
    """The notice that a script ended at once stands right behind the reply to its start."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().strip():
            word, _, mark = line.partition(" ")
            text = f"No help for '{mark}'\r\nit ended" if word == "help" else f"did {line}"
            writer.write(f"{text}\r\n".encode())
        writer.close()

    async def story() -> None:
        seen: list[str] = []
        lost = asyncio.Event()
        path = str(tmp_path / "sock")
        async with await asyncio.start_unix_server(answer, path):
            client = await ManagerClient.open(
                Host(path=path), seen.append, lambda reason: lost.set()
            )
            for _ in range(2):
                seen += await client.command("start")
            client.close()
            await lost.wait()
        assert seen == ["it ended", "did start", "it ended", "did start", "it ended"]

    asyncio.run(story())


@pytest.mark.parametrize("where", ["nothing", "silent"])
def test_why_there_is_no_connection(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yext.console.client.connection.CONNECT_SECONDS", 0.05)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def story() -> None:
        async with await asyncio.start_unix_server(silent, str(tmp_path / "silent")):
            reason = {"nothing": "No such file or directory", "silent": "no answer in time"}
            with pytest.raises(ConnectError, match=reason[where]):
                await ManagerClient.open(Host(path=str(tmp_path / where)), print, print)

    asyncio.run(story())


async def _open_error(host: str, port: int, context: ssl.SSLContext | None = None) -> str:
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except OSError as error:
        return connect_reason(error)
    writer.close()
    raise AssertionError("it was opened")


def test_the_reason_of_a_failed_connection_is_the_system_s() -> None:
    async def play() -> None:
        port = free_port()
        refused = "Connection refused (ECONNREFUSED, 111)"
        assert await _open_error("127.0.0.1", port) == refused
        # localhost may have two addresses, both refused.
        assert await _open_error("localhost", port) == refused
        several = OSError(f"Multiple exceptions: [Errno 111] Connect call failed ('::1', {port})")
        assert connect_reason(several) == refused

        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"Yate 6.4.1 ready\r\n")
            await reader.read(100)
            writer.close()

        server = await asyncio.start_server(plain, "127.0.0.1", port)
        async with server:
            text = await _open_error("127.0.0.1", port, ssl.create_default_context())
        assert text.startswith("no TLS: ") and "_" not in text and "ssl.c" not in text
        error = ssl.SSLCertVerificationError()
        error.verify_message = "self-signed certificate"
        assert connect_reason(error) == "its certificate is not trusted: self-signed certificate"
        assert connect_reason(ValueError("odd")) == "odd"

    asyncio.run(play())
