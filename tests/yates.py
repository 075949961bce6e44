"""A remote manager that takes what it gets as a Yate does, and records it.

It edits the line as Yate's rmanager, and answers with what Yate 6.4.1 has answered
(tests/conformance/attached). Run as a program it serves the path of a UNIX socket, and writes the
lines that it took to a file:

    python yates.py PATH RECORD CONFIGPATH LOG [SCRIPT THAT ENDS AT ONCE]...
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
from collections.abc import Callable
from pathlib import Path

RECORDED = json.loads(
    (Path(__file__).parent / "conformance" / "attached" / "yate.json").read_text()
)

STAMP = "2026-11-27_02:47:26.996752"
"""The time that stands before each line of output."""

FAILED = "Failed to execute script '{}' args='{}': 2 No such file or directory"
"""What its log says of a script that cannot be executed, with name and parameter left out."""

_EXTERNAL_WORDS = ("", "info", "start", "restart", "stop", "execute")


class Yate:
    """A recorded Yate.

    Args:
        took: called with each line that it carries out.

    Attributes:
        lines: the command lines that it carried out, without those that only mark an end.
        completed: the lines that TAB was pressed on.
        started: the scripts and programs that it was made to start, each with its parameter.
        running: those of them that run, with their process ids.
        dying: the names of scripts that end at once.
    """

    def __init__(self, took: Callable[[str], None] = lambda line: None) -> None:
        self.lines: list[str] = []
        self.completed: list[str] = []
        self.started: list[str] = []
        self.running: dict[str, int] = {}
        self.dying: set[str] = set()
        self.writers: list[asyncio.StreamWriter] = []
        self.replies: dict[str, str] = dict(RECORDED["replies"])
        self._took = took

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, a key after the other."""
        self.writers.append(writer)
        typed = ""
        while data := await reader.read(4096):
            for key in data.decode("latin-1"):
                if key in "\r\n":
                    line, typed = typed, ""
                    if line and not self._enter(line, writer):
                        writer.close()
                        return
                elif key == "\t":
                    self.completed.append(typed)
                    shown = RECORDED["tab"].get(typed, "\x07")
                    writer.write(shown.encode("latin-1"))
                    # Yate keeps the completed line.
                    typed = shown.rpartition("\r")[2] if shown.startswith("\r\x1b[K") else typed
                elif key == "\x15":
                    typed = ""
                elif key >= " ":
                    typed += key
        writer.close()

    def _enter(self, line: str, writer: asyncio.StreamWriter) -> bool:
        if not line.startswith("help yext-"):
            self.lines.append(line)
            self._took(line)
        text = self._reply(line)
        writer.write(text.encode("latin-1"))
        return line != "quit"

    def _reply(self, line: str) -> str:
        words = line.split()
        if words[0] == "external":
            return self._external(words[1:])
        if line.startswith("help ") and line not in self.replies:
            return f"No help for '{line[5:]}'\r\n"
        known = self.replies.get(line)
        return known if known is not None else f"Cannot understand: {line}\r\n"

    def _external(self, words: list[str]) -> str:
        verb = words[0] if words else ""
        if verb in ("", "info"):
            listed = ""
            for number, (label, pid) in enumerate(self.running.items(), 1):
                listed += f"{number}. {label}{'' if ' ' in label else ' '}\r\n"
                listed += f"\tGlobal, pid={pid}\r\n" if verb else ""
            return listed
        if verb == "stop":
            gone = [label for label in self.running if label.split()[0] == words[1]]
            for label in gone:
                del self.running[label]
            return "External command stopped\r\n" if gone else "External not running\r\n"
        label = " ".join(words[1:] if verb in _EXTERNAL_WORDS else words)
        if not label:
            return "Cannot understand: external start\r\n"
        self.started.append(label)
        if verb == "execute":
            return "External exec attempt\r\n"
        if label in self.running and verb != "restart":
            return "External already running\r\n"
        script, _, parameter = label.partition(" ")
        said = f"{STAMP} Loading external module '{script}' args='{parameter}'\r\n"
        if script in self.dying:
            said += f"{STAMP} Unloading external module '{script}' '{parameter}'\r\n"
        else:
            self.running[label] = 4000 + len(self.started)
        return f"{said}External start attempt\r\n"


async def _serve(path: str, record: str, config: str, log: str, dying: list[str]) -> None:
    # The name of the process, by which it is known that a Yate runs on this host (prctl(2)).
    ctypes.CDLL(None).prctl(15, b"yate")
    with open(record, "a", encoding="utf-8", buffering=1) as file:

        def took(line: str) -> None:
            print(line, file=file)
            with open(log, "a", encoding="utf-8") as written:
                if line == "external start bad.py":
                    failed = FAILED.format("bad.py", "")
                    print(f"{STAMP} <extmodule:WARN> {failed}", file=written)
                elif line == "external start dies.sh":
                    print("NameError: name 'yate' is not defined", file=written)

        yate = Yate(took)
        yate.dying.update(dying)
        for line, reply in yate.replies.items():
            yate.replies[line] = reply.replace("/etc/yate", config)
        async with await asyncio.start_unix_server(yate.serve, path) as server:
            print("ready", flush=True)
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]))
