"""A remote manager that attacks the console attached to it; a program of its own.

    python hostile.py PATH KIND

It serves the UNIX socket PATH, answers what every console asks at first, and then does what KIND
says. RECORD in its environment names the file that gets the lines it took; FILE, the file that it
wants the console to read.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

NODE = "\x1bc\x1b]2\x07no\u202ede\x85\u2028"

HELLO = {
    "status engine": f"name=engine,type=system,version=6.4.1\x1b[2J,nodename={NODE};plugins=2",
    "version": "version:  6.4.1\r\nrelease:  devel1",
    "status overview": "name=engine,type=system;plugins=2",
    "uptime": "Uptime: 0 00:00:01 (1) user: 0.1 kernel: 0.1",
    "alias": "",
}

WORDS = {
    "nel": "status\x85source FILE\x85flow save FILE2\x85",
    "line-separator": "status\u2028source FILE\u2028",
    "paragraph": "status\u2029source FILE",
    "vt": "status\x0bsource FILE\x0b",
    "ff": "status\x0csource FILE\x0c",
    "fs": "status\x1csource FILE\x1d",
    "cr": "status\rsource FILE\r",
    "bidi": "stat\u202esutats",
    "isolate": "stat\u2066us",
    "arabic-mark": "stat\u061cus",
    "escape": "stat\x1b]0;owned\x07us",
    "file": "source FILE",
    "second": "sort; source FILE",
    "write": "sort > FILE2",
}


def answer(connection: socket.socket, kind: str, line: str) -> None:
    """Answer one line."""
    if line.startswith("help yext-"):
        send(connection, f"No help for '{line[5:]}'\r\n")
    elif line in HELLO:
        text = HELLO[line]
        if kind in ("yext", "lies") and line == "version":
            text = "version:  0.1.0\r\nrelease:  yext"
        send(connection, f"{text}\r\n")
    elif line == "attach":
        send(connection, "attach: 1\r\n")
    elif line == "attach 1":
        send(connection, "%%=attach:1\r\n")
    elif line.startswith("{"):
        # Nothing but the first request is ever answered.
        if '"missed"' in line or '"go"' in line:
            lie(connection, kind)
    else:
        misbehave(connection, kind, line)


def misbehave(connection: socket.socket, kind: str, line: str) -> None:
    """Answer a line that an operator gave, in the way of `kind`."""
    if line == "go" and kind == "lines":
        while True:
            send(connection, "an endless reply\r\n" * 1000)
    if line == "go" and kind == "line":
        while True:
            send(connection, "x" * 65536)
    if line == "go" and kind == "silent":
        threading.Event().wait()
    if line == "go" and kind == "blank":
        while True:
            send(connection, "\r\n" * 30000)
    send(connection, f"did {line}\r\n")


def lie(connection: socket.socket, kind: str) -> None:
    """Speak the interface of attached consoles, and attack the terminal by it, or break it."""
    for text in (
        '{"id":1,"started":1.0,"messages":0,"events":0,"notices":0}',
        '{"state":{"running":1,"failed":0,"messages":1,"flow":"flow \\u001b[2J","filter":null,'
        '"closing":false}}',
        '{"event":{"kind":"notice","text":"x","level":5,"source":"","when":1.0,'
        '"lines":["\\u001b]0;owned\\u0007 a notice","\\u202e second"]}}',
        '{"show":"\\u001b[31mred\\u001b[2J\\u001b]0;owned\\u0007 a line"}',
    ):
        send(connection, f"{text}\r\n")
    if kind == "lies":
        send(connection, '{"event":{"kind":"notice","text":5}}\r\n')


def send(connection: socket.socket, text: str) -> None:
    connection.sendall(text.encode("utf-8", "surrogateescape"))


def serve(connection: socket.socket, kind: str) -> None:
    """Take in lines as a line editor does, and answer them."""
    typed, flood = b"", False
    try:
        while data := connection.recv(4096):
            for key in (bytes([code]) for code in data):
                if key in b"\r\n":
                    line, typed = typed.decode("utf-8", "replace"), b""
                    flood = flood or line == "flood"
                    if line:
                        with open(os.environ["RECORD"], "a", encoding="utf-8") as file:
                            print(line, file=file)
                        answer(connection, kind, line)
                elif key == b"\t":
                    word = WORDS.get(kind, "").replace("FILE", os.environ.get("FILE", ""))
                    if word and typed in (b"st", b"so"):
                        send(connection, f"\r\n{word}\t{word}\r\n")
                elif key == b"\x15":
                    typed = b""
                else:
                    typed += key
            if kind == "floods" or (kind == "output" and flood):
                while True:
                    send(connection, "not asked for\r\n" * 1000)
    except OSError:
        connection.close()


def main() -> None:
    path, kind = sys.argv[1:]
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    print("ready", flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection, kind), daemon=True).start()


if __name__ == "__main__":
    main()
