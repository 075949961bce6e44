"""An IVR written with python-yate's class for it, as in its documentation.

The parameter is a folder for its sound files. It also writes a word for each of its actions to the
file ``actions`` there.
"""

import asyncio
import sys
from pathlib import Path

from yate.ivr import YateIVR

FOLDER = Path(sys.argv[1])


def record(word: str) -> None:
    with open(FOLDER / "actions", "a") as file:
        file.write(f"{word}\n")


async def main(ivr: YateIVR) -> None:
    ivr.register_hangup_handler(lambda: record("hangup"))
    await ivr.play_soundfile(str(FOLDER / "prompt.slin"), complete=True)
    record("played")
    await ivr.tone("dial")
    record("digits")
    record(await ivr.read_dtmf_until("#", 20))
    await ivr.tone("busy")
    await ivr.record_audio_wait(str(FOLDER / "recorded.slin"), time_limit_s=2.5)
    record("recorded")
    await ivr.tone("congestion")
    await asyncio.Event().wait()


app = YateIVR()
app.run(main)
