"""Each reason why a listener cannot open is named, and no file that matters is deleted."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from yext.errors import ListenError
from yext.listening import (
    ListenerSpec,
    SocketKind,
    bind,
    examine,
    examine_listeners,
    listen,
    resolve,
)


def unix(path: Path | str) -> ListenerSpec:
    return ListenerSpec("sock", SocketKind.UNIX, path=str(path))


def tcp(port: int, addr: str = "127.0.0.1") -> ListenerSpec:
    return ListenerSpec("net", SocketKind.TCP, addr=addr, port=port)


def refusal(spec: ListenerSpec) -> str:
    """The reason why it cannot be opened, the same from `examine` and from `listen`."""
    with pytest.raises(ListenError) as examined:
        examine(spec)

    with pytest.raises(ListenError) as refused:
        asyncio.run(open_it(spec))
    assert str(examined.value) == str(refused.value)
    assert examined.value.listener == spec.name
    return str(refused.value)


async def open_it(spec: ListenerSpec) -> None:
    await listen(spec, asyncio.Protocol, print)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        reason = refusal(tcp(port))
    assert reason.startswith(
        f"listener 'net': tcp 127.0.0.1:{port}: Address already in use (EADDRINUSE, 98); do: "
    )


def test_an_address_that_is_not_ours() -> None:
    assert "Cannot assign requested address (EADDRNOTAVAIL, 99)" in refusal(tcp(1, "192.0.2.1"))


@pytest.mark.parametrize("addr", ["no such host", "host.invalid", "a" * 70 + ".x", "é" * 80])
def test_an_address_that_means_nothing(addr: str) -> None:
    with pytest.raises(ListenError, match="addr="):
        bind(tcp(1, addr))
    with pytest.raises(ListenError, match="addr="):
        asyncio.run(resolve(tcp(1, addr)))


def test_a_forbidden_port() -> None:
    """In a child that is not root; where low ports are free for all there is nothing to test."""
    code = (
        "import os, sys\n"
        "from yext.listening import ListenerSpec, SocketKind, examine\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "low = int(open('/proc/sys/net/ipv4/ip_unprivileged_port_start').read())\n"
        "if low > 1:\n"
        "    try: examine(ListenerSpec('net', SocketKind.TCP, addr='127.0.0.1', port=low - 1))\n"
        "    except Exception as error: print(error)\n"
        "else: print('Permission denied (EACCES, 13)')\n"
    )
    assert "Permission denied (EACCES, 13)" in run_child(code)


def run_child(code: str) -> str:
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_an_over_long_path(tmp_path: Path) -> None:
    reason = refusal(unix(tmp_path / ("x" * 120)))
    assert "longer than the 107 bytes" in reason


def test_a_path_in_no_directory(tmp_path: Path) -> None:
    reason = refusal(unix(tmp_path / "no" / "sock"))
    assert "No such file or directory (ENOENT, 2)" in reason
    assert reason.endswith(f"do: mkdir -p {tmp_path}/no")


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory (ENOTDIR, 20)" in refusal(unix(tmp_path / "file" / "sock"))


def test_a_plain_file_at_the_path_stays(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    assert "something other than a socket is there" in refusal(unix(path))
    assert path.read_text() == "data"


def test_a_live_socket_at_the_path_stays(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        assert "another program listens there" in refusal(unix(path))
    assert path.is_socket()


def test_a_dead_socket_is_replaced_and_ours_removed(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
    examine(unix(path))
    assert path.is_socket()

    async def story() -> None:
        server = await listen(unix(path), asyncio.Protocol, print)
        assert path.is_socket()
        server.close()
        assert not path.exists()

    asyncio.run(story())


def test_a_socket_that_took_our_place_stays(tmp_path: Path) -> None:
    path = tmp_path / "sock"

    async def story() -> None:
        server = await listen(unix(path), asyncio.Protocol, print)
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            server.close()
            assert path.is_socket()

    asyncio.run(story())


def test_examine_leaves_nothing(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    examine(unix(tmp_path / "sock"))
    examine(tcp(0))
    assert not list(tmp_path.iterdir())
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_host_name_is_looked_up() -> None:
    assert asyncio.run(resolve(tcp(1, "localhost"))).addr in ("127.0.0.1", "::1")


def test_two_listeners_on_one_address() -> None:
    free = ListenerSpec("c", SocketKind.TCP, addr="127.0.0.1", port=0, file="x.conf", line=9)
    second = ListenerSpec("b", SocketKind.TCP, addr="127.0.0.1", port=0, file="x.conf", line=5)
    (problem,) = examine_listeners([free, second])
    assert str(problem) == "x.conf:5: listener 'b': tcp 127.0.0.1:0 is that of 'c' already"
    assert problem.severity == "error"


def test_the_lines_of_a_listener_are_not_part_of_it() -> None:
    moved = ListenerSpec("net", SocketKind.TCP, addr="127.0.0.1", port=1, file="x.conf", line=7)
    assert moved == tcp(1)
    assert moved != tcp(2)
