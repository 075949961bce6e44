"""Links between engines: by TCP, UNIX sockets and TLS, with passwords, to a plain listener."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from pathlib import Path

import pytest
from ports import free_port
from sharing import SECONDS, SHARE, Node, installed, running

from yext import Message
from yext.cluster.limits import FRAME_MAX
from yext.cluster.link import dialer
from yext.cluster.link.protocol import greeting


def listener(port: int, more: str = "") -> str:
    return f"[listener l]\ntype=tcp\nport={port}\nrole=global\n{more}"


def link(port: int, more: str = "", name: str = "beech") -> str:
    return f"[link {name}]\naddress=127.0.0.1:{port}\n{more}"


def certificates(folder: Path) -> dict[str, Path]:
    """Make an authority with a certificate for 127.0.0.1, and one that nobody trusts."""
    made = {}
    for name in ("good", "bad"):
        key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        made[name], made[f"{name}.key"] = certificate, key
    return made


def test_both_ends_use_a_link(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        alder = Node(tmp_path, "alder", SHARE + link(port))
        async with running(beech, alder):
            beech.engine.install("call.route", lambda message: True)
            alder.engine.install("user.auth", lambda message: True)
            await installed(alder, "call.route")
            await installed(beech, "user.auth")
            assert await alder.engine.dispatch(Message("call.route", {"called": "99"}))
            assert await beech.engine.dispatch(Message("user.auth"))
            reply = await alder.engine.command("status cluster")
            assert "nodes=1" in reply.text
            assert ";beech=link beech|1|0|1|" in reply.text

    asyncio.run(main())


def test_a_unix_socket_and_a_password(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "socket"
        beech = Node(
            tmp_path, "beech", SHARE,
            f"[listener l]\ntype=unix\npath={path}\nrole=global\npassword=s:%é\n",
        )  # fmt: skip
        secret = tmp_path / "secret"
        secret.write_text("s:%é\n")
        secret.chmod(0o600)
        more = f"[link b]\naddress={path}\npassword-file=../secret\nnode=beech\n"
        alder = Node(tmp_path, "alder", SHARE + more)
        async with running(beech, alder):
            beech.engine.install("call.route", lambda message: True)
            await installed(alder, "call.route")
            assert await alder.engine.dispatch(Message("call.route"))

    asyncio.run(main())


def test_tls(tmp_path: Path) -> None:
    async def main() -> None:
        made = certificates(tmp_path)
        port = free_port()
        tls = f"certificate={made['good']}\nkey={made['good.key']}\n"
        beech = Node(tmp_path, "beech", SHARE, listener(port, tls))
        alder = Node(tmp_path, "alder", SHARE + link(port, f"tls=yes\nca={made['good']}\n"))
        cedar = Node(tmp_path, "cedar", SHARE + link(port, f"tls=yes\nca={made['bad']}\n"))
        dogwood = Node(tmp_path, "dogwood", SHARE + link(port))
        async with running(beech, alder, cedar, dogwood):
            beech.engine.install("call.route", lambda message: True)
            await installed(alder, "call.route")
            assert await alder.engine.dispatch(Message("call.route"))
            told = await cedar.says("its certificate is refused")
            assert f"link beech (tcp 127.0.0.1:{port}): its certificate is refused: " in told
            assert (
                "|its certificate is refused" in (await cedar.engine.command("status cluster")).text
            )
            await dogwood.says("link beech (tcp 127.0.0.1:")
            assert not cedar.cluster.exchange.nodes
            assert not dogwood.cluster.exchange.nodes
            assert list(beech.cluster.exchange.nodes) == ["alder"]

    asyncio.run(main())


def test_a_certificate_for_another_node_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        made = certificates(tmp_path)
        port = free_port()
        tls = f"certificate={made['good']}\nkey={made['good.key']}\nca={made['bad']}\nverify=must\n"
        beech = Node(tmp_path, "beech", SHARE, listener(port, tls))
        shown = f"tls=yes\nca={made['good']}\ncertificate={made['bad']}\nkey={made['bad.key']}\n"
        alder = Node(tmp_path, "alder", SHARE + link(port, shown))
        bad = Node(tmp_path, "bad", SHARE + link(port, shown))
        async with running(beech, alder, bad):
            told = await alder.says("it refuses this node")
            assert "it says that it is alder, and its certificate is for bad" in told
            await beech.says("closed: it says that it is alder, and its certificate is for bad")
            await beech.says("node bad has come")
            assert list(beech.cluster.exchange.nodes) == ["bad"]

    asyncio.run(main())


def test_a_wrong_password_is_told_and_not_tried_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port, "password=right\n"))
        (tmp_path / "secret").write_text("wrong\n")
        alder = Node(tmp_path, "alder", SHARE + link(port, "password-file=../secret\n"))
        sleep = asyncio.sleep

        async def noting(seconds: float) -> None:
            waits.append(seconds)
            await sleep(seconds)

        async with running(beech):
            monkeypatch.setattr(dialer.asyncio, "sleep", noting)
            async with running(alder):
                told = await alder.says("it lets nobody in so")
                assert told.startswith(
                    f"link beech (tcp 127.0.0.1:{port}): it lets nobody in so: wrong password"
                )
                await beech.says("refused: wrong password")
            assert not beech.cluster.exchange.nodes
            monkeypatch.undo()

    asyncio.run(main())
    assert max(waits) > dialer.LONGEST_DELAY


async def refusal(port: int, hello: str) -> str:
    """Greet a listener as a node; return its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"%%>setlocal:yext.link:{hello}\n".encode())
    line = await asyncio.wait_for(reader.readline(), SECONDS)
    writer.close()
    return line.decode()


