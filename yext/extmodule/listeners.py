"""The sections ``[listener NAME]`` of extmodule.conf: where peers connect, and who may.

Source of the first five options: Yate's docs/extmodule.html; the others are yext's own.
"""

from __future__ import annotations

import os
import re

from yext import conf
from yext.access.admission import Access
from yext.conf import Conf, Problem, Section, Severity
from yext.conf.options import Option, read_options, unknown_problems
from yext.errors import PasswordHashError, TlsError
from yext.listening import ListenerSpec, SocketKind

LISTENER_OPTIONS = ("type", "path", "addr", "port", "role")

ACCESS = (
    Option(
        "password", "str", "",
        help="peers begin with `%%>auth:PASSWORD`; plain, or from yext passwd",
    ),
    Option(
        "users", "str", "",
        help="system users who get in without a password, by name or number, separated by commas",
    ),
    Option("open", "bool", False, help="let everyone in who reaches the listener, as Yate does"),
    Option("mode", "str", "", help="permissions of the UNIX socket: `600`, or `666` if others than"
           " the engine's user may get in"),
    Option("group", "str", "", help="group of the UNIX socket, by name or number"),
    Option("ssl", "str", "", help="TLS: `yes` if there is a certificate"),
    Option(
        "certificate", "str", "",
        help="file with the certificate, and optionally the key; relative names of files are"
        " looked up in the configuration directory",
    ),
    Option("key", "str", "", help="file with the key"),
    Option("ca", "str", "", help="file with the certificates that sign peers'"),
    Option(
        "verify", "choice", "none", help="whether peers need a certificate",
        choices=("none", "peer", "only", "once", "must"),
    ),
)  # fmt: skip
"""The options of a listener that say who may connect."""

ROLES = ("", "global", "channel")
"""The roles of peers, as a listener or ``%%>connect`` names them; empty: not decided yet."""

OTHERS_HINT = "set password=, or open=yes to let everyone in who reaches it"


class PeerListenerSpec(ListenerSpec):
    """A section ``[listener NAME]``.

    Attributes:
        role: the role of its peers.
        access: who may connect. It is not compared: it counts for the next connection.
    """

    __slots__ = ("access", "role")

    def __init__(
        self,
        name: str,
        kind: SocketKind,
        path: str = "",
        addr: str = "",
        port: int = 0,
        file: str = "",
        line: int = 0,
        role: str = "",
    ) -> None:
        super().__init__(name, kind, path, addr, port, file, line)
        self.role = role
        self.access = Access()

    def key(self) -> tuple[object, ...]:
        return (*super().key(), self.role)


OPTION_NAMES = (*LISTENER_OPTIONS, *(option.name for option in ACCESS))
"""The names of all options of a listener."""


def read_listeners(
    file: Conf,
) -> tuple[tuple[PeerListenerSpec, ...], list[Problem], tuple[Problem, ...]]:
    """Return the listeners of extmodule.conf, all mistakes, and those that leave a section without
    its listener."""
    specs: list[PeerListenerSpec] = []
    problems: list[Problem] = []
    unusable: list[Problem] = []
    for section in file.sections:
        if not section.name.startswith("listener "):
            continue
        problems += unknown_problems(file, section.name, OPTION_NAMES)
        found = _listener(section)
        if isinstance(found, Problem):
            problems.append(found)
            unusable.append(found)
            continue
        reading = _AccessReader(file, section, found)
        if reading.read():
            specs.append(found)
        else:
            unusable += reading.problems
        problems += reading.problems
    return tuple(specs), problems, tuple(unusable)


