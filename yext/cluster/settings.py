"""The sections of yext.conf about other nodes: ``[share]``, ``[link NAME]`` and ``[nats]``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple, cast

from yext.cluster.limits import is_node_name
from yext.conf import Conf, Problem, Severity, parse_int
from yext.conf.options import Option, read_options, unknown_problems
from yext.log import safe
from yext.patterns.wildcards import Matcher, wildcard

SHARE = (
    Option("handle", "str", "", help="messages whose handlers here other nodes may ask: names with"
           " `*`, separated by commas"),
    Option("use", "str", "", help="further messages that handlers on other nodes are asked about;"
           " those of `handle` are anyway"),
    Option("watch", "str", "", help="messages that watchers on other nodes get, after they were"
           " dispatched here"),
    Option("scripts", "str", "*", help="scripts whose handlers are shared, with `*`"),
    Option("retry", "choice", "no", help="`passed`: where a handler on one node has passed a"
           " message, the same script on another node is asked too", choices=("no", "passed")),
    Option("commands", "choice", "user", help="what operators of other nodes may do here by `node`",
           choices=("none", "user", "admin")),
    Option("timeout", "int", 60_000, 100, 3_600_000, "milliseconds",
           "How long a message waits for another node; the script there has a timeout of its own"),
    Option("maxqueue", "int", 10_000, 1, 100_000, "messages",
           "Messages that may wait for one node's answers; further ones skip it"),
)  # fmt: skip

_TLS = (
    Option("tls", "bool", False, help="secure the connection, and check the other end's"
           " certificate and its name"),
    Option("ca", "str", "", help="file with the certificates that sign the other end's; without"
           " it those that the system trusts"),
    Option("certificate", "str", "", help="file with the certificate to show, and its key"),
    Option("key", "str", "", help="file with the key"),
)  # fmt: skip

LINK = (
    Option("address", "str", "", help="where a listener of role global is: `HOST:PORT`, or the"
           " path of a UNIX socket"),
    Option("node", "str", "", help="the name of the node there; any other is refused"),
    Option("password-file", "str", "", help="file with the password of the listener there"),
    *_TLS,
)  # fmt: skip

NATS = (
    Option("servers", "str", "nats://127.0.0.1:4222", help="NATS servers, separated by commas"),
    Option("credentials", "str", "", help="file with `USER:PASSWORD`, a token, or credentials"
           " as NATS makes them"),
    Option("prefix", "str", "yext", help="the beginning of all subjects; nodes with the same one"
           " find each other"),
    *_TLS,
)  # fmt: skip

_NEVER = ("chan.", "engine.", "module.")
_NEVER_NAME = "call.execute"


def never_leaves(name: str) -> bool:
    """Return True for a message that stays on its node: it goes with a call, or with the engine."""
    return not name or name == _NEVER_NAME or name.startswith(_NEVER)


class Names:
    """A list of names with wildcards; those that never leave a node are never in it.

    Args:
        text: the list, separated by commas.
    """

    def __init__(self, text: str) -> None:
        self.patterns = tuple(filter(None, (one.strip() for one in text.split(","))))
        self._fit: tuple[Matcher, ...] = tuple(map(wildcard, self.patterns))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __contains__(self, name: str) -> bool:
        return any(fits(name) for fits in self._fit) and not never_leaves(name)


class Scripts(Names):
    """A list of the names of scripts."""

    def __contains__(self, name: str) -> bool:
        return any(fits(name) for fits in self._fit)


class Share(NamedTuple):
    """The section ``[share]``.

    Attributes:
        handle: the messages whose handlers here other nodes may ask.
        leave: the messages that handlers on other nodes are asked about; None for all that other
            nodes offer.
        watch: the messages that watchers on other nodes get.
        scripts: the scripts whose handlers are shared.
        retry_passed: whether the same script is asked on another node if it has passed on one.
        commands: the most that commands of other nodes may do: ``none``, ``user``, ``admin``.
        timeout: seconds that a message waits for another node.
        maxqueue: messages that may wait for one node.
    """

    handle: Names
    leave: Names | None
    watch: Names
    scripts: Scripts
    retry_passed: bool
    commands: str
    timeout: float
    maxqueue: int

    def may_leave(self, name: str) -> bool:
        """Return True if messages called `name` may be sent to another node's handlers."""
        return not never_leaves(name) if self.leave is None else name in self.leave


