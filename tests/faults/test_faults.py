"""Every fault that a script can have.

Throughout, a canary message to another script is answered within a second. Afterwards no resources
are left behind, and one line in the log names script and cause."""

import asyncio
import gc
import os
import re
import resource
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from workshop import CANARY, IDLE, Workshop, gone

from yext.extmodule.script import states
from yext.extmodule.script.script import Script

GENERAL = "timeout=150\nstopwait=30\ntermwait=150\nrestart_delay=1\nmaxoutput=65536"
"""Options with short waits."""

TALK = "echo '%%>setlocal:restart:true'\nread -r line\n"

INSTALL = "echo '%%>install::work'\nread -r line\n"


@dataclass(frozen=True)
class Resources:
    """The resources of an engine."""

    descriptors: int
    children: int
    tasks: int
    objects: int

    @classmethod
    def now(cls) -> "Resources":
        gc.collect()
        own = f"/proc/self/task/{os.getpid()}/children"
        return cls(
            len(os.listdir("/proc/self/fd")),
            len(Path(own).read_text().split()),
            len(asyncio.all_tasks()),
            len(gc.get_objects()),
        )

    def check(self, before: "Resources", objects: int = 3000) -> None:
        """Assert that nothing is left behind, except up to `objects` objects of history."""
        assert self.descriptors == before.descriptors
        assert self.children == before.children
        assert self.tasks == before.tasks
        assert self.objects - before.objects < objects


@asynccontextmanager
async def canary(lab: Workshop) -> AsyncIterator[None]:
    """Send canary messages one after the other meanwhile; none may take a second.

    That means a second of work of this process, which runs the engine: other processes may delay it
    for longer. A message without an answer fails (`Workshop.send`).
    """
    slowest = 0.0
    over = False

    async def sing() -> None:
        nonlocal slowest
        while not over:
            before = time.process_time()
            handled, _ = await lab.send("canary")
            slowest = max(slowest, time.process_time() - before)
            assert handled
            await asyncio.sleep(0.002)

    singing = asyncio.create_task(sing())
    try:
        yield
    finally:
        over = True
        await singing
    assert slowest < 1.0


Provoke = Callable[[Workshop, Script], Awaitable[None]]


async def nothing(lab: Workshop, script: Script) -> None:
    """Do nothing: the script causes the fault by itself."""


async def work(lab: Workshop, script: Script) -> None:
    """Send the script messages that it does not answer."""
    for _ in range(3):
        handled, _ = await lab.send("work", text="x" * 50_000)
        assert not handled


async def work_once_it_listens(lab: Workshop, script: Script) -> None:
    await lab.event("^here$")
    await work(lab, script)


async def freeze(lab: Workshop, script: Script) -> None:
    await lab.event("^here$")
    assert script.pid is not None
    os.kill(script.pid, signal.SIGSTOP)
    await work(lab, script)


async def flood_for_a_while(lab: Workshop, script: Script) -> None:
    """Wait until there was enough output to block a slow reader."""
    for _ in range(3):
        await lab.next_event("'faulty.sh' wrote .* more lines on standard error", "debug")


async def stop_ignored(lab: Workshop, script: Script) -> None:
    await lab.event("^here$")
    reply = await lab.do(f"external stop {script.name}")
    assert reply.params["ended"] == "killed by SIGKILL"


async def wait_for_input_to_end(lab: Workshop, script: Script) -> None:
    await lab.event("^deaf$")
    await work(lab, script)


async def grandchildren_end(lab: Workshop, script: Script) -> None:
    children = [int(pid) for pid in (await lab.event("^children")).text.split()[1:]]
    assert len(children) == 3
    await lab.event("faulty.sh ended", "notice")
    for pid in children:
        await gone(pid)


