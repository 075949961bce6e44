"""Messages held in the hand: by whom, how long, and what becomes of them."""

import asyncio
import re
from pathlib import Path
from typing import Any, cast

import pytest
from seen import Seen, session

from yext import Engine, Message
from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.commands.messages.intercept import read_answer
from yext.console.replies.draw import Page
from yext.console.replies.render import render
from yext.console.session.authority import Authority
from yext.console.session.session import Session
from yext.dispatcher import Dispatch
from yext.record.journey import StepResult


class Sent:
    """A message on its way.

    Attributes:
        dispatch: its dispatch.
        over: set at its end.
    """

    def __init__(self, engine: Engine, name: str = "call.route", **params: str) -> None:
        self.over = asyncio.Event()
        message = Message(name, {"caller": "40", "called": "99"} | params)
        self.dispatch = Dispatch(engine.dispatcher, message, lambda _: self.over.set())
        engine.dispatcher.start(self.dispatch)

    @property
    def message(self) -> Message:
        return self.dispatch.message


def shown(found: Interpreter) -> list[str]:
    """What the session was shown, without times and double blanks."""
    lines = cast(Seen, found.session.view).lines
    return [re.sub(r"\d+\.\d (s|ms)", r"# \1", re.sub(" +", " ", one)) for one in lines]


COMMANDS = "answer 1 true | resume 1 | drop 1"


def test_a_message_waits_for_the_operator_s_answer() -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run("intercept call.route and called=99")
            assert reply.text == (
                "Intercept: call.route and called=99, before their handlers, held: 0\r\n"
            )
            sent, other = Sent(found.engine), Sent(found.engine, called="98")
            assert other.over.is_set(), "nothing but what the filter lets through is held"
            assert not sent.over.is_set()
            assert shown(found) == [f"#1 call.route held, # s left caller=40 called=99 {COMMANDS}"]
            reply = await found.run("answer 1 true sip/1@10.0.0.9 x=y called=00")
            assert sent.over.is_set()
            assert sent.dispatch.handled
            assert sent.message.retvalue == "sip/1@10.0.0.9"
            assert sent.message.params == {"caller": "40", "called": "00", "x": "y"}
            text = re.sub(r"\d+\.\d ms", "#", re.sub(" +", " ", reply.text))
            assert text == "#1 call.route ✓ console # → sip/1@10.0.0.9 caller=40 called=99\r\n"
            assert len(shown(found)) == 1, "the reply says it already"
            journey = found.engine.recorder.find(1)
            assert journey is not None
            steps = [(one.owner, one.result) for one in journey.steps]
            assert steps[0] == ("console", StepResult.HANDLED)
            assert steps[-1] == ("_route", StepResult.NOT_ASKED)

    asyncio.run(play())


def test_a_message_goes_on_to_its_handlers_changed() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept call.route")
            first, second = Sent(found.engine, called="1"), Sent(found.engine)
            reply = await found.run("resume called=97")
            assert first.dispatch.handled, "without a number, the one held longest"
            assert first.message.retvalue == "sip/0097"
            assert "✓ _route" in reply.text
            journey = found.engine.recorder.find(1)
            assert journey is not None
            results = [one.result for one in journey.steps]
            assert (results[0], results[-1]) == ("passed", "handled")
            assert journey.steps[0].changes[0][:] == ("called", "1", "97")
            await found.run("resume #2")
            assert second.message.retvalue == "sip/0099"
            assert (await found.run("resume")).params["reason"] == "No message is held"

    asyncio.run(play())


def test_an_answer_that_is_not_handled_goes_on() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept call.route")
            sent = Sent(found.engine, called="1")
            await found.run("answer 1 false seen called=95")
            assert sent.message.retvalue == "sip/0095"

    asyncio.run(play())


def test_a_message_that_is_dropped_is_handled_by_nobody() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept call.route")
            sent = Sent(found.engine)
            reply = await found.run("drop 1")
            assert "· nobody" in reply.text
            assert sent.over.is_set()
            assert not sent.dispatch.handled
            assert sent.message.params["called"] == "99", "no handler had it"
            reply = await found.run("drop 1")
            assert reply.text == "Could not drop 1\r\n", "now it is the name of a channel"

    asyncio.run(play())


def test_a_reply_is_held_after_the_handlers() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept --after call.route and handled")
            outcomes = []
            for command in ("resume", "answer {} true sip/other a=b", "answer {} false", "drop {}"):
                sent = Sent(found.engine)
                assert not sent.over.is_set()
                assert sent.message.retvalue == "sip/0099", "its handler has answered"
                number = sent.dispatch.journey.number  # type: ignore[union-attr]
                assert f"#{number} call.route reply held, # s left → sip/0099 " in shown(found)[-1]
                await found.run(command.format(number))
                assert sent.over.is_set()
                outcomes.append((sent.dispatch.handled, sent.message.retvalue))
            assert outcomes == [
                (True, "sip/0099"), (True, "sip/other"), (False, "sip/0099"), (False, "")
            ]  # fmt: skip
            assert Sent(found.engine, called="1").over.is_set()
            assert found.engine.dispatcher.in_flight == 0

    asyncio.run(play())


