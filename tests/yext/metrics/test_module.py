"""The metrics of a real engine: what they count, when they are served, and when not."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from ports import free_port
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from yext import Engine, Message
from yext.console.cli.service.modules import metrics
from yext.console.server.rmanager import RManager

SCRIPT = """#!/bin/sh
echo '%%>install:50:test.asked'
echo '%%>install:50:test.unanswered'
echo '%%>setlocal:timeout:TIMEOUT'
while IFS=: read -r head id time name rest; do
    case $head$name in '%%>message'test.asked) echo "%%<message:$id:true::" ;; esac
    case $head$name in '%%>message'test.unanswered) kill -KILL $$ ;; esac
done
"""


class Served:
    """An engine with a remote manager and metrics."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.write("yext", f"[metrics]\nport={self.port}\n")
        self.write("rmanager", f"[general]\nport=0\npath={folder}/manager\npassword=p\n")
        self.configure("")
        self.engine = Engine(folder, modules={"rmanager": RManager, "metrics": metrics})

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.conf").write_text(text)

    def configure(self, rest: str) -> None:
        self.write("extmodule", f"[general]\nscripts_dir={self.folder}/\nrestart_delay=1\n{rest}")

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    async def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a page."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, _, text = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        return int(head.split()[1]), text

    async def value(self, name: str, /, **labels: str) -> float | None:
        """Return a value of the metrics, None if it is not there."""
        status, text = await self.get("/metrics")
        assert status == 200
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"yext_{name}" and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    async def until(self, value: float, name: str, /, **labels: str) -> None:
        while await self.value(name, **labels) != value:
            await asyncio.sleep(0.01)


def run(work: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 30))


def test_scripts_and_messages(tmp_path: Path) -> None:
    async def main() -> None:
        served = Served(tmp_path)
        served.script("ok.sh", SCRIPT.replace("TIMEOUT", "5000"))
        served.script("dies.sh", "#!/bin/sh\necho '%%>setlocal:restart:true'\nread x\nexit 3\n")
        served.configure("[scripts]\nok.sh=\ngone.sh=\n")
        async with served.engine as engine:
            await engine.dispatcher.installed("test.unanswered")
            for _ in range(3):
                assert await engine.dispatch(Message("test.asked"))
            await engine.dispatch(Message("test.nobody"))
            assert await served.value("messages_total", name="test.asked") == 3
            assert await served.value("messages_total", name="test.nobody") == 1
            assert await served.value("handler_seconds_count", script="ok.sh") == 3
            assert await served.value("handler_seconds_bucket", script="ok.sh", le="+Inf") == 3
            taken = await served.value("handler_seconds_sum", script="ok.sh")
            assert taken is not None and 0 < taken < 15
            assert await served.value("scripts", state="running") == 1
            assert await served.value("scripts", state="failed") == 1
            assert await served.value("start_failures_total", reason="ENOENT") == 1
            assert await served.value("peers", **{"from": "script"}) == 1
            await engine.dispatch(Message("test.unanswered"))
            await served.until(1, "script_ends_total", cause="SIGKILL")
            await engine.command("external start dies.sh")
            await served.until(5, "script_restarts_total", script="dies.sh")
            await served.until(6, "script_ends_total", cause="exit 3")
            assert await served.value("script_ends_total", cause="stopped") is None

    run(main)


def test_every_measure_is_in_the_docs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")

    async def main() -> None:
        served = Served(tmp_path)
        async with served.engine:
            _, text = await served.get("/metrics")
        for family in text_string_to_metric_families(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert f"`{name}`" in page

    run(main)


def test_timeouts(tmp_path: Path) -> None:
    """They stay counted when the peer has left."""

    async def main() -> None:
        served = Served(tmp_path)
        body = SCRIPT.replace("TIMEOUT", "20").replace("kill -KILL $$", ":")
        served.script("slow.sh", body)
        served.configure("[scripts]\nslow.sh=\n")
        async with served.engine as engine:
            await engine.dispatcher.installed("test.unanswered")
            # The script has asked for its timeout when it answers.
            await engine.dispatch(Message("test.asked"))
            assert not await engine.dispatch(Message("test.unanswered"))
            assert await served.value("answer_timeouts_total", script="slow.sh") == 1
            await engine.command("external stop slow.sh")
            assert await served.value("answer_timeouts_total", script="slow.sh") == 1
            assert await served.value("script_ends_total", cause="stopped") == 1

    run(main)


def test_sessions_and_logins(tmp_path: Path) -> None:
    async def main() -> None:
        served = Served(tmp_path)
        async with served.engine:
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "manager"))
            await served.until(1, "sessions", authority="guest")
            writer.write(b"auth wrong\r\n")
            await reader.readuntil(b"Bad authentication password!")
            assert await served.value("logins_failed_total", module="rmanager") == 1
            writer.write(b"auth p\r\n")
            await reader.readuntil(b"Authenticated")
            assert await served.value("sessions", authority="admin") == 1
            assert await served.value("sessions", authority="guest") == 0
            writer.close()
            await served.until(0, "sessions", authority="admin")

    run(main)