class Tls(NamedTuple):
    """How a connection is secured, the files as absolute paths or empty."""

    on: bool
    ca: str
    certificate: str
    key: str


class LinkSpec(NamedTuple):
    """A section ``[link NAME]``.

    Attributes:
        name: the link's name.
        host, port: the address; the port is 0 for a UNIX socket.
        path: the path of the UNIX socket.
        node: the name of the node there, empty for any.
        password_file: the file with the password, empty for none.
        tls: how the connection is secured.
        file, line: where the section is.
    """

    name: str
    host: str
    port: int
    path: str
    node: str
    password_file: str
    tls: Tls
    file: str
    line: int

    def where(self) -> str:
        """Return the address as an operator writes it."""
        return f"unix {self.path}" if self.path else f"tcp {self.host}:{self.port}"


class NatsSpec(NamedTuple):
    """The section ``[nats]``."""

    servers: tuple[str, ...]
    credentials: str
    prefix: str
    tls: Tls
    file: str
    line: int


class Settings(NamedTuple):
    """What yext.conf says about other nodes, and the mistakes; what has one is left out."""

    share: Share
    links: tuple[LinkSpec, ...]
    nats: NatsSpec | None
    problems: tuple[Problem, ...]


def read(file: Conf, node: str) -> Settings:
    """Read the sections; `node` is the name of this node."""
    return _Reader(file).read(node)


