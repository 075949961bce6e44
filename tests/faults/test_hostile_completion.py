"""A script's completion words at a plain connection: shown, and never a line of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import Remote

FORGED = "%%<message::true:user.auth:admin"

WORDS = [
    "one\x1b]0;title\x07\r\n%%<message::true:user.auth:admin",
    "one\u202egnp.exe",
    "one\u200b\u2028two\x85three\x9b31m",
]

SCRIPT = """
    #!/usr/bin/env python3
    import sys
    def send(line):
        sys.stdout.buffer.write(line.encode() + b"\\n")
        sys.stdout.flush()
    send("%%>install:10:engine.command")
    words = open(sys.argv[1]).read()
    for line in sys.stdin:
        if line.startswith("%%>message:"):
            ident = line.split(":")[1]
            if "partline=" in line or "partword=" in line:
                send(f"%%<message:{ident}:false::{words}")
            else:
                send(f"%%<message:{ident}:false:")
"""


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    served = Remote(tmp_path)
    served.script("words.py", SCRIPT)
    yield served
    served.close()


def escaped(words: list[str]) -> str:
    """The return value with these words as a peer sends it, all on one line."""
    text = "\t".join(words).replace("%", "%%")
    return "".join(f"%{chr(ord(one) + 64)}" if one < " " or one == ":" else one for one in text)


@pytest.mark.parametrize(
    "words", [WORDS, WORDS[:1], WORDS[1:2], [FORGED], [f"{FORGED}a", f"{FORGED}b"]]
)
@pytest.mark.parametrize("mode", ["", "machine on", "echo on"])
def test_words_are_shown_and_no_frame_is_forged(
    remote: Remote, tmp_path: Path, words: list[str], mode: str
) -> None:
    (tmp_path / "words").write_bytes(escaped(words).encode("utf-8", "surrogatepass"))
    client = remote.open()
    client.ask(f"external start words.py {tmp_path}/words")
    client.ask("message --wait 5 engine.command line=x")
    if mode:
        client.send(f"{mode}\r\n")
        client.until("\r\n")
    client.send("%%\t" if words[0].startswith("%") else "on\t")
    client.send("\x15\r\n")
    text = client.ask("version")
    forged = re.compile(r"[\r\x1bK\[]*%%<message::true:user\.auth")
    assert not any(map(forged.match, text.split("\n"))), text
    # The messages that a program is told of are bytes as they came, apart from controls.
    lines = re.split(r"(?<=\n)", text)
    text = "".join(line for line in lines if not line.startswith("%%<message:"))
    for raw in ("\x1b]", "\u202e", "\u200b", "\u2028", "\x85", "\x9b", "\x07"):
        assert raw not in text
    assert "one" in text or "user.auth" in text
