"""The engine: life cycle, its own messages, modules, commands, reload."""

import asyncio
import logging
import os
import re
import time
from pathlib import Path

import pytest

from yext import Engine, Message, __version__
from yext.log import Event


async def _beginning(engine: Engine) -> list[Message]:
    """The messages of an engine's start and stop."""
    seen: list[Message] = []
    for name in ("engine.start", "engine.init", "engine.halt", "engine.timer"):
        engine.install(name, lambda message: seen.append(message))
    async with engine:
        pass
    return seen


def test_start_and_halt_are_told_to_everybody() -> None:
    async def main() -> None:
        seen = await _beginning(Engine(node="alder"))
        assert [(one["nodename"], one.broadcast) for one in seen] == [("alder", True)] * 2
        assert [one.name for one in seen] == ["engine.start", "engine.halt"]

    asyncio.run(main())


def test_the_timer_ticks_at_full_seconds() -> None:
    async def main() -> None:
        async with Engine(node="alder") as engine:
            ticks: asyncio.Queue[tuple[Message, float]] = asyncio.Queue()
            engine.install("engine.timer", lambda one: ticks.put_nowait((one, time.time())))
            for _ in range(2):
                tick, now = await asyncio.wait_for(ticks.get(), 10)
                assert tick["time"] == str(int(tick.time))
                assert tick["nodename"] == "alder"
                assert tick.time <= now
                assert tick.broadcast

    asyncio.run(main())


def test_a_handler_of_halt_may_still_use_the_bus() -> None:
    async def main() -> None:
        engine = Engine()
        answers: list[bool] = []

        async def last_words(message: Message) -> None:
            answers.append(await engine.dispatch(Message("test")))

        engine.install("engine.halt", last_words)
        engine.install("test", lambda message: True)
        async with engine:
            pass
        assert answers == [True]

    asyncio.run(main())


def test_a_handler_of_halt_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yext.engine.engine.HALT_SECONDS", 0.05)

    async def main() -> None:
        engine = Engine()
        told: list[Event] = []
        engine.log.subscribe(told.append)

        async def hangs(message: Message) -> None:
            await asyncio.Event().wait()

        engine.install("engine.halt", hangs)
        async with engine:
            pass
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert "a handler of engine.halt did not answer in time" in [one.text for one in told]

    asyncio.run(main())


def test_whoever_waits_for_the_end_gets_the_exit_code() -> None:
    async def main() -> None:
        async with Engine() as engine:
            waiting = asyncio.create_task(engine.halted())
            assert not engine.halting
            engine.halt(3)
            assert await waiting == 3
            assert engine.halting

    asyncio.run(main())


def test_run_parameters_tell_of_the_engine(tmp_path: Path) -> None:
    engine = asyncio.run(_made(tmp_path))
    assert engine.run_params["version"] == __version__
    assert engine.run_params["configpath"] == str(tmp_path)
    assert engine.run_params["runid"] == str(int(engine.started_at))
    assert engine.run_params["supervised"] == "false"


async def _made(config: Path, node: str | None = None) -> Engine:
    engine = Engine(config, node=node)
    async with engine:
        return engine


def test_the_node_name_is_the_one_asked_for_then_that_of_the_file_then_the_host_s(
    tmp_path: Path,
) -> None:
    host = os.uname().nodename.partition(".")[0]
    assert asyncio.run(_made(tmp_path)).node == host
    (tmp_path / "yate.conf").write_text("[general]\nnodename=file\n")
    assert asyncio.run(_made(tmp_path)).node == "file"
    assert asyncio.run(_made(tmp_path, "asked")).node == "asked"


@pytest.mark.parametrize(
    ("conf", "present", "absent"),
    [
        ("", ["extmodule", "regexroute"], []),
        ("[general]\nmodload=no\n", [], ["extmodule"]),
        ("[general]\nmodload=disable\n[modules]\nextmodule.yate=yes\n", ["extmodule"], []),
        ("[modules]\nextmodule.yate=no\nregexroute.yate=yes\n", ["regexroute"], ["extmodule"]),
    ],
)
def test_modules_are_chosen_as_in_yate(
    tmp_path: Path, conf: str, present: list[str], absent: list[str]
) -> None:
    (tmp_path / "yate.conf").write_text(conf)

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            listed = (await engine.command("module list")).text.split()
            assert listed == sorted(engine.modules)
            assert set(present) <= set(listed)
            assert not set(absent) & set(listed)
            status = (await engine.command("status")).text
            for name in ("extmodule",):
                assert (f"name={name}," in status) is (name in listed)

    asyncio.run(main())


