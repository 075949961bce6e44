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


class SourceFile:
    """A file that is being read, and the state of its reading.

    Args:
        path: the path as Yate logs it.
        shown: the name of the file that operators see.
        content: the lines, and the number of the first that ended in a NUL, as `split_lines`
            returns them.
        parent: the file that includes this one.

    Attributes:
        lines: the lines of the file.
        nul: the number of the first line that ended in a NUL, 0 for none.
        depth: how many files include this one.
        section: the section being filled, at first that of the including file.
        number: the number of the line that was read last, from 1.
        ok: False once something that is required was not found.
        enabled: True if lines count, see ``[$enabled]``.
        branch_taken: True if lines have counted since the last plain ``[$enabled]``.
        headed: True once a line with a section was read.
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
        self, path: str, shown: str, content: tuple[list[str], int], parent: SourceFile | None
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
        """Return the next line without the blanks at its start, None at the end."""
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
        """The place of the line that was read last, as Yate logs it."""
        return f"'{self.path}' line={self.number}"


def split_lines(data: bytes) -> tuple[list[str], int]:
    """Split a file into lines.

    LF, CR LF, CR alone and NUL end a line. A byte order mark at the start is dropped. Bytes that
    are not UTF-8 become surrogate escapes.

    Returns:
        The lines, and the number of the first that ends in a NUL, 0 for none.
    """
    text = data.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    lines = _LINE_END.split(text)
    if not lines[-1]:
        lines.pop()
    nul = text.find("\0")
    return lines, 0 if nul < 0 else len(_LINE_END.findall(text, 0, nul)) + 1


def encoded(text: str) -> bytes:
    """Return `text` as bytes. Raises OSError (EILSEQ) for a lone surrogate."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ)) from error


def file_name(path: str) -> bytes:
    """Return `path` as bytes for a system call. Raises OSError for what cannot be a path."""
    name = encoded(path)
    if b"\0" in name:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return name


def read_bytes(path: str, limit: int) -> bytes:
    """Return the content of the file at `path`.

    A character device counts as empty: /dev/null is a file without content.

    Raises:
        OSError: it cannot be read; it has more than `limit` bytes (EFBIG); or it is anything but
            a regular file, which could block.
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
    """List the files that are read when the folder `path` is included.

    Names that begin with a dot or end in ``~``, ``.bak`` or ``.tmp`` are left out, and so is
    anything but a regular file. Yate does not follow symbolic links in a folder.

    Returns:
        The names of the files and those of the symbolic links, in order of their bytes; None if
        `path` is not a folder that can be read.
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
