"""The live message flow: what is shown, how fast, to whom, and what is kept."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import cast

from seen import Seen, session

from yext import Engine, Message, Reply
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.link import LocalLink
from yext.console.session.authority import Authority
from yext.console.session.session import Policy, Session
from yext.dispatcher import Dispatch
from yext.record.journey import Journey, Step, StepResult, to_json

HANDLER = "_route"


def lines(found: Session) -> list[str]:
    """What the session's view was shown, without the times."""
    shown = cast(Seen, found.session.view).lines
    return [re.sub(r"^\d\d:\d\d:\d\d\.\d{3} |\d+(\.\d)? ms", "", one) for one in shown]


async def route(found: Session, called: str = "99") -> None:
    await found.engine.dispatch(Message("call.route", {"caller": "40", "called": called}))


def test_each_message_is_a_line() -> None:
    async def play() -> None:
        async with session() as found:
            await route(found)
            assert lines(found) == [], "nothing is shown while the flow is off"
            reply = await found.run("flow on")
            assert reply.text == "Flow: on, shown: 0, left out: 0, recorded: 0\r\n"
            await route(found)
            await route(found, "1")
            assert [re.sub(" +", " ", one) for one in lines(found)] == [
                f"#1 call.route engine ✓ {HANDLER} → sip/0099 caller=40 called=99",
                "#2 call.route engine · nobody caller=40 called=1",
            ]
            assert found.session.flow.state() == "flow on"
            await found.run("flow off")
            await route(found)
            assert len(lines(found)) == 2
            assert found.session.flow.state() == "flow off"

    asyncio.run(play())


def test_a_filter_chooses() -> None:
    async def play() -> None:
        async with session() as found:
            assert (await found.run("flow on call.* and unhandled")).ok
            await route(found)
            await route(found, "1")
            await found.engine.dispatch(Message("user.auth"))
            assert len(lines(found)) == 1
            assert found.session.flow.state() == "flow on call.* and unhandled"
            await found.run("flow filter user.*")
            await found.engine.dispatch(Message("user.auth"))
            assert "user.auth" in lines(found)[1]
            await found.run("flow filter")
            await route(found)
            assert len(lines(found)) == 3
            reply = await found.run("flow last 2")
            assert reply.text.count("\r\n") == 2

    asyncio.run(play())


def test_the_timer_and_completion_are_hidden_unless_asked_for() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            await found.engine.dispatch(Message("engine.timer", {"time": "1"}))
            await found.complete("exter")
            assert lines(found) == []
            await found.run("flow filter engine.*")
            await found.engine.dispatch(Message("engine.timer", {"time": "1"}))
            await found.complete("exter")
            # The engine's own timer may tick meanwhile: it tells the node's name.
            assert len([one for one in lines(found) if "nodename=" not in one]) == 2

    asyncio.run(play())


def test_a_mistake_in_a_filter_has_a_caret_under_it() -> None:
    async def play() -> None:
        async with session() as found:
            for word in ("filter", "on"):
                reply = await found.run(f"flow {word} caller=4* and slow>5ms or )")
                first, second = reply.text.splitlines()
                assert first == f"flow {word} caller=4* and slow>5ms or )"
                assert second[first.index(")")] == "^"
                assert second.strip() == "^ nothing to close here"
                assert not reply.ok
                assert reply.params["reason"] == "nothing to close here"
            assert not found.session.flow.is_on

    asyncio.run(play())


def test_the_session_s_own_commands_are_hidden_unless_asked_for() -> None:
    async def play() -> None:
        async with session() as found:
            other = Interpreter(Session(found.engine, "10.0.0.9:4000"), TABLE)
            await found.run("flow on")
            for line in ("uptime", "help", "status engine", "version", "debug engine level 5"):
                await found.run(line)
            assert lines(found) == []
            for line in ("version", "external info", "help uptime", "status engine"):
                await other.run(line)
            assert lines(found) == [], "what an attached console asks by itself is no news"
            await LocalLink(other).find_usage("external st")
            await other.complete("external st")
            assert lines(found) == [], "nor what others type"
            await other.run("module list")
            assert len(lines(found)) == 1, "what others do is shown"
            await found.run("flow filter engine.command and line=version")
            await found.run("version")
            await other.run("version")
            assert len(lines(found)) == 3
            await found.run("flow filter engine.help and line=external")
            await LocalLink(other).find_usage("external st")
            assert len(lines(found)) == 4

    asyncio.run(play())


