"""A script that does not answer is seen: a notice, the table, the counts, `external why`."""

import asyncio
from pathlib import Path

import pytest
from workshop import Workshop

from yext.console.commands import TABLE
from yext.console.commands.interpreter import Interpreter
from yext.console.link import LocalLink
from yext.console.replies.draw import Page
from yext.console.replies.render import notice
from yext.console.session.session import Session
from yext.console.shell import banner

HANG = """echo '%%>install:50:user.auth'
echo '%%>install:50:call.route'
echo 'waiting for the database' >&2
while IFS=: read -r head id rest; do
    case $rest in *call.route*) echo "%%<message:$id:true::" ;; esac
done
"""
"""Never answers ``user.auth``, and always ``call.route``."""


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("timeout=60")
    made.script("hang.sh", HANG)
    return made


async def ready(lab: Workshop) -> None:
    script = await lab.start("hang.sh 1")
    assert script.begun is not None
    await script.begun.settled()


def test_the_first_message_is_a_notice_and_the_others_are_counted(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            await ready(lab)
            for name in ("user.auth", "user.auth", "user.auth"):
                assert not (await lab.send(name))[0]
            [shown] = lab.find_events("has not answered", "notice")
            assert shown.lines == (
                "hang.sh 1 has not answered a message in 0 s (user.auth)",
                "see: external log hang.sh 1, external restart hang.sh 1",
            )
            script = lab.of("hang.sh")
            silence = script.silence()
            assert silence is not None
            silence.reported -= 61  # A minute goes by.
            await lab.send("user.auth")
            last = lab.find_events("has not answered", "notice")[-1]
            assert last.lines[0].startswith("hang.sh 1 has not answered 4 messages in ")

    asyncio.run(story())


def test_the_table_the_counts_and_the_reason_show_it(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            await ready(lab)
            link = LocalLink(Interpreter(Session(lab.engine, "console"), TABLE))
            assert (await lab.do("external why")).text == "Nothing has failed\r\n"
            assert link.counts().programs() == ["1 running"]
            await lab.send("user.auth")
            assert link.counts().programs() == ["0 running", "1 not answering"]
            heading, row = (await lab.do("external show")).text.splitlines()
            shown = dict(zip(heading.split("\t"), row.split("\t"), strict=True))
            assert (shown["state"], shown["timeouts"], shown["pending"]) == (
                "not answering", "1", "0",
            )  # fmt: skip
            page = Page(80, False, True)
            text = banner.text("n", await link.overview(), link.counts(), page)
            assert "1 script: 0 running, 1 not answering" in text
            when, what, *_, said, do = (await lab.do("external why hang.sh")).text.splitlines()
            assert when.startswith("hang.sh 1, since ")
            assert "has not answered a message in " in what
            assert said == "waiting for the database"
            assert do == "do: external log hang.sh 1, external restart hang.sh 1"

    asyncio.run(story())


def test_a_script_that_answers_again_is_not_silent_any_more(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            await ready(lab)
            script = lab.of("hang.sh")
            await lab.send("user.auth")
            assert script.silence() is not None
            assert (await lab.send("call.route"))[0]
            assert script.silence() is None
            assert script.describe_state() == "running"
            assert script.peer is not None and script.peer.silence is not None
            assert script.peer.silence.total == 1
            assert (await lab.do("external why")).text == "Nothing has failed\r\n"
            await lab.send("user.auth")
            assert len(lab.find_events("has not answered a message in", "notice")) == 2

    asyncio.run(story())


def test_a_message_that_timed_out_hints_at_the_script(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            await ready(lab)
            found = Interpreter(Session(lab.engine, "console"), TABLE)
            reply = await found.run("message user.auth")
            assert reply.params["hint"] == "external log hang.sh, external restart hang.sh"

    asyncio.run(story())


def test_a_brief_notice_is_one_line_where_it_fits() -> None:
    lines = ("hang.py has not answered 3 messages in 12 s (user.auth)", "see: external log hang.py")
    assert notice(lines, Page(120, False, True)) == f"! {lines[0]}     external log hang.py\n"
    assert notice(lines, Page(80, False, False)) == f"! {lines[0]}\n  external log hang.py\n"
    assert notice(lines, Page(80, True, True)).startswith("\x1b[31m!\x1b[m hang.py")
