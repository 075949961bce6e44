"""Free TCP ports, each kept from every other test on this machine."""

from __future__ import annotations

import random
import socket

_PORTS = range(10_000, 32_000)
"""Below the ports that the kernel gives to clients, so that no outgoing connection takes one."""

_claims: list[socket.socket] = []


def free_port() -> int:
    """A port of the loopback address that is this process's until it ends."""
    port, claim = claim_port()
    _claims.append(claim)
    return port


def claim_port() -> tuple[int, socket.socket]:
    """A port of the loopback address that nobody listens on, and what claims it until closed.

    A port stays free between choosing it and listening on it because whoever looks for one binds
    an abstract unix socket named after it first.
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
