"""Play the recordings of the remote manager; vectors/rmanager/README.md describes the steps."""

import itertools
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from .cases import Case, Step, kind, play_steps
from .connection import BETWEEN_TICKS, Connection, wait_for_tick
from .matching import RMANAGER, TIMER_LINE, Mismatch, Scope, show
from .process import Engine, patience, until

_QUIET = 0.04
"""Seconds during which nothing may come, at a step that says so.

Short, because later output fails the case too: at the next receiving step, or at its end.
"""

_END_QUIET = 0.1


def play(case: Case) -> None:
    """Play a case on an engine of its own. Raises Mismatch, with the engine's log."""
    with ExitStack() as stack:
        engine = stack.enter_context(Engine())
        playing = Playing(case.content, engine)
        stack.callback(playing.close)
        playing.prepare()
        engine.start(*case.content.get("engine_args", ()))
        try:
            if case.name in BETWEEN_TICKS:
                wait_for_tick(engine.ports("ext"))
            play_steps(playing, list(joined(case.content["steps"])), STEPS)
            playing.check_nothing_left()
        except Mismatch as mismatch:
            raise Mismatch(f"{mismatch}\n{engine.story()}") from None


def joined(steps: Sequence[Step]) -> Iterator[Step]:
    """Join successive receiving steps on one connection into one step.

    Successive bytes and texts become one stream, `{"recv": conn, "parts": [...]}`, whose parts are
    steps of the recording.
    """
    for connection, together in itertools.groupby(steps, _receiving):
        if connection is None:
            yield from together
        else:
            yield {"recv": connection, "parts": list(together)}


def _receiving(step: Step) -> str | None:
    return step[kind(step)] if kind(step) in ("recv", "recv_hex") else None


class Playing:
    """A case while it plays: the engine, and the connections by name."""

    def __init__(self, content: dict[str, Any], engine: Engine) -> None:
        self.content = content
        self.engine = engine
        self.scope = Scope(engine.folder, engine.ports)
        self.ignore = [RMANAGER.encode(text) for text in content.get("ignore_lines", ())]
        self.connections: dict[str, Connection] = {}

    def prepare(self) -> None:
        """Write the configuration, scripts and files; a null text means an absent file."""
        content = self.content
        modules = "".join(f"{module}.yate=yes\n" for module in content["modules"])
        texts = {
            "conf/yate.conf": content.get("yate_conf")
            or f"[general]\nmodload=disable\n[modules]\n{modules}",
            "conf/rmanager.conf": content["rmanager_conf"],
            "conf/extmodule.conf": content["extmodule_conf"],
        }
        for path, text in {**texts, **content.get("files", {})}.items():
            if text is not None:
                self.engine.write(path, self.fill(text))
        for name, text in content.get("scripts", {}).items():
            self.engine.write(f"scripts/{name}", self.fill(text), 0o755)

    def fill(self, text: str) -> bytes:
        return RMANAGER.fill(text, self.scope)

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()

    def quiet(self, name: str, seconds: float) -> None:
        """Raise Mismatch if anything comes on a connection within this many seconds."""
        connection = self.connections[name]
        connection.settle(seconds)
        connection.cut(self.ignore)
        if connection.received:
            raise Mismatch(f"expected nothing more on {name}, came {show(connection.received)}")

    def check_nothing_left(self) -> None:
        """Check that nothing is left but timer messages: the recordings hold all output."""
        self.ignore.append(TIMER_LINE)
        deadline = time.monotonic() + _END_QUIET
        for name in self.connections:
            self.quiet(name, deadline - time.monotonic())


def _open(play: Playing, step: Step) -> None:
    connection = Connection.tcp(play.engine.ports(step["listener"]))
    play.connections[step["open"]] = connection
    play.scope.peer_ports[step["open"]] = connection.port


def _send(play: Playing, step: Step) -> None:
    play.connections[step["send"]].send(play.fill(step["text"]))


def _send_hex(play: Playing, step: Step) -> None:
    play.connections[step["send_hex"]].send(bytes.fromhex(step["hex"]))


