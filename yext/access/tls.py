"""TLS contexts of listeners, from the certificate files that their options name.

Relative names of files are looked up in the configuration directory, as in Yate.

A section names the files itself (``certificate``, ``key``, ``ca``), or in Yate's way: ``context``
names a section of openssl.conf, ``domain`` a domain in the ``domains`` of such a section.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from yext.conf import parse_bool
from yext.errors import TlsError

if TYPE_CHECKING:
    import ssl

    from yext.conf import Conf

OPTIONS = ("ssl", "context", "domain", "certificate", "key", "ca", "verify")


class Unusable:
    """The type of `UNUSABLE`."""


UNUSABLE: Final = Unusable()
"""Stands in for the context of a listener that should be secured and cannot be."""


def context(file: Conf | None, asked: Mapping[str, str], folder: str) -> ssl.SSLContext | None:
    """Return the TLS context that options ask for, None if they ask for none.

    Args:
        file: openssl.conf, None if the section may not refer to it.
        asked: the values of `OPTIONS` in the listener's section, empty ones included.
        folder: the configuration directory.

    Raises:
        TlsError: an option is wrong, or a file cannot be used.
    """
    wanted = parse_bool(asked["ssl"]) if asked["ssl"] else None
    if asked["ssl"] and wanted is None:
        raise TlsError("ssl", f"ssl={asked['ssl']} is not a boolean")
    if wanted is False:
        return None
    if not (asked["context"] or asked["domain"] or asked["certificate"]):
        for option in ("key", "ca"):
            if asked[option]:
                raise TlsError(option, f"{option}={asked[option]} without a certificate")
        if wanted:
            raise TlsError("ssl", "ssl=yes needs certificate=, a file with certificate and key")
        return None
    names = dict(asked)
    if file is not None and (asked["context"] or asked["domain"]):
        names |= _from_openssl(file, asked)
    return _made(names, folder)


def _from_openssl(file: Conf, asked: Mapping[str, str]) -> dict[str, str]:
    if asked["context"]:
        option, name = "context", asked["context"]
        found = file.section(name)
    else:
        option, name = "domain", asked["domain"]
        found = next(
            (
                section
                for section in file.sections
                if name in file.get(section.name, "domains", "").replace(",", " ").split()
            ),
            None,
        )
    if found is None:
        raise TlsError(option, f"{option}={name}: no section of {file.path} holds it")
    certificate = file.get(found.name, "certificate", "")
    if not certificate:
        where = f"[{found.name}] of {file.path}"
        raise TlsError(option, f"{option}={name}: {where} has no certificate")
    names = {"certificate": certificate, "key": file.get(found.name, "key", "")}
    ca = file.get(found.name, "ca", "")
    return names | ({"ca": ca} if ca else {})


def _made(names: Mapping[str, str], folder: str) -> ssl.SSLContext:
    import ssl

    def path(name: str) -> str:
        return os.path.join(folder, names[name])

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate = names["certificate"]
    try:
        # Without a password, OpenSSL would ask for one on the terminal and block the engine.
        made.load_cert_chain(
            path("certificate"), path("key") if names["key"] else None, password=""
        )
    except (OSError, ValueError) as error:
        raise TlsError("certificate", f"certificate={certificate}: {_reason(error)}") from error
    if names["verify"] == "none":
        return made
    if not names["ca"]:
        raise TlsError("verify", f"verify={names['verify']} needs ca=, a file of certificates")
    try:
        made.load_verify_locations(path("ca"))
    except OSError as error:
        raise TlsError("ca", f"ca={names['ca']}: {_reason(error)}") from error
    made.verify_mode = ssl.CERT_REQUIRED if names["verify"] == "must" else ssl.CERT_OPTIONAL
    return made


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
