"""The files that a configuration is read from: bytes in, lines out."""

from __future__ import annotations

import errno
import os
import re
import stat

from yext.conf.model import Section
from yext.conf.values import BLANKS

_LINE_END = re.compile("\r\n|[\n\r\0]")
_BOM = b"\xef\xbb\xbf"
_IGNORED_ENDINGS = (b"~", b".bak", b".tmp")


class Source:
    """A file while it is read, and how far its reading has come.

    `path` is the name that Yate logs, `shown` the one that the operator gets; `number` is
    the line read last, from 1, `nul` the first that ended in a NUL (0: none); `depth` counts
    the files that include this one; `section` is the one being filled, at first that of the
    including file. `headed` tells whether a section line was read, `enabled` whether lines
    count, `branch_taken` whether they did since the last plain ``[$enabled]``.
    """

    __slots__ = (
        "branch_taken",
        "depth",
        "enabled",
        "headed",
        "lines",
        "nul",
        "number",
        "ok",
        "path",
        "section",
        "shown",
    )

    def __init__(
        self, path: str, shown: str, content: tuple[list[str], int], parent: Source | None
    ) -> None:
        self.path = path
        self.shown = shown
        self.lines, self.nul = content
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.section: Section | None = None if parent is None else parent.section
        self.number = 0
        self.ok = True
        self.enabled = True
        self.branch_taken = True
        self.headed = False

    def next_line(self) -> str | None:
        """The next line without the blanks at its start, None at the end."""
        if self.number == len(self.lines):
            return None
        line = self.lines[self.number]
        self.number += 1
        return line.lstrip(BLANKS)

    @property
    def section_name(self) -> str:
        """The name of the section being filled, empty where there is none."""
        return "" if self.section is None else self.section.name

    @property
    def where(self) -> str:
        """The place of the line read last, as Yate logs it."""
        return f"'{self.path}' line={self.number}"


def split_lines(data: bytes) -> tuple[list[str], int]:
    """The lines of a file, and the number of the first that ends in a NUL (0: none).

    LF, CR LF, CR alone and NUL end a line; a byte order mark at the start is dropped.
    Bytes that are not UTF-8 become surrogate escapes.
    """
    text = data.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    lines = _LINE_END.split(text)
    if not lines[-1]:
        lines.pop()
    nul = text.find("\0")
    return lines, 0 if nul < 0 else len(_LINE_END.findall(text, 0, nul)) + 1


def encoded(text: str) -> bytes:
    """The bytes of `text`. Raises `OSError` (EILSEQ) where there are none."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ)) from error


def file_name(path: str) -> bytes:
    """`path` as the system is asked for it. Raises `OSError` where it cannot be one."""
    name = encoded(path)
    if b"\0" in name:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return name


def read_bytes(path: str, limit: int) -> bytes:
    """What is in the file at `path`.

    A character device is empty (/dev/null stands for a file without content). Raises
    `OSError` where it cannot be read, where it is anything else that is no regular file,
    since reading that could block, and with EFBIG where it holds more than `limit` bytes.
    """
    descriptor = os.open(file_name(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISCHR(mode):
            return b""
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return data


def list_folder(path: str) -> tuple[list[str], list[str]] | None:
    """The files of a folder that an include of it reads, and the symbolic links among them.

    In order of their bytes. Left out are names that begin with a dot or end in ``~``,
    ``.bak`` or ``.tmp``, and all that is not a regular file; Yate does not follow symbolic
    links there. None where `path` is no folder that can be read.
    """
    try:
        with os.scandir(file_name(path)) as found:
            wanted = [
                entry
                for entry in found
                if not (entry.name.startswith(b".") or entry.name.endswith(_IGNORED_ENDINGS))
            ]
            files = [entry.name for entry in wanted if entry.is_file(follow_symlinks=False)]
            links = [entry.name for entry in wanted if entry.is_symlink()]
    except OSError:
        return None
    return _decoded(files), _decoded(links)


def _decoded(names: list[bytes]) -> list[str]:
    return [name.decode("utf-8", "surrogateescape") for name in sorted(names)]
