#!/usr/bin/env python3
"""A mailbox: 1 records a message, # ends the recording, 2 plays it, 0 hangs up.

A call to ``external/nodata/ivr.py DIRECTORY`` starts it; try ``call external/nodata/ivr.py phone/``
at the console. Its menu is a dial tone.
"""

import os
import re
import sys
import tempfile

SECONDS = 30
"""The longest message. A second of audio has 16000 bytes."""


def unescape(field: str) -> str:
    return re.sub("%(.)", lambda found: "%" if found[1] == "%" else chr(ord(found[1]) - 64), field)


def escape(text: str) -> str:
    return re.sub(
        "[\x00-\x1f:%]",
        lambda found: "%%" if found[0] == "%" else "%" + chr(ord(found[0]) + 64),
        text,
    )


class Mailbox:
    """A call to the mailbox."""

    def __init__(self, directory: str) -> None:
        self.id = f"mailbox/{os.getpid()}"
        self.file = f"{directory or tempfile.gettempdir()}/message.slin"

    def send(self, name: str, **params: str) -> None:
        """Send a message, without waiting for its answer."""
        fields = "".join(f":{key}={escape(value)}" for key, value in params.items())
        print(f"%%>message::0:{name}:{fields}", flush=True)

    def attach(self, source: str, consumer: str = "-", most: int = 0) -> None:
        """Play `source`, and record up to `most` bytes to `consumer`; ``-`` means no file."""
        self.send(
            "chan.attach",
            source=source,
            consumer=f"wave/record/{consumer}",
            maxlen=str(most),
            notify=self.id,
        )

    def menu(self) -> None:
        self.attach("tone/dial")

    def began(self, params: dict[str, str]) -> None:
        """Answer the call, and install handlers for its digits and notifications."""
        print(f"%%>setlocal:id:{self.id}")
        for name in ("chan.dtmf", "chan.notify"):
            print(f"%%>install:100:{name}:targetid:{self.id}")
        self.send("call.answered", id=self.id, targetid=params["id"], cdrcreate="false")
        self.menu()

    def dialled(self, digit: str) -> None:
        if digit == "1":
            self.attach("wave/play/-", self.file, SECONDS * 16000)
        elif digit == "2":
            self.attach(f"wave/play/{self.file}")
        elif digit == "0":
            print("%%>setlocal:reason:goodbye\n%%>quit", flush=True)
        else:
            self.menu()

    def received(self, name: str, params: dict[str, str]) -> None:
        if name == "call.execute":
            self.began(params)
        elif name == "chan.dtmf":
            for digit in params.get("text", ""):
                self.dialled(digit)
        elif params.get("reason") != "replaced":
            self.menu()


def main() -> None:
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    mailbox = Mailbox(sys.argv[1] if len(sys.argv) > 1 else "")
    for line in sys.stdin:
        if line.startswith("%%>message:"):
            _, ident, _, name, _, *fields = line.rstrip("\n").split(":")
            pairs = (field.partition("=") for field in fields)
            params = {unescape(key): unescape(value) for key, _, value in pairs}
            # Answer first: the messages about the call must come after that.
            target = f":targetid={mailbox.id}" if name == "call.execute" else ""
            print(f"%%<message:{ident}:true::{target}", flush=True)
            mailbox.received(name, params)
        elif line.startswith("Error in:"):
            print(line, end="", file=sys.stderr)


main()