class _Reader:
    """Reads the sections of one file.

    Args:
        file: yext.conf.
    """

    def __init__(self, file: Conf) -> None:
        self._file = file
        self._folder = os.path.dirname(file.path)
        self._problems: list[Problem] = []

    def read(self, node: str) -> Settings:
        """Read everything; `node` is the name of this node."""
        if not is_node_name(node):
            text = f"the node is called '{safe(node)}': others know it only by a name of 1 to 64"
            self._report("share", "", f"{text} letters, digits, '.', '_' or '-'; do: yext serve -N")
        share = self._share()
        links = (
            self._link(section.name)
            for section in self._file.sections
            if section.name.startswith("link ")
        )
        found = tuple(link for link in links if link is not None)
        nats = self._nats() if self._file.has_section("nats") else None
        return Settings(share, found, nats, tuple(self._problems))

    def _options(self, section: str, options: tuple[Option, ...]) -> dict[str, str | int | bool]:
        values, problems = read_options(self._file, section, options)
        self._problems += problems
        self._problems += unknown_problems(self._file, section, [one.name for one in options])
        return cast("dict[str, str | int | bool]", values)

    def _share(self) -> Share:
        values = self._options("share", SHARE)
        handle, use, watch = (
            self._names(str(values[key]), key) for key in ("handle", "use", "watch")
        )
        leave = Names(",".join((*handle.patterns, *use.patterns)))
        return Share(
            handle,
            leave if self._file.has_section("share") else None,
            watch,
            Scripts(str(values["scripts"])),
            values["retry"] == "passed",
            str(values["commands"]),
            int(values["timeout"]) / 1000,
            int(values["maxqueue"]),
        )

    def _names(self, text: str, key: str) -> Names:
        """Read a list of names, without those that would share what stays on a node."""
        names = Names(text)
        wrong = [pattern for pattern in names.patterns if _reaches_never(pattern)]
        for pattern in wrong:
            why = "what goes with a call or with one engine never leaves its node"
            hint = "; do: name the messages one by one" if "*" in pattern or "?" in pattern else ""
            self._report("share", key, f"{key}={safe(pattern)}: {why}{hint}")
        return Names(",".join(one for one in names.patterns if one not in wrong))

    def _link(self, section: str) -> LinkSpec | None:
        values = self._options(section, LINK)
        name, address = section.removeprefix("link ").strip(), str(values["address"])
        entry = self._file.entry(section, "address")
        host, colon, port_text = address.rpartition(":")
        port = parse_int(port_text) if colon else None
        path = "" if colon and "/" not in address else address
        if not address:
            self._report(section, "", f"[{section}] has no address=HOST:PORT, nor a path")
            return None
        if path and not path.startswith("/"):
            text = f"address={safe(address)} is neither HOST:PORT nor an absolute path"
            self._report(section, "address", text)
            return None
        if not path and (not host or port is None or not 0 < port < 65536):
            self._report(section, "address", f"address={safe(address)} has no port, 1 to 65535")
            return None
        node = str(values["node"])
        if node and not is_node_name(node):
            self._report(section, "node", f"node={safe(node)} cannot be the name of a node")
            return None
        password = self._path(values["password-file"])
        self._check_private(section, "password-file", password)
        place = entry or self._file.section(section)
        return LinkSpec(
            name, host.strip("[]") if not path else "", port or 0 if not path else 0, path, node,
            password, self._tls(section, values), place.file if place else "",
            place.line if place else 0,
        )  # fmt: skip

    def _nats(self) -> NatsSpec | None:
        values = self._options("nats", NATS)
        servers = tuple(filter(None, (one.strip() for one in str(values["servers"]).split(","))))
        prefix = str(values["prefix"])
        if not servers:
            self._report(
                "nats", "servers", "servers= names no server, nats://HOST:4222 for example"
            )
            return None
        if any(not is_node_name(word) for word in prefix.split(".")):
            text = f"prefix={safe(prefix)} is not words of letters and digits with dots between"
            self._report("nats", "prefix", text)
            return None
        credentials = self._path(values["credentials"])
        self._check_private("nats", "credentials", credentials)
        section = self._file.section("nats")
        return NatsSpec(
            servers, credentials, prefix, self._tls("nats", values),
            section.file if section else "", section.line if section else 0,
        )  # fmt: skip

    def _tls(self, section: str, values: Mapping[str, str | int | bool]) -> Tls:
        tls = Tls(
            bool(values["tls"]), *(self._path(values[key]) for key in ("ca", "certificate", "key"))
        )
        for key in ("ca", "certificate", "key"):
            if not tls.on and values[key]:
                text = f"{key}= counts for nothing without tls=yes"
                self._report(section, key, text, Severity.WARNING)
            elif values[key]:
                self._check_readable(section, key, self._path(values[key]))
        return tls

    def _path(self, value: str | int | bool) -> str:
        return os.path.join(self._folder, str(value)) if value else ""

    def _check_private(self, section: str, key: str, path: str) -> None:
        """Report a file with a secret that cannot be read, or that others can read."""
        if self._check_readable(section, key, path) and os.stat(path).st_mode & 0o077:
            text = f"{key}={safe(path)} can be read by other users; do: chmod 600 it"
            self._report(section, key, text, Severity.WARNING)

    def _check_readable(self, section: str, key: str, path: str) -> bool:
        if not path:
            return False
        try:
            with open(path, "rb"):
                return True
        except OSError as error:
            self._report(section, key, f"{key}={safe(path)}: {error.strerror}")
            return False

    def _report(
        self, section: str, key: str, text: str, severity: Severity = Severity.ERROR
    ) -> None:
        place = self._file.entry(section, key) or self._file.section(section)
        file, line = (place.file, place.line) if place is not None else ("yext.conf", 0)
        self._problems.append(Problem(file, line, severity, text))


def _reaches_never(pattern: str) -> bool:
    """Return True if a pattern names, or can fit, a message that never leaves a node."""
    literal = pattern.partition("*")[0].partition("?")[0]
    if literal == pattern:
        return never_leaves(pattern)
    begins = any(begin.startswith(literal) or literal.startswith(begin) for begin in _NEVER)
    return begins or wildcard(pattern)(_NEVER_NAME)
