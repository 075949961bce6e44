"""Ways between two nodes that tests cut, slow down and mend: network namespaces, or a relay.

A network namespace is a machine of its own to the kernel; netem loses and delays its packets. It
needs rights that not every machine gives; a relay in the test (`Wire`) needs none.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from tests.clusterfaults import NodeProcess, Wire

_numbers = itertools.count(os.getpid() % 200 * 250)


class Way(Protocol):
    """A way to a node, which is cut, slowed and mended."""

    node: NodeProcess

    @property
    def address(self) -> str:
        """Where the node is connected to."""

    def cut(self) -> None:
        """Carry nothing any more, without a word."""

    def slow(self) -> None:
        """Take 50 ms for everything, each way."""

    def mend(self) -> None:
        """Be as before."""


class RelayedWay:
    """A way by a relay in the test."""

    def __init__(self, node: NodeProcess, wire: Wire) -> None:
        self.node = node
        self._wire = wire

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._wire.port}"

    def cut(self) -> None:
        self._wire.cut()

    def slow(self) -> None:
        self._wire.seconds = 0.05

    def mend(self) -> None:
        self._wire.seconds = 0.0
        self._wire.mend()


class NamespaceWay:
    """A way to a node in a network namespace of its own, by a pair of virtual interfaces."""

    def __init__(self, node: NodeProcess, here: str, namespace: str, address: str) -> None:
        self.node = node
        self._here = here
        self._namespace = namespace
        self._address = address

    @property
    def address(self) -> str:
        return f"{self._address}:{self.node.port}"

    def _set(self, state: str) -> None:
        ip = shutil.which("ip") or "/usr/sbin/ip"
        there = f"yt{self._here.removeprefix('yh')}"
        _run("ip", "netns", "exec", self._namespace, ip, "link", "set", there, state)

    def cut(self) -> None:
        self._set("down")

    def slow(self) -> None:
        _run("tc", "qdisc", "replace", "dev", self._here, "root", "netem", "delay", "100ms")

    def mend(self) -> None:
        self._set("up")


def _run(*command: str) -> None:
    program = shutil.which(command[0]) or f"/usr/sbin/{command[0]}"
    subprocess.run([program, *command[1:]], check=True, capture_output=True)


def _allowed() -> tuple[bool, bool]:
    """Return whether this machine allows namespaces with virtual interfaces, and netem on these."""
    name, device = f"yext-probe-{os.getpid()}", f"yp{os.getpid() % 10**6}"
    delayed = ("tc", "qdisc", "add", "dev", device, "root", "netem", "delay", "1ms")
    try:
        _run("ip", "netns", "add", name)
        try:
            _run("ip", "link", "add", device, "type", "veth")
            try:
                _run(*delayed)
                return True, True
            except (OSError, subprocess.CalledProcessError):
                return True, False
            finally:
                _run("ip", "link", "del", device)
        finally:
            _run("ip", "netns", "del", name)
    except (OSError, subprocess.CalledProcessError):
        return False, False


@asynccontextmanager
async def relayed(folder: Path) -> AsyncIterator[Way]:
    """Run a node behind a relay."""
    with NodeProcess(folder, "beech") as node:
        async with Wire(node.port) as wire:
            yield RelayedWay(node, wire)


@asynccontextmanager
async def in_namespace(folder: Path) -> AsyncIterator[Way]:
    """Run a node in a network namespace of its own."""
    number = next(_numbers)
    name, here, there = f"yext-{os.getpid()}-{number}", f"yh{number}", f"yt{number}"
    net = f"10.{100 + number // 256 % 100}.{number % 256}"
    ip = shutil.which("ip") or "/usr/sbin/ip"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _run("ip", "addr", "add", f"{net}.1/24", "dev", here)
        _run("ip", "link", "set", here, "up")
        _run("ip", "netns", "exec", name, ip, "addr", "add", f"{net}.2/24", "dev", there)
        _run("ip", "netns", "exec", name, ip, "link", "set", there, "up")
        before = (ip, "netns", "exec", name)
        with NodeProcess(folder, "beech", before=before, address=f"{net}.2") as node:
            yield NamespaceWay(node, here, name, f"{net}.2")
    finally:
        _run("ip", "netns", "del", name)


NAMESPACES, NETEM = _allowed()

WAYS = {"relay": relayed} | ({"namespace": in_namespace} if NAMESPACES else {})
"""The ways that this machine has and that can be cut."""

SLOW_WAYS = {"relay": relayed} | ({"namespace": in_namespace} if NETEM else {})
"""Those that can be slowed."""
