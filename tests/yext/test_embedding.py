"""What CONTRACT.md promises to programs that embed the engine, and docs/embedding.md shows."""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from ports import free_port

import yext
from yext import Engine, Message, Reply, YextError
from yext.errors import EngineError

DOCS = Path(__file__).parents[2] / "docs" / "embedding.md"

SCRIPT = """#!/bin/sh
echo '%%>install:50:call.route'
while read -r line; do
    case $line in
    '%%>message:'*)
        rest=${line#%%>message:}
        echo "%%<message:${rest%%:*}:true::sip/99@10.0.0.2:route=sh" ;;
    '%%<install:'*) echo '%%>message::0:script.ready:' ;;
    esac
done
"""


def _run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A configuration whose one script answers call.route."""
    (tmp_path / "extmodule.conf").write_text(f"[general]\nscripts_dir={tmp_path}\n")
    script = tmp_path / "route.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return tmp_path


def test_the_contract_s_own_lines(conf: Path) -> None:
    async def main() -> None:
        async with Engine(conf) as engine:
            ready = asyncio.Event()
            engine.install("script.ready", lambda message: ready.set())
            reply = await engine.command("external start route.sh")
            assert reply.ok
            assert reply.text == "External start attempt\r\n"
            await asyncio.wait_for(ready.wait(), 10)
            message = Message("call.route", {"called": "99"})
            assert await engine.dispatch(message) is True
            assert message.retvalue == "sip/99@10.0.0.2"
            assert message.params == {"called": "99", "route": "sh"}

    _run(main)


def test_installed_functions_and_coroutines_are_handlers() -> None:
    async def main() -> None:
        async with Engine() as engine:

            def note(message: Message) -> None:
                message["noted"] = "yes"

            async def route(message: Message) -> bool:
                await asyncio.sleep(0)
                message.retvalue = f"sip/{message['called']}"
                return True

            engine.install("call.route", note, priority=10, filter=("called", "99"))
            installed = engine.install("call.route", route, track="router")
            message = Message("call.route", {"called": "99"})
            assert await engine.dispatch(message)
            assert message.retvalue == "sip/99"
            assert message.params == {"called": "99", "noted": "yes", "handlers": "router:100"}
            engine.uninstall(installed)
            assert not await engine.dispatch(Message("call.route", {"called": "98"}))

    _run(main)


def test_a_command_that_fails_tells_why_in_its_reply(conf: Path) -> None:
    async def main() -> None:
        async with Engine(conf) as engine:
            reply = await engine.command("external start rute.sh x")
            assert not reply.ok
            assert reply.known
            assert reply.params["errno"] == "ENOENT"
            assert reply.text.splitlines()[0] == "External command failed"
            assert "near: route.sh" in reply.text.splitlines()

    _run(main)


def test_an_unknown_command_is_told_with_the_nearest_one() -> None:
    async def main() -> None:
        async with Engine() as engine:
            reply = await engine.command("externl")
            assert reply == Reply(
                False,
                "Cannot understand: externl\r\n",
                {"reason": "unknown command", "hint": "Did you mean: external"},
                known=False,
            )

    _run(main)


def test_commands_complete_on_the_bus() -> None:
    async def main() -> None:
        async with Engine() as engine:
            assert "external" in await engine.complete("", "ext")
            assert await engine.complete("external", "sta") == ["start"]

    _run(main)


def test_what_is_enqueued_is_dispatched_without_waiting() -> None:
    async def main() -> None:
        async with Engine() as engine:
            seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            engine.install("test", lambda message: seen.set_result(message["n"]))
            engine.enqueue(Message("test", {"n": "1"}))
            assert not seen.done()
            assert await asyncio.wait_for(seen, 10) == "1"

    _run(main)


def test_nothing_is_left_after_the_block(conf: Path) -> None:
    async def main() -> None:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        async with Engine(conf) as engine:
            reply = await engine.command("external start route.sh")
            pid = reply.params["pid"]
            assert Path(f"/proc/{pid}").exists()
        assert not Path(f"/proc/{pid}").exists()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors

    _run(main)


def test_an_error_in_the_block_stops_the_engine_and_comes_out(conf: Path) -> None:
    async def main() -> None:
        pid = ""
        with pytest.raises(ZeroDivisionError):
            async with Engine(conf) as engine:
                pid = (await engine.command("external start route.sh")).params["pid"]
                raise ZeroDivisionError
        assert not Path(f"/proc/{pid}").exists()

    _run(main)


def test_two_engines_in_one_process_do_not_meet(conf: Path) -> None:
    async def main() -> None:
        async with Engine(conf, node="one") as one, Engine(conf, node="two") as two:
            one.install("test", lambda message: True)
            assert (one.node, two.node) == ("one", "two")
            assert await one.dispatch(Message("test"))
            assert not await two.dispatch(Message("test"))

    _run(main)


def test_an_engine_runs_once_at_a_time() -> None:
    async def main() -> None:
        async with Engine() as engine:
            with pytest.raises(EngineError, match="runs already"):
                await engine.start()
        await engine.stop()

    _run(main)


def test_the_names_that_are_promised_are_there() -> None:
    assert issubclass(EngineError, YextError)
    assert re.fullmatch(r"\d+\.\d+\.\d+", yext.__version__)
    assert {
        name: getattr(yext, name).__doc__ is not None for name in yext.__all__
    } == dict.fromkeys(yext.__all__, True)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = yext.Nonsense  # type: ignore[attr-defined]


def test_the_documented_programs_run(tmp_path: Path) -> None:
    """Each program of docs/embedding.md, with the output that stands below it."""
    shown = re.findall(
        r"```python\n(.*?)```\n+```text\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S
    )
    assert shown
    samples = tmp_path / "samples"
    shutil.copytree(DOCS.parents[1] / "samples", samples, symlinks=True)
    conf = samples / "extmodule.conf"
    conf.write_text(conf.read_text().replace("port=5040", f"port={free_port()}"))
    for number, (program, output) in enumerate(shown):
        file = tmp_path / f"program{number}.py"
        file.write_text(program, encoding="utf-8")
        ran = _output_of(file)
        assert ran == output, program


def _output_of(program: Path) -> str:
    ran = subprocess.run(
        [sys.executable, str(program)],
        cwd=program.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (Message("call.route", {"called": 99}), "parameter called of call.route is 99 (int), not"),  # type: ignore[dict-item]
        (Message("call.route", {"called": None}), "parameter called of call.route is None"),  # type: ignore[dict-item]
        (Message("call.route", {9: "x"}), "a parameter's name in call.route is 9 (int), not text"),  # type: ignore[dict-item]
        (Message("call.route", retvalue=7), "the return value of call.route is 7 (int), not text"),  # type: ignore[arg-type]
        (Message(b"call.route"), "the name of a message is b'call.route' (bytes), not text"),  # type: ignore[arg-type]
    ],
)
def test_a_message_of_anything_but_text_is_refused_at_once(message: Message, what: str) -> None:
    async def main() -> None:
        async with Engine() as engine:
            with pytest.raises(TypeError, match=re.escape(what)):
                await engine.dispatch(message)
            with pytest.raises(TypeError, match=re.escape(what)):
                engine.enqueue(message)
            assert engine.dispatcher.in_flight == engine.dispatcher.queue_length() == 0

    _run(main)


def test_a_handler_that_puts_a_number_into_a_message_has_failed(
    conf: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with Engine(conf) as engine:
            ready = asyncio.Event()
            engine.install("script.ready", lambda message: ready.set())
            await engine.command("external start route.sh")
            await asyncio.wait_for(ready.wait(), 10)

            def number(message: Message) -> bool:
                message["count"] = 5  # type: ignore[assignment]
                return True

            async def none(message: Message) -> bool:
                message.retvalue = None  # type: ignore[assignment]
                return True

            engine.install("call.route", number, 10)
            engine.install("call.route", none, 20)
            message = Message("call.route", {"called": "99"})
            assert await asyncio.wait_for(engine.dispatch(message), 10)
            assert message.params == {"called": "99", "count": "5", "route": "sh"}
            assert message.retvalue == "sip/99@10.0.0.2"
            assert engine.dispatcher.in_flight == 0

    _run(main)
    assert "parameter count of call.route is 5 (int), not text" in caplog.text
    assert "the return value of call.route is None (NoneType), not text" in caplog.text
