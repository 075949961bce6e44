#!/usr/bin/env python3
"""A script that installs a handler and answers messages as fast as Python can.

    answerer.py [PRIORITY[,WORD]]

With the word ``pass`` the answer is false, so that the next handler gets the message.
"""

import os
import sys


def main() -> None:
    """Answer all messages of one read at a time."""
    words = (sys.argv[1] if len(sys.argv) > 1 else "").split(",")
    verdict = b":false::\n" if "pass" in words else b":true::ok\n"
    if "mute" not in words:
        os.write(1, b"%%%%>install:%s:bench\n" % (words[0] or "50").encode())
    rest = b""
    while data := os.read(0, 262144):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        answers = [
            b"%%<message:" + line[11:].split(b":", 1)[0] + verdict
            for line in lines
            if line.startswith(b"%%>message:")
        ]
        if answers:
            write_all(b"".join(answers))


def write_all(data: bytes) -> None:
    """Write all of `data` to standard output."""
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