def test_what_is_known_only_at_the_end_cannot_choose_before() -> None:
    async def play() -> None:
        async with session() as found:
            for term in ("handled", "failed", "slow>3ms", "by:route.py"):
                reply = await found.run(f"intercept call.route and {term}")
                first, second = reply.text.splitlines()
                assert second[first.index(term)] == "^"
                why = "this is known when it has ended: intercept --after"
                assert reply.params["reason"] == why
                assert (await found.run(f"intercept --after call.route and {term}")).ok
            reply = await found.run("intercept called==9")
            assert reply.params["reason"] == "write one = only: called=9"
            reply = await found.run("intercept call.rout")
            assert "Did you mean: call.route" in reply.text

    asyncio.run(play())


def test_a_message_goes_on_when_its_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[sniffer]\nheld_seconds=1\n")

    async def play() -> None:
        async with session(tmp_path) as found:
            await found.run("intercept call.route")
            sent = Sent(found.engine)
            state = found.session.flow_state()
            assert re.fullmatch(r"held #1 [01] s", state)
            await asyncio.wait_for(sent.over.wait(), 20)
            assert sent.dispatch.handled
            assert shown(found)[-1] == "#1 call.route goes on, as its time is over"
            assert "✓ _route" in shown(found)[-2]
            assert found.session.flow_state() == "flow off"
            await found.run("flow on call.*")
            Sent(found.engine)
            assert re.fullmatch(r"held #2 [01] s \| flow on call\.\*", found.session.flow_state())

    asyncio.run(play())


class Outer:
    """A sender that must answer a message of its own by a deadline."""

    label = "ivr.py"

    def __init__(self, outer: Dispatch) -> None:
        self.outer = outer

    def handling(self, sent: Dispatch) -> tuple[Dispatch, ...]:
        return (self.outer,)


def test_it_is_held_no_longer_than_its_sender_may_wait() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept inner")
            dispatcher = found.engine.dispatcher
            outer = Dispatch(dispatcher, Message("outer"), None)
            outer.deadline = asyncio.get_running_loop().time() + 5
            inner = Dispatch(dispatcher, Message("inner"), None, Outer(outer))
            dispatcher.start(inner)
            reply = await found.run("intercept")
            (held,) = cast(dict[str, Any], reply.data)["held"]
            assert 0 < held["seconds"] <= 4.9
            assert reply.text.splitlines()[1].startswith("#1 inner  held, 4.")

    asyncio.run(play())


def test_so_many_are_held_at_once_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[sniffer]\nheld=2\n")

    async def play() -> None:
        async with session(tmp_path) as found:
            other = Interpreter(Session(found.engine, "10.0.0.9:4000", view=Seen()), TABLE)
            await found.run("intercept call.route")
            await other.run("intercept my.route")
            sent = [Sent(found.engine), Sent(found.engine, "my.route")]
            assert len(shown(other)) == 1
            more = [Sent(found.engine) for _ in range(3)]
            assert all(one.over.is_set() and one.dispatch.handled for one in more)
            assert not any(one.over.is_set() for one in sent)
            assert shown(found)[1:] == [
                "#3 call.route goes on, as 2 are held; further ones do so too"
            ]
            reply = await found.run("intercept")
            assert "  3 went on, as enough were held\r\n" in reply.text
            # Another admin sees all of them, and may let them go on.
            assert [line.split()[0] for line in reply.text.splitlines()[2:]] == ["#1", "#2"]
            await found.run("resume 2")
            assert sent[1].over.is_set()
            assert "✓ _route" in shown(other)[-1]
            other.session.close()

    asyncio.run(play())


