"""The remote managers that ``yext attach`` can reach, and the file hosts.toml that names some.

    [alder]
    host = "alder.example"
    port = 5038
    tls = true
    ca = "/etc/yext/ca.pem"
    password_file = "~/.config/yext/alder.password"

The file is ``yext/hosts.toml`` in the configuration directory of the XDG Base Directory
Specification, ``~/.config``. Relative paths in it start from its own directory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yext.console import DEFAULT_PORT
from yext.errors import YextError

if TYPE_CHECKING:
    import ssl

DEFAULT_HOST = "127.0.0.1"

_FILES = ("path", "ca", "certificate", "key", "password_file", "user_password_file")


LONGEST_LINE = 4096
"""The longest line of hosts.toml in characters: a name of many parts would take long to read."""


class HostError(YextError):
    """A host, hosts.toml, or a file that it names, cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """One remote manager: its address, and the files needed to get in.

    Attributes:
        host, port: its TCP address.
        path: the path of its UNIX socket, in place of a TCP address; empty for none.
        tls: whether the connection is encrypted.
        ca: the file of certificates to verify the host's, empty for those of the system.
        certificate, key: the files of the client's certificate and its key, empty for none.
        password_file, user_password_file: the files whose first line is the password of an admin
            and of a user, empty for none.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    path: str = ""
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    password_file: str = ""
    user_password_file: str = ""

    @property
    def where(self) -> str:
        """The address as an operator writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """Make the TLS context of a connection, None for a plain one.

        Raises:
            HostError: a certificate or key cannot be read.
        """
        if not self.tls:
            return None
        import ssl

        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key or None, password="")
        except OSError as error:
            files = ", ".join(file for file in (self.ca, self.certificate, self.key) if file)
            raise HostError(f"{files}: {error.strerror or error}") from error
        return context


def read_password(file: str) -> str:
    """Read the password in the first line of a file.

    Raises:
        HostError: the file cannot be read, others may read it, or the line is blank.
    """
    try:
        path = Path(file).expanduser()
        mode = path.stat().st_mode
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError, RuntimeError) as error:
        raise HostError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    if mode & 0o077 and path.is_file():
        raise HostError(f"{file}: others may read it (mode {mode & 0o777:o}); chmod 600 {file}")
    if not lines or not lines[0].strip():
        raise HostError(f"{file}: its first line is to be a password, and is blank")
    return lines[0].strip()


def find(text: str) -> Host:
    """Return the host that an operator means.

    Args:
        text: a name of hosts.toml, HOST, HOST:PORT, [HOST]:PORT or a path.

    Raises:
        HostError: `text` or hosts.toml has a mistake.
    """
    known = read_hosts()
    if text in known:
        return known[text]
    if "/" in text:
        return Host(path=text)
    host, port = _split(text)
    if host and not _may_be_name(host):
        raise HostError(f"{text}: {host} is no name of a host")
    found = known.get(host, Host(host=host or DEFAULT_HOST))
    return found if port is None else replace(found, port=port)


def _split(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        return text, None
    if not port and not text.endswith(":"):
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise HostError(f"{text}: {port or 'nothing'} is not a port, 1 to 65535")
    return host, int(port)


def hosts_path() -> Path:
    """The path of hosts.toml."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if config.startswith("/") else Path.home() / ".config"
    return base / "yext" / "hosts.toml"


def read_hosts() -> dict[str, Host]:
    """Read hosts.toml; return its hosts by name, none without the file.

    Raises:
        HostError: the file cannot be read or has a mistake.
    """
    import tomllib

    path = hosts_path()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HostError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if max(map(len, text.splitlines()), default=0) > LONGEST_LINE:
        raise HostError(f"{path}: a line has more than {LONGEST_LINE} characters")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HostError(f"{path}: {error}") from error
    return {name: _host(path, name, values) for name, values in content.items()}


def _host(path: Path, name: str, values: Any) -> Host:
    if not isinstance(values, dict):
        raise HostError(f"{path}: {name} is not a table [{name}]")
    default = Host()
    for key, value in values.items():
        wanted = type(getattr(default, key, None))
        if wanted is type(None):
            raise HostError(f"{path}: [{name}] {key}: unknown")
        if type(value) is not wanted:
            raise HostError(f"{path}: [{name}] {key}: not {_KINDS[wanted]}")
        if isinstance(value, str) and "\0" in value:
            raise HostError(f"{path}: [{name}] {key}: has a NUL in it")
    port = values.get("port", default.port)
    if not 0 < port < 65536:
        raise HostError(f"{path}: [{name}] port: {port} is not a port, 1 to 65535")
    if not _may_be_name(values.get("host", default.host)):
        raise HostError(f"{path}: [{name}] host: {values['host']!r} is no name of a host")
    files: dict[str, str] = {}
    for key in _FILES:
        try:
            if values.get(key):
                files[key] = str(path.parent / Path(values[key]).expanduser())
        except RuntimeError:
            raise HostError(f"{path}: [{name}] {key}: {values[key]}: no such user") from None
    return Host(**(values | files))


def _may_be_name(host: str) -> bool:
    """Whether a text can be the name or the address of a host: only then may it be looked up."""
    try:
        return bool(host.encode("idna")) and "\0" not in host
    except UnicodeError:
        return False


_KINDS = {str: "a text", int: "a number", bool: "true or false"}
