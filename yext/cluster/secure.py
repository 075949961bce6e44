"""TLS contexts of connections that this node opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yext.errors import NodeError

if TYPE_CHECKING:
    import ssl

    from yext.cluster.settings import Tls


def client_context(tls: Tls) -> ssl.SSLContext | None:
    """Return the context that checks the other end's certificate and its name, None without TLS.

    Raises:
        NodeError: a file cannot be used.
    """
    if not tls.on:
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key or None, password="")
    except (OSError, ValueError) as error:
        raise NodeError(f"its certificate files cannot be used: {error}") from error
    return context
