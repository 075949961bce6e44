"""Play the recordings of the configuration reader against a whole engine.

The last section of vectors/rmanager/README.md describes their format. A case is two runs: in the
first its main file is yate.conf, in the second test.conf, for `cfgmerge` to merge.
"""

import re
import time
from collections.abc import Callable
from typing import Any

from .cases import Case
from .connection import Connection
from .matching import RMANAGER, Mismatch, Scope, show
from .process import Engine, patience, until

_RMANAGER_CONF = "[general]\nport={PORT:general}\naddr=127.0.0.1\ntelnet=no\nheader=\n"
_EXTMODULE_CONF = "[listener ext]\ntype=tcp\naddr=127.0.0.1\nport={PORT:ext}\nrole=global\n"
_TRIVIAL_YATE_CONF = "[general]\nmodload=yes\n"

_ENTRY_START = re.compile(rb"^(?=\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{6} )", re.MULTILINE)
_READER_ENTRY = re.compile(rb"\S+ <Configuration:")


def play(case: Case) -> None:
    """Play both runs of a case. Raises Mismatch, with the engine's log."""
    _run(case.content, "yate.conf", _check_running)
    _run(case.content, "test.conf", _check_merge)


Check = Callable[[dict[str, Any], Engine, Scope], None]


def _run(content: dict[str, Any], main_file: str, check: Check) -> None:
    with Engine() as engine:
        scope = Scope(engine.folder, engine.ports)
        texts = {
            "yate.conf": _TRIVIAL_YATE_CONF,
            "rmanager.conf": _RMANAGER_CONF,
            "extmodule.conf": _EXTMODULE_CONF,
        }
        for path, text in texts.items():
            engine.write(f"conf/{path}", RMANAGER.fill(text, scope))
        for path, data in _files(content, scope).items():
            target = engine.folder / "conf" / (main_file if path == "yate.conf" else path)
            if data is None:
                target.mkdir(parents=True)
            else:
                engine.write(str(target), data)
        engine.start()
        try:
            check(content, engine, scope)
        except Mismatch as mismatch:
            raise Mismatch(f"with {main_file}: {mismatch}\n{engine.story()}") from None


def _files(content: dict[str, Any], scope: Scope) -> dict[str, bytes | None]:
    files = {
        path: None if text is None else RMANAGER.fill(text, scope)
        for path, text in content["files"].items()
    }
    for path, digits in content.get("files_hex", {}).items():
        files[path] = bytes.fromhex(digits)
    return files


def _check_running(content: dict[str, Any], engine: Engine, scope: Scope) -> None:
    connection = Connection.tcp(engine.ports("ext"))
    try:
        for name, answer in content["setlocal"]:
            connection.send(b"%%>setlocal:" + RMANAGER.encode(name) + b":\n")
            line = connection.next_line(time.monotonic() + patience.seconds)
            if line is None or not RMANAGER.matches(answer, line, scope):
                came = connection.lack() if line is None else f"came {show(line)}"
                raise Mismatch(f"setlocal {name}: expected {show(answer)}\n{came}")
    finally:
        connection.close()
    _check_log(content["log"], engine, scope)


def _check_merge(content: dict[str, Any], engine: Engine, scope: Scope) -> None:
    merge = content["merge"]
    connection = Connection.tcp(engine.ports("general"))
    try:
        connection.send(b"cfgmerge test\r\n")
        line = connection.next_line(time.monotonic() + patience.seconds)
        if line is None or not RMANAGER.matches(merge["reply"], line + b"\n", scope):
            came = connection.lack() if line is None else f"came {show(line)}"
            raise Mismatch(f"expected the reply {show(merge['reply'])}\n{came}")
    finally:
        connection.close()
    merged = engine.folder / "conf/test.conf.merged"
    content_now = merged.read_bytes() if merged.exists() else None
    expected = None if merge["merged"] is None else RMANAGER.fill(merge["merged"], scope)
    if content_now != expected:
        raise Mismatch(f"expected the file {show(expected)}\ncame {show(content_now)}")
    _check_log(merge["log"], engine, scope)


def _check_log(expected: list[str], engine: Engine, scope: Scope) -> None:
    def entries() -> list[bytes]:
        found = _ENTRY_START.split(engine.log_bytes())
        return [entry.rstrip(b"\r\n") for entry in found if _READER_ENTRY.match(entry)]

    def holds() -> bool:
        found = entries()
        return len(found) == len(expected) and all(
            RMANAGER.matches(text, entry, scope)
            for text, entry in zip(expected, found, strict=True)
        )

    if not until(holds, patience.seconds if expected else 0):
        raise Mismatch(f"expected in the log {show(expected)}\ncame {show(entries())}")