class Sender:
    """Somebody who is handling a message."""

    label = "ivr.py 9"

    def __init__(self, dispatch: Dispatch | None = None) -> None:
        self.dispatch = dispatch

    def handling(self, sent: Dispatch) -> tuple[Dispatch, ...]:
        return () if self.dispatch is None else (self.dispatch,)


async def _nested(found: Session, hurry: asyncio.Event) -> None:
    """Sends `outer`, whose handler sends `inner` and waits until it may go on."""
    sender = Sender()

    async def outer(message: Message) -> bool:
        await found.engine.dispatch(Message("inner", {"n": "1"}), sender)
        await found.engine.dispatch(Message("inner", {"n": "2"}), sender)
        await hurry.wait()
        return True

    found.engine.install("outer", outer, 50)
    over = asyncio.Event()
    dispatcher = found.engine.dispatcher
    sender.dispatch = Dispatch(dispatcher, Message("outer"), lambda _: over.set())
    dispatcher.start(sender.dispatch)
    await over.wait()


def test_nested_messages_stand_below_their_parent() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            hurry = asyncio.Event()
            hurry.set()
            await _nested(found, hurry)
            assert [one[:17].rstrip() for one in lines(found)] == [
                "#1   outer", "#2     inner", "#3     inner"
            ]  # fmt: skip

    asyncio.run(play())


def test_a_parent_that_takes_its_time_does_not_hold_them_up() -> None:
    async def play() -> None:
        async with session() as found:
            view, hurry = cast(Seen, found.session.view), asyncio.Event()
            shown = asyncio.Event()
            view.show = lambda text: (Seen.show(view, text), shown.set())  # type: ignore[method-assign, assignment, func-returns-value]
            await found.run("flow on")
            task = asyncio.create_task(_nested(found, hurry))
            await asyncio.wait_for(shown.wait(), 10)
            assert lines(found)[0].split()[1] == "inner"
            hurry.set()
            await task
            assert lines(found)[-1].split()[:2] == ["#1", "outer"]

    asyncio.run(play())


