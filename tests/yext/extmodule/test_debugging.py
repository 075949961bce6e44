"""Scripts under a debugger: without time limits, and never over the lines of the protocol."""

import asyncio
import sys
from pathlib import Path

import pytest
from workshop import Workshop

from yext.command import describe
from yext.commander import EMBEDDER
from yext.extmodule.diagnosis.debuggers import is_of_debugger
from yext.extmodule.peer.pending import NEVER
from yext.log import Event, EventKind

PYTHON = f"#!{sys.executable}\nimport sys\n"

BREAKS = """
print("%%>install:50:call.route", flush=True)
for line in sys.stdin:
    if line.startswith("%%>message"):
        breakpoint()
        print(f"%%<message:{line.split(':')[1]}:true::", flush=True)
"""

SLOW = """
print("%%>setlocal:timeout:20", flush=True)
print("%%>install:50:slow", flush=True)
for line in sys.stdin:
    if line.startswith("%%>message:"):
        ident = line.split(":")[1]
    elif line.startswith("%%<message::") and ":go:" in line:
        print(f"%%<message:{ident}:true::done", flush=True)
    elif line.startswith("%%<setlocal:timeout:"):
        print("%%>watch:go", flush=True)
        print("%%>output:" + line.rstrip(), flush=True)
"""


@pytest.mark.parametrize(
    "line",
    ["> /srv/route.py(12)<module>()", "> <string>(1)f()", "(Pdb) *** SyntaxError: invalid syntax",
     "(Pdb++) ", "ipdb> 1", "(gdb) ", "debug> undefined", "prompt> ", "  DB<1> x", "(rdbg:1) ",
     "[Welcome to phpdbg, the interactive PHP debugger, v8.2]", "bashdb<0> ",
     "Loading DB routines from perl5db.pl version 1.60", "< Debugger listening on ws://127.0.0.1"],
)  # fmt: skip
def test_a_line_of_a_debugger_is_recognized(line: str) -> None:
    assert is_of_debugger(line)


@pytest.mark.parametrize(
    "line",
    ["", "> hello", "Hello, world", "(1) first", "debug: 1", "price > 3 (4)", "(Pdb", ">>> 1"],
)
def test_no_other_line_is(line: str) -> None:
    assert not is_of_debugger(line)


@pytest.mark.parametrize("body", [BREAKS, f"breakpoint()\n{BREAKS}"], ids=["later", "at first"])
def test_a_debugger_on_the_protocol_is_told_once(tmp_path: Path, body: str) -> None:
    async def story() -> tuple[list[Event], bool]:
        workshop = Workshop(tmp_path)
        workshop.script("route.py", body, PYTHON)
        async with workshop.running():
            script = await workshop.start("route.py")
            if body == BREAKS:
                await workshop.engine.dispatcher.installed("call.route")
            handled, _ = await workshop.send("call.route")
            await workshop.event("a debugger reads and writes the lines of the protocol")
            assert script.state == "failed"
            told = [one for one in workshop.events if one.kind is EventKind.NOTICE]
            mistakes = [one for one in workshop.events if "no such line" in one.text]
            return told + mistakes, handled

    (notice,), handled = asyncio.run(story())
    assert not handled
    assert len(notice.lines) == 2
    assert "was ended" in notice.lines[0]
    assert "external start --no-timeout" in notice.lines[1]


def test_a_script_without_timeout_is_waited_for(tmp_path: Path) -> None:
    async def story() -> tuple[bool, str]:
        workshop = Workshop(tmp_path)
        workshop.script("slow.py", SLOW, PYTHON)
        async with workshop.running():
            reply = await workshop.do("external start --no-timeout slow.py")
            assert reply.ok
            assert workshop.of("slow.py").parameter == ""
            await workshop.event("^%%<setlocal:timeout:0:true$")
            asked = asyncio.create_task(workshop.send("slow"))
            peer = workshop.of("slow.py").peer
            assert peer is not None
            while not peer.pending.waiting:
                await asyncio.sleep(0)
            assert [one.deadline for one in peer.pending.waiting.values()] == [NEVER]
            await workshop.send("go")
            handled, message = await asked
            return handled, message.retvalue

    assert asyncio.run(story()) == (True, "done")


def test_the_option_is_completed_and_needs_a_script(tmp_path: Path) -> None:
    async def story() -> None:
        workshop = Workshop(tmp_path)
        workshop.script("slow.py", SLOW, PYTHON)
        async with workshop.running():
            engine = workshop.engine
            assert not (await workshop.do("external start --no-timeout")).ok
            words = await describe(engine, "external start", "--", EMBEDDER)
            assert words == {"--no-timeout": "its answers may take any time"}

    asyncio.run(story())
