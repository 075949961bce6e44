"""The browser, key by key, without a terminal."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from journeys import call_of, journey
from seen import session
from stages import Desk

from yext import Reply
from yext.console.browse import browser, journeypage, ladderpage, listpage, textpage
from yext.console.browse.command import as_command
from yext.console.browse.journeytext import visible_columns
from yext.console.client.connection import ConnectError
from yext.console.session.authority import Authority
from yext.record.journey import Change, Journey, Step, StepResult

FAILED = (Step("slow.py", 10, 10.0, StepResult.TIMED_OUT),)

CHANGED = (
    Step("stats.py", 20, 0.0001, StepResult.PASSED),
    Step("route.py", 50, 0.0018, StepResult.HANDLED,
         (Change("called", "99", "0099"), Change("targetid", None, "r/1")), "", "sip/99"),
)  # fmt: skip


def record() -> list[Journey]:
    """Twelve messages: a call, one that failed, a nested one, and others."""
    routed = journey(
        4, "call.route", {"id": "phone/1", "caller": "40", "called": "99"}, steps=CHANGED,
        after={"id": "phone/1", "caller": "40", "called": "0099", "targetid": "r/1"},
        retvalue="sip/99", took=0.002,
    )  # fmt: skip
    routed.handled = True
    return [
        *call_of("phone/1", "a.py", "a/1"),
        journey(5, "database", {"query": "select"}, sender="route.py", parent=4, by="sql.py"),
        routed,
        journey(6, "user.auth", {"username": "bob"}, took=0.5),
        journey(7, "call.execute", {"callto": "external/nodata/slow.py"}, steps=FAILED, took=10.0),
        *(journey(n, "lab.job", {"kind": "ab"[n % 2]}, by="job.py") for n in range(8, 13)),
    ]


Play = Callable[[Desk], Awaitable[None]]


def browse(play: Play, journeys: list[Journey] | None = None, **more: object) -> Desk:
    """Browse messages as if they were of a file; return the desk."""

    async def run() -> Desk:
        async with session() as found:
            if found.session.authority is not more.get("authority", Authority.ADMIN):
                found.session.authority = more["authority"]  # type: ignore[assignment]
            more.pop("authority", None)
            flow = found.session.flow
            flow.loaded = record() if journeys is None else journeys
            desk = Desk(flow, **more)  # type: ignore[arg-type]
            if desk.fetch is None:
                await desk.idle()
            await play(desk)
            desk.browser.end()
            return desk

    return asyncio.run(run())


def test_the_list_has_the_newest_at_its_end() -> None:
    async def play(desk: Desk) -> None:
        assert desk.title() == "12 messages"
        assert len(desk.lines()) == 11 and "#12" in desk.current()
        assert "  + 12:00:00" in desk.screen(), "the message in which another is nested is marked"
        assert await desk.press("q") and desk.left

    browse(play)


LIST_KEYS = {
    ("up",): 11, ("k", "k"): 10, ("up", "down"): 12, ("k", "j", "j"): 12,
    ("home",): 1, ("g", "down"): 2, ("g", "G"): 12, ("home", "end"): 12,
    ("g", "pagedown"): 6, ("pageup",): 8, ("g", " "): 6, ("c-b",): 8, ("g", "c-f"): 6,
    ("g", "f"): 7, ("F",): 7, ("F", "F"): 7, ("g", "f", "f"): 7,
    ("g", "m", "j", "m", "G", '"'): 3, ("g", "m", "j", "m", "g", "'"): 3,
}  # fmt: skip
"""Keys, and the message that the cursor is on afterwards."""


@pytest.mark.parametrize("keys", LIST_KEYS, ids=" ".join)
def test_keys_that_move(keys: tuple[str, ...]) -> None:
    async def play(desk: Desk) -> None:
        desk.screen()
        await desk.press(*keys)
        assert f"#{LIST_KEYS[keys]} " in desk.current()

    browse(play, rows=7)


def test_a_filter_is_applied_while_it_is_typed() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("/")
        await desk.type("lab.job and kind=a", end="")
        assert [line.split()[1] for line in desk.lines()] == ["#8", "#10", "#12"] or (
            "#8" in desk.screen()
        )
        assert desk.title() == "12 messages, 3 shown   / lab.job and kind=a"
        edit = desk.browser.edit
        assert edit is not None
        edit.changed("lab.job and )")
        assert edit.mistake is not None and edit.mistake.column == 12
        assert edit.mistake.text == "nothing to close here"
        edit.accept("lab.job and )")
        assert desk.browser.edit is edit, "a filter with a mistake is typed on"
        edit.cancel()
        await desk.idle()
        assert desk.title() == "12 messages" and desk.browser.edit is None

    browse(play)


def test_the_last_filter_is_searched_for_in_the_whole_list() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("n")
        assert desk.status() == "Type a filter first: /"
        await desk.press("/")
        await desk.type("kind=b")
        await desk.press("escape")
        assert desk.title() == "12 messages"
        await desk.press("g", "n")
        assert "#9 " in desk.current()
        await desk.press("n")
        assert "#11 " in desk.current()
        await desk.press("n")
        assert "No message that fits kind=b after this one" in desk.status()
        await desk.press("N")
        assert "#9 " in desk.current()

    browse(play)


def test_sorting() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("s")
        assert "by duration" in desk.title() and "#7 " in desk.current()
        await desk.press("s")
        assert "by name" in desk.title() and "call.answered" in desk.current()
        await desk.press("s")
        assert desk.title() == "12 messages" and "#12 " in desk.current()

    browse(play)


def test_nested_messages_are_shown_and_folded() -> None:
    async def play(desk: Desk) -> None:
        assert "#5 " not in desk.screen()
        await desk.press("g", "j", "j", "j", "z")
        assert "#5 " in desk.screen() and "#4 " in desk.current()
        await desk.press("j", "z")
        assert "#5 " not in desk.screen() and "#4 " in desk.current()
        await desk.press("Z")
        assert "#5 " in desk.screen()

    browse(play)


def test_a_journey_has_bars_changes_and_the_raw_lines() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("g", "j", "j", "j", "enter")
        text = desk.screen()
        for part in (
            "#4 call.route   from engine   handled 2.0 ms",
            "  20 stats.py █", "  50 route.py ████████████████", "- called=99", "+ called=0099",
            "+ targetid=r/1", "+ return sip/99",
        ):  # fmt: skip
            assert part in text, text
        await desk.press("G")
        text = desk.screen()
        assert "%%>message:#4:" in text and "%%<message:#4:true:call.route:sip/99" in text
        assert "lines" in desk.title()
        await desk.press("g", "pagedown", "pageup", "j", "k", "home", "end", " ", "c-b", "c-f")
        await desk.press("enter")
        assert desk.title() == "12 messages"

    browse(play, rows=30)


def test_wide_terminals_have_the_raw_lines_beside() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("g", "j", "j", "j", "enter")
        row = next(line for line in desk.lines() if "%%>message" in line)
        assert "│" in row and row.index("│") > 60

    browse(play, columns=140, rows=40)


JOURNEY_KEYS = {
    ("right",): 5, ("l",): 5, ("right", "left"): 4, ("right", "h"): 4,
    ("up",): 3, ("up", "up"): 2, ("up", "down"): 4,
}  # fmt: skip


@pytest.mark.parametrize("keys", JOURNEY_KEYS, ids=" ".join)
def test_arrows_go_to_parent_children_and_the_same_call(keys: tuple[str, ...]) -> None:
    async def play(desk: Desk) -> None:
        await desk.press("g", "j", "j", "j", "enter", *keys)
        assert desk.title().startswith(f"message #{JOURNEY_KEYS[keys]}")

    browse(play)


NOWHERE = {
    "left": "It is nested in no message",
    "right": "No message is nested in it",
    "down": "It carries no id of a call",
}


@pytest.mark.parametrize("key", NOWHERE)
def test_an_arrow_that_leads_nowhere_says_so(key: str) -> None:
    async def play(desk: Desk) -> None:
        await desk.press("enter", key)
        assert desk.status() == NOWHERE[key]

    browse(play)


def test_the_ladder_of_a_message() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("g", "L")
        assert desk.title() == "ladder of a call, arrow 1 of 5"
        assert "phone/1" in desk.screen() and "route.py" in desk.screen()
        await desk.press("j", "down", "up", "pagedown", "pageup", "end", "home", "G", "g", "j")
        assert desk.title() == "ladder of a call, arrow 2 of 5"
        await desk.press("enter")
        assert desk.title().startswith("message #2")
        await desk.press("q", "q")
        assert desk.title().startswith("12 messages")
        await desk.press("G", "L")
        assert desk.status() == "#12 belongs to no call: it carries no id of one"

    browse(play, rows=20)


def test_two_marked_messages_are_compared() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("d")
        assert desk.status() == "Mark two messages with m; 0 are marked"
        await desk.press("k", "m", "m", "d")
        text = desk.screen()
        assert desk.title() == "#11 and #12"
        for part in ("- kind=b", "+ kind=a", "  name=lab.job"):
            assert part in text.split("\n"), text
        await desk.press("q", "M")
        assert "marked" not in desk.title()

    browse(play)


def test_a_message_is_sent_again_changed_and_copied() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("r")
        assert desk.given == ["message lab.job kind=a"] and desk.status() == "done"
        await desk.press("e")
        assert desk.browser.edit is not None and desk.browser.edit.text == "message lab.job kind=a"
        await desk.type("message lab.job kind=z")
        assert desk.given[1:] == ["message lab.job kind=z"]
        await desk.press("e")
        await desk.type("message lab.job", end="escape")
        assert len(desk.given) == 2
        await desk.press("y")
        assert desk.copied == ["message lab.job kind=a"]
        assert desk.status().startswith("Copied")

    browse(play)


def test_marked_messages_are_saved_or_all_that_are_listed() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("/")
        await desk.type("kind=*")
        await desk.press("w")
        assert desk.browser.edit is not None
        assert desk.browser.edit.label == "save 5 messages to (.html for a page): "
        await desk.type("  ")
        assert desk.saved == [], "without a name nothing is saved"
        await desk.press("w")
        await desk.type("jobs.html")
        await desk.press("escape", "g", "m", "w")
        await desk.type("one.jsonl")
        assert desk.saved == [("jobs.html", [8, 9, 10, 11, 12]), ("one.jsonl", [1])]

    browse(play)


def test_held_messages_are_shown_and_let_go_by_keys() -> None:
    async def play(desk: Desk) -> None:
        for key in ("a", "u", "x"):
            await desk.press(key)
            assert desk.status() == "No message is held: i holds some"
        await desk.press("i")
        assert desk.browser.edit is not None and desk.browser.edit.text == "intercept "
        await desk.type("intercept call.route")
        desk.held += [(n, f"#{n} call.route  held, {n} s left") for n in range(20, 30)]
        assert desk.screen().split("\n")[-5:-1] == [
            f" #{n} call.route  held, {n} s left" for n in range(20, 24)
        ]
        await desk.press("a")
        assert desk.browser.edit is not None and desk.browser.edit.text == "answer 20 true "
        await desk.type("answer 20 true sip/1")
        await desk.press("u", "x")
        assert desk.given == [
            "intercept call.route", "answer 20 true sip/1", "resume 20", "drop 20",
        ]  # fmt: skip

    browse(play, rows=20)


def test_marked_messages_are_written_as_a_test() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("k", "m", "m", "t")
        assert desk.browser.edit is not None
        assert desk.browser.edit.label == "test of 2 messages to (.yext or .py): "
        await desk.type("jobs.txt")
        assert desk.status() == "The name of a test ends in .yext or .py" and not desk.saved
        await desk.press("t")
        await desk.type("jobs.yext")
        assert desk.saved == [("jobs.yext", [11, 12])]

    browse(play)


def test_a_recorded_message_is_sent_again_by_its_number() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("r")
        assert desk.given == ["message --again 12"]

    browse(play, live=True)


def test_a_failed_reply_is_shown_safe() -> None:
    async def play(desk: Desk) -> None:
        desk.reply = Reply(False, "No: \x1b[2J\r\nmore\r\n")
        await desk.press("r")
        assert desk.status() == "No: \\x1b[2J"

    browse(play)


def test_every_key_of_every_page_is_listed() -> None:
    pages = {"": listpage.KEYS, "enter": journeypage.KEYS, "L": ladderpage.KEYS}
    for opening, keys in pages.items():

        async def play(desk: Desk, opening: str = opening, keys: object = keys) -> None:
            await desk.press("g", *([opening] if opening else []), "?")
            own = {name for key in keys for name in key.keys}  # type: ignore[attr-defined]
            for key in [*keys, *browser.KEYS]:  # type: ignore[misc]
                if key in keys or not set(key.keys) <= own:  # type: ignore[operator]
                    assert f"  {key.shown:<8} {key.what}" in desk.screen()
            await desk.press("q")

        browse(play, rows=60)

    async def scroll(desk: Desk) -> None:
        await desk.press("?", "end")
        assert "q Esc" in desk.screen()
        await desk.press("home", "j", "k", "pagedown", "pageup")
        assert textpage.KEYS[0].what and "the message before" in desk.screen()

    browse(scroll, rows=20, columns=60)


def test_live_messages_are_followed_and_those_not_drawn_are_counted() -> None:
    async def play(desk: Desk) -> None:
        for number in range(13, 113):
            desk.arrive(journey(number, "lab.job", by="job.py"))
        assert "#112 " in desk.current()
        assert desk.title() == "112 messages   78 not drawn"
        desk.screen()
        desk.arrive(journey(113, "lab.job", by="job.py"))
        assert desk.title() == "113 messages   78 not drawn"
        await desk.press("k")
        desk.arrive(journey(114, "lab.job", by="job.py"))
        assert "#112 " in desk.current() and "1 newer (G)" in desk.title()
        await desk.press("G")
        assert "#114 " in desk.current() and "newer" not in desk.title()
        for number in range(115, 300):
            desk.arrive(journey(number, "lab.job", by="job.py"))
        desk.screen()
        assert "149 older not kept" in desk.title()

    browse(play, live=True, most=150)


def test_a_record_elsewhere_is_fetched_beside_what_comes() -> None:
    fetched: asyncio.Queue[list[Journey]] = asyncio.Queue()

    async def play(desk: Desk) -> None:
        assert desk.status() == "The record is fetched ..."
        desk.arrive(journey(13, "lab.job", by="job.py"))
        assert desk.title() == "1 message"
        fetched.put_nowait([*record(), journey(13, "lab.old")])
        await desk.idle()
        assert desk.title() == "13 messages" and "lab.old" not in desk.screen()
        assert desk.status().startswith("Enter")

    browse(play, [], live=True, fetch=fetched.get)


def test_a_record_that_cannot_be_fetched_says_why() -> None:
    async def fail() -> list[Journey]:
        raise ConnectError("no answer")

    async def play(desk: Desk) -> None:
        await desk.idle()
        assert desk.status() == "The record cannot be fetched: no answer"

    browse(play, live=True, fetch=fail)


def test_the_cursor_stays_in_its_row_while_messages_come_and_go() -> None:
    async def play(desk: Desk) -> None:
        await desk.press("k", "k", "k")
        row = next(at for at, line in enumerate(desk.lines()) if line.startswith(">"))
        for number in range(13, 40):
            desk.arrive(journey(number, "lab.job", by="job.py"))
            desk.screen()
        assert desk.lines()[row].startswith(">") and "#9 " in desk.current()

    browse(play, live=True, most=36, rows=6)


HOSTILE = "\x1b[2J\x07\u202e漢字\udcff" * 6000
"""60,000 characters that would do harm to a terminal."""

SIZES = [(60, 20), (80, 24), (100, 30), (140, 40), (10, 3), (500, 200)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("plain", [True, False])
def test_no_text_leaves_its_line_or_reaches_the_terminal(
    size: tuple[int, int], plain: bool
) -> None:
    params = {"id": "phone/1", "text": HOSTILE, HOSTILE: HOSTILE}
    changes = (Change(HOSTILE, HOSTILE, None), Change("x", None, HOSTILE))
    steps = (Step(HOSTILE, 5, 1.0, StepResult.TIMED_OUT, changes, HOSTILE, HOSTILE),)
    evil = [
        journey(n, "chan." + HOSTILE * (n % 2), params, sender=HOSTILE, steps=steps,
                retvalue=HOSTILE, by=HOSTILE)
        for n in (20, 21)
    ]  # fmt: skip

    async def play(desk: Desk) -> None:
        screens = [desk.screen()]
        for key in ("m", "k", "m", "enter", "G", "q", "L", "q", "d", "G", "q", "r", "e", "y", "?"):
            if desk.browser.edit is not None:
                desk.browser.edit.cancel()
            screens.append(await desk.press(key))
        for screen in screens:
            for line in screen.split("\n"):
                bare = line
                for code in ("1", "2", "7", "31", "32", "0"):
                    bare = bare.replace(f"\x1b[{code}m", "")
                assert bare.isprintable(), repr(bare[:200])
                assert visible_columns(line) <= size[0]
                assert not plain or ("\x1b" not in line and line.isascii())

    async def ascii_only(desk: Desk) -> None:
        await play(desk)

    plainly = [] if plain else evil
    if plain:
        plainly = [one for one in record() if one.number != 99]
    browse(ascii_only, plainly or evil, columns=size[0], rows=size[1], color=not plain,
           unicode=not plain)  # fmt: skip


def test_observers_see_no_secret_anywhere() -> None:
    secret = journey(
        30, "user.auth", {"id": "phone/1", "username": "bob", "password": "hunter2"},
        retvalue="hunter2", by="users.py",
    )  # fmt: skip

    async def play(desk: Desk) -> None:
        await desk.press("j")
        screens = [desk.screen(), await desk.press("enter"), await desk.press("G")]
        screens += [await desk.press("q", "m", "k", "m", "d"), await desk.press("q", "G", "y")]
        screens += [desk.status(), await desk.press("r"), await desk.press("e")]
        assert "hunter2" not in "".join(screens) and "(hidden)" in "".join(screens)
        assert desk.copied == [] and desk.given == [] and desk.browser.edit is None
        await desk.press("/")
        edit = desk.browser.edit
        assert edit is not None
        edit.changed("password=h*")
        assert edit.mistake is not None and "hidden" in edit.mistake.text

    browse(play, [*record(), secret], authority=Authority.USER)


COMMANDS = {
    "message lab.job kind=a": journey(1, "lab.job", {"kind": "a"}),
    "message call.route callername='John Doe' called=": journey(
        1, "call.route", {"callername": "John Doe", "called": "", "handlers": "x:1",
                          "cmd_admin": "true"}),
    "message x 'a b'='it'\"'\"'s; > | \"'": journey(1, "x", {"a b": "it's; > | \""}),
    None: journey(1, "x", {"text": "a\nb"}),
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_messages_as_commands(command: str | None) -> None:
    assert as_command(COMMANDS[command]) == command


def test_a_command_sends_the_same_message() -> None:
    async def play() -> None:
        async with session() as found:
            await found.run("flow on")
            sent = journey(1, "call.route", {"called": "99", "x y": "it's; > | \" $HOME `a`"})
            command = as_command(sent)
            assert command is not None
            assert (await found.run(command)).ok
            (again,) = found.session.flow.recent(1)
            params = {k: v for k, v in again.params.items() if not k.startswith("cmd_")}
            assert (again.name, params) == (sent.name, dict(sent.params))

    asyncio.run(play())
