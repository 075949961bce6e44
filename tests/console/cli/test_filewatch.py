"""``yext --watch``: scripts are started anew when their files change."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from workshop import TIMEOUT, Workshop

from yext.console.cli.filewatch import watching
from yext.log import Event

ANSWERS = """# yext-watch: lib/**/*.txt
echo '%%>install:50:call.route'
while IFS=: read -r head id rest; do
    case $head in '%%>message') echo "%%<message:$id:true::{}" ;; esac
done
"""


@pytest.fixture
def lab(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.configure("stopwait=20\ntermwait=200")
    made.script("route.sh", ANSWERS.format("v1"))
    (tmp_path / "scripts/lib/deep").mkdir(parents=True)
    return made


def watched(lab: Workshop, story: Callable[[], Awaitable[None]]) -> None:
    """Run `story` while the files of the engine's scripts are watched."""

    async def run() -> None:
        async with lab.running(), watching(lab.engine):
            await story()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


async def started(lab: Workshop) -> None:
    await lab.start("route.sh")
    await asyncio.wait_for(lab.engine.dispatcher.installed("call.route"), TIMEOUT)


async def change(lab: Workshop, path: Path, text: str) -> Event:
    """Write a file as editors do, and wait for what is told about it.

    It is written again until then: nobody tells when the folders are watched.
    """
    lab.clear_events()
    told = asyncio.ensure_future(lab.next_event("has changed", "notice"))
    while not told.done():
        new = path.with_name(f"{path.name}~")
        new.write_text(text)
        new.chmod(0o755)
        os.rename(new, path)
        await asyncio.wait([told], timeout=1.0)
    return told.result()


async def version(lab: Workshop) -> str:
    return (await lab.send("call.route"))[1].retvalue


def test_a_changed_script_takes_over(lab: Workshop) -> None:
    async def story() -> None:
        await started(lab)  # The folder of a script is watched from its start.
        for text in ("v2", "v3"):
            event = await change(
                lab, lab.folder / "scripts/route.sh", f"#!/bin/sh\n{ANSWERS.format(text)}"
            )
            assert "took over in place of pid" in event.text
            assert await version(lab) == text

    watched(lab, story)


def test_one_that_does_not_start_is_told(lab: Workshop) -> None:
    async def story() -> None:
        await started(lab)
        event = await change(
            lab, lab.folder / "scripts/route.sh", "#!/bin/sh\necho oops >&2; exit 3\n"
        )
        assert event.lines[0].startswith("route.sh has changed, and the new one did not start: pid")
        assert "oops" in event.text
        assert await version(lab) == "v1"

    watched(lab, story)


def test_a_file_that_a_script_names_counts(lab: Workshop) -> None:
    async def story() -> None:
        await started(lab)
        old = lab.of("route.sh").pid
        await change(lab, lab.folder / "scripts/lib/deep/numbers.txt", "42")
        assert lab.of("route.sh").pid != old

    watched(lab, story)


def test_a_folder_that_is_made_anew_is_watched_again(
    lab: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yext.console.cli.filewatch._AGAIN_MS", 100)

    async def story() -> None:
        await started(lab)
        folder = lab.folder / "scripts/lib/deep"
        await change(lab, folder / "numbers.txt", "42")
        folder.rename(folder.with_name("away"))
        folder.mkdir()
        old = lab.of("route.sh").pid
        await change(lab, folder / "numbers.txt", "43")
        assert lab.of("route.sh").pid != old

    watched(lab, story)


def test_a_folder_that_cannot_be_watched_is_told(
    lab: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.main.RustNotify", full)

    async def story() -> None:
        await lab.start("route.sh")
        event = await lab.event("not watched any more", "notice")
        assert "OS file watch limit reached" in event.text
        assert event.lines[1].startswith("do: raise fs.inotify.max_user_watches")

    watched(lab, story)
