"""The listeners of rmanager.conf, one a section, and their options.

Source: Yate's conf.d/rmanager.conf and the recordings in tests/conformance/vectors/rmanager.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from yext.access import passwords
from yext.access.admission import check_loopback
from yext.access.tls import UNUSABLE
from yext.conf import Conf, Entry, Problem, Severity, parse_int
from yext.conf.options import Option, read_options, unknown_problems
from yext.console import DEFAULT_PORT
from yext.console.server import auth
from yext.errors import PasswordHashError, PatternError, TlsError
from yext.listening import ListenerSpec, SocketKind

if TYPE_CHECKING:
    import ssl

    from yext.access.tls import Unusable

DEFAULT_ADDR = "127.0.0.1"
DEFAULT_HEADER = (
    "YATE ${version}-${release} r${revision} (http://YATE.null.ro) ready on ${nodename}."
)

SHORTEST_TIMEOUT = 5000
"""Milliseconds: a shorter `timeout` counts as this, and 0 as none, as in Yate."""

OPTIONS: tuple[Option, ...] = (
    Option("port", "int", DEFAULT_PORT, help="TCP port, 0 for no TCP"),
    Option("addr", "str", DEFAULT_ADDR, help="address or name to listen on"),
    Option("path", "str", "", help="UNIX socket to listen on, instead of addr and port"),
    Option("header", "str", DEFAULT_HEADER, help="first line, with ${parameters}"),
    Option("prompt", "str", "", help="prompt of admins, shown while echo is on"),
    Option("prompt_user", "str", "", help="prompt of users; if empty, that of admins"),
    Option("prompt_guest", "str", "", help="prompt of guests; if empty, that of users"),
    Option("goodbye", "str", "Goodbye!", help="reply to quit, with ${parameters}"),
    Option("password", "str", "", help="password of admins; plain, or from yext passwd"),
    Option("userpass", "str", "", help="password of users, who observe"),
    Option("timeout", "int", 30000, 0, None, "ms", "how long a guest may stay, 0 for no limit"),
    Option("logged", "bool", True, help="log each session's begin and end"),
    Option("telnet", "bool", True, help="offer telnet: a terminal then gets the whole console"),
    Option("output", "bool", False, help="show output from the start; defaults to debug"),
    Option("debug", "bool", False, help="show debug text from the start, without passwords only"),
    Option("color", "bool", False, help="show output in colour from the start, with telnet only"),
    Option("echoing", "bool", False, help="echo from the start, without telnet only"),
    Option("interactive", "bool", False, help="accepted without effect, as in Yate"),
    Option("maxhistory", "int", 50, 0, 10000, "lines", "lines of history in a plain session"),
    Option("ssl", "str", "", help="TLS: yes if there is a certificate"),
    Option("context", "str", "", help="section of openssl.conf with certificate and key"),
    Option("domain", "str", "", help="look up the certificate of this domain in openssl.conf"),
    Option(
        "certificate", "str", "",
        help="file with the certificate, and optionally the key; relative names of files are"
        " looked up in the configuration directory",
    ),
    Option("key", "str", "", help="file with the key"),
    Option("ca", "str", "", help="file with the certificates that sign clients'"),
    Option(
        "verify", "choice", "none", help="whether clients need a certificate",
        choices=("none", "peer", "only", "once", "must"),
    ),
    Option("user_prefix", "str", "", help="commands that users may give, separated by commas"),
    Option("user_regexp", "str", "", help="POSIX basic expression of lines that users may give"),
    Option("user_flow", "bool", False, help="let users follow the messages"),
    Option("allow_execute", "bool", True, help="let commands start programs"),
    Option("files", "str", "", help="folders whose files commands may use, separated by commas"),
    Option("guestline", "int", 1024, 64, 65536, "bytes", "longest line of a guest"),
    Option("maxline", "int", 65536, 1024, 16777216, "bytes", "longest line of a session"),
    Option("maxqueue", "int", 1048576, 65536, None, "bytes", "output kept for a slow client"),
    Option("stalled", "int", 30000, 1000, None, "ms", "how long a client may read nothing"),
)  # fmt: skip
"""The options of a section, beside ``alias:NAME``."""

_ALIAS = "alias:"


OPTION_NAMES = tuple(option.name for option in OPTIONS)
"""Their names."""


@dataclass(frozen=True)
class Listener:
    """One section of rmanager.conf, with fields named as its options.

    Attributes:
        spec: the address to bind.
        prompts: the prompts of guests, users and admins.
        credentials: the passwords.
        timeout, stalled: in seconds; a `timeout` of 0 is none.
        tls: the context that connections are secured with, None for plain connections.
        files: the folders whose files sessions may have read or written; None for all.
        users_may: returns whether users may give a command line beyond their authority.
    """

    spec: ListenerSpec
    header: str
    goodbye: str
    prompts: tuple[str, str, str]
    credentials: auth.Credentials
    timeout: float
    logged: bool
    telnet: bool
    output: bool
    debug: bool
    color: bool
    echoing: bool
    maxhistory: int
    tls: ssl.SSLContext | Unusable | None
    users_may: auth.UserCommands
    user_flow: bool
    allow_execute: bool
    files: tuple[str, ...] | None
    guestline: int
    maxline: int
    maxqueue: int
    stalled: float
    aliases: Mapping[str, str]

    @property
    def place(self) -> tuple[str, str, int]:
        """The identity of the listener: its path, or its address and port."""
        return self.spec.path, self.spec.addr, self.spec.port


def read_listeners(
    file: Conf, tls: Conf
) -> tuple[tuple[Listener, ...], list[Problem], list[Problem]]:
    """Return the listeners of rmanager.conf, its problems, and the errors of sections that cannot
    be opened because of them.

    Without the file there is one listener with all defaults, as in Yate.

    Args:
        file: rmanager.conf.
        tls: openssl.conf.
    """
    if not file.exists:
        file.make_section("general", os.path.basename(file.path), 0)
    listeners: list[Listener] = []
    problems: list[Problem] = []
    unusable: list[Problem] = []
    for section in file.sections:
        reading = _Section(file, tls, section.name)
        listener = reading.listener()
        if listener is not None:
            listeners.append(listener)
        if listener is None or listener.tls is UNUSABLE:
            unusable += [one for one in reading.problems if one.severity is Severity.ERROR]
        problems += reading.problems
    return tuple(listeners), problems, unusable


class _Section:
    """Reads one section.

    Attributes:
        problems: what is wrong with it.
    """

    def __init__(self, file: Conf, tls: Conf, name: str) -> None:
        self._file = file
        self._tls = tls
        self._name = name
        self._values, self.problems = read_options(file, name, OPTIONS)
        known = {*OPTION_NAMES}
        known |= {key for key, _ in file.items(name) if key.startswith(_ALIAS)}
        self.problems += unknown_problems(file, name, known)

    def listener(self) -> Listener | None:
        """Return the listener, None for a section that opens none."""
        spec = self._spec()
        if spec is None:
            return None
        credentials = auth.Credentials(self._password("password"), self._password("userpass"))
        # Where a password is asked for, other users of the machine may try it.
        spec.mode = 0o600 if credentials.none else 0o666
        telnet = self._bool("telnet")
        debug = self._bool("debug")
        admin = _unquoted(self._text("prompt"))
        user = _unquoted(self._text("prompt_user")) or admin
        timeout = self._int("timeout")
        return Listener(
            spec=spec,
            header=self._text("header"),
            goodbye=self._text("goodbye"),
            prompts=(_unquoted(self._text("prompt_guest")) or user, user, admin),
            credentials=credentials,
            timeout=max(timeout, SHORTEST_TIMEOUT) / 1000 if timeout else 0.0,
            logged=self._bool("logged"),
            telnet=telnet,
            output=self._bool("output") if self._entry("output") else debug,
            debug=debug and credentials.none,
            color=self._bool("color") and telnet,
            echoing=self._bool("echoing") and not telnet,
            maxhistory=self._int("maxhistory"),
            tls=self._context(),
            users_may=self._users_may(),
            user_flow=self._bool("user_flow"),
            allow_execute=self._bool("allow_execute"),
            files=self._files(credentials),
            guestline=self._int("guestline"),
            maxline=self._int("maxline"),
            maxqueue=self._int("maxqueue"),
            stalled=self._int("stalled") / 1000,
            aliases=self._aliases(),
        )

    def _spec(self) -> ListenerSpec | None:
        path = self._text("path")
        section = self._file.section(self._name)
        assert section is not None
        file, line = section.file, section.line
        if path:
            return ListenerSpec(self._name, SocketKind.UNIX, path, file=file, line=line)
        entry = self._entry("port")
        port = DEFAULT_PORT if entry is None else parse_int(entry.value)
        if port is None or not 0 <= port < 65536:
            if port is not None and entry is not None:
                self._report(
                    Severity.ERROR, "port", f"port={entry.value} is not a port, 1 to 65535"
                )
            return None
        if not port:
            return None
        if not self._text("addr"):
            self._report(Severity.WARNING, "addr", f"addr= is empty: [{self._name}] is not opened")
            return None
        return ListenerSpec(self._name, SocketKind.TCP, "", self._text("addr"), port, file, line)

    def _password(self, name: str) -> str:
        stored = self._text(name).strip()
        if not stored and self._entry(name) is not None:
            self._report(Severity.WARNING, name, f"{name}= is blank, which is no password")
        if passwords.is_hashed(stored):
            try:
                passwords.parse(stored)
            except PasswordHashError as error:
                # It is kept, as a listener without a password would let others in.
                self._report(Severity.ERROR, name, f"{name}=$scrypt$… is {error}")
        return stored

    def _files(self, credentials: auth.Credentials) -> tuple[str, ...] | None:
        """Return the folders of ``files``; without the option, sessions may use no file.

        Where no password is set, only the user who runs the engine gets in. Such a session may
        start programs, which can do anything with any file, so it may use all of them.
        """
        if self._entry("files") is None and credentials.none and self._bool("allow_execute"):
            return None
        folders = _words(self._text("files"))
        wrong = [folder for folder in folders if not folder.startswith("/")]
        for folder in wrong:
            text = f"files={folder} is not an absolute path: nothing there may be used"
            self._report(Severity.ERROR, "files", text)
        return tuple(folder for folder in folders if folder not in wrong)

    def _users_may(self) -> auth.UserCommands:
        text = self._text("user_regexp")
        pattern = None
        if text:
            # Loaded with the first expression: most listeners have none.
            from yext.patterns.posix import LONGEST_CONFIGURED, basic_regex

            try:
                pattern = basic_regex(text, LONGEST_CONFIGURED)
            except PatternError as error:
                self._report(Severity.ERROR, "user_regexp", f"user_regexp is {error}")
        return auth.UserCommands(_words(self._text("user_prefix")), pattern)

    def _context(self) -> ssl.SSLContext | Unusable | None:
        from yext.access import tls

        asked = {name: self._text(name) for name in tls.OPTIONS}
        try:
            return tls.context(self._tls, asked, os.path.dirname(self._file.path))
        except TlsError as error:
            self._report(Severity.ERROR, error.option, f"{error}; [{self._name}] is not opened")
            return UNUSABLE

    def _aliases(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, entry in self._file.items(self._name):
            name = key.removeprefix(_ALIAS).strip()
            if key.startswith(_ALIAS) and name and entry.value:
                found.setdefault(name, entry.value)
        return found

    def _entry(self, name: str) -> Entry | None:
        return self._file.entry(self._name, name)

    def _report(self, severity: Severity, name: str, text: str) -> None:
        entry = self._entry(name)
        section = self._file.section(self._name)
        place = entry or section
        assert place is not None
        self.problems.append(Problem(place.file, place.line, severity, text))

    def _text(self, name: str) -> str:
        return cast(str, self._values[name])

    def _int(self, name: str) -> int:
        return cast(int, self._values[name])

    def _bool(self, name: str) -> bool:
        return cast(bool, self._values[name])


def _unquoted(prompt: str) -> str:
    """Return a prompt without the quotes that protect its blanks."""
    if len(prompt) > 1 and prompt[0] == prompt[-1] == '"':
        return prompt[1:-1]
    return prompt


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def check_local(listener: Listener) -> None:
    """Check that a listener without a password is on this machine alone.

    Raises:
        ListenError: others could reach the address.
    """
    if listener.credentials.none:
        check_loopback(listener.spec)
