"""Openings of connections in other protocols, and in none."""

from __future__ import annotations

import pytest

from yext.access.opening import Opening

FOREIGN = {
    "HTTP": [
        b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.0\r\n", b"get /x http/1.1 HTTP/1.1\r\n",
        b"BREW /pot HTTP/1.1\r\n", b"lower /x HTTP/2\r\n", b"OPTIONS * HTTP/1.1\r\n",
        b"CONNECT a:443 HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n", b"GET /old\r\n",
        b"DELETE http://a/ HTTP/1.1\n", b"\r\n\r\nGET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n",
        b"Host: 127.0.0.1:5038\r\n", b"host:a\r\n", b"Content-Type: text/plain\r\n",
        b"Sec-Fetch-Mode: no-cors\r\n", b"GET /" + 9000 * b"a",
    ],
    "SIP or RTSP": [b"INVITE sip:a@b SIP/2.0\r\n", b"OPTIONS rtsp://a/b RTSP/1.0\r\n"],
    "TLS": [b"\x16\x03\x01\x02\x00\x01\x00", b"\x16\x03\x03\x00\x05"],
    "SSL": [b"\x80\x2e\x01\x00\x02\x00"],
    "SSH": [b"SSH-2.0-OpenSSH_9.6\r\n"],
    "SMTP": [
        b"EHLO mail.example\r\n", b"ehlo [127.0.0.1]\r\n", b"HELO a\r\n", b"MAIL FROM:<a@b>\n",
    ],
    "PROXY": [b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21"],
    "XML": [b"<?xml version='1.0'?>\n", b"<stream:stream to='a'>\n"],
    "Redis": [b"*1\r\n$4\r\nPING\r\n"],
}  # fmt: skip

OURS = (
    b"%%>connect:global\n", b"%%>message:1:1:GET / HTTP/1.1::\n", b"\xff\xfd\x01GET / HTTP/1.1\n",
    b"auth secret\r\n", b"status\r\n", b"help GET\r\n", b"helo\r\n", b"helo status\r\n",
    b"get status\r\n", b"GET status\r\n", b"hst: x\r\n", b"external start HTTP/1.1.py\r\n",
    b"sipstatus\r\n", b"ssh\r\n", b"\x03", b"\x05", b"\r\n\r\n", b"* 1\r\n", b"machine on\n",
    b"post\r\n", b"head\r\n", b"options\r\n",
)  # fmt: skip
"""Ours, or a person's mistake."""


@pytest.mark.parametrize("name", FOREIGN)
def test_other_protocols_are_known_however_they_arrive(name: str) -> None:
    for start in FOREIGN[name]:
        whole, pieces, trailed = Opening(), Opening(), Opening()
        assert whole.feed(start) and whole.foreign == name, start
        assert any(pieces.feed(bytes([byte])) for byte in start) and pieces.foreign == name, start
        assert trailed.feed(start + b"\r\nexternal execute /bin/x\r\n"), start


@pytest.mark.parametrize("start", OURS)
def test_commands_and_mistakes_are_no_other_protocol(start: bytes) -> None:
    whole, pieces = Opening(), Opening()
    assert not whole.feed(start)
    assert not any(pieces.feed(bytes([byte])) for byte in start)
    for opening in (whole, pieces):
        opening.feed(b"\r\nstatus\r\n")
        assert opening.over and not opening.feed(b"GET / HTTP/1.1\r\n"), "only the opening counts"


def test_a_first_line_without_end_is_looked_at_no_longer_than_8_kib() -> None:
    opening = Opening()
    for _ in range(16):
        assert not opening.feed(1024 * b"x")
    assert opening.over
