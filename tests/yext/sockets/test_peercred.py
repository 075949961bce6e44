"""The process and the user at the other end of a connection."""

import os
import socket

from yext.sockets.peercred import address, is_same_user, owner, peer_credentials, source


def test_the_other_end_of_a_unix_socket() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_credentials(ours) == (os.getpid(), os.getuid(), os.getgid())
        assert owner(ours) == os.getuid()
        assert is_same_user(ours)
        assert source(ours, "") == f"uid {os.getuid()}"
        assert address(ours, "", "/run/x") == "/run/x"


def test_the_other_end_of_a_tcp_connection() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        accepted, peername = server.accept()
        with accepted:
            assert owner(accepted) == os.getuid()
            assert is_same_user(accepted)
            assert address(accepted, peername, "") == f"127.0.0.1:{client.getsockname()[1]}"
            assert source(accepted, peername) == "127.0.0.0/8"


def test_the_owner_of_a_closed_connection_is_unknown_when_only_a_timer_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with accepted:
            client.send(b"x")
            client.close()
            # Reading acknowledges the close at once, after which the kernel forgets the owner.
            assert accepted.recv(2) == b"x"
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            assert owner(accepted) is None
            assert not is_same_user(accepted)


def test_networks_of_ipv6_are_one_source() -> None:
    with socket.socket(socket.AF_INET6) as six:
        assert source(six, ("2001:db8::1:2%eth0", 40112, 0, 0)) == "2001:db8::/64"
        assert address(six, ("::1", 40112, 0, 0), "") == "[::1]:40112"