def test_a_module_may_be_loaded_later_and_never_unloaded(tmp_path: Path) -> None:
    (tmp_path / "yate.conf").write_text("[general]\nmodload=no\n")

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            assert (await engine.command("module load extmodule")).ok
            assert "extmodule" in engine.modules
            again = await engine.command("module load extmodule")
            assert (again.ok, again.text) == (False, "Module is already loaded: extmodule\r\n")
            assert not (await engine.command("module unload extmodule")).ok
            nonsense = await engine.command("module load nonsense")
            assert nonsense.params["reason"] == "Module operation failed: load nonsense.yate"

    asyncio.run(main())


# A command, and what its reply begins with.
COMMANDS = [
    ("version", rf"version:  {__version__}\r\n"),
    ("uptime", r"Uptime: 0 00:00:\d\d \(\d+\) user: [\d.]+ kernel: [\d.]+\r\n"),
    ("status", "name=engine,type=system,version="),
    ("status engine", "name=engine,type=system,version="),
    ("status extmodule", r"name=extmodule,type=misc;scripts=0,chans=0\r\n"),
    ("status external", r"name=extmodule,type=misc;scripts=0,chans=0\r\n"),
    ("help", r"Available commands:\r\n"),
    ("help external", r"  external \[info\]"),
    ("external", "$"),
    ("reload", r"Reinitializing...\r\nNothing has changed.\r\n$"),
    ("dispatcher handlers name=engine.help", r"engine.help priority=100 trackname='e"),
]


@pytest.mark.parametrize(("line", "text"), COMMANDS)
def test_a_command_is_answered(line: str, text: str) -> None:
    async def main() -> None:
        async with Engine() as engine:
            reply = await engine.command(line)
            assert (reply.ok, reply.known) == (True, True)
            assert re.match(text, reply.text)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("status nonsense", "no module answers to 'nonsense'"),
        ("help nonsense", "No help for 'nonsense'"),
        ("runparam version=2", "runtime parameter 'version' is set already"),
    ],
)
def test_a_command_that_fails_gives_its_reason(line: str, reason: str) -> None:
    async def main() -> None:
        async with Engine() as engine:
            reply = await engine.command(line)
            assert (reply.ok, reply.known, reply.params["reason"]) == (False, True, reason)

    asyncio.run(main())


def test_a_run_parameter_may_be_added() -> None:
    async def main() -> None:
        async with Engine(node="alder") as engine:
            assert (await engine.command("runparam mine=on ${nodename}")).ok
            assert engine.run_params["mine"] == "on alder"

    asyncio.run(main())


def test_a_handler_of_engine_command_adds_a_command() -> None:
    async def main() -> None:
        async with Engine() as engine:

            def shout(message: Message) -> bool:
                if message.get("line") != "shout":
                    return False
                assert message["cmd_admin"] == "true"
                message.retvalue = "HERE\r\n"
                message["reason"] = "nobody listens"
                return True

            engine.install("engine.command", shout, priority=90)
            reply = await engine.command("shout")
            assert (reply.ok, reply.text, reply.params["reason"]) == (
                False, "HERE\r\n", "nobody listens",
            )  # fmt: skip

    asyncio.run(main())


def test_a_script_that_answers_does_not_end_the_list_of_help() -> None:
    async def main() -> None:
        async with Engine() as engine:

            def mine(message: Message) -> bool:
                if message.get("line") in ("", "mine"):
                    message.retvalue += "  mine\r\n"
                    return True
                return False

            engine.install("engine.help", mine, priority=10)
            text = (await engine.command("help")).text
            assert "  mine\r\n" in text and "  external " in text and "  version\r\n" in text
            assert (await engine.command("help mine")).text == "  mine\r\n"

    asyncio.run(main())


COMPLETED = [
    ({"partline": ""}, {"module", "external", "sniffer"}, {"dumb"}),
    ({"partline": "status", "partword": "d"}, {"dumb"}, {"engine"}),
    ({"partline": "reload"}, {"dumb", "dumbchan", "wave", "wavefile", "extmodule"}, set()),
    ({"partline": "reload", "partword": "wavef"}, {"wavefile"}, {"wave"}),
    ({"partline": "detect", "complete": "channels"}, {"dumb", "tone", "wave"}, {"extmodule"}),
    ({"partline": "detect", "complete": "channels", "partword": "du"}, {"dumb"}, {"tone"}),
    ({"partline": "detect"}, set(), {"dumb"}),
    ({"partline": "external", "partword": "sta"}, {"start"}, {"stop"}),
]


@pytest.mark.parametrize(("params", "there", "absent"), COMPLETED)
def test_a_peer_may_ask_for_completions(
    params: dict[str, str], there: set[str], absent: set[str]
) -> None:
    async def main() -> None:
        async with Engine() as engine:
            message = Message("engine.command", params)
            assert not await engine.dispatch(message)
            words = set(message.retvalue.split("\t"))
            assert there <= words and not absent & words

    asyncio.run(main())