def _listener(section: Section) -> PeerListenerSpec | Problem:
    """The listener of a section, or the first mistake in it."""
    name = section.name.removeprefix("listener ").strip()

    def value(key: str) -> str:
        entry = section.entry(key)
        return entry.value if entry is not None else ""

    def wrong(key: str, text: str) -> Problem:
        where = section.entry(key) or section
        return Problem(where.file, where.line, Severity.ERROR, text)

    role, kind, path = value("role"), value("type"), value("path")
    if role not in ROLES:
        return wrong("role", f"Unknown role '{role}' of listener '{name}'")
    if not kind:
        return wrong("type", f"Could not start listener '{name}': it has no type, tcp or unix")
    if kind not in tuple(SocketKind):
        return wrong("type", f"Unknown type '{kind}' of listener '{name}'")
    if kind == SocketKind.UNIX:
        if not path:
            return wrong("path", f"Could not start listener '{name}': it has no path")
        return PeerListenerSpec(
            name, SocketKind.UNIX, path=path, file=section.file, line=section.line, role=role
        )
    port = conf.parse_int(value("port"))
    if port is None or not 0 < port < 65536:
        text = f"port={value('port')} is not a port, 1 to 65535"
        return wrong("port", f"Could not start listener '{name}': {text}")
    addr = value("addr") or "127.0.0.1"
    return PeerListenerSpec(
        name, SocketKind.TCP, addr=addr, port=port, file=section.file, line=section.line, role=role
    )


class _AccessReader:
    """Reads who may connect to one listener.

    Attributes:
        problems: the mistakes.
    """

    def __init__(self, file: Conf, section: Section, spec: PeerListenerSpec) -> None:
        self._folder = os.path.dirname(file.path)
        self._section = section
        self._spec = spec
        values, self.problems = read_options(file, section.name, ACCESS)
        self._values = values

    def read(self) -> bool:
        """Put it into the listener; return False if that must not be opened."""
        spec = self._spec
        usable = True
        context = None
        if any(self._text(name) for name in ("ssl", "certificate", "key", "ca")):
            from yext.access import tls

            asked = dict.fromkeys(tls.OPTIONS, "")
            asked |= {name: self._text(name) for name in tls.OPTIONS if name in self._values}
            try:
                context = tls.context(None, asked, self._folder)
            except TlsError as error:
                self._report(error.option, f"{error}; listener '{spec.name}' is not opened")
                usable = False
        password = self._password()
        everyone = bool(self._values["open"])
        if everyone and password:
            self._report("open", "open=yes counts for nothing where a password is set")
        spec.access = Access(password, self._users(), everyone, context)
        if spec.kind is SocketKind.UNIX:
            spec.mode = self._mode()
            spec.group = self._group()
            if spec.group is not None and not spec.access.for_other_users:
                text = (
                    "group= lets its members reach the socket, but only the engine's user gets in"
                )
                self._report("group", f"{text}; do: users=NAME, or password=", Severity.WARNING)
        else:
            for name in filter(self._text, ("mode", "group")):
                self._report(name, f"{name}= is for type=unix alone", Severity.WARNING)
        return usable

    def _password(self) -> str:
        stored = self._text("password").strip()
        if self._section.entry("password") is not None and not stored:
            self._report("password", "password= is blank, which is no password", Severity.WARNING)
        if stored.startswith("$"):
            from yext.access import passwords

            try:
                if passwords.is_hashed(stored):
                    passwords.parse(stored)
            except PasswordHashError as error:
                # It is kept, as a listener without a password would let others in.
                self._report("password", f"password=$scrypt$… is {error}")
        return stored

    def _users(self) -> frozenset[int]:
        found: set[int] = set()
        for name in filter(None, map(str.strip, self._text("users").split(","))):
            if name.isdecimal():
                found.add(int(name))
                continue
            import pwd  # Few listeners name users.

            try:
                found.add(pwd.getpwnam(name).pw_uid)
            except KeyError:
                self._report("users", f"users={name}: there is no such system user")
        return frozenset(found)

    def _mode(self) -> int:
        text = self._text("mode")
        if text and re.fullmatch("0?[0-7]{3}", text):
            return int(text, 8)
        if text:
            self._report("mode", f"mode={text} is not three octal digits, 660 for example")
        return 0o666 if self._spec.access.for_other_users and not text else 0o600

    def _group(self) -> int | None:
        name = self._text("group")
        if not name or name.isdecimal():
            return int(name) if name else None
        import grp  # Few listeners name a group.

        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            self._report("group", f"group={name}: there is no such group")
            return None

    def _text(self, name: str) -> str:
        return str(self._values[name])

    def _report(self, name: str, text: str, severity: Severity = Severity.ERROR) -> None:
        place = self._section.entry(name) or self._section
        self.problems.append(Problem(place.file, place.line, severity, text))
