"""Where ``yext attach`` goes: HOST[:PORT], a UNIX socket, or a name from hosts.toml.

    [alder]
    host = "alder.example"
    port = 5038
    tls = true
    ca = "/etc/yext/ca.pem"
    password_file = "~/.config/yext/alder.password"

The file is ``yext/hosts.toml`` in the configuration directory of the XDG Base Directory
Specification, ``~/.config``. Relative names in it start from its own folder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5038

_FILES = ("path", "ca", "certificate", "key", "password_file", "user_password_file")


class HostMistake(Exception):
    """A host cannot be made out of what was given; the text says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """One remote manager, and how to get in.

    Attributes:
        host, port: where it listens; `path` in their place for a UNIX socket.
        tls: whether the connection is secured.
        ca: file with the certificates that the host's is checked by, empty for the system's.
        certificate, key: files of a certificate of our own, empty for none.
        password_file, user_password_file: files whose first line is the password of an admin
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
        """The host as an operator writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """What secures the connection. Raises `HostMistake`."""
        if not self.tls:
            return None
        import ssl

        try:
            made = ssl.create_default_context(cafile=self.ca or None)
            if self.certificate:
                made.load_cert_chain(self.certificate, self.key or None, password="")
        except OSError as error:
            files = ", ".join(file for file in (self.ca, self.certificate, self.key) if file)
            raise HostMistake(f"{files}: {error.strerror or error}") from error
        return made


def read_password(file: str) -> str:
    """The first line of a file. Raises `HostMistake`, also when others may read the file."""
    path = Path(file).expanduser()
    try:
        mode = path.stat().st_mode
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise HostMistake(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    if mode & 0o077 and path.is_file():
        raise HostMistake(f"{file}: others may read it (mode {mode & 0o777:o}); chmod 600 {file}")
    if not lines or not lines[0].strip():
        raise HostMistake(f"{file}: its first line is to be a password, and is blank")
    return lines[0].strip()


def find(asked: str) -> Host:
    """The host that was asked for: a name of hosts.toml, HOST, HOST:PORT, [HOST]:PORT or a
    path. Raises `HostMistake`."""
    known = read_hosts()
    if asked in known:
        return known[asked]
    if "/" in asked:
        return Host(path=asked)
    host, port = _split(asked)
    found = known.get(host, Host(host=host or DEFAULT_HOST))
    return found if port is None else replace(found, port=port)


def _split(asked: str) -> tuple[str, int | None]:
    if asked.startswith("["):
        host, _, rest = asked[1:].partition("]")
        text = rest.removeprefix(":")
    elif asked.count(":") == 1:
        host, _, text = asked.partition(":")
    else:
        return asked, None
    if not text and not asked.endswith(":"):
        return host, None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise HostMistake(f"{asked}: {text or 'nothing'} is not a port, 1 to 65535")
    return host, int(text)


def hosts_path() -> Path:
    """Where hosts.toml is."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if config.startswith("/") else Path.home() / ".config"
    return base / "yext" / "hosts.toml"


def read_hosts() -> dict[str, Host]:
    """The hosts of hosts.toml by name, none without the file. Raises `HostMistake`."""
    import tomllib

    path = hosts_path()
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HostMistake(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HostMistake(f"{path}: {error}") from error
    return {name: _host(path, name, values) for name, values in content.items()}


def _host(path: Path, name: str, values: Any) -> Host:
    if not isinstance(values, dict):
        raise HostMistake(f"{path}: {name} is not a table [{name}]")
    default = Host()
    for key, value in values.items():
        wanted = type(getattr(default, key, None))
        if wanted is type(None):
            raise HostMistake(f"{path}: [{name}] {key}: unknown")
        if type(value) is not wanted:
            raise HostMistake(f"{path}: [{name}] {key}: not {_KINDS[wanted]}")
    files = {
        key: str(path.parent / Path(values[key]).expanduser()) for key in _FILES if values.get(key)
    }
    return Host(**(values | files))


_KINDS = {str: "a text", int: "a number", bool: "true or false"}