def test_messages_that_go_on_at_once_do_not_flood_the_view(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[sniffer]\nlines=5\n")

    async def play() -> None:
        async with session(tmp_path) as found:
            await found.run("intercept call.route")
            loop = asyncio.get_running_loop()
            before = loop.time()
            for _ in range(200):
                Sent(found.engine)
                await found.run("resume")
            await found.run("intercept off")
            seconds = int(loop.time() - before) + 2
            assert len([one for one in shown(found) if "left out" not in one]) <= 5 * seconds

    asyncio.run(play())


@pytest.mark.parametrize("end", ["close", "intercept off", "intercept other"])
def test_all_go_on_when_the_session_ends_or_wants_no_more(end: str) -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept call.route")
            sent = [Sent(found.engine) for _ in range(4)]
            if end == "close":
                found.session.close()
                assert not found.engine.recorder.active
            else:
                await found.run(end)
            assert all(one.over.is_set() and one.dispatch.handled for one in sent)
            assert (found.engine.dispatcher.gate is None) is (end != "intercept other")
            assert Sent(found.engine).over.is_set()
            await found.run("intercept off")
            assert found.engine.dispatcher.gate is None

    asyncio.run(play())


def test_a_message_of_the_session_itself_is_not_waited_for_while_it_is_held() -> None:
    async def play() -> None:
        async with session() as found:
            for before in ("intercept", "intercept --after"):
                await found.run(f"{before} call.route")
                reply = await asyncio.wait_for(found.run("message call.route called=99"), 20)
                number = reply.params["held"]
                assert reply.text == f"#{number} call.route is held\r\n"
                reply = await found.run(f"answer {number} true x/y")
                assert "→ x/y" in reply.text
                assert (await found.run("message my.route called=99")).params["handled"] == "true"

    asyncio.run(play())


def test_consoles_and_the_engine_itself_are_not_held_up() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept *")
            for line in ("version", "status engine", "help uptime", "module list"):
                assert (await asyncio.wait_for(found.run(line), 20)).ok
            assert shown(found) == []
            await found.run("intercept engine.*")
            assert (await asyncio.wait_for(found.run("module list"), 20)).ok, "its own"
            sent = Sent(found.engine, "engine.status")
            assert not sent.over.is_set(), "it was named"
            assert Sent(found.engine, "engine.halt").over.is_set()

    asyncio.run(play())


def test_observers_hold_nothing() -> None:
    async def play() -> None:
        async with session(authority=Authority.USER) as found:
            for line in ("intercept *", "intercept", "resume", "answer 1 true", "drop 1"):
                assert not (await found.run(line)).ok
            assert found.engine.dispatcher.gate is None

    asyncio.run(play())


def test_secrets_of_command_lines_stay_hidden() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept engine.command")
            Sent(found.engine, "engine.command", line="auth s3cret")
            assert "s3cret" not in "".join(shown(found))
            assert "s3cret" not in (await found.run("intercept")).text

    asyncio.run(play())


def test_a_narrow_view_has_the_commands_below() -> None:
    async def play() -> None:
        async with session() as found:
            cast(Seen, found.session.view).width = 60
            await found.run("intercept call.route")
            Sent(found.engine, callername="x" * 50)
            first, second = cast(Seen, found.session.view).lines
            assert re.fullmatch(r"#1 call.route  held, \d+\.\d s left   caller=40 .*…", first)
            assert second == f"    {COMMANDS}"

    asyncio.run(play())


def test_replies_about_what_was_held_are_drawn_in_colour() -> None:
    async def play() -> None:
        async with session() as found:
            view = cast(Seen, found.session.view)
            view.color = True
            page = Page(80, color=True, unicode=True)
            await found.run("intercept call.route")
            for number, line in enumerate(("answer 1 true x", "resume 2", "drop 3"), 1):
                Sent(found.engine, called="1")
                shown = render(await found.run(line), line, page)
                assert shown.startswith(f"#{number} ")
                assert "\x1b[2mcalled=\x1b[0m1" in shown

    asyncio.run(play())


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ([], (True, None, {})),
        (["true"], (True, None, {})),
        (["false", "a=b"], (False, None, {"a": "b"})),
        (["sip/1"], (True, "sip/1", {})),
        (["true", "sip/1@h;transport=tls", "a=b=c"], (True, "sip/1@h;transport=tls", {"a": "b=c"})),
        (["true", "", "x.y-z=1"], (True, "", {"x.y-z": "1"})),
        (["true", "true"], (True, "true", {})),
    ],
)
def test_the_words_of_an_answer(words: list[str], answer: object) -> None:
    assert read_answer(words) == answer


def test_mistakes_in_commands_about_what_is_held() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("intercept call.route")
            sent = Sent(found.engine)
            for line, reason in (
                ("answer", "Which message?"),
                ("answer 7 true", "No message 7 is held"),
                ("answer x", "No message x is held"),
                ("resume 1234567890123", "No message 1234567890123 is held"),
                ("resume 1 called", "Not key=value: called"),
                ("answer 1 true a b", "Not key=value: b"),
            ):
                assert (await found.run(line)).params["reason"] == reason
            assert not sent.over.is_set()
            assert await found.complete("resume ") == ["1"]
            assert await found.complete("answer ") == ["1"]
            assert await found.complete("answer 1 ") == ["true", "false"]
            assert "1" in await found.complete("drop ")
            assert "--after" in await found.complete("intercept ")
            assert "call.route" in await found.complete("intercept --after call.ro")

    asyncio.run(play())