def test_no_more_than_can_be_read_and_the_rest_is_counted(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[sniffer]\nlines=5\n")

    async def play() -> None:
        async with session(tmp_path) as found:
            await found.run("flow on")
            loop = asyncio.get_running_loop()
            before = loop.time()
            for _ in range(1234):
                await route(found)
            await found.run("flow off")
            seconds = int(loop.time() - before) + 1
            shown = [one for one in lines(found) if "call.route" in one]
            told = [one for one in lines(found) if "left out" in one]
            assert 5 <= len(shown) <= 5 * (seconds + 1)
            out = sum(int(one.split()[1].replace(",", "")) for one in told)
            assert (
                len(shown) + out == 1234 == found.session.flow.shown + found.session.flow.left_out
            )
            assert "left out at 5/s: flow pause, or narrow it (flow filter unhandled)" in told[0]
            numbers = [int(one.split()[0][1:]) for one in shown]
            assert numbers == sorted(numbers)

    asyncio.run(play())


def test_what_was_left_out_is_told_when_the_flood_is_over(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[sniffer]\nlines=1\n")

    async def play() -> None:
        async with session(tmp_path) as found:
            view = cast(Seen, found.session.view)
            told = asyncio.Event()

            def show(text: str) -> None:
                Seen.show(view, text)
                if "left out" in text:
                    told.set()

            view.show = show  # type: ignore[method-assign]
            await found.run("flow on")
            await route(found)
            await route(found)
            await route(found)
            await asyncio.wait_for(told.wait(), 10)
            assert "… 2 lines left out at 1/s" in lines(found)[-1]
            assert found.session.flow.state() == "flow on, 2 left out"

    asyncio.run(play())


def test_pause_holds_lines_back_and_the_record_goes_on() -> None:
    async def play() -> None:
        async with session() as found:
            assert not (await found.run("flow pause")).ok
            assert not (await found.run("flow resume")).ok
            await found.run("flow on")
            assert (await found.run("flow pause")).text.startswith("Flow: paused")
            await route(found)
            await route(found)
            assert lines(found) == []
            reply = await found.run("flow resume")
            assert reply.text.startswith("2 messages came meanwhile: flow last\r\nFlow: on")
            assert (await found.run("flow last")).text.count("call.route") == 2
            await route(found)
            assert len(lines(found)) == 1

    asyncio.run(play())


def test_the_whole_journey_of_one_message() -> None:
    async def play() -> Reply:
        async with session() as found:
            await found.run("flow on")
            await found.engine.dispatch(Message("my.route", {"caller": "40", "called": "99"}))
            assert not (await found.run("flow show 99")).ok
            assert not (await found.run("flow show x")).ok
            return await found.run("flow show #1")

    reply = asyncio.run(play())
    text = re.sub(r"\d+(\.\d)? ms", "T", re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "CLOCK", reply.text))
    assert text.splitlines() == [
        "#1 my.route   CLOCK   from engine   handled in T",
        "  sent  caller=40 called=99",
        "  prio  handler  took    result   changed",
        "    50  _route   T  handled  called: 99 → 0099   + targetid=r/1   return sip/0099",
        "  reply handled   return sip/0099",
        "  with  targetid=r/1 caller=40 called=0099",
    ]
    assert cast(dict[str, object], reply.data)["outcome"] == "handled"


def test_observers_do_not_see_passwords(tmp_path: Path) -> None:
    async def play() -> None:
        async with session(authority=Authority.USER, policy=Policy(user_flow=True)) as found:

            def auth(message: Message) -> bool:
                message.retvalue = message["password"]
                message["passwd2"] = "s3cret"
                return True

            found.engine.install("user.auth", auth, 50)
            await found.run("flow on")
            await found.engine.dispatch(Message("user.auth", {"password": "s3cret"}))
            replies = [await found.run(f"flow {word}") for word in ("last", "show 1")]
            told = repr([lines(found), *((one.text, one.data) for one in replies)])
            assert "s3cret" not in told
            assert told.count("(hidden)") > 5
            reply = await found.run("flow filter password=s*")
            assert reply.params["reason"] == "password is hidden from observers"
            for word in (f"save {tmp_path}/x", f"load {tmp_path}/x", "clear"):
                assert (await found.run(f"flow {word}")).text == "Not authenticated!\r\n"
            found.session.authority = Authority.ADMIN
            assert "s3cret" in (await found.run("flow show 1")).text

    asyncio.run(play())


def test_a_record_is_saved_and_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"

    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            await route(found)
            await route(found, "1")
            shown = await found.run("flow last")
            assert (await found.run(f"flow save {path}")).text == f"Saved 2 messages to {path}\r\n"
            await found.run("flow clear")
            assert (await found.run("flow last")).text == "Nothing is recorded yet\r\n"
            loaded = await found.run(f"flow load {path}")
            assert loaded.text == f"{shown.text}Loaded 2 messages of {path}, until flow on\r\n"
            assert (await found.run("flow show 2")).ok
            assert not found.session.flow.is_on
            await found.run("flow off")
            await found.run("flow on")
            assert (await found.run("flow last")).text == "Nothing is recorded yet\r\n"
            await found.run("flow off")
            assert (await found.run("flow last")).text == "Nothing is recorded: flow on\r\n"

    asyncio.run(play())


def test_a_bad_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.jsonl"
    steps = [Step("ivr.php", 100, 10.0, StepResult.TIMED_OUT)]
    early = Journey(420, 0.0, "call.execute", "engine", {}, steps=steps)

    async def play() -> None:
        async with session() as found:
            reply = await found.run("flow load /no/such/file")
            assert (reply.params["errno"], reply.ok) == ("ENOENT", False)
            reply = await found.run(f"flow save {tmp_path}")
            assert reply.params["errno"] == "EISDIR"
            path.write_text(json.dumps(to_json(early)) + '\n{"format": 1}\n')
            reply = await found.run(f"flow load {path}")
            assert f"{path} is no record: line 2 is not a recorded" in reply.params["reason"]
            path.write_bytes(b"\xff\n")
            reply = await found.run(f"flow load {path}")
            assert reply.params["reason"] == f"{path} is no record: line 1 is not JSON"
            path.write_text(json.dumps(to_json(early)) + '\n{"format": 1, "num')
            reply = await found.run(f"flow load {path}")
            assert reply.text.endswith(
                f"Loaded 1 message of {path}, until flow on\r\nIts last line is cut off\r\n"
            )
            for word in ("save", "load", "nonsense", "last x", "last 0"):
                assert not (await found.run(f"flow {word}")).ok

    asyncio.run(play())


def test_that_there_is_nothing_to_show_is_said() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            await found.run("version")
            asked = (await found.run("flow last")).text
            assert asked == "Of 1 message all are hidden unless asked for: flow filter engine.*\r\n"
            await found.run("flow filter call.*")
            assert (await found.run("flow last")).text == "Of 1 message none fits call.*\r\n"

    asyncio.run(play())


def test_sessions_are_on_their_own() -> None:
    async def play() -> None:
        async with Engine() as engine:
            one, two = (
                Interpreter(Session(engine, name, view=Seen()), TABLE) for name in ("one", "two")
            )
            await one.run("flow on user.*")
            await two.run("flow on call.*")
            await engine.dispatch(Message("call.route"))
            await engine.dispatch(Message("user.auth"))
            assert "user.auth" in lines(one)[0]
            assert "call.route" in lines(two)[0]
            assert len(lines(one)) == len(lines(two)) == 1
            one.session.close()
            two.session.close()
            assert not engine.recorder.active

    asyncio.run(play())


def test_what_no_filter_can_let_through_is_not_recorded() -> None:
    """So the numbers of what is shown have no gaps but those of lines that were left out."""

    async def play() -> None:
        async with session() as found:
            await found.run("flow on call.* and not call.execute")
            for name in ("call.route", "user.auth", "engine.timer", "call.execute", "call.cdr"):
                await found.engine.dispatch(Message(name))
            recorded = [(one.number, one.name) for one in found.session.flow.recorded()]
            assert recorded == [(1, "call.route"), (2, "call.cdr")]
            other = Interpreter(Session(found.engine, "other", view=Seen()), TABLE)
            await other.run("flow on")
            await found.engine.dispatch(Message("user.auth"))
            await found.engine.dispatch(Message("engine.timer"))
            other.session.close()
            await found.engine.dispatch(Message("user.auth"))
            await found.run("flow filter unhandled")
            await found.engine.dispatch(Message("user.auth"))
            recorded = [(one.number, one.name) for one in found.session.flow.recorded()]
            assert recorded[2:] == [(3, "user.auth"), (4, "user.auth")]

    asyncio.run(play())


def test_a_peer_that_invents_names_does_not_fill_the_memory() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on call.*")
            for number in range(3000):
                await found.engine.dispatch(Message(f"other.{number}"))
            assert len(found.engine.recorder._wanted) <= 1000
            assert found.engine.recorder.wants("call.route")

    asyncio.run(play())


def test_without_a_view_there_is_still_the_record() -> None:
    async def play() -> None:
        async with session(view=None) as found:
            reply = await found.run("flow on")
            assert (reply.ok, reply.params["hint"]) == (
                False, "flow last, or yext run --record FILE",
            )  # fmt: skip
            assert (await found.run("flow last")).ok

    asyncio.run(play())


def test_completion_knows_what_was_seen() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            await found.engine.dispatch(Message("seen.only"))
            assert await found.complete("flow re") == ["resume"]
            assert await found.complete("flow show ") == ["1"]
            assert await found.complete("flow on call.ro") == ["call.route"]
            assert await found.complete("flow filter seen") == ["seen.only"]
            assert await found.complete("flow filter call.* and unh") == ["unhandled"]
            assert "by:_route" in await found.complete("flow filter by:")

    asyncio.run(play())


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def play() -> None:
        async with session() as found:
            for line, why in (
                (f"flow load {pipe}", "is no file"),
                (f"flow save {pipe}", "No such device or address"),
                (f"source {pipe}", "is no file"),
            ):
                reply = await asyncio.wait_for(found.run(line), 10)
                assert not reply.ok
                assert why in reply.text

    asyncio.run(play())