def test_lines_that_a_session_was_not_shown(tmp_path: Path) -> None:
    """They stay counted when the session has gone."""

    async def main() -> None:
        served = Served(tmp_path)
        served.write("yate", "[sniffer]\nlines=1\n")
        async with served.engine as engine:
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "manager"))
            writer.write(b"auth p\r\noutput on\r\nflow on test.*\r\nuptime\r\n")
            await reader.readuntil(b"Uptime")
            for _ in range(50):
                await engine.dispatch(Message("test.nobody"))
            left_out = await served.value("lines_left_out_total", reason="rate")
            assert left_out is not None and left_out >= 40
            writer.close()
            await served.until(0, "sessions", authority="admin")
            assert await served.value("lines_left_out_total", reason="rate") == left_out

    run(main)


def test_readiness(tmp_path: Path) -> None:
    async def main() -> None:
        served = Served(tmp_path)
        served.configure("[listener p]\ntype=unix\npath=/nonexistent/x\n")
        async with served.engine as engine:
            status, text = await served.get("/readyz")
            assert (status, text.split("\n")[0]) == (200, "ready")
            assert "unix /nonexistent/x: No such file" in text
            engine.must_listen = True
            status, text = await served.get("/readyz")
            assert (status, text.split("\n")[0]) == (503, "not listening")
            assert await served.value("listener_up", module="extmodule", listener="p") == 0
            assert await served.value("listener_up", module="rmanager") == 1
            engine.must_listen = False
            assert await served.get("/healthz") == (200, "ok\n")
            engine.halt()
            assert await served.get("/readyz") == (503, "stopping\n")

    run(main)


def test_a_reload_begins_and_ends_it(tmp_path: Path) -> None:
    async def main() -> None:
        served = Served(tmp_path)
        served.script("ok.sh", SCRIPT.replace("TIMEOUT", "5000"))
        served.configure("[scripts]\nok.sh=\n")
        (tmp_path / "yext.conf").unlink()
        async with served.engine as engine:
            await engine.dispatcher.installed("test.unanswered")
            assert "metrics" not in engine.modules
            served.write("yext", f"[metrics]\nport={served.port}\n")
            done = await engine.reload()
            assert f"metrics listener opened: tcp 127.0.0.1:{served.port}" in done.lines
            await engine.dispatch(Message("test.asked"))
            assert await served.value("handler_seconds_count", script="ok.sh") == 1
            served.write("yext", "")
            done = await engine.reload()
            assert not done.ok and "would be closed" in done.lines[0]
            done = await engine.reload(force=True)
            assert f"metrics listener closed: tcp 127.0.0.1:{served.port}" in done.lines
            assert engine.dispatcher.counted is None
            with pytest.raises(ConnectionRefusedError):
                await served.get("/metrics")

    run(main)


def test_mistakes(tmp_path: Path) -> None:
    def problems(text: str) -> list[str]:
        async def main() -> list[str]:
            served = Served(tmp_path)
            served.write("yext", text)
            return [str(one) for one in served.engine.rehearse()]

        return asyncio.run(main())

    port = free_port()
    assert problems(f"[metrics]\nport={port}\n") == []
    assert problems("[metrics]\n") == ["yext.conf:1: [metrics] has no port=: nothing is served"]
    (found,) = problems(f"[metrics]\nport={port}\nadr=x\n")
    assert "unknown option 'adr' in [metrics]; did you mean addr?" in found
    (found,) = problems(f"[metrics]\nport={port}\naddr=0.0.0.0\n")
    assert "everyone who reaches" in found
    (found,) = problems(f"[metrics]\nport={port}\naddr=192.0.2.1\n")[:1]
    assert "EADDRNOTAVAIL" in found


def test_nothing_is_imported_without_the_section(tmp_path: Path) -> None:
    (tmp_path / "rmanager.conf").write_text("[general]\nport=0\n")
    code = (
        "import asyncio, sys\nfrom yext import Engine\n"
        "from yext.console.cli.service.modules import metrics\n"
        "async def main():\n"
        "    async with Engine(sys.argv[1], modules={'metrics': metrics}):\n"
        "        print([name for name in sys.modules if name.startswith('yext.me')])\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['yext.message']\n"
