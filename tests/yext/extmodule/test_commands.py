"""The command ``external`` in an embedding program: text, parameters, completion."""

import asyncio
from pathlib import Path

import pytest
from workshop import IDLE, Workshop

from yext import Message, Reply
from yext.command import commander_of, describe
from yext.commander import EMBEDDER
from yext.extmodule.commands import VERBS, YATE_VERBS


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=100\nrestart_delay=20000")
    made.script("calm.sh", IDLE)
    made.script("crash.sh", "echo '%%>setlocal:restart:true'\nread -r line\necho why >&2\nexit 9\n")
    return made


def table(reply: Reply) -> list[dict[str, str]]:
    """Return the rows of ``external show`` by their headings."""
    head, *rows = (line.split("\t") for line in reply.text.splitlines())
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_show_tells_all_of_a_script(lab: Workshop) -> None:
    lab.script(
        "busy.sh",
        "echo '%%>install::work'\necho '%%>watch:other'\nread -r a\nread -r b\n"
        "echo '%%>output:ready'\nread -r message\necho '%%>output:got it'\n" + IDLE,
    )

    async def story() -> None:
        async with lab.running():
            script = await lab.start("busy.sh one two")
            await lab.event("^ready$")
            work = asyncio.create_task(lab.send("work"))
            await lab.event("^got it$")
            (row,) = table(await lab.do("external show busy.sh one two"))
            assert int(row.pop("up")) >= 0
            assert row == {
                "script": "busy.sh",
                "parameter": "one two",
                "state": "running",
                "pid": str(script.pid),
                "role": "global",
                "in": "0",
                "out": "1",
                "pending": "1",
                "timeouts": "0",
                "handlers": "1",
                "watches": "1",
                "restarts": "0",
                "last exit": "-",
                "last failure": "-",
            }
            await lab.do("external stop busy.sh")
            assert (await work)[0] is False
            (row,) = table(await lab.do("external show busy.sh"))
            assert (row["state"], row["pid"]) == ("stopped", "-")
            assert row["last exit"].startswith("exit status 0, ")

    asyncio.run(story())


def test_a_script_that_ends_at_once_is_told_of_after_the_reply(lab: Workshop) -> None:
    lab.script("crash.sh", "exit 9\n")

    async def story() -> None:
        async with lab.running():

            async def start_and_see(message: Message) -> bool:
                if message["line"] != "go":
                    return False
                lab.module.supervisor.start_script("crash.sh", "", commander_of(message))
                await lab.next_event("terminating args='', exit status 9")
                return True

            lab.engine.install("engine.command", start_and_see, 10)
            reply = await lab.engine.command("go")
            assert reply.ok
            assert [event.kind for event in lab.engine.log.captured][-1:] == ["notice"]
            assert not lab.find_events("", "notice")
            assert (await lab.event("", "notice")).text.startswith("crash.sh ended")

    asyncio.run(story())


