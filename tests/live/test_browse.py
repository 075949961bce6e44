"""`flow browse` on real terminals: every key, in a flood, with a script that means harm."""

from __future__ import annotations

import base64
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from remotes import Remote
from terminals import ROOT, Place, Terminal

FLOOD = f"""#!{sys.executable}
# Sends 10,000 messages a second, as far as the machine can.
import os, sys, threading, time
def read():
    while os.read(0, 1 << 16):
        pass
    os._exit(0)
threading.Thread(target=read, daemon=True).start()
start, sent = time.monotonic(), 0
while True:
    lines = [f"%%>message::0:lab.flood::called={{sent + n}}:kind={{n % 3}}" for n in range(100)]
    os.write(1, "".join(line + "\\n" for line in lines).encode())
    sent += 100
    time.sleep(max(0, start + sent / 10_000 - time.monotonic()))
"""

EVIL = f"""#!{sys.executable}
# Sends what would do harm to a terminal, ten times a second.
import sys, threading, time
threading.Thread(target=lambda: [None for _ in sys.stdin], daemon=True).start()
evil = "\\x1b]0;pwned\\x07\\x1b[2J\\x9b31m\\u202e漢字\\udcff" * 4000
text = "".join("%" + chr(ord(char) + 64) if char < " " else char for char in evil[:30_000])
out = open(1, "w", encoding="utf-8", errors="surrogateescape")
out.write("%%>setlocal:bufsize:65536\\n")
while True:
    out.write(f"%%>message::0:lab.evil::text={{text}}:{{text[:50]}}=x:plain=1\\n")
    out.flush()
    time.sleep(0.1)
"""

RMANAGER = """
    [general]
    port=PORT
    password=sesame
    userpass=look
    user_flow=yes
    files=FOLDER
    [plain]
    port=PORT_PLAIN
    telnet=no
    header=
"""


class Browsing:
    """A terminal on which messages are browsed."""

    def __init__(self, terminal: Terminal, prompt: str) -> None:
        self.terminal = terminal
        self.prompt = prompt

    def display(self) -> str:
        return "\n".join(line.rstrip() for line in self.terminal.screen.display)

    def until(self, holds: Callable[[], object], what: str) -> None:
        self.terminal.until(holds, what)

    def sees(self, *texts: str) -> None:
        """Wait until all of the texts are on the screen at once."""
        self.until(lambda: all(text in self.display() for text in texts), f"waited for {texts}")

    def press(self, keys: str, *texts: str) -> None:
        """Press keys, and wait for what the screen has then."""
        self.terminal.type(keys)
        self.sees(*texts)

    def press_for(self, keys: str, status: str) -> None:
        """Press keys, and wait for what the last line says then."""
        self.terminal.type(keys)
        self.until(
            lambda: status in self.terminal.screen.display[-1], f"waited for {status!r} below"
        )

    def give(self, line: str, text: str) -> None:
        """Give a command at the prompt, and wait for a part of its reply."""
        self.terminal.type(f"{line}\r")
        self.terminal.sees(text)

    def at_prompt(self, typed: str = "") -> None:
        """Wait for the prompt with what was typed."""
        wanted = f"{self.prompt} {typed}".rstrip()
        self.until(lambda: self.terminal.cursor_line() == wanted, f"waited for {wanted!r}")

    def resize(self, columns: int, rows: int) -> None:
        self.terminal.screen.resize(rows, columns)
        self.terminal.child.setwinsize(rows, columns)

    def alternate(self) -> bool:
        """Whether the terminal shows its alternate screen."""
        on, off = (self.terminal.transcript.rfind(f"\x1b[?1049{end}") for end in "hl")
        return on > off


