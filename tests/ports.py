"""Free TCP ports, each reserved against all other tests on this machine."""

from __future__ import annotations

import random
import socket

_PORTS = range(10_000, 32_000)
"""Below the ephemeral ports, so that no outgoing connection takes one."""

_claims: list[socket.socket] = []


def free_port() -> int:
    """Reserve a free port of the loopback address until this process ends."""
    port, claim = claim_port()
    _claims.append(claim)
    return port


def claim_port() -> tuple[int, socket.socket]:
    """Reserve a free port of the loopback address; return it with the socket that reserves it.

    The port stays free until a listener binds it, because every search for a port first binds an
    abstract UNIX socket named after it. Closing the socket ends the reservation.
    """
    for port in random.sample(_PORTS, 500):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0yext-test-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        return port, claim
    raise AssertionError("no free port found")