def test_greetings_that_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        alder = Node(tmp_path, "alder", SHARE + link(port))
        async with running(beech, alder):
            await beech.says("node alder has come")
            instance = alder.cluster.exchange.instance
            for hello, reason in (
                ("1 alder 0123456789abcdef", "there is another node alder, by link from l"),
                ("1 beech 0123456789abcdef", "it says that it is beech, and so is this node"),
                ("1 a\x7f 0123456789abcdef", "cannot be the name of a node"),
                ("1 cedar", "it does not greet as a node"),
                ("2 cedar 0123456789abcdef", "it speaks version 2 of the link, this is version 1"),
                ("", "it does not greet as a node"),
            ):
                answer = await refusal(port, hello)
                assert answer.endswith(":false\n")
                assert reason in answer
            assert alder.cluster.exchange.nodes.keys() == {"beech"}
            assert beech.cluster.exchange.nodes["alder"].instance == instance
            assert any("was refused as a node: there is another node" in one for one in beech.log)

    asyncio.run(main())


def test_a_node_of_another_name_than_expected_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        alder = Node(tmp_path, "alder", SHARE + link(port, "node=cedar\n"))
        async with running(beech, alder):
            await alder.says("it says that it is beech, and node=cedar")
            assert not alder.cluster.exchange.nodes

    asyncio.run(main())


async def joined(port: int, name: str = "eve") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as a node that the test speaks for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    hello = greeting(name, "0123456789abcdef")
    writer.write(f"%%>setlocal:yext.link:{hello}\n".encode())
    assert (await reader.readline()).endswith(b":true\n")
    return reader, writer


