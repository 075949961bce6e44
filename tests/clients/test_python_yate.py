"""The PyPI package python-yate, unmodified: both its interfaces, on pipes and over sockets."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import free_port

from yext import Message, __version__
from yext.testing.bench import TestBench

HERE = Path(__file__).parent
TEXT = "100%: ü\n=\t"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def yext_config(tmp_path: Path, port: int) -> Path:
    (tmp_path / "extmodule.conf").write_text(
        f"[general]\nscripts_dir={tmp_path}/\n"
        f"[listener tcp]\ntype=tcp\nport={port}\n"
        f"[listener unix]\ntype=unix\npath={tmp_path}/socket\n"
    )
    for name in ("asyncio_client.py", "callback_client.py"):
        script = tmp_path / name
        shutil.copy(HERE / name, script)
        script.write_text(f"#!{sys.executable}\n{script.read_text()}")
        script.chmod(0o755)
    return tmp_path


@contextmanager
def _running(bench: TestBench, client: str, where: str, arguments: list[str]) -> Iterator[None]:
    """Run the client as a script of the engine, or as a process that connects to it."""
    if where == "pipes":
        bench.start(client)
        yield
        return
    with subprocess.Popen([sys.executable, str(HERE / client), *arguments]) as process:
        try:
            yield
        finally:
            process.terminate()


def _arguments(where: str, port: int, folder: Path) -> list[str]:
    return {"pipes": [], "tcp": ["127.0.0.1", str(port)], "unix": [f"{folder}/socket"]}[where]


@pytest.mark.parametrize("where", ["pipes", "tcp", "unix"])
def test_the_asyncio_interface(
    yext_engine: TestBench, where: str, port: int, yext_config: Path
) -> None:
    yext_engine.engine.install("test.ready", _ready)
    yext_engine.engine.install("test.inner", _inner)
    arguments = _arguments(where, port, yext_config)
    with _running(yext_engine, "asyncio_client.py", where, arguments):
        report = yext_engine.expect("test.report").params
        assert report == {
            "processed": "True", "retvalue": "back and forth", "version": __version__,
            "text": TEXT, "added": TEXT,
        }  # fmt: skip
        _routes(yext_engine, track="pyyate")
        later = yext_engine.dispatch("test.later")
        assert (later.handled, later.params["inner"]) == (True, "yes")
        _goes(yext_engine)


@pytest.mark.parametrize("where", ["pipes", "tcp"])
def test_the_callbacks(yext_engine: TestBench, where: str, port: int) -> None:
    yext_engine.engine.install("test.ready", _ready)
    arguments = [str(port)] if where == "tcp" else []
    with _running(yext_engine, "callback_client.py", where, arguments):
        report = yext_engine.expect("test.report").params
        assert report == {
            "processed": "True", "retvalue": "back and forth", "text": TEXT, "added": TEXT,
        }  # fmt: skip
        _routes(yext_engine, track="")
        _goes(yext_engine)


def _ready(message: Message) -> bool:
    message["added"] = TEXT
    message.retvalue += " and forth"
    return True


def _inner(message: Message) -> bool:
    message["seen"] = "yes"
    return True


def _routes(bench: TestBench, track: str) -> None:
    answer = bench.dispatch("call.route", {"called": "9:9%", "context": "test"})
    tracked = {"handlers": f"{track}:50"} if track else {}
    assert (answer.handled, answer.retvalue) == (True, "sip/9:9%")
    assert answer.params == {"called": "9:9%", "context": "test", "by": "python-yate"} | tracked
    assert not bench.dispatch("call.route", {"called": "1", "context": "other"}).handled


def _goes(bench: TestBench) -> None:
    bench.dispatch("test.over")
    bench.expect("test.done")
    assert not bench.dispatch("call.route", {"called": "1", "context": "test"}).handled
