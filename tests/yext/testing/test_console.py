"""The console that programs drive, on an engine of its own, attached, and over telnet."""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from remotes import Remote
from terminals import ROUTER, Place

from yext.testing import Console, ConsoleError

DEAD = """
    #!/bin/sh
    echo 'no such thing: yate' >&2
    exit 3
"""

Opened = Callable[[], Console]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    found.script("route.sh", ROUTER)
    found.script("dead.sh", DEAD)
    yield found
    found.close()


def _remote(folder: Path, rmanager: str = "") -> Remote:
    remote = Remote(folder, rmanager)
    for name, text in (("route.sh", ROUTER), ("dead.sh", DEAD)):
        remote.script(name, textwrap.dedent(text))
    return remote


@pytest.fixture(params=["local", "attach", "telnet"])
def console(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Console]:
    """The same console in each way of getting one."""
    environ = {"HOME": str(tmp_path)}
    if request.param == "local":
        place = Place(tmp_path)
        place.script("route.sh", ROUTER)
        place.script("dead.sh", DEAD)
        with Console(place.config, environ=environ) as opened:
            yield opened
        return
    remote = _remote(tmp_path, "[general]\nport=PORT\n")
    try:
        if request.param == "attach":
            opened = Console.attach(f"127.0.0.1:{remote.port()}", environ=environ)
        else:
            opened = Console.telnet("127.0.0.1", remote.port(), environ=environ)
        with opened:
            yield opened
    finally:
        remote.close()


def test_a_reply_has_text_and_outcome(console: Console) -> None:
    reply = console.run("module list")
    assert reply.ok and console.ok
    assert "extmodule" in reply.split("\t") and reply.text.endswith("\n")
    reply = console.run("no-such-command here")
    assert not reply.ok and not console.ok
    assert reply.startswith("Cannot understand: no-such-command here\n")
    assert reply.notices == []


def test_a_script_is_started_asked_and_stopped(console: Console) -> None:
    assert console.run("external start route.sh 99").ok
    reply = console.run("message --wait 10 call.route called=1")
    assert reply.ok
    assert "return sip/99" in reply
    assert console.run("external stop route.sh") == "External command stopped\n"


def test_a_start_that_fails_is_a_reply_that_is_not_ok(console: Console) -> None:
    reply = console.run("external start gone.sh")
    assert not reply.ok
    assert "No such file or directory (ENOENT, 2)" in reply


def test_the_end_of_a_script_is_a_notice(console: Console) -> None:
    reply = console.run("external start dead.sh")
    notice = console.wait_notice("dead.sh ended")
    assert "exit status 3" in notice and "no such thing: yate" in notice
    assert "exit status 3" not in reply
    assert notice in console.notices


def test_nothing_is_sent_but_text(console: Console) -> None:
    console.run("help")
    console.run("external info")
    assert "\x1b" not in console.transcript


def test_an_error_has_the_transcript(console: Console) -> None:
    console.run("runparam colour=blue")
    with pytest.raises(ConsoleError, match=r"a notice with 'never': no answer in 0\.01 s") as error:
        console.wait_notice("never", timeout=0.01)
    assert "----- transcript -----" in str(error.value)
    assert "alder" in str(error.value)


def test_the_end_of_the_console_is_an_error_and_not_waited_for(place: Place) -> None:
    with Console(place.config, timeout=3600) as console:
        console.run("stop")
        with pytest.raises(ConsoleError, match="uptime: the console has ended"):
            console.run("uptime")


def test_quit_returns_the_exit_code(place: Place) -> None:
    with Console(place.config) as console:
        assert console.prompt == "alder>"
        assert console.banner.startswith("yext ")
        assert console.quit() == 0


def test_what_cannot_be_a_line_is_refused(place: Place) -> None:
    with Console(place.config) as console:
        for line in ("uptime\nuptime", "x" * 4095):
            with pytest.raises(ConsoleError, match="one line of at most"):
                console.run(line)
        assert not console.run("x" * 4094).ok
        assert console.run("uptime").ok


def test_what_a_script_writes_is_no_part_of_a_reply(place: Place) -> None:
    """Reported in public of tools driven by pexpect: output between reply and prompt."""
    place.script("noisy.sh", "#!/bin/sh\nwhile echo 'alder> ok' >&2; do sleep 0.001; done\n")
    with Console(place.config) as console:
        console.run("external start noisy.sh")
        for _ in range(50):
            assert console.run("date").count("\n") == 1


def test_a_password_is_given_over_telnet(tmp_path: Path) -> None:
    remote = _remote(tmp_path, "[general]\nport=PORT\npassword=opensesame\n")
    try:
        with Console.telnet("127.0.0.1", remote.port(), password="opensesame") as console:
            assert console.run("external").ok
        with pytest.raises(ConsoleError, match="the password was refused"):
            Console.telnet("127.0.0.1", remote.port(), password="wrong")
        guest = Console.telnet("127.0.0.1", remote.port())
        with guest:
            assert not guest.run("external").ok
    finally:
        remote.close()


def test_a_console_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="is not a directory"):
        Console(tmp_path / "missing")


def test_a_usual_terminal_has_a_prompt_to_expect(place: Place) -> None:
    for term in ("xterm-256color", "vt100", "dumb"):
        argv = place.argv()
        child = pexpect.spawn(
            argv[0], argv[1:], env=place.environ | {"TERM": term, "PAGER": "less"},
            encoding="utf-8", timeout=20, dimensions=(24, 80), cwd=place.environ["PYTHONPATH"],
        )  # fmt: skip
        child.expect("alder> ")
        for line in ("help", "uptime", "help external"):
            child.sendline(line)
            child.expect("alder> ")
        child.sendline("quit")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
