#!/usr/bin/env python3
"""A global script that acts as the rest of a telephone system, for trials of Yate's scripts.

Its parameter is ``NUMBER=CALLTO NUMBER=CALLTO …``: the routes of ``call.route``. It knows the
password of one user, and puts calls to ``queue/NAME`` into queue_in.php with a greeting and then
music, as Yate's module queues does.
"""

import sys
from collections.abc import Callable

PASSWORDS = {"500": "1234"}
NUMBERS = dict(pair.split("=") for pair in sys.argv[1].split())
INSTALLED = ("100:call.route", "45:call.execute", "100:user.auth")

Params = dict[str, str]


def route(params: Params) -> str | None:
    return NUMBERS.get(params.get("called", ""))


def auth(params: Params) -> str | None:
    return PASSWORDS.get(params.get("username", ""))


def queue(params: Params) -> str | None:
    kind, _, name = params["callto"].partition("/")
    if kind == "queue":
        params.update(
            callto="external/nodata/queue_in.php",
            queue=name,
            greeting="wave/play/greeting.slin",
            source="tone/info",
        )
    return None


HANDLERS: dict[str, Callable[[Params], str | None]] = {
    "call.route": route,
    "user.auth": auth,
    "call.execute": queue,
}


def unescape(field: str) -> str:
    first, *rest = field.split("%")
    return first + "".join(chr(ord(part[0]) - 64) + part[1:] for part in rest)


def answer(line: str) -> str:
    """Return the answer to a %%>message line: handled if there is a return value for it."""
    _, ident, _, name, _, *fields = line.split(":")
    pairs = (unescape(field).partition("=") for field in fields)
    params = {key: value for key, _, value in pairs}
    found = HANDLERS[name](params)
    rest = "".join(f":{key}={value.replace(':', '%z')}" for key, value in params.items())
    return f"%%<message:{ident}:{'false' if found is None else 'true'}::{found or ''}{rest}"


for one in INSTALLED:
    print(f"%%>install:{one}", flush=True)
for line in sys.stdin:
    if line.startswith("%%>message:"):
        print(answer(line.rstrip("\n")), flush=True)