def test_a_frame_that_is_too_long_ends_the_link(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        async with running(beech):
            reader, writer = await joined(port)
            writer.write(b"announce " + b"x" * (FRAME_MAX + 2048))
            told = await beech.says("closed: it sends a line of more than")
            assert told.startswith("link from l 127.0.0.1:")
            with pytest.raises(ConnectionError):
                while await reader.read(65536):
                    pass
                raise ConnectionResetError
            writer.close()
            assert not beech.cluster.exchange.nodes

    asyncio.run(main())


def test_a_million_handlers_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        async with running(beech):
            _, writer = await joined(port)
            row = '[1,"call.route",50,"","","x"]'
            head = 'announce {"instance":"0123456789abcdef","revision":1,"follows":false,'
            writer.write(f'{head}"watches":[],"offers":['.encode())
            for _ in range(100):
                writer.write(f"{row},".encode() * 10_000)
                try:
                    await writer.drain()
                except ConnectionError:
                    break
            await beech.says("closed: it sends a line of more than")
            writer.close()
            assert not beech.cluster.exchange.asking.standins

    asyncio.run(main())


def test_two_nodes_that_open_a_link_to_each_other_keep_one(tmp_path: Path) -> None:
    async def main() -> None:
        ports = free_port(), free_port()
        alder = Node(tmp_path, "alder", SHARE + link(ports[1]), listener(ports[0]))
        beech = Node(tmp_path, "beech", SHARE + link(ports[0], name="alder"), listener(ports[1]))
        async with running(alder, beech):
            alder.engine.install("user.auth", lambda message: True)
            beech.engine.install("call.route", lambda message: True)
            async with asyncio.timeout(SECONDS):
                while True:
                    links = [node.cluster.exchange.nodes for node in (alder, beech)]
                    if all(links) and links[0]["beech"].carrier.label == "link beech":
                        break
                    await asyncio.sleep(0.01)
            await installed(alder, "call.route")
            await installed(beech, "user.auth")
            assert await alder.engine.dispatch(Message("call.route"))
            assert await beech.engine.dispatch(Message("user.auth"))
            assert links[1]["alder"].carrier.label.startswith("link from l")

    asyncio.run(main())


def test_a_link_that_was_cut_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        alder = Node(tmp_path, "alder", SHARE + link(port))
        async with running(beech, alder):
            beech.engine.install("call.route", lambda message: True)
            await installed(alder, "call.route")
            alder.cluster.exchange.nodes["beech"].carrier.refuse("beech", "a test cuts it")
            assert not await alder.engine.dispatch(Message("call.route")) or True
            async with asyncio.timeout(SECONDS):
                while not await alder.engine.dispatch(Message("call.route")):
                    await alder.engine.dispatcher.changed()
            told = [one for one in alder.notices if one.startswith("node beech")]
            assert [one.split(":")[0].split(",")[0] for one in told] == [
                "node beech has come by link beech",
                "node beech is gone",
                "node beech has come by link beech",
            ]

    asyncio.run(main())


def test_a_plain_listener_is_used_as_an_external_module_uses_it(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        plain = Node(tmp_path, "plain", "", listener(port))
        alder = Node(tmp_path, "alder", SHARE + link(port, name="old"))
        async with running(plain, alder):
            assert "cluster" not in plain.engine.modules

            def route(message: Message) -> bool:
                message.retvalue = f"sip/{message['called']}"
                return True

            handler = alder.engine.install("call.route", route, 40)
            await installed(plain, "call.route")
            message = Message("call.route", {"called": "9:9"})
            assert await plain.engine.dispatch(message)
            assert message.retvalue == "sip/9:9"
            (found,) = [one for one in plain.engine.dispatcher.handlers() if one.owner[:2] == "l "]
            assert found.priority == 40
            assert "old=link old|0|0|1|" in (await alder.engine.command("status cluster")).text
            alder.engine.uninstall(handler)
            async with asyncio.timeout(SECONDS):
                while plain.engine.dispatcher.is_installed("call.route"):
                    await plain.engine.dispatcher.changed()
            assert not await plain.engine.dispatch(Message("call.route"))

    asyncio.run(main())


def test_a_plain_listener_asks_no_more_at_once_than_a_node_may(tmp_path: Path) -> None:
    """What comes beyond that is passed, as by a handler that does not want it."""

    async def main() -> None:
        port = free_port()
        plain = Node(tmp_path, "plain", "", listener(port))
        alder = Node(tmp_path, "alder", f"{SHARE}maxqueue=3\n" + link(port, name="old"))
        async with running(plain, alder):
            go_on = asyncio.Event()

            async def route(message: Message) -> bool:
                await go_on.wait()
                return True

            alder.engine.install("call.route", route)
            await installed(plain, "call.route")
            asked = [
                asyncio.create_task(plain.engine.dispatch(Message("call.route"))) for _ in range(5)
            ]
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            while len(done) < 2:
                more, _ = await asyncio.wait(set(asked) - done, return_when=asyncio.FIRST_COMPLETED)
                done |= more
            go_on.set()
            assert sorted(await asyncio.gather(*asked)) == [False, False, True, True, True]
            assert await plain.engine.dispatch(Message("call.route"))

    asyncio.run(main())


def test_what_is_no_listener_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        port, closed = free_port(), free_port()
        server = await asyncio.start_server(
            lambda reader, writer: writer.close(), "127.0.0.1", port
        )
        text = SHARE + link(port, name="a") + link(closed, name="b")
        alder = Node(tmp_path, "alder", text)
        async with running(alder):
            await alder.says(f"link a (tcp 127.0.0.1:{port}): the connection was closed before")
            await alder.says(f"link b (tcp 127.0.0.1:{closed}): Connection refused")
            text = (await alder.engine.command("status cluster")).text
            assert "b=link b|||||||Connection refused" in text
        server.close()

    asyncio.run(main())


def test_a_reload_opens_and_closes_links(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        alder = Node(tmp_path, "alder", "")
        async with running(beech, alder):
            beech.engine.install("call.route", lambda message: True)
            assert "cluster" not in alder.engine.modules
            (alder.folder / "yext.conf").write_text(SHARE + link(port))
            done = await alder.engine.reload()
            assert f"link 'beech' is being opened: tcp 127.0.0.1:{port}" in done.lines
            await installed(alder, "call.route")
            (alder.folder / "yext.conf").write_text(SHARE)
            assert not (await alder.engine.reload()).ok, "a section is missing"
            done = await alder.engine.reload(force=True)
            assert f"link 'beech' closed: tcp 127.0.0.1:{port}" in done.lines
            async with asyncio.timeout(SECONDS):
                while alder.engine.dispatcher.is_installed("call.route"):
                    await alder.engine.dispatcher.changed()

    asyncio.run(main())


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        alder = Node(tmp_path, "alder", SHARE + link(port))
        async with running(beech, alder):
            await alder.says("node beech has come")
            await beech.says("node alder has come")
            await alder.engine.stop()
            await beech.says("node alder is gone: it was stopped")
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []

    asyncio.run(main())


def test_nothing_is_imported_without_a_section(tmp_path: Path) -> None:
    import sys

    (tmp_path / "yext.conf").write_text("[console]\n")
    program = (
        "import asyncio, sys\n"
        "from yext import Engine\n"
        "async def main():\n"
        "    async with Engine(sys.argv[1]):\n"
        "        print([name for name in sys.modules if 'cluster' in name or name == 'nats'])\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_channel_peer_and_a_script_cannot_become_a_node(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        text = f"[listener l]\ntype=tcp\nport={port}\n"
        beech = Node(tmp_path, "beech", SHARE, text)
        async with running(beech):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            hello = greeting("eve", "0123456789abcdef")
            writer.write(f"%%>connect:channel\n%%>setlocal:yext.link:{hello}\n".encode())
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            assert line == f"%%<setlocal:yext.link:{hello}:false\n".encode()
            writer.close()
            assert not beech.cluster.exchange.nodes

    asyncio.run(main())


def test_a_node_that_does_not_read_is_sent_nothing_more(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        beech = Node(tmp_path, "beech", SHARE, listener(port))
        async with running(beech):
            connected = socket.create_connection(("127.0.0.1", port))
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            hello = greeting("eve", "0123456789abcdef")
            offers = '[[1,"call.route",50,"","","r.py"]]'
            connected.sendall(f"%%>setlocal:yext.link:{hello}\n".encode())
            await installed_eve(beech, connected, offers)
            big = {"x": "y" * 500_000}
            futures = [
                asyncio.ensure_future(beech.engine.dispatch(Message("call.route", big)))
                for _ in range(60)
            ]
            done, waiting = await asyncio.wait(futures, timeout=SECONDS,
                                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
            assert done, "those that did not fit have gone on"
            assert not any(future.result() for future in done)
            connected.close()
            assert not any(await asyncio.gather(*waiting))

    asyncio.run(main())


async def installed_eve(beech: Node, connected: socket.socket, offers: str) -> None:
    """Announce `offers` as the node eve, on a blocking socket."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, connected.recv, 4096)
    said = f'{{"instance":"0123456789abcdef","revision":1,"offers":{offers},'
    connected.sendall(f'announce {said}"watches":[],"follows":false}}\n'.encode())
    await installed(beech, "call.route")