FAULTS: dict[str, tuple[str, Provoke, str]] = {
    "never reads": (
        "echo '%%>install::work'\necho '%%>output:here'\nexec sleep 1000\n",
        work_once_it_listens,
        "'faulty.sh' did not answer 'work' in time",
    ),
    "floods standard output with garbage": (
        "exec yes garbage\n",
        nothing,
        "faulty.sh printed a line that is not part of the protocol: garbage",
    ),
    "floods standard output with messages": (
        "exec yes '%%>message:1:1:flood:'\n",
        nothing,
        "'faulty.sh' does not read fast enough: ",
    ),
    "floods standard output without a line end": (
        "exec tr '\\0' x < /dev/zero\n",
        nothing,
        "'faulty.sh' sent a line of more than 8190 bytes",
    ),
    "floods standard error": (
        "exec yes flood 3>&1 1>&2\n",
        flood_for_a_while,
        r"<faulty.sh\[\d+\]:stderr> flood",
    ),
    "prints binary garbage": (
        "head -c 100000 /dev/urandom\nsleep 1000\n",
        nothing,
        "faulty.sh",
    ),
    "dies in the middle of a line": (
        "echo '%%>setlocal:id:'\nprintf '%%%%>message:1:1:half'\nkill -9 $$\n",
        nothing,
        "faulty.sh ended .*killed by SIGKILL",
    ),
    "leaves grandchildren that hold its pipes": (
        "sleep 1000 & a=$!\nsleep 1000 & b=$!\n(trap '' TERM; exec sleep 1000) & c=$!\n"
        'echo "%%>output:children $a $b $c"\nexit 1\n',
        grandchildren_end,
        "faulty.sh ended .*exit status 1",
    ),
    "ignores SIGTERM": (
        "echo '%%>output:here'\ntrap '' TERM\n" + IDLE + "while :; do sleep 0.05; done\n",
        stop_ignored,
        "'faulty.sh' did not end on SIGTERM and is killed",
    ),
    "closes its standard input": (
        INSTALL + "exec <&-\necho '%%>output:deaf'\nexec sleep 1000\n",
        wait_for_input_to_end,
        "'faulty.sh' closed its standard input",
    ),
    "closes its standard output": (
        "echo '%%>output:here'\nexec >&-\nexec sleep 1000\n",
        nothing,
        "faulty.sh was ended .*closed its standard output",
    ),
    "ends at once, time and again": (
        TALK + "exit 1\n",
        nothing,
        "faulty.sh was started again 5 times .* is given up, last exit status 1",
    ),
    "is stopped": (
        "echo '%%>install::work'\necho '%%>output:here'\n" + IDLE,
        freeze,
        "'faulty.sh' did not answer 'work' in time",
    ),
}
"""Body of the script, the function that provokes the fault, and the expected line in the log."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_hurts_nobody_else(fault: str, tmp_path: Path) -> None:
    body, provoke, cause = FAULTS[fault]
    lab = Workshop(tmp_path)
    lab.configure(GENERAL)
    lab.script("canary.sh", CANARY)
    lab.script("faulty.sh", body)
    lab.script("calm.sh", IDLE)

    async def story() -> None:
        async with lab.running():
            await lab.start_canary()
            await lab.start("calm.sh")
            await lab.do("external stop calm.sh")
            before = Resources.now()
            async with canary(lab):
                script = await lab.start("faulty.sh")
                await provoke(lab, script)
                await lab.event(cause)
                if script.state not in states.IDLE:
                    await lab.do("external stop faulty.sh")
                assert script.state in states.IDLE
            lab.clear_events()
            Resources.now().check(before)

    asyncio.run(story())


@pytest.mark.parametrize("reads", [True, False], ids=["reading", "not reading"])
def test_a_flood_through_a_socket_hurts_nobody_else(tmp_path: Path, reads: bool) -> None:
    lab = Workshop(tmp_path)
    path = tmp_path / "sock"
    lab.configure(GENERAL, f"[listener a]\ntype=unix\npath={path}\nrole=global\n")
    lab.script("canary.sh", CANARY)

    async def flood() -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        for _ in range(4):
            writer.write(b"y\n" * 60_000)
            if reads:
                await writer.drain()
                await reader.readexactly(60_000 * len("Error in: y\n"))
        await lab.event("'a': no such line in: y")
        writer.close()

    async def story() -> None:
        async with lab.running():
            await lab.start_canary()
            async with canary(lab):
                await asyncio.wait_for(flood(), 60)

    asyncio.run(story())


def test_a_start_for_want_of_descriptors_fails_and_leaves_nothing(tmp_path: Path) -> None:
    lab = Workshop(tmp_path)
    lab.configure(GENERAL)
    lab.script("canary.sh", CANARY)
    lab.script("x.sh", IDLE)

    async def story() -> None:
        async with lab.running():
            await lab.start_canary()
            before = Resources.now()
            async with canary(lab):
                for spare in range(12):
                    with few_descriptors(spare):
                        reply = await lab.do(f"external start x.sh {spare}")
                    if reply.ok:
                        await lab.do(f"external stop x.sh {spare}")
                    else:
                        assert reply.params["errno"] == "EMFILE"
                        assert re.search("raise the engine's limit", reply.params["hint"])
            assert reply.ok
            assert lab.find_events("Failed to execute script 'x.sh' .*EMFILE", "debug")
            lab.clear_events()
            await lab.do("external dismiss")
            Resources.now().check(before)

    asyncio.run(story())


@contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    """Limit this process to `spare` further descriptors."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 16, limits[1]))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(spare):
            os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