LONG_RECORD = "[sniffer]\nmessages=40000\nbytes=150000000\n"
"""Some seconds of the flood: what a test sends stays in the record while it looks at it."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    folder = tmp_path / "remote"
    folder.mkdir()
    (folder / "yate.conf").write_text(f"[general]\nnodename=alder\n{LONG_RECORD}")
    served = Remote(folder, RMANAGER)
    served.script("flood.py", FLOOD)
    served.script("evil.py", EVIL)
    yield served
    served.close()


def local_one(place: Place) -> Browsing:
    place.script("flood.py", FLOOD)
    place.script("evil.py", EVIL)
    place.write("yate.conf", f"[general]\nnodename=alder\n{LONG_RECORD}")
    return Browsing(place.open(columns=100, rows=30), "alder>")


def telnet_one(place: Place, remote: Remote, password: str = "sesame") -> Browsing:
    terminal = place.run(["telnet", "127.0.0.1", str(remote.port())], 100, 30)
    terminal.sees("Not authenticated: auth PASSWORD lets you in.")
    found = Browsing(terminal, "alder>")
    found.give(f"auth {password}", "Type help, or press TAB.")
    return found


@pytest.mark.parametrize("way", ["local", "telnet"])
def test_every_key_in_a_flood(
    way: str, place: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if way == "local":
        found, folder = local_one(place), tmp_path
    else:
        served = request.getfixturevalue("remote")
        found, folder = telnet_one(place, served), served.folder
    found.give("external start flood.py", "started flood.py")
    found.give("external start evil.py", "started evil.py")
    # What is typed before the browser opens is there again afterwards.
    found.terminal.type("message --wait 3 lab.nobody\rflow browse\rstatus eng")
    found.sees("messages", "? keys   q back", "lab.flood")
    assert found.alternate()
    found.sees(" not drawn")
    moving(found)
    hostile(found)
    sending(found)
    saving(found, folder, refused=way == "telnet")
    found.press("?", "filter, in the language of", "the ladder of its call")
    found.press("q", "? keys   q back", "messages")
    for columns, rows in ((60, 20), (140, 40), (80, 24)):
        found.resize(columns, rows)
        found.until(
            lambda columns=columns: (
                found.terminal.screen.display[0].rstrip().endswith("q back")
                and len(found.terminal.screen.display[0].rstrip()) == columns - 1
                and "Enter journey" in found.terminal.screen.display[-1]
            ),
            f"a screen of {columns} columns and {rows} rows",
        )
    found.terminal.type("q")
    found.at_prompt("status eng")
    assert not found.alternate()
    assert "pwned" not in found.terminal.screen.title
    found.give("ine", "nodename")


def moving(found: Browsing) -> None:
    """Keys of the list."""
    found.press("k", " newer (G)")
    for keys in ("j", "\x1b[A", "\x1b[B", "\x1b[5~", "\x1b[6~", " ", "\x02", "\x06"):
        found.press(keys, " newer (G)")
    found.press("g", " newer (G)")
    found.press("\x1b[H", " newer (G)")
    found.terminal.type("G")
    found.until(lambda: " newer (G)" not in found.display(), "the newest to be followed")
    found.press("k", " newer (G)")
    found.terminal.type("\x1b[F")
    found.until(lambda: " newer (G)" not in found.display(), "the newest to be followed")
    found.press("f", "No failure after this one")
    found.press("F", "No failure before this one")
    found.press("n", "Type a filter first: /")
    found.press("s", "Sorted by duration", "by duration")
    found.press("s", "Sorted by name", "by name")
    found.press("s", "Sorted by time")
    found.press("z", "messages")
    found.press("Z", "messages")
    found.press("m", "1 marked")
    found.press("'", "messages")
    found.press('"', "messages")
    found.press("M", "messages")
    found.until(lambda: "marked" not in found.display(), "no marks")
    # A filter is typed: a mistake stands under the caret, Escape takes all of it back.
    found.press("/", "\n/")
    found.press("lab.flood and )", "/ lab.flood and )", "nothing to close here")
    lines = found.display().split("\n")
    at = next(at for at, line in enumerate(lines) if line.startswith("/ lab.flood and )"))
    assert lines[at].index(")") == lines[at + 1].index("^")
    found.press("\x7f\x7f\x7f\x7f\x7f", " shown   / lab.flood")
    found.terminal.type("\x1b")
    found.until(lambda: " shown" not in found.display(), "the filter to be taken back")
    found.press("/kind=2\r", " shown   / kind=2")
    found.terminal.type("\x1b")
    found.until(lambda: " shown" not in found.display(), "the filter to be taken off")
    found.press("kn", " newer (G)")
    found.press("N", " newer (G)")
    found.terminal.type("G")


def hostile(found: Browsing) -> None:
    """The messages of a script that means harm, and the keys of a journey and a difference."""
    found.press("/lab.evil\r", " shown   / lab.evil")
    found.press("k\r", "lab.evil", "from evil.py", "nobody was asked", "text=")
    found.press("G", "has all")
    for keys in ("g", "j", "k", " ", "\x02", "\x1b[6~", "\x1b[5~", "\x1b[F", "\x1b[H"):
        found.press(keys, "message #")
    found.press("\x1b[A", "It carries no id of a call")
    found.press("\x1b[B", "It carries no id of a call")
    found.press("\x1b[D", "It is nested in no message")
    found.press("\x1b[C", "No message is nested in it")
    found.press("h", "It is nested in no message")
    found.press("l", "No message is nested in it")
    found.press("L", "belongs to no call")
    found.press("e", "No command can send it")
    found.press("\r", "Enter journey")
    found.press("gmm", "2 marked")
    found.press("d", "- #", "+ #", "lab.evil")
    found.press("q", "2 marked")
    found.terminal.type("M\x1b")
    found.until(lambda: "lab.evil" not in found.terminal.screen.display[0], "no filter")
    assert re.search(r"\x1b\]0;pwned|\x1b\[2J\x9b", found.terminal.transcript) is None


def sending(found: Browsing) -> None:
    """Send messages again, changed, and copy them."""
    found.press("/lab.flood\r", " shown   / lab.flood")
    found.press("Gy", "Copied as a command")
    copied = re.findall(r"\x1b\]52;c;([^\x07]*)\x07", found.terminal.transcript)
    assert re.fullmatch(rb"message lab.flood called=\d+ kind=\d", base64.b64decode(copied[-1]))
    found.press_for("r", "not handled")
    found.press("e", "> message lab.flood called=")
    found.press("\x15message lab.mine\x1b[D\x1b[D\x1b[3~\x1b[3~nd x=1 y='a b'", "lab.mind x=1 y=")
    found.press_for("\r", "not handled")
    found.press("e", "> message lab.flood called=")
    found.terminal.type("\x03")
    found.until(lambda: "> message" not in found.display(), "the line to be given up")
    found.press("/\x15lab.mind\r", " 1 shown   / lab.mind")
    found.press("\r", "x=1", "y=a b", "from ", "as protocol lines")
    found.press("q", " shown   / lab.mind")
    found.terminal.type("\x1b")
    found.until(lambda: " shown" not in found.display(), "the filter to be taken off")


def saving(found: Browsing, folder: Path, *, refused: bool) -> None:
    """Save the marked messages, and write them as a test."""
    found.press("gmm", "2 marked")
    found.press("w", "save 2 messages to (.html for a page):")
    found.press(f"{folder}/saved.html\r", "Saved 2 messages to")
    assert (folder / "saved.html").read_text().startswith("<!DOCTYPE html>")
    found.press("t", "test of 2 messages to (.yext or .py):")
    found.press(f"{folder}/saved.yext\r", "Saved 2 messages to")
    if refused:
        found.press("w/tmp/elsewhere.html\r", "not in a folder that this listener allows")
        assert not Path("/tmp/elsewhere.html").exists()
    found.terminal.type("M")


def test_ascii_without_colour_on_a_small_screen(place: Place) -> None:
    found = Browsing(place.open(columns=60, rows=20, LANG="C", NO_COLOR="1"), "alder>")
    found.give("flow on", "Flow: on")
    found.give("message chan.startup id=x/1 caller=40", "nobody")
    found.give("message chan.hangup id=x/1 reason=busy", "nobody")
    begin = len(found.terminal.transcript)
    found.press("flow browse\r", " messages", "chan.hangup")
    found.press("/chan.hangup\r", " 1 shown   / chan.hangup")
    found.press("\r", "sent", "reply: not handled")
    found.press("L", "ladder of a call, arrow 2 of 2", "chan.hangup - busy")
    found.press("qq", " messages")
    found.terminal.type("q")
    found.at_prompt()
    text = found.terminal.transcript[begin:]
    assert text.isascii() and not re.search(r"\x1b\[(?:\d+;)*(?:3[0-79]|9\d)m", text)


def test_a_message_is_held_and_answered_by_keys(place: Place) -> None:
    found = Browsing(place.open(columns=100, rows=30), "alder>")
    found.press("flow browse\r", "No messages yet")
    found.press("i", "> intercept")
    found.press_for("lab.route\r", "Intercept: lab.route")
    found.press("e", "There is no message here")
    place.script(
        "ask.sh",
        "#!/bin/sh\necho '%%>message:1:0:lab.route::called=99'\nwhile read -r x; do :; done\n",
    )
    found.press("a", "No message is held")
    found.press("i", "> intercept")
    found.press("\x15external start ask.sh\r", "#", "lab.route  held, ", "s left")
    found.press("a", "> answer ")
    found.press("sip/99 x=1\r", "→ sip/99", "1 message")
    found.press("\r", "+ x=1", "+ return sip/99", "console")
    found.terminal.type("qq")
    found.at_prompt()


def test_the_engine_stops_while_it_is_browsed(place: Place) -> None:
    found = local_one(place)
    found.press("flow browse\r", "No messages yet")
    found.terminal.child.kill(signal.SIGTERM)
    assert found.terminal.end() == 0
    assert not found.alternate()
    assert "Traceback" not in found.terminal.transcript


def test_a_client_that_is_gone_ends_its_browser(place: Place, remote: Remote) -> None:
    found = telnet_one(place, remote)
    found.give("external start flood.py", "started flood.py")
    found.press("flow browse\r", "lab.flood")
    found.terminal.close()
    # Messages are recorded only as long as somebody follows them.
    admin = remote.open("PORT_PLAIN")
    remote.until(lambda: len({admin.ask("flow") for _ in range(3)}) == 1, "the record to rest")
    assert "recorded: 0" not in admin.ask("flow")
    assert not remote.logged("Traceback|never retrieved|exception")


def test_observers_browse_what_they_may_see(place: Place, remote: Remote) -> None:
    admin = remote.open("PORT_PLAIN")
    found = telnet_one(place, remote, "look")
    found.press("flow browse\r", "No messages yet")
    admin.ask("message lab.login password=hunter2 user=bob")
    found.press("", "lab.login")
    found.press("\r", "password=(hidden)", "user=bob")
    found.press("qw", "save 1 message to")
    found.press(f"{remote.folder}/x.html\r", "Not authenticated")
    found.press_for("r", "Not authenticated")
    found.terminal.type("q")
    found.at_prompt()
    assert "hunter2" not in found.terminal.transcript
    assert not (remote.folder / "x.html").exists()


def test_an_attached_console_browses_the_far_record_and_files(
    place: Place, remote: Remote, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("sesame\n")
    password.chmod(0o600)
    config = tmp_path / "xdg" / "yext"
    config.mkdir(parents=True)
    (config / "hosts.toml").write_text(
        f"[far]\nport = {remote.port()}\npassword_file = '{password}'\n"
    )
    admin = remote.open("PORT_PLAIN")
    admin.ask("flow on")
    admin.ask("message lab.before x=1")
    argv = [sys.executable, "-m", "console", "attach", "far"]
    terminal = place.run(argv, 100, 30, XDG_CONFIG_HOME=str(config.parent), PYTHONPATH=str(ROOT))
    found = Browsing(terminal, "alder>")
    found.at_prompt()
    found.press("flow browse\r", "lab.before")
    admin.ask("message lab.live x=2")
    found.press("", "lab.live")
    found.press("\r", "x=2", "as protocol lines")
    found.press("q", "lab.live")
    found.press_for("r", "not handled")
    found.press(f"w{tmp_path}/far.jsonl\r", "Saved ", "messages to")
    found.terminal.type("q")
    found.at_prompt()
    found.give(f"flow load {tmp_path}/far.jsonl", "Loaded ")
    found.press("flow browse\r", " messages", "lab.before")
    admin.ask("message lab.later x=3")
    found.press_for("r", "not handled")
    assert "lab.later" not in found.display()
    found.terminal.type("q")
    found.at_prompt()