def test_what_failed_stays_until_started_or_dismissed(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            failed = await lab.do("external start gone.sh")
            assert not failed.ok
            assert failed.text.startswith("External command failed\r\ngone.sh: No such file")
            assert failed.params["errno"] == "ENOENT"
            (row,) = table(await lab.do("external show"))
            assert row["state"].startswith("failed ")
            assert row["last failure"].startswith("gone.sh: No such file or directory (ENOENT, 2),")
            why = (await lab.do("external why")).text.splitlines()
            assert why[0].startswith("gone.sh, at ")
            assert why[1:] == failed.text.splitlines()[1:]
            lab.script("gone.sh", IDLE)
            await lab.start("gone.sh")
            (row,) = table(await lab.do("external show"))
            assert row["state"] in ("starting", "running")
            kept = await lab.do("external dismiss gone.sh")
            assert not kept.ok
            assert kept.params["hint"] == "external stop gone.sh"
            await lab.do("external stop gone.sh")
            assert (await lab.do("external dismiss gone.sh")).text == "Dismissed 1\r\n"
            assert (await lab.do("external show")).text == "No script was started\r\n"

    asyncio.run(story())


def test_a_back_off_shows_and_is_stopped(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            await lab.start("crash.sh")
            await lab.event("is started again in")
            (row,) = table(await lab.do("external show crash.sh"))
            assert row["state"].startswith("backing off (")
            assert row["restarts"] == "1 of 5"
            assert "why" in (await lab.do("external log crash.sh")).text
            reply = await lab.do("external stop crash.sh")
            assert (reply.ok, reply.text) == (True, "External command stopped\r\n")

    asyncio.run(story())


def test_restart_tells_how_the_old_one_ended(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            before = (await lab.start("calm.sh")).pid
            reply = await lab.do("external restart calm.sh")
            assert reply.text == "External start attempt\r\n"
            assert reply.params["ended"] in ("exit status 0", "killed by SIGTERM")
            assert reply.params["pid"] != str(before)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("external stop nobody", "External not running"),
        ("external show nobody", "No script 'nobody' was started"),
        ("external why nobody", "No script 'nobody' was started"),
        ("external log nobody", "No script 'nobody' was started"),
        ("external dismiss nobody", "No script 'nobody' was started"),
    ],
)
def test_a_script_that_nobody_knows(lab: Workshop, line: str, text: str) -> None:
    async def story() -> None:
        async with lab.running():
            reply = await lab.do(line)
            assert not reply.ok
            assert reply.text == f"{text}\r\n"
            assert reply.params["hint"]

    asyncio.run(story())


def test_control_characters_of_a_name_are_shown(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            await lab.do("external start go\033[1mne\t1")
            for line in ("external show", "external why"):
                assert "\033" not in (await lab.do(line)).text
            (row,) = table(await lab.do("external show"))
            assert row["script"] == "go\\x1b[1mne\\x091"

    asyncio.run(story())


def test_completion(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            await lab.start("calm.sh one")
            await lab.do("external start gone.sh")
            complete = lab.engine.complete
            assert await complete("external", "w") == ["why"]
            assert await complete("external stop", "") == ["calm.sh"]
            assert await complete("external why", "") == ["calm.sh", "gone.sh"]
            assert await complete("external stop calm.sh", "") == ["one"]

    asyncio.run(story())


def test_completion_with_descriptions_offers_all_sub_commands_and_files(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            folder = Path(lab.module.supervisor.options.scripts_dir)
            (folder / "sub").mkdir()
            (folder / "sub" / "deep.py").write_text("")
            (folder / "with blank.py").write_text("")
            (folder / ".hidden").write_text("")

            async def words(line: str, word: str) -> dict[str, str]:
                return await describe(lab.engine, line, word, EMBEDDER)

            assert list(await words("external", "")) == list(VERBS)
            assert await lab.engine.complete("external", "") == list(YATE_VERBS)
            offered = await words("external start", "")
            assert "calm.sh" in offered and offered["sub/"] == "folder"
            assert not {".hidden", "with blank.py"} & set(offered)
            assert await words("external start", "sub/") == {"sub/deep.py": "not executable"}
            for outside in ("../", "/", "sub/../../"):
                assert await words("external start", outside) == {}
            assert await lab.engine.complete("external start", "") == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("external shwo", "show"),
        ("external strat route.py", "start"),
        ("external lgo x.py", "log"),
        ("external Restart x.py", "restart"),
    ],
)
def test_a_misspelt_sub_command_starts_nothing(lab: Workshop, line: str, meant: str) -> None:
    async def story() -> None:
        async with lab.running():
            reply = await lab.do(line)
            word = line.split()[1]
            assert not reply.ok
            assert reply.text == f"No sub-command or script '{word}'\r\n"
            assert reply.params["hint"] == f"Did you mean: external {meant}"
            assert (await lab.do("external show")).text == "No script was started\r\n"

    asyncio.run(story())


def test_a_script_may_have_the_name_of_a_misspelling(lab: Workshop) -> None:
    async def story() -> None:
        lab.script("shwo", "exec cat")
        async with lab.running():
            assert (await lab.do("external shwo")).text == "External start attempt\r\n"

    asyncio.run(story())
