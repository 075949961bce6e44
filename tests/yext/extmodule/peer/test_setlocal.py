"""The parameters of setlocal: their answers, their ranges, their effects."""

import asyncio
from pathlib import Path

import pytest
from peers import DrivenPeer

from yext import Engine, Message, __version__
from yext.extmodule.peer import setlocal

CONF = "[general]\nmodload=yes\n[sect]\nkey=value:1\nempty=\n[modules]\nregexroute.yate=yes\n"

# name:value of the request, and value:success of the answer.
ROWS = [
    ("id:", ":false"),
    ("id:x", "x:false"),
    ("disconnected:true", "true:false"),
    ("trackparam:", ":true"),
    ("trackparam:me", "me:true"),
    ("reason:busy", "busy:true"),
    ("reason:", ":true"),
    ("timeout:", "10000:true"),
    ("timeout:500", "500:true"),
    ("timeout:-1", "-1:true"),
    ("timeout:x", "10000:true"),
    ("timebomb:", "false:true"),
    ("timebomb:yes", "true:true"),
    ("timebomb:maybe", "false:true"),
    ("maxqueue:", "1000:true"),
    ("maxqueue:0", "0:true"),
    ("maxqueue:99999", "10000:true"),
    ("bufsize:", "8192:true"),
    ("bufsize:1", "2048:true"),
    ("bufsize:99999", "65536:true"),
    ("restart:true", "false:true"),
    ("reenter:", "false:true"),
    ("reenter:on", "true:true"),
    ("selfwatch:enable", "true:true"),
    ("setdata:", "true:true"),
    ("setdata:off", "false:true"),
    ("settime:t", "true:true"),
    ("debuglevel:", "7:true"),
    ("debuglevel:99", "10:true"),
    ("debuglevel:-1", "3:true"),
    ("debuglevel:info", "10:true"),
    ("debuglevel:3x", "10:true"),
    ("debugname:", "peer:true"),
    ("debugname:me", "me:true"),
    ("engine.version:", f"{__version__}:true"),
    ("engine.version:2", f"{__version__}:false"),
    ("engine.nodename:", "node:true"),
    ("engine.modsuffix:", ".yate:true"),
    ("engine.logfile:", ":true"),
    ("engine.logfile:x", ":false"),
    ("engine.interactive:", "true:true"),
    ("engine.nonsense:", ":false"),
    ("config.sect.key:", "value:1:true"),
    ("config.sect.key:x", "value:1:false"),
    ("config.sect.empty:", ":true"),
    ("config.sect.none:", ":false"),
    ("config.sect:", ":true"),
    ("config.none:", ":false"),
    ("config.:", ":false"),
    ("loaded.extmodule:", "true:true"),
    ("loaded.regexroute:", "true:true"),
    ("loaded.none:", "false:true"),
    ("loaded.extmodule:x", "true:false"),
    ("nonsense:", ":false"),
    ("nonsense:x", "x:false"),
    ("nonsense.family:x", "x:false"),
    ("timeout: 500 ", "500:true"),
]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "yate.conf").write_text(CONF)
    return tmp_path


@pytest.mark.parametrize(("asked", "answer"), ROWS)
def test_a_parameter_is_answered(conf: Path, asked: str, answer: str) -> None:
    async def main() -> None:
        async with Engine(conf, node="node") as engine:
            name = asked.partition(":")[0]
            lines = await DrivenPeer(engine).asks(f"%%>setlocal:{asked}")
            assert lines == [f"%%<setlocal:{name}:{answer}"]

    asyncio.run(main())


def test_every_parameter_has_its_row_here() -> None:
    names = {asked.partition(":")[0] for asked, _ in ROWS}
    families = {name.partition(".")[0] for name in names if "." in name}
    assert setlocal.ROWS.keys() - names == {"runid", "yext.link"}
    assert setlocal.FAMILIES.keys() <= families


def test_the_run_id_is_that_of_the_engine(conf: Path) -> None:
    async def main() -> None:
        async with Engine(conf) as engine:
            runid = engine.run_params["runid"]
            answers = await DrivenPeer(engine).asks("%%>setlocal:runid:\n%%>setlocal:engine.runid:")
            assert answers == [
                f"%%<setlocal:runid:{runid}:true",
                f"%%<setlocal:engine.runid:{runid}:true",
            ]

    asyncio.run(main())


def test_what_is_set_is_what_is_asked_for_later() -> None:
    async def main() -> None:
        async with Engine() as engine:
            peer = DrivenPeer(engine)
            for name, value in (("timeout", "5"), ("maxqueue", "7"), ("reenter", "true")):
                await peer.asks(f"%%>setlocal:{name}:{value}")
                assert await peer.asks(f"%%>setlocal:{name}:") == [
                    f"%%<setlocal:{name}:{value}:true"
                ]
            assert (
                await peer.asks("%%>setlocal:debugname:a\n%%>setlocal:debugname:b")
                == ["%%<setlocal:debugname:a:true"] * 2
            )
            # Another peer has its own.
            assert await DrivenPeer(engine).asks("%%>setlocal:timeout:") == [
                "%%<setlocal:timeout:10000:true"
            ]

    asyncio.run(main())


def test_the_tracking_parameter_names_handlers_installed_after_it() -> None:
    async def main() -> None:
        async with Engine() as engine:
            peer = DrivenPeer(engine)
            await peer.asks("%%>install:10:test\n%%>setlocal:trackparam:me\n%%>install:20:other")
            for name, tracked in (("test", ""), ("other", "me:20")):
                message = Message(name)
                peer.send(message)
                assert message.get("handlers") == tracked

    asyncio.run(main())


def test_settime_stamps_messages_with_the_time_of_their_arrival() -> None:
    async def main() -> None:
        async with Engine() as engine:
            times: list[float] = []
            engine.install("test", lambda message: times.append(message.time))
            peer = DrivenPeer(engine)
            await peer.asks("%%>message:1:5:test:\n%%>setlocal:settime:true\n%%>message:2:5:test:")
            await peer.hears()
            assert times[0] == 5
            assert times[1] >= int(engine.started_at)

    asyncio.run(main())


def test_a_larger_buffer_takes_longer_lines() -> None:
    async def main() -> None:
        async with Engine() as engine:
            peer = DrivenPeer(engine)
            long = "%%>watch:" + "x" * 60000
            assert await peer.asks(f"%%>setlocal:bufsize:65536\n{long}") == [
                "%%<setlocal:bufsize:65536:true",
                f"%%<watch:{'x' * 60000}:true",
            ]
            assert await DrivenPeer(engine).asks(long) == []

    asyncio.run(main())
