"""The command `message`: what is sent, what is told of it, and what is wrong with a line."""

import asyncio
import json
from typing import Any, cast

import pytest
from seen import session

from yext import Message


async def _swallow(message: Message) -> bool:
    await asyncio.sleep(0)
    return True


def test_reply_return_value_and_journey() -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run("message call.route caller=40 called=99 name='John  Doe'")
            assert reply.ok
            assert reply.params == {"handled": "true", "retvalue": "sip/0099"}
            lines = reply.text.splitlines()
            assert lines[0].startswith("#1 call.route   ")
            assert "from console   handled in " in lines[0]
            assert '  sent  caller=40 called=99 name="John  Doe"' in lines
            assert "called: 99 → 0099   + targetid=r/1   return sip/0099" in reply.text
            assert "  reply handled   return sip/0099" in lines
            message = cast(dict[str, Any], reply.data)["message"]
            assert message["params"]["name"] == "John  Doe"
            assert not found.engine.recorder.active
            assert (await found.run("flow show 1")).text == reply.text

    asyncio.run(play())


def test_a_message_that_nobody_handles_has_failed() -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run("message call.route called=1")
            assert not reply.ok
            assert reply.params["reason"] == "nobody handled call.route"
            assert reply.params["hint"] == "dispatcher handlers name=call.route"
            assert "nobody was asked" in (await found.run("message no.such")).text

    asyncio.run(play())


def test_repeats_and_times() -> None:
    async def play() -> None:
        async with session() as found:
            seen: list[str] = []
            found.engine.install("again", lambda message: bool(seen.append("x")) or True)
            reply = await found.run("message --repeat 250 --time again")
            assert (reply.ok, len(seen)) == (True, 250)
            assert "  sent 250 times, handled 250" in reply.text.splitlines()
            data = cast(dict[str, Any], reply.data)
            times = data["seconds"]
            assert times["min"] <= times["p50"] <= times["p99"] <= times["max"] <= times["total"]
            reply = await found.run("message --json --repeat 2 again a=b")
            assert json.loads(reply.text)["message"]["params"] == {"a": "b"}
            found.engine.install("again", _swallow)
            assert (await found.run("message --repeat 2 again")).ok

    asyncio.run(play())


def test_enqueued_messages_are_not_waited_for() -> None:
    async def play() -> None:
        async with session() as found:
            held = asyncio.Event()
            came: list[str] = []

            async def hold(message: Message) -> bool:
                came.append(message["n"])
                await held.wait()
                return True

            found.engine.install("held", hold)
            reply = await found.run("message --enqueue --repeat 3 held n=1")
            assert reply.text == "Enqueued held 3 times\r\n"
            assert reply.data == {"enqueued": 3}
            while len(came) < 3:
                await asyncio.sleep(0)
            held.set()
            reply = await found.run("message held n=1 --enqueue --json")
            assert json.loads(reply.text) == reply.data == {"enqueued": 1}

    asyncio.run(play())


def test_a_handler_may_be_waited_for() -> None:
    async def play() -> None:
        async with session() as found:
            task = asyncio.create_task(found.run("message --wait 20 later"))
            await asyncio.sleep(0)
            found.engine.install("other", lambda message: True)
            await asyncio.sleep(0)
            assert not task.done()
            found.engine.install("later", lambda message: True)
            assert (await task).ok
            reply = await found.run("message --wait 1 never")
            assert (reply.params["error"], reply.text) == (
                "timeout", "Nobody handles never after 1 s\r\n",
            )  # fmt: skip

    asyncio.run(play())


async def _handle(message: Message) -> bool:
    return True


def test_a_recorded_message_is_sent_again_as_it_was() -> None:
    async def play() -> None:
        async with session() as found:
            seen: list[tuple[str, dict[str, str], str, bool]] = []

            def look(message: Message) -> bool:
                now = dict(message.params), message.retvalue, message.broadcast
                seen.append((message.name, *now))
                message["x"], message.retvalue = "1", "changed"
                return True

            found.engine.install("lab.job", look)
            await found.run("flow on")
            first = Message("lab.job", {"kind": "a", "n": "1"}, retvalue="r", broadcast=True)
            await found.engine.dispatch(first)
            for line in (
                "message --again 1",
                "message --again #1 n=2 m=3",
                "message n=4 --again 1",
            ):
                assert (await found.run(line)).ok
            assert seen == [
                ("lab.job", {"kind": "a", "n": "1"}, "r", True),
                ("lab.job", {"kind": "a", "n": "1"}, "r", True),
                ("lab.job", {"kind": "a", "n": "2", "m": "3"}, "r", True),
                ("lab.job", {"kind": "a", "n": "4"}, "r", True),
            ]

    asyncio.run(play())


def test_what_is_wrong_with_sending_again() -> None:
    async def play() -> None:
        async with session() as found:
            for line, reason in (
                ("message --again 7", "No message #7 is recorded"),
                ("message --again x", "--again wants a number from 1 to 1000000000"),
                ("message", "You must specify the name of the message!"),
                ("message --time", "You must specify the name of the message!"),
            ):
                assert (await found.run(line)).params["reason"] == reason
            await found.run("message call.route called=99")
            reply = await found.run("message --again 1 called")
            assert reply.params["reason"] == "Not key=value: called"

    asyncio.run(play())


