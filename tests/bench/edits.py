"""Edit a script again and again under load: python -m tests.bench.edits [EDITS].

Four senders have a message on its way all the time. Each version of the script answers with its
number. Every message must be handled, once; after each edit the new version must answer in time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from yext import Engine, Message
from yext.console.cli.filewatch import watching
from yext.record.journey import Journey, StepResult

SENDERS = 4

LATE_SECONDS = 0.5
"""How long after an edit the new version must answer."""

GIVEN_UP_SECONDS = 10.0

SCRIPT = """#!/bin/sh
echo '%%>install:50:call.route'
while IFS=: read -r head id rest; do
    case $head in '%%>message') echo "%%<message:$id:true::VERSION" ;; esac
done
"""


class Edits(NamedTuple):
    """The result.

    Attributes:
        seconds: for each edit, how long it took until the new version answered.
        outcomes: how many messages were asked of how many scripts, and were handled or not.
    """

    seconds: list[float]
    outcomes: Counter[tuple[int, bool]]

    @property
    def failures(self) -> list[str]:
        """What was not as it must be, in words."""
        late = sum(one > LATE_SECONDS for one in self.seconds)
        wrong = {key: count for key, count in self.outcomes.items() if key != (1, True)}
        found = [f"{late} versions answered after more than {LATE_SECONDS} s"] if late else []
        return found + [
            f"{count} messages went to {asked} scripts and were {'' if handled else 'not '}handled"
            for (asked, handled), count in wrong.items()
        ]


async def edit_under_load(edits: int) -> Edits:
    """Save a script so often."""
    result = Edits([], Counter())

    def count(journey: Journey) -> None:
        asked = [one for one in journey.steps if one.owner == "route.sh"]
        asked = [one for one in asked if one.result is not StepResult.NOT_ASKED]
        result.outcomes[len(asked), journey.handled] += 1

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _save(folder, 0)
        config = f"[general]\nscripts_dir={folder}/\n[scripts]\nroute.sh=\n"
        (folder / "extmodule.conf").write_text(config)
        async with Engine(folder) as engine:
            await engine.dispatcher.installed("call.route")
            engine.recorder.follow(count, lambda name: name == "call.route")
            async with watching(engine):
                await _edit(engine, folder, edits, result.seconds)
    return result


async def _edit(engine: Engine, folder: Path, edits: int, seconds: list[float]) -> None:
    over = False

    async def send() -> str:
        message = Message("call.route", {"called": "99"})
        await engine.dispatch(message)
        return message.retvalue

    async def load() -> None:
        while not over:
            await send()

    senders = [asyncio.ensure_future(load()) for _ in range(SENDERS)]
    await asyncio.sleep(0.2)  # Until the folder is watched.
    for version in range(1, edits + 1):
        began = perf_counter()
        _save(folder, version)
        while await send() != str(version) and perf_counter() < began + GIVEN_UP_SECONDS:
            pass
        seconds.append(perf_counter() - began)
    over = True
    await asyncio.gather(*senders)


def _save(folder: Path, version: int) -> None:
    """Save a version of the script, as an editor does."""
    new = folder / "route.sh~"
    new.write_text(SCRIPT.replace("VERSION", str(version)))
    new.chmod(0o755)
    os.rename(new, folder / "route.sh")


def main() -> int:
    result = asyncio.run(edit_under_load(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
    took = sorted(result.seconds)
    print(
        f"{len(took):,} edits, {result.outcomes.total():,} messages; the new version answers after"
        f" {took[len(took) // 2] * 1000:.0f} ms (median), {took[-1] * 1000:.0f} ms (longest)"
    )
    for failure in result.failures:
        print(failure)
    return bool(result.failures)


if __name__ == "__main__":
    sys.exit(main())
