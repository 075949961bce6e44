#!/usr/bin/env python3
"""Answer call.route: numbers that begin with the parameter go to a SIP peer."""

import re
import sys

PEER = "10.0.0.2"


def unescape(field: str) -> str:
    return re.sub("%(.)", lambda found: "%" if found[1] == "%" else chr(ord(found[1]) - 64), field)


def escape(text: str) -> str:
    return re.sub(
        "[\x00-\x1f:%]",
        lambda found: "%%" if found[0] == "%" else "%" + chr(ord(found[0]) + 64),
        text,
    )


def answer(line: str, prefix: str) -> str:
    """Return the answer to a %%>message line."""
    _, ident, _, name, _, *fields = line.split(":")
    params = {key: unescape(value) for key, _, value in (field.partition("=") for field in fields)}
    called = params.get("called", "")
    if name == "call.route" and called.startswith(prefix):
        return f"%%<message:{ident}:true::{escape(f'sip/{called}@{PEER}')}"
    return f"%%<message:{ident}:false:"


def main() -> None:
    prefix = sys.argv[1] if len(sys.argv) > 1 else ""
    # A message may contain bytes that are not UTF-8; return them unchanged.
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    print("%%>setlocal:trackparam:route.py")
    print("%%>install:50:call.route", flush=True)
    for line in sys.stdin:
        if line.startswith("%%>message:"):
            print(answer(line.rstrip("\n"), prefix), flush=True)
        elif line.startswith("Error in:"):
            print(line, end="", file=sys.stderr)


main()