def test_completion_of_sending_again() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("message call.route called=99 zone=3")
            assert await found.complete("message --again ") == ["1"]
            words = await found.complete("message --again 1 ")
            assert {"called=", "zone=", "caller="} <= set(words)
            assert "zone=" not in await found.complete("message --again 1 zone=4 ")

    asyncio.run(play())


def test_a_filter_that_kept_a_message_out_is_named() -> None:
    async def play() -> None:
        async with session() as found:
            handler = found.engine.install("lab.job", _handle, filter=("kind", "a"))
            handler.owner = "job.py"
            reply = await found.run("message lab.job kind=b")
            assert "  nobody was asked\r\n" in reply.text
            assert "  kept out by its filter: job.py, kind=a; sent with kind=b\r\n" in reply.text
            assert reply.params["reason"] == ("nobody handled lab.job: job.py has a filter, kind=a")
            assert reply.params["hint"] == "message lab.job kind=a"
            assert (await found.run(reply.params["hint"])).ok
            assert "sent without kind" in (await found.run("message lab.job")).text
            # Others were asked, and passed it on.
            found.engine.install("lab.job", lambda message: False)
            reply = await found.run("message lab.job kind=b")
            assert "kept out by its filter: job.py, kind=a" in reply.text
            assert "nobody was asked" not in reply.text
            reply = await found.run("message lab.job kind=a")
            assert "kept out" not in reply.text
            # The name itself is no advice.
            reply = await found.run("message lab.jobs")
            assert reply.params["hint"] == "Did you mean: lab.job"

    asyncio.run(play())


def test_a_handler_that_a_filter_keeps_out_is_not_waited_for() -> None:
    async def play() -> None:
        async with session() as found:
            found.engine.install("lab.job", _handle, filter=("kind", "a"))
            task = asyncio.create_task(found.run("message --wait 20 lab.job kind=b"))
            await asyncio.sleep(0)
            found.engine.install("lab.job", _handle, filter=("kind", "c"))
            await asyncio.sleep(0)
            assert not task.done()
            found.engine.install("lab.job", _handle, filter=("kind", "b"))
            assert (await task).ok
            assert (await found.run("message --wait 20 lab.job kind=a")).ok

    asyncio.run(play())


def test_options_may_stand_anywhere() -> None:
    async def play() -> None:
        async with session() as found:
            for line in (
                "message --repeat 2 --json my.route called=99",
                "message my.route called=99 --repeat 2 --json",
                "message my.route --json called=99 --repeat 2",
            ):
                told = json.loads((await found.run(line)).text)
                assert (told["sent"], told["message"]["params"]) == (2, {"called": "99"}), line

    asyncio.run(play())


def test_a_name_that_nobody_knows_has_the_nearest_ones() -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run("message my.rout called=99")
            assert reply.params["hint"].startswith("Did you mean: my.route")
            reply = await found.run("message zzzzzz")
            assert reply.params["hint"] == "dispatcher handlers name=^"
            reply = await found.run("message my.route called=1")
            assert reply.params["hint"] == "dispatcher handlers name=my.route"

    asyncio.run(play())


@pytest.mark.parametrize("name", ["engine.status", "engine.command", "engine.help", "call.execute"])
def test_the_engines_own_handlers_are_not_the_one_that_is_waited_for(name: str) -> None:
    async def play() -> None:
        async with session() as found:
            assert (await found.run("sniffer on")).ok
            task = asyncio.create_task(found.run(f"message --wait 20 {name} line=mine"))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not task.done()
            found.engine.install(name, lambda message: True, 5)
            assert (await task).ok

    asyncio.run(play())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("message", "You must specify the name of the message!"),
        ("message call.route caller", "Not key=value: caller"),
        ("message call.route =x", "Not key=value: =x"),
        ("message call.route a='b", "Cannot read this: no closing quotation"),
        ("message --repeat x call.route", "--repeat wants a number from 1 to 100000"),
        ("message --repeat 100001 call.route", "--repeat wants a number from 1 to 100000"),
        ("message --wait 0 call.route", "--wait wants a number from 1 to 3600"),
        ("message --loud call.route", "Unknown option: --loud"),
        ("message call.route a=b --loud", "Unknown option: --loud"),
        ("message call.route --repeat", "--repeat wants a number from 1 to 100000"),
        (
            "message --enqueue --time call.route",
            "--enqueue waits for nothing that --time could measure",
        ),
    ],
)
def test_what_is_wrong_is_told(line: str, told: str) -> None:
    async def play() -> None:
        async with session() as found:
            reply = await found.run(line)
            assert (reply.ok, reply.text, reply.params["reason"]) == (False, f"{told}\r\n", told)

    asyncio.run(play())


def test_names_and_parameters_are_completed() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            await found.engine.dispatch(Message("seen.before", {"colour": "red"}))
            assert await found.complete("message call.ro") == ["call.route"]
            assert await found.complete("message seen") == ["seen.before"]
            assert await found.complete("message seen.before co") == ["colour="]
            assert "called=" in await found.complete("message --time call.route caller=1 ")
            assert "caller=" not in await found.complete("message call.route caller=1 ")
            assert await found.complete("message --rep") == ["--repeat"]
            assert await found.complete("message call.route caller=1 --rep") == ["--repeat"]
            assert "call.route" in await found.complete("message --repeat 5 ")

    asyncio.run(play())
