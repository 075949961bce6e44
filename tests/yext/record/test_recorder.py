"""The record of messages: each journey with its steps, within its bounds, and late answers."""

import asyncio
import os
from pathlib import Path

from workshop import TIMEOUT, Workshop

from yext import Engine, Message
from yext.console.replies.trace import Style, draw_journey
from yext.record.journey import Change, Journey, from_json, to_json

LATE = """echo '%%>install:50:slow'
while IFS=: read -r head id rest; do
    case $head in '%%>message') read -r go < "$1"; echo "%%<message:$id:true::late" ;; esac
done
"""
"""A script that answers once something is written to the FIFO that is its parameter."""

TWO_IN_HAND = """echo '%%>install:50:outer'
first=
while IFS=: read -r head id rest; do
    case $head in
    '%%>message')
        if [ -z "$first" ]; then first=$id; continue; fi
        echo '%%>message:mine:0:unsaid::n=1'
        echo "%%>message:mine:0:said::yext_parent=$first"
        echo "%%>message:$id:0:on_behalf::n=1"
        echo '%%>message:mine:0:wrong::yext_parent=nothing'
        echo "%%<message:$first:true::"
        echo "%%<message:$id:true::"
        echo '%%>message:mine:0:free::n=1' ;;
    esac
done
"""
"""A script that sends messages of its own while it has two in hand, and one more afterwards."""

ASKS = """echo '%%>install:50:outer'
while IFS=: read -r head id rest; do
    case $head in
    '%%>message') outer=$id; echo '%%>message:mine:0:inner::question=6 x 9' ;;
    '%%<message') echo "%%<message:$outer:true::42:answered=yes" ;;
    esac
done
"""
"""A script that sends a message of its own to answer one."""


class Followed:
    """The journeys of an engine, as they come."""

    def __init__(self, engine: Engine) -> None:
        self.queue: asyncio.Queue[Journey] = asyncio.Queue()
        self.unfollow = engine.recorder.follow(self.queue.put_nowait)

    async def next(self, name: str) -> Journey:
        """The next journey of that name."""
        while True:
            journey = await asyncio.wait_for(self.queue.get(), TIMEOUT)
            if journey.name == name:
                return journey


def test_each_step_is_told_with_what_it_changed() -> None:
    async def play() -> Journey:
        async with Engine() as engine:
            followed = Followed(engine)

            def stats(message: Message) -> bool:
                message["handlers"] = "stats"
                return False

            def route(message: Message) -> bool:
                message["targetid"] = "r/1"
                message["called"] = "0099"
                del message["extra"]
                message.retvalue = "sip/99"
                return True

            engine.install("my.route", stats, 20)
            engine.install("my.route", route, 50)
            engine.install("my.route", stats, 100)
            await engine.dispatch(Message("my.route", {"called": "99", "extra": "x"}))
            return await followed.next("my.route")

    journey = asyncio.run(play())
    assert [(step.priority, step.result) for step in journey.steps] == [
        (20, "passed"), (50, "handled"), (100, "not asked"),
    ]  # fmt: skip
    assert journey.steps[0].changes == (Change("handlers", None, "stats"),)
    assert journey.steps[1].changes == (
        Change("called", "99", "0099"), Change("targetid", None, "r/1"),
        Change("extra", "x", None),
    )  # fmt: skip
    assert journey.steps[1].retvalue == "sip/99"
    assert (journey.params, journey.after["called"]) == ({"called": "99", "extra": "x"}, "0099")
    assert journey.outcome == "handled"
    assert journey.by.endswith("route")
    assert journey.took >= sum(step.took for step in journey.steps) > 0


def test_a_message_of_a_script_is_nested_in_what_it_handles(tmp_path: Path) -> None:
    async def play() -> tuple[Journey, Journey]:
        workshop = Workshop(tmp_path)
        workshop.script("asks.sh", ASKS)
        async with workshop.running():
            followed = Followed(workshop.engine)
            await workshop.start("asks.sh")
            await workshop.engine.dispatcher.installed("outer")
            handled, message = await workshop.send("outer")
            assert (handled, message.retvalue) == (True, "42")
            return await followed.next("inner"), await followed.next("outer")

    inner, outer = asyncio.run(play())
    assert (inner.parent, inner.depth, outer.parent) == (outer.number, 1, 0)
    assert inner.sender == "asks.sh"
    assert inner.outcome == "not handled"
    assert outer.number < inner.number


