"""The dispatcher: who is asked, in which order, who is told, and what a bad handler does."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from yext.dispatcher import (
    PENDING,
    Dispatch,
    Dispatcher,
    FunctionHandler,
    Handler,
    HandlerFunction,
    NoAnswer,
    Pending,
)
from yext.log import Event, Log
from yext.message import Message


class Bus:
    """A dispatcher, and what its handlers wrote down."""

    def __init__(self) -> None:
        self.log = Log()
        self.told: list[Event] = []
        self.log.subscribe(self.told.append)
        self.dispatcher = Dispatcher(self.log)
        self.asked: list[str] = []

    def on(
        self,
        name: str,
        priority: int = 100,
        label: str = "",
        *,
        handled: bool = False,
        do: Callable[[Message], object] | None = None,
        track: str = "",
        filter: tuple[str, str] = ("", ""),
    ) -> Handler:
        """Installs a handler that writes its label down, and does `do` first."""

        def function(message: Message) -> bool:
            if do is not None:
                do(message)
            self.asked.append(label)
            return handled

        return self.install(function, name, priority, label, track, filter)

    def install(
        self,
        function: HandlerFunction,
        name: str = "test",
        priority: int = 100,
        label: str = "",
        track: str = "",
        filter: tuple[str, str] = ("", ""),
    ) -> Handler:
        handler = FunctionHandler(self.log, function, name, priority, label, track, *filter)
        self.dispatcher.install(handler)
        return handler

    def send(self, message: Message | None = None) -> tuple[bool, list[str]]:
        """Dispatches; gives whether it was handled, and who was asked."""
        return asyncio.run(self.asend(message))

    async def asend(self, message: Message | None = None) -> tuple[bool, list[str]]:
        self.asked.clear()
        handled = await self.dispatcher.dispatch(message or Message("test"))
        return handled, list(self.asked)


class Watching:
    """A watcher that writes down what it was told."""

    def __init__(self, label: str, told: list[str]) -> None:
        self.label = label
        self.told = told

    def notice(self, dispatch: Dispatch) -> None:
        self.told.append(f"{self.label} {dispatch.message.name} {dispatch.handled}")


class Waiting(Handler):
    """A handler that answers when the test says so."""

    def handle(self, message: Message, dispatch: Dispatch) -> bool | Pending:
        self.dispatch = dispatch
        return PENDING


@pytest.fixture
def bus() -> Bus:
    return Bus()


# Order


def test_lower_priorities_are_asked_first(bus: Bus) -> None:
    for priority in (50, 10, 100, 0, 4294967295, 2147483647):
        bus.on("test", priority, str(priority))
    assert bus.send() == (False, ["0", "10", "50", "100", "2147483647", "4294967295"])


def test_equal_priorities_are_asked_in_order_of_installation(bus: Bus) -> None:
    labels = [str(number) for number in range(20)]
    handlers = [bus.on("test", 100, label) for label in labels]
    assert bus.send() == (False, labels)
    bus.dispatcher.uninstall(handlers[3])
    bus.dispatcher.install(handlers[3])
    assert bus.send() == (False, [*labels[:3], *labels[4:], "3"])


def test_a_negative_priority_is_the_last(bus: Bus) -> None:
    bus.on("test", -1, "minus one")
    bus.on("test", 2147483647, "largest")
    assert bus.send() == (False, ["largest", "minus one"])


def test_the_first_that_handles_ends_the_walk(bus: Bus) -> None:
    bus.on("test", 10, "first")
    bus.on("test", 20, "second", handled=True)
    bus.on("test", 30, "third")
    assert bus.send() == (True, ["first", "second"])


def test_a_broadcast_reaches_everybody(bus: Bus) -> None:
    bus.on("test", 10, "first", handled=True)
    bus.on("test", 20, "second")
    assert bus.send(Message("test", broadcast=True)) == (True, ["first", "second"])


def test_other_names_are_not_asked(bus: Bus) -> None:
    bus.on("test.more", label="longer")
    bus.on("tes", label="shorter")
    assert bus.send() == (False, [])


def test_a_handler_of_everything_takes_its_place_by_priority(bus: Bus) -> None:
    bus.on("test", 10, "first")
    bus.on("", 20, "all")
    bus.on("test", 30, "last")
    assert bus.send() == (False, ["first", "all", "last"])
    assert bus.send(Message("unheard.of")) == (False, ["all"])


def test_a_handler_of_everything_that_goes_is_asked_no_more(bus: Bus) -> None:
    everything = bus.on("", 20, "all")
    own = bus.on("test", 30, "own")
    bus.dispatcher.uninstall(everything)
    assert bus.send() == (False, ["own"])
    assert bus.send(Message("unheard.of")) == (False, [])
    bus.dispatcher.uninstall(own)
    assert bus.send() == (False, [])
    bus.dispatcher.uninstall(own)


def test_handlers_are_listed_by_name_and_order(bus: Bus) -> None:
    bus.on("b", 20)
    bus.on("b", 10)
    bus.on("a", 30)
    bus.on("", 5)
    listed = [(one.name, one.priority) for one in bus.dispatcher.handlers()]
    assert listed == [("", 5), ("a", 30), ("b", 10), ("b", 20)]
    assert bus.dispatcher.handler_names() == ["a", "b"]


# Filters and tracking


@pytest.mark.parametrize(
    ("filter", "params", "asked"),
    [
        (("called", "99"), {"called": "99"}, True),
        (("called", "99"), {"called": "999"}, False),
        (("called", "99"), {}, False),
        (("called", ""), {}, True),
        (("called", ""), {"called": ""}, True),
        (("called", ""), {"called": "1"}, False),
        (("called", "^9"), {"called": "99"}, False),
        (("", "99"), {}, True),
    ],
)
def test_a_filter_wants_one_value_literally(
    bus: Bus, filter: tuple[str, str], params: dict[str, str], asked: bool
) -> None:
    bus.on("test", label="asked", filter=filter)
    assert bus.send(Message("test", params)) == (False, ["asked"] if asked else [])


def test_a_filter_sees_what_earlier_handlers_changed(bus: Bus) -> None:
    bus.on("test", 10, "sets", do=lambda message: message.__setitem__("called", "99"))
    bus.on("test", 20, "filtered", filter=("called", "99"))
    assert bus.send() == (False, ["sets", "filtered"])


def test_handlers_with_a_name_to_track_leave_it_in_the_message(bus: Bus) -> None:
    bus.on("test", 10, track="one")
    bus.on("test", 20)
    bus.on("test", 30, track="two", filter=("no", "such"))
    bus.on("test", -1, track="three")
    message = Message("test")
    bus.send(message)
    assert message["handlers"] == "one:10,three:4294967295"


# Changes on the way


def test_a_renamed_message_goes_on_to_the_handlers_of_its_new_name(bus: Bus) -> None:
    bus.on("test", 10, "before", do=lambda message: setattr(message, "name", "new"))
    bus.on("new", 5, "too early")
    bus.on("new", 20, "new")
    bus.on("test", 30, "old")
    assert bus.send() == (False, ["before", "new"])


def test_a_handler_added_further_on_is_asked_and_one_behind_is_not(bus: Bus) -> None:
    def add(message: Message) -> None:
        bus.on("test", 10, "same priority, later")
        bus.on("test", 5, "behind")
        bus.on("test", 20, "further on")

    bus.on("test", 10, "adds", do=add)
    assert bus.send() == (False, ["adds", "same priority, later", "further on"])


def test_a_handler_removed_before_its_turn_is_not_asked(bus: Bus) -> None:
    victim = bus.on("test", 20, "victim")
    bus.on("test", 10, "removes", do=lambda _: bus.dispatcher.uninstall(victim))
    bus.on("test", 30, "last")
    assert bus.send() == (False, ["removes", "last"])


def test_a_handler_that_removes_itself_skips_nobody(bus: Bus) -> None:
    handlers: list[Handler] = []
    handlers.append(bus.on("test", 10, "goes", do=lambda _: bus.dispatcher.uninstall(handlers[0])))
    bus.on("test", 10, "stays")
    assert bus.send() == (False, ["goes", "stays"])
    assert bus.send() == (False, ["stays"])


def test_a_handler_that_is_replaced_has_its_place_and_its_turn(bus: Bus) -> None:
    def replace(message: Message) -> None:
        made = FunctionHandler(bus.log, lambda _: bus.asked.append("new"), "test", 50, "new", "")
        bus.dispatcher.replace(old, made)

    old = bus.on("test", 50, "old", do=replace)
    bus.on("test", 50, "later")
    assert bus.send() == (False, ["old", "later"]), "the message has passed the place"
    old = bus.dispatcher.view("test")[0]
    bus.on("test", 10, "first")
    assert bus.send() == (False, ["first", "new", "later"])


def test_a_handler_that_is_gone_is_replaced_by_installing(bus: Bus) -> None:
    old = bus.on("test", 50, "old")
    bus.dispatcher.uninstall(old)
    made = FunctionHandler(bus.log, lambda _: bus.asked.append("new"), "test", 50, "new", "")
    bus.dispatcher.replace(old, made)
    assert bus.send() == (False, ["new"])


def test_the_first_handler_of_a_name_may_be_added_on_the_way(bus: Bus) -> None:
    bus.on("", 10, "all", do=lambda _: bus.on("test", 20, "new"))
    assert bus.send() == (False, ["all", "new"])


# Watchers


def test_watchers_are_told_after_the_dispatch_and_before_the_sender(bus: Bus) -> None:
    bus.dispatcher.watch("test", Watching("watcher", bus.asked))
    bus.on("test", 10, "handler", handled=True)
    dispatch = Dispatch(bus.dispatcher, Message("test"), lambda _: bus.asked.append("sender"))
    bus.dispatcher.start(dispatch)
    assert bus.asked == ["handler", "watcher test True", "sender"]


def test_watchers_go_by_the_name_that_a_message_has_at_its_end(bus: Bus) -> None:
    bus.dispatcher.watch("test", Watching("old", bus.asked))
    bus.dispatcher.watch("new", Watching("new", bus.asked))
    bus.on("test", 10, "renames", do=lambda message: setattr(message, "name", "new"))
    assert bus.send() == (False, ["renames", "new new False"])


def test_one_that_watches_a_name_and_everything_is_told_once(bus: Bus) -> None:
    watcher = Watching("watcher", bus.asked)
    bus.dispatcher.watch("", watcher)
    bus.dispatcher.watch("test", watcher)
    assert bus.send() == (False, ["watcher test False"])
    assert bus.dispatcher.watch_names() == [("", "watcher"), ("test", "watcher")]
    bus.dispatcher.unwatch("", watcher)
    assert bus.send() == (False, ["watcher test False"])
    assert bus.send(Message("other")) == (False, [])
    bus.dispatcher.unwatch("test", watcher)
    bus.dispatcher.unwatch("test", watcher)
    assert bus.send() == (False, [])


def test_a_watcher_of_everything_that_comes_later_is_told_too(bus: Bus) -> None:
    bus.dispatcher.watch("test", Watching("named", bus.asked))
    bus.dispatcher.watch("", Watching("all", bus.asked))
    assert bus.send() == (False, ["named test False", "all test False"])
    assert bus.send(Message("other")) == (False, ["all other False"])


# Handlers that answer later


def test_a_dispatch_walks_on_when_the_answer_comes(bus: Bus) -> None:
    waiting = Waiting("test", 10, "later")
    bus.dispatcher.install(waiting)
    bus.on("test", 20, "next")
    ended: list[bool] = []
    dispatch = Dispatch(
        bus.dispatcher, Message("test"), lambda ended_one: ended.append(ended_one.handled)
    )
    bus.dispatcher.start(dispatch)
    assert (bus.asked, ended, bus.dispatcher.in_flight) == ([], [], 1)
    waiting.dispatch.answered(False)
    assert (bus.asked, ended, bus.dispatcher.in_flight) == (["next"], [False], 0)


def test_a_pending_answer_that_handles_ends_the_walk(bus: Bus) -> None:
    waiting = Waiting("test", 10, "later")
    bus.dispatcher.install(waiting)
    bus.on("test", 20, "next")
    dispatch = Dispatch(bus.dispatcher, Message("test"), None)
    bus.dispatcher.start(dispatch)
    waiting.dispatch.answered(True)
    assert (bus.asked, dispatch.handled) == ([], True)
    assert [one.owner for one in dispatch.remaining()] == ["next"]


def test_a_broadcast_walks_on_after_a_pending_answer_that_handles(bus: Bus) -> None:
    waiting = Waiting("test", 10, "later")
    bus.dispatcher.install(waiting)
    bus.on("test", 20, "next")
    dispatch = Dispatch(bus.dispatcher, Message("test", broadcast=True), None)
    bus.dispatcher.start(dispatch)
    waiting.dispatch.answered(True)
    assert (bus.asked, dispatch.handled) == (["next"], True)


def test_a_handler_that_goes_is_waited_for_all_the_same(bus: Bus) -> None:
    waiting = Waiting("test", 10, "later")
    bus.dispatcher.install(waiting)
    bus.on("test", 20, "next")
    dispatch = Dispatch(bus.dispatcher, Message("test"), None)
    bus.dispatcher.start(dispatch)
    bus.dispatcher.uninstall(waiting)
    assert bus.asked == []
    waiting.dispatch.answered(False, NoAnswer.GONE)
    assert (bus.asked, dispatch.outcome) == (["next"], "gone")


def test_a_message_that_waits_holds_up_no_other(bus: Bus) -> None:
    waiting = Waiting("slow", 10, "later")
    bus.dispatcher.install(waiting)
    bus.dispatcher.start(Dispatch(bus.dispatcher, Message("slow"), None))
    bus.on("test", 10, "quick", handled=True)
    assert bus.send() == (True, ["quick"])


# Python handlers


@pytest.mark.parametrize(
    ("result", "handled"), [(True, True), (False, False), (None, False), (1, True), ("", False)]
)
@pytest.mark.parametrize("coroutine", [False, True])
def test_what_a_handler_returns_counts_as_a_boolean(
    bus: Bus, result: object, handled: bool, coroutine: bool
) -> None:
    async def later(message: Message) -> bool | None:
        await asyncio.sleep(0)
        return result  # type: ignore[return-value]

    bus.install(later if coroutine else lambda message: result)  # type: ignore[arg-type,return-value]
    assert bus.send() == (handled, [])


def test_a_coroutine_handler_may_change_the_message(bus: Bus) -> None:
    async def later(message: Message) -> bool:
        await asyncio.sleep(0)
        message["seen"] = "yes"
        message.retvalue = "done"
        return True

    bus.install(later)
    message = Message("test")
    assert bus.send(message) == (True, [])
    assert (message["seen"], message.retvalue) == ("yes", "done")


def test_coroutine_handlers_of_two_messages_run_side_by_side(bus: Bus) -> None:
    async def main() -> None:
        here, there = asyncio.Event(), asyncio.Event()

        async def meet(message: Message) -> bool:
            mine, other = (here, there) if message.get("side") == "here" else (there, here)
            mine.set()
            await other.wait()
            return True

        bus.install(meet)
        sent = [bus.dispatcher.dispatch(Message("test", {"side": side})) for side in ("here", "")]
        assert await asyncio.wait_for(asyncio.gather(*sent), 10) == [True, True]

    asyncio.run(main())


@pytest.mark.parametrize("coroutine", [False, True])
def test_a_handler_that_raises_is_logged_and_counts_as_not_handled(
    bus: Bus, coroutine: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(message: Message) -> bool:
        raise ValueError("what went wrong")

    async def fails_later(message: Message) -> bool:
        await asyncio.sleep(0)
        return fails(message)

    bus.install(fails_later if coroutine else fails, "test", 10, "bad.handler")
    bus.on("test", 20, "next", handled=True)
    with caplog.at_level(logging.ERROR, "yext"):
        assert bus.send() == (True, ["next"])
    [record] = [one for one in caplog.records if one.exc_info]
    assert record.getMessage() == "handler bad.handler of test raised"
    assert 'raise ValueError("what went wrong")' in caplog.text
    assert [(event.source, event.text) for event in bus.told] == [
        ("bad.handler", "handler of test raised, counts as not handled")
    ]


def test_a_handler_may_dispatch_and_wait_for_another_message(bus: Bus) -> None:
    async def outer(message: Message) -> bool:
        return await bus.dispatcher.dispatch(Message("inner"))

    bus.install(outer)
    bus.on("inner", 10, "inner", handled=True)
    assert bus.send() == (True, ["inner"])


# The queue


def test_queued_messages_are_dispatched_in_order_of_arrival(bus: Bus) -> None:
    seen: list[str] = []

    def note(message: Message) -> bool:
        seen.append(message["n"])
        if message["n"] == "0":
            bus.dispatcher.enqueue(_numbered(bus, 200))
        return False

    async def main() -> None:
        bus.install(note)
        for number in range(200):
            bus.dispatcher.enqueue(_numbered(bus, number))
        assert (seen, bus.dispatcher.queue_length()) == ([], 200)
        await bus.dispatcher.wait_idle(10)

    asyncio.run(main())
    assert seen == [str(number) for number in range(201)]
    counted = bus.dispatcher
    assert (counted.enqueued, counted.dequeued, counted.dispatched, counted.in_flight) == (
        201, 201, 201, 0,
    )  # fmt: skip


def _numbered(bus: Bus, number: int) -> Dispatch:
    return Dispatch(bus.dispatcher, Message("test", {"n": str(number)}), None)


def test_a_long_queue_leaves_turns_to_others(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dispatcher, "TURN_SECONDS", -1.0)

    async def main() -> int:
        for number in range(100):
            bus.dispatcher.enqueue(_numbered(bus, number))
        waited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: waited.set_result(bus.dispatcher.queue_length()))
        left = await waited
        await bus.dispatcher.wait_idle(10)
        return left

    assert asyncio.run(main()) == 84


# Stop


def test_a_stop_cancels_pending_coroutine_handlers_and_releases_their_messages(bus: Bus) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def never(message: Message) -> bool:
            begun.set()
            await asyncio.Event().wait()
            return True

        bus.install(never)
        sent = asyncio.create_task(bus.dispatcher.dispatch(Message("test")))
        await begun.wait()
        await bus.dispatcher.stop()
        assert await sent is False
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert bus.dispatcher.in_flight == 0

    asyncio.run(main())


def test_a_stop_leaves_no_task_of_handlers_that_the_released_messages_go_on_to(bus: Bus) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def never(message: Message) -> bool:
            begun.set()
            await asyncio.Event().wait()
            return True

        for _ in range(3):
            bus.install(never)
        sent = asyncio.create_task(bus.dispatcher.dispatch(Message("test", broadcast=True)))
        await begun.wait()
        await bus.dispatcher.stop()
        assert await sent is False
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_stop_releases_messages_whose_handlers_have_not_begun(bus: Bus) -> None:
    async def main() -> None:
        async def never(message: Message) -> bool:
            await asyncio.Event().wait()
            return True

        bus.install(never)
        ended: list[bool] = []
        dispatch = Dispatch(bus.dispatcher, Message("test"), lambda one: ended.append(one.handled))
        bus.dispatcher.start(dispatch)
        await bus.dispatcher.stop()
        assert (ended, bus.dispatcher.in_flight) == ([False], 0)

    asyncio.run(main())


def test_waiting_for_idleness_gives_up_and_says_how_many_are_left(bus: Bus) -> None:
    async def main() -> None:
        bus.dispatcher.install(Waiting("test", 10, "later"))
        bus.dispatcher.start(Dispatch(bus.dispatcher, Message("test"), None))
        await bus.dispatcher.wait_idle(0.01)

    asyncio.run(main())
    assert [event.text for event in bus.told] == ["1 messages still in flight at stop"]


def test_a_sender_that_stops_waiting_harms_nothing(bus: Bus) -> None:
    async def main() -> None:
        waiting = Waiting("test", 10, "later")
        bus.dispatcher.install(waiting)
        sent = asyncio.create_task(bus.dispatcher.dispatch(Message("test")))
        await asyncio.sleep(0)
        sent.cancel()
        await asyncio.gather(sent, return_exceptions=True)
        waiting.dispatch.answered(True)
        assert bus.dispatcher.in_flight == 0

    asyncio.run(main())


def test_changes_of_handlers_and_watchers_can_be_waited_for(bus: Bus) -> None:
    class Follower:
        label = "follower"

        def notice(self, dispatch: Dispatch) -> None:
            pass

    async def main() -> None:
        dispatcher, follower = bus.dispatcher, Follower()
        handler = Waiting("test", 10, "later")
        for change in (
            lambda: dispatcher.install(handler),
            lambda: dispatcher.uninstall(handler),
            lambda: dispatcher.watch("test", follower),
            lambda: dispatcher.unwatch("test", follower),
        ):
            changed = asyncio.create_task(dispatcher.changed())
            await asyncio.sleep(0)
            assert not changed.done()
            change()
            await changed

    asyncio.run(main())


def test_handlers_that_come_and_go_between_messages(bus: Bus) -> None:
    everything = bus.on("", 50, "all")
    first, last = bus.on("test", 10, "first"), bus.on("test", 90, "last")
    assert bus.send() == (False, ["first", "all", "last"])
    bus.dispatcher.uninstall(everything)
    assert bus.send() == (False, ["first", "last"])
    bus.dispatcher.uninstall(first)
    bus.dispatcher.uninstall(last)
    assert bus.send() == (False, [])
    assert bus.send(Message("other")) == (False, [])
    bus.dispatcher.install(everything)
    assert bus.send() == bus.send(Message("other")) == (False, ["all"])


def test_a_handler_that_was_not_installed_is_not_removed(bus: Bus) -> None:
    installed = bus.on("test", 10, "first")
    bus.dispatcher.uninstall(Handler("test", 10, "stranger"))
    bus.dispatcher.uninstall(Handler("other", 10, "stranger"))
    assert bus.dispatcher.handlers() == [installed]


def test_a_handler_removed_in_flight_is_not_asked(bus: Bus) -> None:
    removed = [bus.on("test", 20, "removed"), bus.on("test", 40, "removed too")]

    def remove(_: Message) -> None:
        for handler in removed:
            bus.dispatcher.uninstall(handler)

    bus.on("test", 10, "first", do=remove)
    bus.on("test", 30, "second")
    assert bus.send() == (False, ["first", "second"])


def test_no_view_is_kept_of_names_without_handlers_or_watchers(bus: Bus) -> None:
    told: list[str] = []
    for number in range(100):
        name = f"name {number}"
        bus.dispatcher.uninstall(bus.on(name))
        watcher = Watching("watcher", told)
        bus.dispatcher.watch(name, watcher)
        bus.dispatcher.unwatch(name, watcher)
    assert not bus.dispatcher.views
    assert not bus.dispatcher.watch_names()
    assert bus.send(Message("name 3")) == (False, [])
