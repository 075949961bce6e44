"""The head of a program file, as the kernel reads it: a ``#!`` line, an ELF header, or neither.

Only regular files are read, a few hundred bytes of each, so this can neither block nor cost much.

Sources: execve(2), elf(5) and fs/binfmt_script.c of Linux.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from dataclasses import dataclass

HEAD = 256
"""How much of a file the kernel reads, in bytes (BINPRM_BUF_SIZE)."""

_PROGRAM_HEADERS = 64
"""How many entries of an ELF program header table are read."""

_FARTHEST = 1 << 40
"""The largest offset in a program file; a larger one is nonsense and may be too much for pread."""

_PT_INTERP = 3

_MACHINES = {
    3: "x86 (32 bit)",
    8: "MIPS",
    20: "PowerPC",
    21: "PowerPC (64 bit)",
    22: "S/390",
    40: "ARM (32 bit)",
    43: "SPARC (64 bit)",
    50: "Itanium",
    62: "x86-64",
    183: "AArch64",
    243: "RISC-V",
    258: "LoongArch",
}
"""Processors by their ELF machine numbers."""


@dataclass(frozen=True, slots=True)
class ScriptHead:
    """A ``#!`` line, parsed as the kernel does.

    Attributes:
        interpreter: the path of the interpreter, empty where none is named.
        argument: the rest of the line, which the kernel does not split.
        cut: True if the interpreter's path is longer than what the kernel reads.
        blank: True if the kernel notices that no interpreter is named. It does not where a NUL
            or the end of the file follows.
    """

    interpreter: str
    argument: str
    cut: bool = False
    blank: bool = False

    @property
    def env_program(self) -> str:
        """The program that ``#!/usr/bin/env`` looks for; empty for any other interpreter."""
        if os.path.basename(self.interpreter) != "env":
            return ""
        words = self.argument.removeprefix("-S")
        if words == self.argument:
            return words
        plain = (word for word in words.split() if "=" not in word and not word.startswith("-"))
        return next(plain, "")


@dataclass(frozen=True, slots=True)
class ElfHead:
    """An ELF header.

    Attributes:
        machine: the ELF machine number.
        bits: 32 or 64.
        loader: the path of the dynamic loader, None for a static program.
    """

    machine: int
    bits: int
    loader: str | None

    @property
    def machine_name(self) -> str:
        """The name of the processor that the program is for."""
        return _MACHINES.get(self.machine, f"machine {self.machine}")


@dataclass(frozen=True, slots=True)
class OtherHead:
    """A file with neither a ``#!`` line nor an ELF header; `start` has its first `HEAD` bytes."""

    start: bytes


Head = ScriptHead | ElfHead | OtherHead


def read_head(path: str) -> Head:
    """Read the head of the program file at `path`.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "not a regular file")
        start = os.pread(descriptor, HEAD, 0)
        if start.startswith(b"#!"):
            return _script_head(start)
        if start.startswith(b"\x7fELF"):
            return _elf_head(descriptor, start) or OtherHead(start)
        return OtherHead(start)
    finally:
        os.close(descriptor)


def own_head() -> ElfHead | None:
    """Return the header of the running Python, which this machine certainly executes."""
    try:
        head = read_head("/proc/self/exe")
    except OSError:
        return None
    return head if isinstance(head, ElfHead) else None


def _script_head(start: bytes) -> ScriptHead:
    line, ended, _ = start[2:].partition(b"\n")
    line = line.lstrip(b" \t")
    name = re.split(rb"[ \t\0]", line, maxsplit=1)[0]
    whole = ended or len(start) == HEAD
    cut = not ended and len(start) == HEAD and name == line != b""
    argument = line[len(name) :].partition(b"\0")[0].strip(b" \t")
    return ScriptHead(os.fsdecode(name), os.fsdecode(argument), cut, bool(whole and not line))


def _elf_head(descriptor: int, start: bytes) -> ElfHead | None:
    """Parse the header in `start`; None where it makes no sense."""
    if len(start) < 64 or start[4] not in (1, 2) or start[5] not in (1, 2):
        return None
    order = "<" if start[5] == 1 else ">"
    wide = start[4] == 2
    (machine,) = struct.unpack_from(f"{order}H", start, 18)
    (table,) = struct.unpack_from(f"{order}Q" if wide else f"{order}I", start, 32 if wide else 28)
    size, count = struct.unpack_from(f"{order}HH", start, 54 if wide else 42)
    entry = struct.Struct(f"{order}IIQQQQ" if wide else f"{order}IIIII")
    if size < entry.size or table > _FARTHEST:
        return None
    loader = None
    headers = os.pread(descriptor, size * min(count, _PROGRAM_HEADERS), table)
    for at in range(0, len(headers) - entry.size + 1, size):
        kind, *rest = entry.unpack_from(headers, at)
        if kind == _PT_INTERP:
            offset, length = (rest[1], rest[4]) if wide else (rest[0], rest[3])
            name = os.pread(descriptor, min(length, HEAD), min(offset, _FARTHEST))
            loader = os.fsdecode(name.partition(b"\0")[0])
            break
    return ElfHead(machine, 64 if wide else 32, loader)
