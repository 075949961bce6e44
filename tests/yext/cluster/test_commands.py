"""The commands of the module, its completion and its help, and what `yext check` finds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from ports import free_port
from sharing import SECONDS, SHARE, Node, running

from yext import Engine
from yext import command as bus
from yext.commander import EMBEDDER, Embedder

Test = Callable[[Node, Node], Awaitable[None]]


def on_two(folder: Path, test: Test, share: str = SHARE) -> None:
    """Run a test on alder, and beech that it is linked to."""

    async def main() -> None:
        port = free_port()
        listener = f"[listener l]\ntype=tcp\nport={port}\nrole=global\n"
        beech = Node(folder, "beech", share, listener)
        alder = Node(folder, "alder", f"{SHARE}[link beech]\naddress=127.0.0.1:{port}\n")
        async with running(beech, alder):
            await alder.says("node beech has come")
            await beech.says("node alder has come")
            await test(alder, beech)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("line", "reason", "hint"),
    [
        ("node", "Which node, and which command?", "node NAME COMMAND"),
        ("node beech", "Which node, and which command?", "node NAME COMMAND"),
        ("node bech uptime", "No node 'bech' is here", "Did you mean: beech"),
        ("node x\x1b[2J y", r"No node 'x\x1b[2J' is here", "status cluster"),
        ("node alder uptime", "alder is this node", "uptime"),
        ("node beech external start x", "not authenticated for this command", "commands=admin in"),
        ("node beech node alder status", "a node passes no commands on to others", "give it where"),
        ("node beech external info --all", "a node passes no commands on", "give it where you are"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    tmp_path: Path, line: str, reason: str, hint: str
) -> None:
    async def test(alder: Node, beech: Node) -> None:
        reply = await alder.engine.command(line)
        assert not reply.ok
        assert reason in reply.params["reason"]
        assert hint in reply.params["hint"]

    on_two(tmp_path, test)


def test_who_may_start_no_programs_starts_none_on_other_nodes(tmp_path: Path) -> None:
    script = tmp_path / "touch.sh"
    script.write_text('#!/bin/sh\n: >"$1"\nwhile read -r line; do :; done\n')
    script.chmod(0o755)

    class Still(Embedder):
        may_execute = False

    async def test(alder: Node, beech: Node) -> None:
        line = f"node beech external start {script} {tmp_path}/"
        denied = await alder.engine.command(f"{line}denied", Still())
        assert "not authenticated" in denied.params["reason"]
        assert (await alder.engine.command("node beech status engine", Still())).ok
        assert (await alder.engine.command(f"{line}allowed")).ok

    on_two(tmp_path, test, SHARE.replace("[share]\n", "[share]\ncommands=admin\n"))
    assert not (tmp_path / "denied").exists()


def test_the_peers_of_all_nodes(tmp_path: Path) -> None:
    async def test(alder: Node, beech: Node) -> None:
        script = tmp_path / "route.sh"
        script.write_text("#!/bin/sh\nwhile read -r line; do :; done\n")
        script.chmod(0o755)
        await beech.engine.command(f"external start {script} 7")
        reply = await alder.engine.command("external info --all")
        lines = reply.text.splitlines()
        assert reply.ok
        assert lines[:4] == ["node alder", "  no script or peer", "node beech", f"1. {script} 7"]
        assert lines[4].startswith("\tGlobal, pid=")
        assert (await alder.engine.command("external info")).text == ""

    on_two(tmp_path, test)


def test_a_node_that_gives_no_list_is_named(tmp_path: Path) -> None:
    async def test(alder: Node, beech: Node) -> None:
        reply = await alder.engine.command("external info --all")
        assert not reply.ok
        assert reply.params["reason"] == "no list of beech"
        assert "do: set commands=user or commands=admin in [share]" in reply.text

    on_two(tmp_path, test, f"{SHARE}commands=none\n")


def test_completion_and_help(tmp_path: Path) -> None:
    async def test(alder: Node, beech: Node) -> None:
        engine = alder.engine
        assert "node" in await engine.complete("", "no")
        assert await engine.complete("node", "") == ["beech"]
        assert await engine.complete("node beech", "") == []
        assert "--all" in await engine.complete("external info", "--")
        assert "cluster" in await engine.complete("status", "cl")
        described = await bus.describe(engine, "node", "b", EMBEDDER)
        assert described == {"beech": "by link beech"}
        text = await bus.help_text(engine, "node", "", EMBEDDER)
        assert text is not None
        assert text.startswith("  node NAME COMMAND\r\nHas another node carry out a command")
        assert "  node NAME COMMAND\r\n" in str(await bus.help_text(engine, "", "", EMBEDDER))

    on_two(tmp_path, test)


def test_a_status_without_details(tmp_path: Path) -> None:
    async def test(alder: Node, beech: Node) -> None:
        brief = (await bus.status(alder.engine, "cluster", False, EMBEDDER)).text
        assert brief.startswith("name=cluster,type=misc,format=By|Handlers|")
        assert "node=alder,nodes=1,handlers=0,standins=0" in brief
        assert "beech=" not in brief
        module = alder.cluster
        assert module.nodes() == (1, 0)
        assert module.busy()

    on_two(tmp_path, test)


def test_check_names_what_never_leaves_a_node(tmp_path: Path) -> None:
    (tmp_path / "yext.conf").write_text("[share]\nhandle=call.route,chan.*\n[link b]\n")

    async def main() -> list[str]:
        return [str(problem) for problem in Engine(tmp_path, node="alder").rehearse()]

    chan, link = asyncio.run(main())
    assert "yext.conf:2" in chan
    assert "handle=chan.*: what goes with a call or with one engine never leaves its node" in chan
    assert "[link b] has no address=HOST:PORT" in link


def test_a_batch_waits_for_a_node_that_is_just_being_connected(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        listener = f"[listener l]\ntype=tcp\nport={port}\nrole=global\n"
        beech = Node(tmp_path, "beech", SHARE, listener)
        alder = Node(tmp_path, "alder", f"{SHARE}[link beech]\naddress=127.0.0.1:{port}\n")
        async with running(beech):
            await alder.engine.start()
            alder.cluster.settled_at += SECONDS  # On a busy machine a second is short.
            try:
                assert (await alder.engine.command("node beech status engine")).ok
                assert "node beech" in (await alder.engine.command("external info --all")).text
            finally:
                await alder.engine.stop()

    asyncio.run(main())