def test_an_answer_after_the_timeout_is_seen(tmp_path: Path) -> None:
    async def play() -> None:
        workshop = Workshop(tmp_path)
        workshop.configure("timeout=30")
        workshop.script("late.sh", LATE)
        fifo = tmp_path / "go"
        os.mkfifo(fifo)
        async with workshop.running():
            followed = Followed(workshop.engine)
            await workshop.start(f"late.sh {fifo}")
            await workshop.engine.dispatcher.installed("slow")
            handled, _ = await workshop.send("slow")
            first = await followed.next("slow")
            assert (handled, first.outcome, first.by) == (False, "timed out", "late.sh")
            with await asyncio.to_thread(fifo.open, "w") as file:
                file.write("go\n")
            second = await followed.next("slow")
            assert second is first
            assert (second.outcome, second.handled) == ("late", False)
            assert second.steps[0].took > 0.03

    asyncio.run(play())


def test_nothing_is_recorded_when_nobody_follows() -> None:
    async def play() -> None:
        async with Engine() as engine:
            sniffer = engine.recorder
            followed = Followed(engine)
            await engine.dispatch(Message("one"))
            followed.unfollow()
            followed.unfollow()
            assert not sniffer.active
            await engine.dispatch(Message("two"))
            assert [journey.name for journey in sniffer.last(9)] == ["one"]
            assert not sniffer.open
            sniffer.clear()
            assert sniffer.last(9) == []

    asyncio.run(play())


def test_the_record_keeps_within_its_bounds(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[sniffer]\nmessages=10\nbytes=65536\n")

    async def play() -> None:
        async with Engine(tmp_path) as engine:
            sniffer = engine.recorder
            sniffer.follow(lambda journey: None)
            for count in range(1, 16):
                await engine.dispatch(Message("many", {"count": str(count)}))
            kept = [journey.params["count"] for journey in sniffer.last(100)]
            assert kept == [str(count) for count in range(6, 16)]
            assert [journey.params["count"] for journey in sniffer.last(2)] == ["14", "15"]
            number = sniffer.last(1)[0].number
            assert sniffer.find(number) is sniffer.last(1)[0]
            assert sniffer.find(number - 10) is None
            for _ in range(5):
                await engine.dispatch(Message("big", {"text": "x" * 20000}))
            assert sum(journey.size() for journey in sniffer.last(100)) <= 65536
            assert 0 < len(sniffer.last(100)) < 5

    asyncio.run(play())


def test_a_mistake_in_its_options_is_told(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[sniffer]\nmessages=many\nlines=7\nsecret=pin\n")

    async def play() -> None:
        engine = Engine(tmp_path)
        told: list[str] = []
        engine.log.subscribe(lambda event: told.append(event.text))
        async with engine:
            assert any("yate.conf:2: messages=many is not a number" in text for text in told)
            assert (engine.recorder.max_messages, engine.recorder.lines) == (10_000, 7)
            assert engine.recorder.secret("PIN")
            assert not engine.recorder.secret("password")

    asyncio.run(play())


def test_the_start_of_a_message_is_recorded() -> None:
    async def play() -> Journey:
        async with Engine() as engine:
            followed = Followed(engine)
            engine.install("call.route", lambda message: True)
            await engine.dispatch(Message("call.route", retvalue="-", broadcast=True))
            return await followed.next("call.route")

    journey = asyncio.run(play())
    assert (journey.first_retvalue, journey.broadcast) == ("-", True)


def test_a_sender_with_several_messages_in_hand_is_not_guessed_at(tmp_path: Path) -> None:
    async def play() -> tuple[list[Journey], dict[str, Journey]]:
        workshop = Workshop(tmp_path)
        workshop.script("two.sh", TWO_IN_HAND)
        async with workshop.running():
            followed = Followed(workshop.engine)
            await workshop.start("two.sh")
            await workshop.engine.dispatcher.installed("outer")
            outer = [workshop.send("outer"), workshop.send("outer")]
            inner = asyncio.gather(*outer)
            names = ("unsaid", "said", "on_behalf", "wrong", "free")
            found: dict[str, Journey] = {}
            outers: list[Journey] = []
            while len(found) < len(names) or len(outers) < 2:
                journey = await asyncio.wait_for(followed.queue.get(), TIMEOUT)
                if journey.name in names:
                    found[journey.name] = journey
                elif journey.name == "outer":
                    outers.append(journey)
            await inner
            return sorted(outers, key=lambda one: one.number), found

    (first, second), found = asyncio.run(play())
    numbers = (first.number, second.number)
    nesting = {name: (one.parent, one.depth, one.among) for name, one in found.items()}
    assert nesting == {
        "unsaid": (0, 0, numbers),
        "said": (first.number, 1, ()),
        "on_behalf": (second.number, 1, ()),
        "wrong": (0, 0, numbers),
        "free": (0, 0, ()),
    }
    written = to_json(found["unsaid"])
    assert (written["parent"], written["among"]) == (None, list(numbers))
    assert to_json(found["free"])["parent"] == 0
    assert from_json(written) == found["unsaid"]
    shown = "\n".join(draw_journey(found["unsaid"], Style()))
    assert f"within one of #{first.number}, #{second.number}" in shown
