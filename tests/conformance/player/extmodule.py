"""Play the recordings of the external module; vectors/extmodule/README.md describes the steps."""

import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from .cases import Case, Step, play_steps
from .connection import BETWEEN_TICKS, Connection, wait_for_tick
from .extmodule_case import Playing
from .matching import Expected, Mismatch, show
from .process import Engine, patience, until

_REPLY_QUIET = 0.05
"""Seconds after the last line of a reply during which nothing more may come."""

_NO_REPLY_QUIET = 0.15
_SCRIPT_END = 3.0
"""Seconds within which a script must end, from the recordings."""


def play(case: Case) -> None:
    """Play a case on an engine of its own. Raises Mismatch, with the engine's log."""
    with ExitStack() as stack:
        engine = stack.enter_context(Engine())
        playing = Playing(case.content, engine)
        stack.callback(playing.close)
        playing.prepare()
        engine.start()
        try:
            if case.name in BETWEEN_TICKS:
                wait_for_tick(engine.ports("global"))
            play_steps(playing, case.content["steps"], STEPS)
        except Mismatch as mismatch:
            raise Mismatch(f"{mismatch}\n{engine.story()}") from None


def _open(play: Playing, step: Step) -> None:
    if step["listener"] == "unixglobal":
        play.add(step["open"], Connection.unix(f"{play.engine.folder}/global.sock"))
    else:
        play.add_tcp(step["open"], step["listener"])


def _refused(play: Playing, step: Step) -> None:
    port = play.engine.ports(step["refused"])
    try:
        socket.create_connection(("127.0.0.1", port), patience.seconds).close()
    except ConnectionRefusedError:
        return
    raise Mismatch(f"port {port} accepts")


def _send(play: Playing, step: Step) -> None:
    lines = (
        play.fill(line) if isinstance(line, str) else bytes.fromhex(line["hex"])
        for line in step["lines"]
    )
    play.connections[step["send"]].send(b"".join(line + b"\n" for line in lines))


def _send_raw(play: Playing, step: Step) -> None:
    play.connections[step["send_raw"]].send(bytes.fromhex(step["hex"]))


def _send_text(play: Playing, step: Step) -> None:
    play.connections[step["send_text"]].send(play.fill(step["text"]))


def _recv(play: Playing, step: Step) -> None:
    for number, expected in enumerate(step["lines"], 1):
        try:
            line = play.next_line(step["recv"])
        except Mismatch as mismatch:
            raise Mismatch(f"line {number}: expected {show(expected)}\n{mismatch}") from None
        if not play.matches(expected, line):
            raise Mismatch(f"line {number}: expected {show(expected)}\ncame {show(line)}")


def _recv_any_order(play: Playing, step: Step) -> None:
    left: list[Expected] = list(step["lines"])
    while left:
        try:
            line = play.next_line(step["recv_any_order"])
        except Mismatch as mismatch:
            raise Mismatch(f"expected yet {show(left)}\n{mismatch}") from None
        found = next((each for each in left if play.matches(each, line)), None)
        if found is None:
            raise Mismatch(f"expected one of {show(left)}\ncame {show(line)}")
        left.remove(found)


def _recv_count(play: Playing, step: Step) -> None:
    connection = play.connections[step["recv_count"]]
    # Yate was this fast; a machine may stall.
    deadline = time.monotonic() + max(step["within_ms"] / 1000, patience.seconds)
    for number in range(step["n"]):
        if connection.next_line(deadline, play.ignore) is None:
            raise Mismatch(f"only {number} lines: {connection.lack()}")


def _silent(play: Playing, step: Step) -> None:
    connection = play.connections[step["silent"]]
    line = connection.next_line(time.monotonic() + step["ms"] / 1000, play.ignore)
    if line is not None:
        raise Mismatch(f"expected silence, came {show(line)}")
    if connection.ended or connection.received:
        raise Mismatch(f"expected silence: {connection.lack()}")


def _closed(play: Playing, step: Step) -> None:
    connection = play.connections[step["closed"]]
    line = connection.next_line(time.monotonic() + patience.seconds, play.ignore)
    if line is not None or not connection.ended or connection.received:
        came = connection.lack() if line is None else f"came {show(line)}"
        raise Mismatch(f"expected the connection to be closed with no more words: {came}")


def _close(play: Playing, step: Step) -> None:
    play.connections[step["close"]].close()


def _halfclose(play: Playing, step: Step) -> None:
    play.connections[step["halfclose"]].end_sending()


def _sleep(play: Playing, step: Step) -> None:
    time.sleep(step["sleep_ms"] / 1000)


def _rmanager(play: Playing, step: Step) -> None:
    play.rmanager().send(play.fill(step["rmanager"]) + b"\r\n")
    _expect_reply(play, step["reply"])


def _rmanager_send(play: Playing, step: Step) -> None:
    play.rmanager().send(play.fill(step["rmanager_send"]) + b"\r\n")


def _rmanager_recv(play: Playing, step: Step) -> None:
    _expect_reply(play, step["reply"])


