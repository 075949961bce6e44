"""The message flow of several nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from yext import Engine, Message
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.session.flow import NodesFollowed
from yext.console.session.session import Session
from yext.record.journey import Journey, Step, StepResult


class Lines:
    """A view that keeps the lines."""

    width = 80
    unicode = True
    color = False
    interactive = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, text: str) -> None:
        self.lines.append(text)

    def clear(self) -> None:
        pass


class Elsewhere:
    """The messages of other nodes, as the test sends them."""

    def __init__(self) -> None:
        self.follower: Callable[[str, Journey], None] | None = None

    def follow(self, follower: Callable[[str, Journey], None]) -> Callable[[], None]:
        self.follower = follower

        def unfollow() -> None:
            self.follower = None

        return unfollow

    def send(self, node: str, name: str = "call.route") -> None:
        assert self.follower is not None
        step = Step("route.py", 50, 0.001, StepResult.HANDLED)
        self.follower(node, Journey(7, 0.0, name, "g", {"called": "99"}, steps=[step],
                                    handled=True, took=0.001, ended=True))  # fmt: skip


def test_messages_of_all_nodes_have_the_node_as_a_column() -> None:
    async def main() -> None:
        async with Engine(node="alder") as engine:
            view, others = Lines(), Elsewhere()
            session = Session(engine, "console", view=view)  # type: ignore[arg-type]
            flow = session.flow
            flow.on(NodesFollowed("alder", "*", others.follow))
            assert flow.state() == "flow on node:*"
            await engine.dispatch(Message("call.route", {"called": "1"}))
            others.send("beech")
            others.send("a-long-name-of-a-node")
            assert [line.split()[0] for line in view.lines] == ["alder", "beech", "a-long-…"]
            assert all(len(line) <= 80 for line in view.lines)
            assert "called=99" in view.lines[1]
            flow.filter = flow.compile("user.*")
            others.send("beech")
            others.send("beech", "user.auth")
            assert len(view.lines) == 4
            flow.pause()
            others.send("beech", "user.auth")
            assert flow.resume() == 1
            flow.off()
            assert others.follower is None
            assert flow.nodes is None

    asyncio.run(main())


def test_some_nodes_can_be_followed_alone() -> None:
    async def main() -> None:
        async with Engine(node="alder") as engine:
            view, others = Lines(), Elsewhere()
            session = Session(engine, "console", view=view)  # type: ignore[arg-type]
            session.flow.on(NodesFollowed("alder", "b*", others.follow))
            await engine.dispatch(Message("call.route"))
            others.send("cedar")
            others.send("beech")
            assert [line.split()[0] for line in view.lines] == ["beech"]
            session.flow.on()
            assert others.follower is None

    asyncio.run(main())


def test_a_node_that_shares_nothing_says_so() -> None:
    async def main() -> None:
        async with Engine(node="alder") as engine:
            session = Session(engine, "console", view=Lines())  # type: ignore[arg-type]
            reply = await Interpreter(session, TABLE).run("flow on node:*")
            assert not reply.ok
            assert reply.params["reason"] == "This node shares nothing with others"

    asyncio.run(main())


def test_the_nodes_are_completed(tmp_path: Path) -> None:
    (tmp_path / "yext.conf").write_text("[share]\n")

    async def main() -> None:
        async with Engine(tmp_path, node="alder") as engine:
            session = Session(engine, "console", view=Lines())  # type: ignore[arg-type]
            found = Interpreter(session, TABLE)
            assert await found.complete("flow on node:") == ["node:*", "node:alder"]
            assert await found.complete("flow on x node:") == []
            assert (await found.run("flow on node:* call.*")).ok
            assert session.flow.state() == "flow on node:* call.*"
            await found.run("flow off")
            assert not (await found.run("flow on node:* (")).ok
            assert not session.flow.is_on
        async with Engine(node="alone") as engine:
            session = Session(engine, "console", view=Lines())  # type: ignore[arg-type]
            assert await Interpreter(session, TABLE).complete("flow on node:") == []

    asyncio.run(main())
