"""A reload ends nothing because a file, a section or an option is missing or misspelt."""

import asyncio
from pathlib import Path

import pytest
from ports import free_port
from workshop import IDLE, Workshop

TYPOS = {
    "no bracket": ("[scripts]", "[scripts", "did you mean '[scripts' in line "),
    "singular": ("[scripts]", "[script]", "did you mean [scripts]?"),
    "capital": ("[scripts]", "[Scripts]", "did you mean '[Scripts]' in line "),
    "listener": ("[listener late]", "[listner late]", "did you mean [listener late]?"),
    "no bracket of a listener": ("[listener late]", "[listener late", "'[listener late' in line "),
    "port": ("port=", "prot=", "did you mean port?"),
    "address": ("addr=", "adr=", "did you mean addr?"),
    "scripts_dir": ("scripts_dir=", "script_dir=", "did you mean scripts_dir?"),
    "general": ("[general]", "[genral]", "did you mean [general]?"),
}
"""What is misspelt, how, and what the reply says of it."""


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.script("a.sh", IDLE)
    made.script("b.sh", IDLE)
    listener = f"[listener late]\ntype=tcp\naddr=127.0.0.2\nport={free_port()}\n"
    made.configure("stopwait=20", f"{listener}[scripts]\na.sh=\nb.sh=x\n")
    return made


def conf(lab: Workshop) -> Path:
    return lab.folder / "conf" / "extmodule.conf"


def running(lab: Workshop) -> tuple[list[int | None], list[str]]:
    """The processes of the scripts, and the open listeners."""
    module = lab.module
    pids = [script.pid for script in module.supervisor.scripts]
    return pids, [one.spec.where() for one in module.listeners.open.values()]


@pytest.mark.parametrize("typo", TYPOS)
def test_a_misspelt_name_ends_nothing_until_it_is_forced(lab: Workshop, typo: str) -> None:
    right, wrong, meant = TYPOS[typo]
    text = conf(lab).read_text()
    assert right in text

    async def story() -> None:
        async with lab.running():
            before = running(lab)
            conf(lab).write_text(text.replace(right, wrong))
            reply = await lab.do("reload")
            assert not reply.ok
            assert running(lab) == before
            assert meant in reply.text, reply.text
            assert "would be " in reply.text or "prot" in wrong
            assert reply.text.endswith("Nothing was changed.\r\n")
            assert "mend it" in reply.params["hint"]
            conf(lab).write_text(text)
            assert (await lab.do("reload")).text.endswith("\r\nNothing has changed.\r\n")
            assert running(lab) == before
            if wrong == "prot=":
                return  # A listener without a port is an error, whoever insists.
            conf(lab).write_text(text.replace(right, wrong))
            assert (await lab.do("reload --force")).ok
            assert running(lab) != before

    asyncio.run(story())


@pytest.mark.parametrize("how", ["absent", "empty", "without a folder"])
@pytest.mark.parametrize("plugin", ["", " extmodule"])
def test_a_file_that_has_gone_ends_nothing_until_it_is_forced(
    lab: Workshop, how: str, plugin: str
) -> None:
    async def story() -> None:
        async with lab.running():
            before = running(lab)
            if how == "empty":
                conf(lab).write_text("")
            elif how == "absent":
                conf(lab).unlink()
            else:
                conf(lab).parent.rename(lab.folder / "elsewhere")
            reply = await lab.do(f"reload{plugin}")
            assert not reply.ok
            assert running(lab) == before
            assert "2 scripts would be stopped" in reply.text
            assert f"{before[1][0]} would be closed" in reply.text
            assert reply.params["hint"] == "mend it, or reload --force"
            assert (await lab.do(f"reload --force{plugin}")).ok
            assert running(lab) == ([], [])

    asyncio.run(story())


def test_lines_that_are_taken_out_end_what_they_had_started(lab: Workshop) -> None:
    async def story() -> None:
        async with lab.running():
            text = conf(lab).read_text()
            conf(lab).write_text(text.replace("a.sh=\n", ""))
            assert "a.sh stopped, no longer in [scripts]" in (await lab.do("reload")).text
            conf(lab).write_text(text[: text.index("a.sh=")])
            assert "b.sh x stopped, no longer in [scripts]" in (await lab.do("reload")).text
            # Nothing runs that a missing section could end.
            conf(lab).write_text(text[: text.index("[scripts]")])
            assert (await lab.do("reload")).ok

    asyncio.run(story())


def test_unknown_options_are_reported_at_the_start_and_by_each_reload(lab: Workshop) -> None:
    text = conf(lab).read_text()
    conf(lab).write_text(text.replace("stopwait", "timout=1\nstopwait"))
    mistake = "unknown option 'timout' in [general]; did you mean timeout?"
    (lab.folder / "conf" / "yate.conf").write_text("[general]\nnodenam=x\n[modulse]\na=b\n")

    async def story() -> None:
        async with lab.running():
            shown = [event.text for event in lab.find_events("<extmodule:CONF>", "debug")]
            assert shown == [f"extmodule.conf:3: {mistake}"]
            assert len(lab.find_events("<engine:CONF> yate.conf:", "debug")) == 2
            reply = await lab.do("reload")
            assert reply.ok
            _, unchanged, *warnings = reply.text.splitlines()
            assert unchanged == "Nothing has changed."
            assert warnings == [
                "yate.conf:2: unknown option 'nodenam' in [general];"
                " did you mean nodename or nodeid?",
                "yate.conf:3: unknown section [modulse], did you mean [modules]?",
                f"extmodule.conf:3: {mistake}",
            ]

    asyncio.run(story())
