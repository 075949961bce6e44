"""The effects of extmodule.conf at the start and at a reload."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from ports import free_port
from workshop import CANARY, IDLE, Workshop, alive

FAST = "stopwait=20\ntermwait=200"


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure(FAST)
    made.script("a.sh", IDLE)
    made.script("b.sh", IDLE)
    return made


def tcp(name: str, port: int, more: str = "") -> str:
    return f"[listener {name}]\ntype=tcp\nport={port}\n{more}\n"


async def reload(lab: Workshop, how: str = "") -> list[str]:
    """The lines of a reload, after Yate's own."""
    reply = await lab.do(f"reload {how}".strip())
    first, *lines = reply.text.splitlines()
    assert first == "Reinitializing..."
    return [] if lines == ["Nothing has changed."] else lines


async def greets(port: int) -> bool:
    """Return True if a peer that connects to the port is served."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.write(b"%%>connect:global\n%%>setlocal:timeout:\n")
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line.startswith(b"%%<setlocal:timeout:")


# Listeners


def test_listeners_open_close_and_move(lab: Workshop) -> None:
    first, second, third = free_port(), free_port(), free_port()
    path = lab.folder / "sock"

    async def story() -> None:
        lab.configure(FAST, tcp("stays", first) + tcp("moves", second) + tcp("goes", third))
        async with lab.running():
            reader, writer = await asyncio.open_connection("127.0.0.1", second)
            writer.write(b"%%>connect:global\n%%>setlocal:reenter:\n")
            assert await reader.readline()
            fourth = free_port()
            lab.configure(
                FAST,
                tcp("stays", first)
                + tcp("moves", fourth)
                + f"[listener comes]\ntype=unix\npath={path}\n",
            )
            assert await reload(lab, "--force") == [
                f"listener 'goes' closed: tcp 127.0.0.1:{third}",
                f"listener 'moves' moved: tcp 127.0.0.1:{second} -> tcp 127.0.0.1:{fourth}",
                f"listener 'comes' opened: unix {path}",
            ]
            served = [await greets(port) for port in (first, second, third, fourth)]
            assert served == [True, False, False, True]
            assert path.is_socket()
            writer.write(b"%%>setlocal:reenter:\n")
            assert await reader.readline()  # Who is connected stays.
            writer.close()
        assert not path.exists()

    asyncio.run(story())


def test_listeners_may_exchange_their_ports(lab: Workshop) -> None:
    one, two = free_port(), free_port()

    async def story() -> None:
        lab.configure(FAST, tcp("one", one) + tcp("two", two))
        async with lab.running():
            lab.configure(FAST, tcp("one", two) + tcp("two", one))
            assert len(await reload(lab)) == 2
            assert lab.module.listeners.open["one"].spec.port == two
            assert await greets(one)
            assert await greets(two)
            assert await reload(lab) == []

    asyncio.run(story())


def test_a_listener_that_cannot_move_stays(lab: Workshop) -> None:
    port = free_port()

    async def story() -> None:
        lab.configure(FAST, tcp("one", port))
        async with lab.running():
            with socket.create_server(("127.0.0.1", 0)) as other:
                taken = other.getsockname()[1]
                lab.configure(FAST, tcp("one", taken))
                failed, stays = await reload(lab)
                assert "Address already in use (EADDRINUSE, 98)" in failed
                assert stays == f"listener 'one' stays: tcp 127.0.0.1:{port}"
                assert await greets(port)
            assert (await reload(lab))[0].startswith("listener 'one' moved: ")

    asyncio.run(story())


def test_a_listener_in_error_is_told_and_the_rest_starts(lab: Workshop) -> None:
    port = free_port()
    lab.configure(
        FAST, "[listener bad]\ntype=tpc\n" + tcp("good", port) + "[listener none]\ntype=tcp\n"
        "[scripts]\na.sh=\n",
    )  # fmt: skip

    async def story() -> None:
        async with lab.running():
            assert await greets(port)
            assert lab.of("a.sh").pid is not None
            assert lab.find_events(r"extmodule.conf:6: Unknown type 'tpc' of listener 'bad'")
            assert lab.find_events(r"Could not start listener 'none'")

    asyncio.run(story())


# Scripts


def test_scripts_start_stop_and_keep_their_process(lab: Workshop) -> None:
    lab.script("c.sh", IDLE)
    lab.configure(FAST, "[scripts]\na.sh=1\nb.sh=2")

    async def story() -> None:
        async with lab.running():
            kept, dropped = lab.of("a.sh").pid, lab.of("b.sh").pid
            by_hand = (await lab.start("b.sh hand")).pid
            lab.configure(FAST, "[scripts]\nc.sh=\na.sh=1\na.sh=other")
            lines = await reload(lab)
            assert lines[0] == "b.sh 2 stopped, no longer in [scripts]"
            assert lines[1:] == [
                f"c.sh started, pid {lab.of('c.sh').pid}",
                f"a.sh other started, pid {lab.of('a.sh', 'other').pid}",
            ]
            assert lab.of("a.sh", "1").pid == kept
            assert dropped is not None
            assert not alive(dropped)
            assert lab.of("b.sh", "hand").pid == by_hand
            assert await reload(lab) == []

    asyncio.run(story())


def test_a_script_started_by_hand_becomes_that_of_its_line(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            pid = (await lab.start("a.sh x")).pid
            lab.configure(FAST, "[scripts]\na.sh=x")
            assert (await reload(lab))[0].startswith("a.sh x is there already: ")
            assert lab.of("a.sh").pid == pid
            assert len(lab.module.supervisor.scripts) == 1
            lab.configure(FAST, "[scripts]")
            assert await reload(lab) == ["a.sh x stopped, no longer in [scripts]"]

    asyncio.run(story())


def test_the_same_script_twice_runs_twice(lab: Workshop) -> None:
    lab.configure(FAST, "[scripts]\na.sh=x\na.sh=x")

    async def story() -> None:
        async with lab.running():
            assert len({script.pid for script in lab.module.supervisor.scripts}) == 2
            assert await reload(lab) == []
            lab.configure(FAST, "[scripts]\na.sh=x")
            assert await reload(lab) == ["a.sh x stopped, no longer in [scripts]"]
            assert len(lab.module.supervisor.peers) == 1

    asyncio.run(story())


def test_a_failed_script_gets_another_try_and_a_stopped_one_is_left_alone(lab: Workshop) -> None:
    lab.configure(FAST, "[scripts]\nlate.sh=\na.sh=")

    async def story() -> None:
        async with lab.running():
            assert lab.of("late.sh").state == "failed"
            await lab.do("external stop a.sh")
            lab.script("late.sh", IDLE)
            assert await reload(lab) == [f"late.sh started, pid {lab.of('late.sh').pid}"]
            assert lab.of("a.sh").state == "stopped"

    asyncio.run(story())


def test_another_scripts_dir_is_another_script(lab: Workshop) -> None:
    other = lab.folder / "other"
    other.mkdir()
    (lab.folder / "scripts" / "a.sh").rename(other / "a.sh")
    lab.script("a.sh", IDLE)

    async def story() -> None:
        lab.configure(FAST, "[scripts]\na.sh=")
        async with lab.running():
            pid = lab.of("a.sh").pid
            text = (lab.folder / "conf" / "extmodule.conf").read_text()
            (lab.folder / "conf" / "extmodule.conf").write_text(
                text.replace(f"{lab.folder}/scripts/", f"{other}/")
            )
            lines = await reload(lab)
            assert lines[0].startswith("scripts_dir: ")
            assert lab.of("a.sh").pid != pid
            assert lab.of("a.sh").path == f"{other}/a.sh"

    asyncio.run(story())


def test_an_executed_program_outlives_the_engine(lab: Workshop) -> None:
    lab.script("daemon.sh", "exec sleep 1000\n")
    lab.configure(FAST, "[execute]\nabsent.sh=")

    async def story() -> int:
        async with lab.running():
            assert lab.find_events("absent.sh: No such file or directory", "notice")
            return int((await lab.do("external execute daemon.sh x")).params["pid"])

    pid = asyncio.run(story())
    try:
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


# Options


def test_changed_options_hold_for_live_peers_but_for_what_they_have_set(lab: Workshop) -> None:
    lab.script("own.sh", "echo '%%>setlocal:timeout:77'\n" + IDLE)
    lab.script("canary.sh", CANARY)

    async def story() -> None:
        async with lab.running():
            await lab.start_canary()
            own = await lab.start("own.sh")
            assert (await lab.send("canary"))[0]
            while own.peer is not None and own.peer.settings.timeout != 77:
                await asyncio.sleep(0)
            lab.configure(FAST + "\ntimeout=1234\ntimebomb=yes\nloglines=3")
            assert await reload(lab) == [
                "timeout: 10000 -> 1234",
                "timebomb: no -> yes",
                "loglines: 200 -> 3",
            ]
            canary = lab.of("canary.sh").peer
            assert canary is not None
            assert own.peer is not None
            assert (canary.settings.timeout, canary.settings.timebomb) == (1234, True)
            assert (own.peer.settings.timeout, own.peer.settings.timebomb) == (77, True)
            assert own.errors.lines.maxlen == 3

    asyncio.run(story())


@pytest.mark.parametrize(
    ("general", "rest", "start"),
    [
        ("timeout=abc", "", "extmodule.conf:3: timeout=abc is not a number of milliseconds"),
        ("", "[listener x]\ntype=tpc", "extmodule.conf:5: Unknown type 'tpc' of listener 'x'"),
        ("", "[listener x]\ntype=tcp\nport=0", "extmodule.conf:6: "),
    ],
)
def test_a_mistake_changes_nothing(lab: Workshop, general: str, rest: str, start: str) -> None:
    port = free_port()

    async def story() -> None:
        async with lab.running():
            await lab.start("a.sh")
            pid = lab.of("a.sh").pid
            lab.configure(general, f"{rest}\n{tcp('good', port)}\n[scripts]\nb.sh=")
            reply = await lab.do("reload")
            assert not reply.ok
            line = reply.text.splitlines()[-1]
            assert line.startswith(start)
            assert line.endswith(". Nothing was changed.")
            assert not lab.module.listeners.open
            assert lab.of("a.sh").pid == pid
            assert lab.module.supervisor.find_script("b.sh", None) is None
            assert lab.module.supervisor.options.stopwait == 20

    asyncio.run(story())


# Bounds


def test_only_the_last_stories_are_kept(lab: Workshop) -> None:
    lab.configure(FAST + "\nkeepended=3", "[scripts]\nmissing.sh=")

    async def story() -> None:
        async with lab.running():
            await lab.start("a.sh")
            for number in range(6):
                assert not (await lab.do(f"external start gone{number}.sh")).ok
            names = [script.name for script in lab.module.supervisor.scripts]
            assert names == ["missing.sh", "a.sh", "gone3.sh", "gone4.sh", "gone5.sh"]

    asyncio.run(story())


# What front ends ask


def test_programs_and_listeners_are_what_they_are_now(lab: Workshop) -> None:
    port = free_port()
    lab.configure(FAST, tcp("open", port) + tcp("taken", port))

    async def story() -> None:
        async with lab.running():
            script = await lab.start("a.sh 99")
            assert not (await lab.do("external start gone.sh")).ok
            counts = lab.module.counts()
            assert (counts.running, counts.failed) == (1, 1)
            runs, failed = lab.module.programs()
            assert (runs.label, runs.state, runs.pid) == ("a.sh 99", script.state, script.pid)
            assert (runs.sent, runs.pending, runs.reason) == (0, 0, "")
            assert failed.reason == "gone.sh: No such file or directory (ENOENT, 2)"
            assert failed.explain == "external why gone.sh"
            assert (failed.pid, failed.received) == (None, None)
            listening = lab.module.listening()
            assert listening.where == [f"tcp 127.0.0.1:{port}"]
            (error,) = listening.failed
            assert error.startswith("listener 'taken'")

    asyncio.run(story())