def _recv(play: Playing, step: Step) -> None:
    connection = play.connections[step["recv"]]
    # A hex part, decoded with the recordings' encoding, holds no placeholder.
    expected = "".join(
        part["text"] if "text" in part else bytes.fromhex(part["hex"]).decode("latin-1")
        for part in step["parts"]
    )
    pattern = re.compile(RMANAGER.pattern(expected, play.scope))
    deadline = time.monotonic() + patience.seconds
    while True:
        connection.cut(play.ignore)
        found = pattern.match(connection.received)
        if found is not None:
            del connection.received[: found.end()]
            return
        if differs(expected, bytes(connection.received), play.scope):
            came = f"came {show(connection.received)}"
            raise Mismatch(f"expected {show(RMANAGER.encode(expected))}\n{came}")
        if not connection.more(deadline):
            came = connection.lack()
            raise Mismatch(f"expected {show(RMANAGER.encode(expected))}\n{came}")


def differs(expected: str, received: bytes, scope: Scope) -> bool:
    """True if the received text can no longer become the expected one."""
    if "{TIMER_LINES}" in expected:
        return False
    lines = expected.split("\n")
    whole = min(received.count(b"\n"), len(lines) - 1)
    begun = "\n".join([*lines[:whole], ""])
    found = re.match(RMANAGER.pattern(begun, scope), received)
    if found is None:
        return True
    rest, start = received[found.end() :], RMANAGER.literal_start(lines[whole], scope)
    common = min(len(rest), len(start))
    return rest[:common] != start[:common]


def _quiet(play: Playing, step: Step) -> None:
    play.quiet(step["quiet"], _QUIET)


def _closed(play: Playing, step: Step) -> None:
    connection = play.connections[step["closed"]]
    connection.settle(patience.seconds)
    connection.cut(play.ignore)
    if not connection.ended:
        raise Mismatch("the connection was not closed")
    if connection.received:
        raise Mismatch(f"expected no more before the close, came {show(connection.received)}")


def _close(play: Playing, step: Step) -> None:
    play.connections.pop(step["close"]).close()


def _wait(play: Playing, step: Step) -> None:
    time.sleep(step["wait"])


def _refused(play: Playing, step: Step) -> None:
    port = play.engine.ports(step["refused"])
    try:
        socket.create_connection(("127.0.0.1", port), patience.seconds).close()
    except ConnectionRefusedError:
        return
    raise Mismatch(f"port {port} accepts")


def _log_regex(play: Playing, step: Step) -> None:
    wanted = re.compile(RMANAGER.encode(step["log_regex"]))

    def lines() -> list[bytes]:
        return [line for line in play.engine.log_bytes().splitlines() if wanted.search(line)]

    def holds() -> bool:
        found = lines()
        return len(found) == len(step["log_lines"]) and all(
            RMANAGER.matches(expected, line, play.scope)
            for expected, line in zip(step["log_lines"], found, strict=True)
        )

    if not until(holds):
        raise Mismatch(f"the lines in the log are {show(lines())}")


def _file(play: Playing, step: Step) -> None:
    path, expected = play.engine.folder / step["file"], step["text"]

    def content() -> bytes | None:
        return path.read_bytes() if path.exists() else None

    if not until(lambda: content() == (None if expected is None else play.fill(expected))):
        raise Mismatch(f"{path} is {show(content())}")


def _engine_exit(play: Playing, step: Step) -> None:
    code = play.engine.exit_code()
    if code != step["engine_exit"]:
        raise Mismatch(f"the engine ended with code {code}")


STEPS: dict[str, Callable[[Playing, Step], None]] = {
    "open": _open,
    "send": _send,
    "send_hex": _send_hex,
    "recv": _recv,
    "quiet": _quiet,
    "closed": _closed,
    "close": _close,
    "wait": _wait,
    "refused": _refused,
    "log_regex": _log_regex,
    "file": _file,
    "engine_exit": _engine_exit,
}