def _expect_reply(play: Playing, reply: Sequence[Expected]) -> None:
    connection = play.rmanager()
    for number, expected in enumerate(reply, 1):
        line = connection.next_line(time.monotonic() + patience.seconds)
        if line is None or not play.matches(expected, line.removesuffix(b"\r")):
            came = connection.lack() if line is None else f"came {show(line)}"
            raise Mismatch(f"reply line {number}: expected {show(expected)}\n{came}")
    connection.settle(_REPLY_QUIET if reply else _NO_REPLY_QUIET)
    if connection.received:
        raise Mismatch(f"more than the reply came: {show(bytes(connection.received))}")


def _rmanager_raw(play: Playing, step: Step) -> None:
    play.rmanager().send(bytes.fromhex(step["rmanager_raw"]))


def _rmanager_bytes(play: Playing, step: Step) -> None:
    connection, expected = play.rmanager(), bytes.fromhex(step["hex"])
    deadline = time.monotonic() + patience.seconds
    while len(connection.received) < len(expected) and expected.startswith(connection.received):
        if not connection.more(deadline):
            break
    connection.settle(_REPLY_QUIET if expected else _NO_REPLY_QUIET)
    if connection.received != expected:
        raise Mismatch(f"expected {show(expected)}\ncame {show(connection.received)}")
    connection.received.clear()


def _accept(play: Playing, step: Step) -> None:
    connection, hello = play.started()
    play.take_script(step["accept"], connection, hello)
    if not play.is_hello(step["hello"], hello):
        raise Mismatch(f"expected the script {show(step['hello'])}\ncame {show(hello)}")


def _accept_any_order(play: Playing, step: Step) -> None:
    left = list(zip(step["accept_any_order"], step["hello"], strict=True))
    while left:
        connection, hello = play.started()
        found = next((pair for pair in left if play.is_hello(pair[1], hello)), None)
        if found is None:
            connection.close()
            raise Mismatch(f"expected one of the scripts {show(left)}\ncame {show(hello)}")
        play.take_script(found[0], connection, hello)
        left.remove(found)


def _noaccept(play: Playing, step: Step) -> None:
    arrival = play.arrival(step["ms"] / 1000)
    if arrival is not None:
        arrival[0].close()
        raise Mismatch(f"a script started: {show(arrival[1])}")


def _relay(play: Playing, step: Step) -> None:
    play.connections[step["relay"]].send(b"\x01" + play.fill(step["do"]) + b"\n")


def _process_gone(play: Playing, step: Step) -> None:
    script = play.scripts[step["process_gone"]]
    if not script.gone(_SCRIPT_END):
        raise Mismatch(f"the script, pid {script.pid}, is still there")
    if not step["zombie"] and not script.reaped():
        raise Mismatch(f"the script, pid {script.pid}, stays a zombie")


def _process_alive(play: Playing, step: Step) -> None:
    if play.scripts[step["process_alive"]].gone(step["after_ms"] / 1000):
        raise Mismatch("the script is gone")


def _file(play: Playing, step: Step) -> None:
    path = play.engine.folder / play.fill(step["file"]).decode()
    if "size" in step:
        if not until(lambda: path.exists() and path.stat().st_size == int(step["size"])):
            raise Mismatch(f"{path} has {path.stat().st_size if path.exists() else 'no'} bytes")
        return

    def lines() -> list[bytes]:
        return path.read_bytes().split(b"\n") if path.exists() else []

    # The file grows by whole lines, so once it has the expected number, it is complete.
    until(lambda: len(lines()) > len(step["lines"]))
    *whole, rest = lines() or [b""]
    if rest or len(whole) != len(step["lines"]) or not all(map(play.matches, step["lines"], whole)):
        raise Mismatch(f"{path} is {show(lines())}")


def _log(play: Playing, step: Step) -> None:
    text = play.fill(step["log"])
    if not until(lambda: text in play.engine.log_bytes()):
        raise Mismatch(f"the log does not hold {show(text)}")


def _nolog(play: Playing, step: Step) -> None:
    text = play.fill(step["nolog"])
    if text in play.engine.log_bytes():
        raise Mismatch(f"the log holds {show(text)}")


def _signal_engine(play: Playing, step: Step) -> None:
    play.engine.signal(signal.Signals[step["signal_engine"]])


def _engine_exit(play: Playing, step: Step) -> None:
    code = play.engine.exit_code()
    if code != step["engine_exit"]:
        raise Mismatch(f"the engine ended with code {code}")


def _engine_alive(play: Playing, step: Step) -> None:
    play.engine.check_alive()


STEPS: dict[str, Callable[[Playing, Step], None]] = {
    "open": _open,
    "refused": _refused,
    "send": _send,
    "send_raw": _send_raw,
    "send_text": _send_text,
    "recv": _recv,
    "recv_any_order": _recv_any_order,
    "recv_count": _recv_count,
    "silent": _silent,
    "closed": _closed,
    "close": _close,
    "halfclose": _halfclose,
    "sleep_ms": _sleep,
    "rmanager": _rmanager,
    "rmanager_send": _rmanager_send,
    "rmanager_recv": _rmanager_recv,
    "rmanager_raw": _rmanager_raw,
    "rmanager_bytes": _rmanager_bytes,
    "accept": _accept,
    "accept_any_order": _accept_any_order,
    "noaccept": _noaccept,
    "relay": _relay,
    "process_gone": _process_gone,
    "process_alive": _process_alive,
    "file": _file,
    "log": _log,
    "nolog": _nolog,
    "signal_engine": _signal_engine,
    "engine_exit": _engine_exit,
    "engine_alive": _engine_alive,
}