@pytest.mark.parametrize("line", ["status", "status engine", "reload", "help", "uptime"])
def test_rmanager_s_commands_are_not_for_peers(line: str) -> None:
    async def main() -> None:
        async with Engine() as engine:
            message = Message("engine.command", {"line": line})
            assert not await engine.dispatch(message) and message.retvalue == ""
            assert (await engine.command(line)).ok

    asyncio.run(main())


@pytest.mark.parametrize("plugin", ["dumb", "dumbchan", "dumbchan.yate", "extmodule", "all", "*"])
def test_a_module_is_reloaded_by_its_name_or_that_of_its_file(plugin: str) -> None:
    async def main() -> None:
        async with Engine() as engine:
            named: list[str] = []
            engine.install("engine.init", lambda message: named.append(message.get("plugin")))
            assert (await engine.command(f"reload {plugin}")).ok
            assert named == ["" if plugin in ("all", "*") else plugin]

    asyncio.run(main())


def test_a_reload_tells_each_thing_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "extmodule.conf"
    file.write_text("[general]\ntimeout=5000\n")

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            told: list[Message] = []
            engine.install("engine.init", lambda message: told.append(message))
            assert (await engine.reload()).lines == ()
            file.write_text("[general]\ntimeout=7000\n")
            assert (await engine.reload()).lines == ("timeout: 5000 -> 7000",)
            assert (await engine.reload("extmodule")).lines == ()
            assert [one.get("plugin") for one in told] == ["", "", "extmodule"]

    asyncio.run(main())


def test_a_reload_of_a_file_with_a_mistake_changes_nothing_at_all(tmp_path: Path) -> None:
    file = tmp_path / "extmodule.conf"
    file.write_text("[general]\ntimeout=5000\n")

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            file.write_text(
                f"[general]\nmaxqueue=5\ntimeout=abc\n[listener a]\ntype=unix\npath={tmp_path}/s\n"
            )
            told: list[Message] = []
            engine.install("engine.init", lambda message: told.append(message))
            reply = await engine.command("reload")
            assert not reply.ok
            assert re.search(
                r"extmodule\.conf:3: timeout=abc is not a number of milliseconds\. "
                r"Nothing was changed\.\r\n$",
                reply.text,
            )
            assert told == []
            assert not (tmp_path / "s").exists()
            file.write_text("[general]\ntimeout=5000\n")
            assert (await engine.reload()).lines == ()

    asyncio.run(main())


def test_a_reload_reads_how_messages_are_recorded(tmp_path: Path) -> None:
    file = tmp_path / "yate.conf"

    async def main() -> None:
        async with Engine(tmp_path) as engine:
            file.write_text("[sniffer]\nlines=7\nsecret=pin\n")
            assert (await engine.reload("extmodule")).lines == ()
            assert (await engine.reload()).lines == (
                "[sniffer] lines: 50 -> 7",
                "[sniffer] secret: *password*,*passwd*,*secret* -> pin",
            )
            assert engine.recorder.lines == 7
            assert [engine.recorder.secret(name) for name in ("pin", "password")] == [True, False]
            assert (await engine.reload()).lines == ()

    asyncio.run(main())


def test_a_reload_with_a_mistake_in_yate_conf_changes_nothing_at_all(tmp_path: Path) -> None:
    async def main() -> None:
        async with Engine(tmp_path) as engine:
            (tmp_path / "yate.conf").write_text("[sniffer]\nbytes=99999\nlines=many\n")
            (tmp_path / "extmodule.conf").write_text("[general]\ntimeout=5000\n")
            done = await engine.reload()
            assert not done.ok
            (line,) = done.lines
            assert re.search(r"yate\.conf:3: lines=many is not a number.*Nothing was changed", line)
            assert engine.recorder.max_bytes != 99999
            assert (await engine.reload("extmodule")).lines == ("timeout: 10000 -> 5000",)
            assert engine.recorder.max_bytes != 99999

    asyncio.run(main())


def test_mistakes_at_the_start_are_told_and_the_rest_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "extmodule.conf").write_text(
        f"[general]\ntimeout=abc\n[listener bad]\ntype=nonsense\n"
        f"[listener good]\ntype=unix\npath={tmp_path}/good\n[scripts]\nnone.sh=\n"
    )

    async def main() -> None:
        async with Engine(tmp_path):
            assert (tmp_path / "good").is_socket()
        assert not (tmp_path / "good").exists()

    with caplog.at_level(logging.DEBUG, "yext"):
        asyncio.run(main())
    for text in (
        "extmodule.conf:2: timeout=abc is not a number of milliseconds",
        "extmodule.conf:4: Unknown type 'nonsense' of listener 'bad'",
        "none.sh",
    ):
        assert text in caplog.text
