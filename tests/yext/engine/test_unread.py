"""Configuration files that nobody reads: what is said of them, and of which not."""

import asyncio
from pathlib import Path

import pytest

from yext import Engine
from yext.conf import Problem, Severity
from yext.engine.unread import unread_files

FILES = {
    "extmodule.conf": "[general]\n[$include more.conf]\n$include also.conf\n",
    "more.conf": "[general]\ntimeout=5000\n",
    "also.conf": "[scripts]\n",
    "rmanager.conf": "[general]\nport=5038\n",
    "yate.conf": "[general]\nnodename=x\n",
    "ysipchan.conf": "; all\n[general]\n;port=5060\n\n",
}

UNREAD = [
    ("queues.conf", Severity.NOTE, "no module queues is loaded"),
    ("yiaxchan.conf", Severity.NOTE, "no module yiaxchan is loaded"),
    ("cdrbuild.conf", Severity.NOTE, "the module cdrbuild has no options here"),
    ("extmodul.conf", Severity.WARNING, "did you mean extmodule.conf?"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def unread(folder: Path) -> list[Problem]:
    """Return the files that a check of the configuration names."""

    async def main() -> list[Problem]:
        return [one for one in Engine(folder).rehearse() if "not read" in one.text]

    return asyncio.run(main())


def test_files_that_are_read_or_empty_are_not_named(folder: Path) -> None:
    assert unread(folder) == []


@pytest.mark.parametrize(("name", "severity", "why"), UNREAD)
def test_a_file_that_nobody_reads_is_named(
    folder: Path, name: str, severity: Severity, why: str
) -> None:
    path = folder / name
    path.write_text("[default]\n^99$=tone/dial\n")
    (found,) = unread(folder)
    assert found == (name, 0, severity, f"this file is not read: {why}")

    async def main() -> None:
        async with Engine(folder) as engine:
            assert f"<engine:NOTE> {name} is not read" in "".join(
                f"{event.line()}\n" for event in engine.log.captured
            )
            listed = (await engine.command("module list")).text.splitlines()
            assert listed[1] == f"{name} is not read: no loaded module uses it"
            assert len(unread_files(engine)) == 1

    asyncio.run(main())
