"""A case of the external module while it plays: its engine, files, connections, scripts."""

import json
import os
import re
import socket
import time
from typing import Any

from .cases import VECTORS
from .connection import Connection
from .matching import EXTMODULE, Expected, Mismatch, Scope
from .process import Engine, Script, patience, readable

_RMANAGER_CONF = b"[general]\nport=%d\naddr=127.0.0.1\ntelnet=no\nheader=\n"
_RMANAGER = "rm"
"""The name of the connection to the remote manager in all cases."""

_VERSION = re.compile(r"(?<=^%%<setlocal:engine\.)(version|release):[^:]+(?=:true$)")
"""The recorded engine's version, which is compared only by presence."""


class Playing:
    """A case while it plays: the engine, and the connections and scripts by name."""

    def __init__(self, content: dict[str, Any], engine: Engine) -> None:
        self.content = content
        self.engine = engine
        self.scope = Scope(engine.folder, engine.ports)
        self.ignore = [EXTMODULE.encode(text) for text in content.get("ignore", [])]
        self.connections: dict[str, Connection] = {}
        self.scripts: dict[str, Script] = {}
        self._arrivals = socket.socket(socket.AF_UNIX)

    def prepare(self) -> None:
        """Write the configuration and files; listen for the reports of the relay scripts."""
        content, engine = self.content, self.engine
        engine.write("conf/yate.conf", self.fill(yate_conf(content)))
        engine.write("conf/extmodule.conf", self.fill(content["extmodule_conf"]))
        engine.write("conf/rmanager.conf", _RMANAGER_CONF % engine.ports("rmanager"))
        for path, file in content.get("files", {}).items():
            text = self.fill(file["text"]) if "text" in file else _vector(file["file"])
            engine.write(self.fill(path).decode(), text, int(file.get("mode", "755"), 8))
        self._arrivals.bind(str(engine.folder / "ctl.sock"))
        self._arrivals.listen(64)

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()
        for script in self.scripts.values():
            script.close()
        self._arrivals.close()

    def fill(self, text: str) -> bytes:
        return EXTMODULE.fill(text, self.scope)

    def matches(self, expected: Expected, data: bytes) -> bool:
        if isinstance(expected, str):
            expected = _VERSION.sub(r"\1:{ANY}", expected)
        return EXTMODULE.matches(expected, data, self.scope)

    def add(self, name: str, connection: Connection) -> None:
        self.connections[name] = connection

    def add_tcp(self, name: str, listener: str) -> Connection:
        connection = Connection.tcp(self.engine.ports(listener))
        self.scope.peer_ports[name] = connection.port
        self.add(name, connection)
        return connection

    def rmanager(self) -> Connection:
        """The connection to the remote manager, opened at its first use."""
        if _RMANAGER not in self.connections:
            self.add_tcp(_RMANAGER, "rmanager")
        return self.connections[_RMANAGER]

    def arrival(self, seconds: float) -> tuple[Connection, dict[str, Any]] | None:
        """Wait for the next script to report; return its connection and report."""
        if not readable([self._arrivals.fileno()], seconds):
            return None
        connection = Connection(self._arrivals.accept()[0])
        hello = connection.next_line(time.monotonic() + patience.seconds)
        if hello is None:
            raise Mismatch("a script started and ended without a word")
        return connection, json.loads(hello)

    def started(self) -> tuple[Connection, dict[str, Any]]:
        arrival = self.arrival(patience.seconds)
        if arrival is None:
            self.engine.check_alive()
            raise Mismatch("no script started")
        return arrival

    def take_script(self, name: str, connection: Connection, hello: dict[str, Any]) -> None:
        self.add(name, connection)
        self.scripts[name] = Script(hello["pid"])

    def is_hello(self, expected: dict[str, Any], hello: dict[str, Any]) -> bool:
        argv = [os.fsencode(word) for word in hello["argv"]]
        return (
            hello["fds"] == expected["fds"]
            and len(argv) == len(expected["argv"])
            and all(map(self.matches, expected["argv"], argv))
        )

    def next_line(self, name: str) -> bytes:
        """Return the next line that is not ignored. Raises Mismatch if none comes."""
        connection = self.connections[name]
        line = connection.next_line(time.monotonic() + patience.seconds, self.ignore)
        if line is None:
            raise Mismatch(connection.lack())
        return line


def yate_conf(content: dict[str, Any]) -> str:
    """Return the text of yate.conf: that of the case, then the modules to load."""
    text: str = content.get("yate_conf", "")
    if "[general]" not in text:
        text = f"[general]\nmodload=disable\n{text}"
    modules = ("rmanager", "extmodule", *content.get("modules", ()))
    return text + "\n[modules]\n" + "".join(f"{module}.yate=yes\n" for module in modules)


def _vector(name: str) -> bytes:
    return (VECTORS / "extmodule" / name).read_bytes()
