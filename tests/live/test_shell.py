"""The interactive shell on a terminal: the line, the output above it, and every way out."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from terminals import PROMPT, SECONDS, Place

STALLED = """
    #!/bin/sh
    # Takes every command, and answers none.
    echo '%%>install:10:engine.command'
    echo '%%>output:stalled'
    while read -r line; do :; done
"""

DYING = """
    #!/usr/bin/env python3
    import no_such_module_at_all
"""


def test_failures_are_reported_at_the_start(place: Place) -> None:
    place.script("mailer.php", "#!/no/such/php\n")
    place.extmodule(
        """
        timeout=abc
        [listener up]
        type=unix
        path=${workpath}/up.sock
        [listener down]
        type=unix
        path=/no/such/place/down.sock
        [scripts]
        route.sh=99
        mailer.php=
        """.replace("${workpath}", str(place.config))
    )
    shell = place.open(columns=160)
    first = shell.lines()[0]
    assert first.startswith("yext ")
    assert "node alder   2 scripts: 1 running, 1 failed" in first
    assert f"listeners: unix {place.config}/up.sock" in first
    text = shell.text()
    assert re.search(r"✗ mailer.php   .*/no/such/php.*   external why mailer.php", text)
    assert "✗ listener 'down': unix /no/such/place/down.sock: No such file" in text
    assert "extmodule.conf:4: timeout=abc is not a number of milliseconds" in text
    assert "1 running 1 failed" in shell.screen.display[shell.screen.cursor.y + 1]


def test_a_script_that_dies_young_is_reported_while_the_operator_types(place: Place) -> None:
    place.script("dying.py", DYING)
    shell = place.open()
    shell.type("external start dying.py\rstatus ext")
    shell.sees("dying.py ended")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} status ext")
    shell.sees("do      install it for")
    assert "No module named 'no_such_module_at_all'" in shell.text()


def test_a_mistake_is_reported_with_the_nearest_name(place: Place) -> None:
    shell = place.open()
    assert shell.command("externl start x") == (
        "Cannot understand: externl start x\nDid you mean: external"
    )


def test_completion_of_commands_scripts_and_fuzzy(place: Place) -> None:
    place.extmodule("[scripts]\nroute.sh=99\n")
    shell = place.open()
    shell.type("ext\t")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} external")
    shell.type("sto\t")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} external stop")
    shell.type("rou\t")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} external stop route.sh")
    shell.type("\x15upt\x1b")
    shell.type("\x15uptm\t")
    shell.until(lambda: "uptime" in shell.cursor_line())
    shell.type("\x03")
    shell.prompt()
    shell.type("\t")
    shell.sees("Sends a message, and shows its reply")


def test_completion_describes_what_the_bus_knows(place: Place) -> None:
    place.extmodule("[scripts]\nroute.sh=99\nother.sh=\n")
    place.script("other.sh", "#!/bin/sh\nexec cat\n")
    shell = place.open()
    shell.type("external stop \t\t")
    shell.until(lambda: re.search(r"route.sh +99, .*pid \d+", shell.text()) is not None)
    shell.type("\x03")
    shell.prompt()
    shell.type("sta over\t")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} status overview")
    shell.type("\x15watch 1 ext\t")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} watch 1 external")
    shell.type("info\r")
    shell.until(lambda: re.search(r"script +parameter +state", shell.text()) is not None)
    shell.type("q")
    shell.prompt()


def test_completion_that_nobody_answers_delays_no_keystroke(place: Place) -> None:
    place.script("stalled.sh", STALLED)
    shell = place.open()
    shell.command("external start stalled.sh")
    shell.sees("\nstalled")
    shell.prompt()
    shell.type("\t\tuptime")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} uptime")
    shell.type("\r")
    shell.sees("Uptime: 0 ")


def test_a_command_that_is_not_answered_is_given_up_with_interrupt(place: Place) -> None:
    place.script("stalled.sh", STALLED)
    shell = place.open()
    shell.command("external start stalled.sh")
    shell.sees("\nstalled")
    shell.prompt()
    shell.type("nobody answers\r")
    shell.sees("nobody answers: ^C stops waiting")
    shell.type("\x03")
    shell.sees("nobody answers: not waited for any more")
    shell.prompt()
    assert "Uptime" in shell.command("uptime")


def test_interrupt_clears_the_line_and_end_of_input_quits(place: Place) -> None:
    shell = place.open()
    shell.type("half a line")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} half a line")
    shell.type("\x04")
    shell.type("\x03")
    shell.sees(f"{PROMPT} half a line^C")
    shell.prompt()
    shell.type("\x04")
    assert shell.end() == 0


def test_history_is_kept_without_passwords(place: Place) -> None:
    shell = place.open()
    shell.type("auth secret-word\r")
    shell.until(lambda: "already authenticated" in shell.text())
    assert "secret" not in shell.text()
    shell.command("uptime")
    shell.command("uptime")
    shell.command("version")
    assert shell.command("history").split() == [
        "1",
        "uptime",
        "2",
        "uptime",
        "3",
        "version",
        "4",
        "history",
    ]
    assert shell.command("!3").startswith("version\nversion:")
    shell.type("quit\r")
    assert shell.end() == 0
    kept = place.history.read_text().splitlines()
    assert kept == ["uptime", "version", "history", "!3", "quit"]
    assert place.history.stat().st_mode & 0o777 == 0o600

    again = place.open()
    again.type("\x1b[A\x1b[A\x1b[A\x1b[A")
    again.until(lambda: again.cursor_line() == f"{PROMPT} version")
    again.type("\x15\x12upt")
    again.until(lambda: "uptime" in again.cursor_line())


def test_pasted_lines_are_commands_one_by_one(place: Place) -> None:
    shell = place.open()
    shell.type("\x1b[200~uptime\rversion\x1b[201~\r")
    shell.sees("release:")
    shell.prompt()
    assert [line for line in shell.lines() if line.startswith(PROMPT)] == [
        f"{PROMPT} uptime",
        f"{PROMPT} version",
        PROMPT,
    ]
    assert place.history.read_text().splitlines() == ["uptime", "version"]


def test_two_shells_share_the_history(place: Place) -> None:
    one, two = place.open(), place.open()
    one.command("uptime")
    two.command("version")
    one.command("date")
    assert place.history.read_text().splitlines() == ["uptime", "version", "date"]


def test_vi_keys_of_inputrc(place: Place) -> None:
    inputrc = place.config / "inputrc"
    inputrc.write_text("set editing-mode vi\n")
    shell = place.open(INPUTRC=str(inputrc))
    shell.type("uptime now\x1bbD")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} uptime")


def test_watch_and_top_end_with_a_key(place: Place) -> None:
    place.extmodule("[scripts]\nroute.sh=99\n")
    shell = place.open()
    shell.type("watch 0.1 uptime\r")
    shell.sees("* Uptime:")
    shell.type("x")
    shell.prompt()
    shell.type("top 0.1\r")
    shell.sees("route.sh 99  running")
    shell.sees("any key ends it")
    shell.type("\x03")
    shell.prompt()
    assert "Uptime" in shell.command("uptime")


def test_source_stops_at_the_first_failure(place: Place) -> None:
    commands = place.config / "commands"
    commands.write_text("# what to do\nuptime\nexternl\nversion\n")
    shell = place.open()
    output = shell.command(f"source {commands}")
    assert "Uptime" in output
    assert f"{commands}:3: externl: unknown command" in output
    assert "version:" not in output
    assert "version:" in shell.command(f"source {commands} --keep-going")


def test_a_long_reply_is_paged_and_goes_on(place: Place) -> None:
    shell = place.open(rows=12, PAGER="less")
    shell.type("help message; help flow; help external\r")
    shell.until(lambda: shell.cursor_line() == ":", "waited for less")
    shell.type("q")
    shell.prompt()
    assert "Uptime" in shell.command("uptime")


def test_a_resized_terminal_keeps_the_line(place: Place) -> None:
    shell = place.open(columns=100)
    shell.type("status ext")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} status ext")
    shell.screen.resize(30, 60)
    shell.child.setwinsize(30, 60)
    shell.type("module")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} status extmodule")


def test_signals_stop_and_reload(place: Place) -> None:
    shell = place.open()
    place.extmodule("[scripts]\nroute.sh=99\n")
    shell.child.kill(signal.SIGHUP)
    shell.sees("1 running")
    shell.child.kill(signal.SIGINT)
    shell.sees("^C")
    shell.child.kill(signal.SIGTERM)
    assert shell.end() == 0
    assert not _scripts_left(place)


def test_a_closed_terminal_ends_the_engine_and_its_scripts(place: Place) -> None:
    place.extmodule("[scripts]\nroute.sh=99\n")
    shell = place.open()
    shell.hang_up()
    assert not _scripts_left(place)


def test_a_terminal_that_takes_nothing_holds_nothing_up(place: Place) -> None:
    path = place.config / "peers"
    place.extmodule(f"[listener peers]\ntype=unix\npath={path}\nrole=global\n")
    shell = place.open(PAGER="")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(SECONDS)
        peer.connect(str(path))
        answers = peer.makefile("r")
        for number in range(100):
            # The terminal holds a few thousand bytes; these are a few hundred thousand.
            shell.type("help; help message; help flow; help external\r")
            peer.sendall(b"%%%%>message:%d:0:call.route:\n" % number)
            assert answers.readline() == f"%%<message:{number}:false:call.route:\n"
    shell.type("z whole")
    # The line being typed is below the pending output of earlier commands.
    shell.until(lambda: shell.text().count("wait until somebody handles it") >= 100, "all replies")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} z whole", "the line")
    assert shell.text().count("wait until somebody handles it") == 100


def test_a_terminal_that_may_not_be_opened_is_shared(place: Place) -> None:
    # As after `sudo -u`: the terminal belongs to another user, and is open already.
    lowered = "setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all"
    yext = shlex.join(place.argv())
    place.environ["PAGER"] = "less"
    shell = place.run(
        ["sh", "-c", f"chown 12345 $(tty); chmod 600 $(tty); {lowered} {yext}; echo left; read x"],
        rows=12,
    )
    shell.prompt()
    shell.type("help message; help flow; help external\r")
    shell.until(lambda: shell.cursor_line() == ":", "waited for less")
    shell.type("q")
    shell.prompt()
    assert "Uptime" in shell.command("uptime")
    flags = Path(f"/proc/{shell.child.pid}/fdinfo/1")
    assert _does_not_wait(flags)
    shell.type("quit\r")
    shell.sees("left")
    assert not _does_not_wait(flags)


def _does_not_wait(fdinfo: Path) -> bool:
    """True if the open file of a descriptor has O_NONBLOCK (proc(5))."""
    found = re.search(r"^flags:\s*(\d+)", fdinfo.read_text(), re.MULTILINE)
    assert found is not None
    return bool(int(found[1], 8) & os.O_NONBLOCK)


def test_the_terminal_is_left_as_it_was(place: Place) -> None:
    shell = place.shell()
    before = termios.tcgetattr(shell.child.child_fd)
    shell.prompt()
    shell.type("stop 3\r")
    assert shell.end(lambda fd: termios.tcgetattr(fd) == before) == 3


def _scripts_left(place: Place) -> str:
    found = subprocess.run(["pgrep", "-f", str(place.scripts)], capture_output=True, text=True)
    return found.stdout


def test_without_colour_nothing_is_coloured(place: Place) -> None:
    shell = place.open(NO_COLOR="1")
    shell.command("external start gone")
    shell.command("help")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", shell.transcript)


@pytest.mark.parametrize(
    "locale",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX"},
        {"LANG": ""},
    ],
)
def test_ascii_stand_ins_where_the_terminal_is_not_utf8(
    place: Place, locale: dict[str, str]
) -> None:
    shell = place.open(**locale)
    panel = shell.command("external start gone")
    assert "+- gone did not start -" in panel
    assert shell.transcript.isascii()


def test_a_dumb_terminal_gets_text_only(place: Place) -> None:
    shell = place.open(TERM="dumb")
    shell.type("uptime\rflow on\rmessage call.route called=1\rquit\r")
    assert shell.end() == 0
    assert "Uptime: 0 " in shell.transcript
    assert re.search(r"#\d+ +call.route +console +- nobody +[\d.]+ ms +called=1", shell.transcript)
    assert "\x1b" not in shell.transcript
    assert shell.transcript.isascii()


def test_a_stop_that_takes_its_time_says_what_it_waits_for(place: Place) -> None:
    place.script(
        "deaf.sh", "#!/bin/sh\ntrap '' TERM\necho '%%>output:deaf'\nwhile :; do sleep 9; done\n"
    )
    shell = place.open()
    shell.type("external start deaf.sh\r")
    shell.sees("\ndeaf")
    shell.type("quit\r")
    shell.sees("stopping 1 script")
    assert shell.end() == 0


def test_without_a_terminal_lines_are_read_and_text_is_written(place: Place) -> None:
    done = subprocess.run(
        place.argv(), input="uptime\nexternal start gone\n", env=place.environ,
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Uptime: 0 " in done.stdout
    assert "gone: No such file or directory (ENOENT, 2)" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_plain_shows_the_words_of_yate(place: Place) -> None:
    shell = place.open("--plain")
    assert "External start attempt" in shell.command("external start route.sh 1")
    assert "1. route.sh 1" in shell.command("external")


def test_a_word_that_was_only_looked_at_is_not_carried_out(place: Place) -> None:
    shell = place.open()
    shell.type("\t")
    shell.until(lambda: re.search(r" \d+ words: TAB goes on", shell.text()), "how many there are")
    shell.type("\t")
    shell.sees("word 1 of")
    shell.type("\r")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} external", "the word in the line")
    shell.type("\x03")
    shell.prompt()
    assert "Uptime: " in shell.command("uptime")


def test_enter_carries_out_the_line_that_a_search_has_found(place: Place) -> None:
    shell = place.open()
    shell.command("runparam colour=blue")
    shell.command("uptime")
    shell.type("\x12colour")
    shell.sees("colour")
    shell.type("\r")
    shell.until(lambda: shell.text().count(f"{PROMPT} runparam colour=blue") == 2, "the command")
    shell.prompt()


def test_a_search_takes_characters_and_the_text_first(place: Place) -> None:
    shell = place.open()
    for line in ("message call.route called=99", "module list", "uptime"):
        shell.command(line)
    shell.type("\x12mcr99")
    shell.until(lambda: "called=99" in shell.cursor_line(), "the line with these characters")
    shell.type("\x03\x12mo")
    shell.until(lambda: "module list" in shell.cursor_line(), "the line that contains them")
    shell.type("\x12")
    shell.until(lambda: "called=99" in shell.cursor_line(), "the next one")
    shell.type("\x03")
    shell.prompt()


def test_whoever_goes_on_typing_gets_no_pager(place: Place) -> None:
    place.script("slow.sh", SLOW_REPLY.replace("CONFIG", str(place.config)))
    place.extmodule("[scripts]\nslow.sh=\n")
    shell = place.open(PAGER="less", rows=12)
    shell.command_until("external show", lambda reply: " 1 " in reply)
    shell.type("longreply\rupt")
    shell.until(lambda: shell.cursor_line().endswith("upt"), "what was typed meanwhile")
    (place.config / "go").touch()
    shell.sees("line 60")
    shell.type("ime\r")
    shell.sees("Uptime: ")
    shell.prompt()


SLOW_REPLY = """#!/usr/bin/env python3
import os, sys, time
print("%%>install:50:engine.command", flush=True)
for line in sys.stdin:
    if line.startswith("%%>message:"):
        number = line.split(":")[1]
        text = "%J".join(f"line {n}" for n in range(61))
        ours = "line=longreply" in line
        while ours and not os.path.exists("CONFIG/go"):
            time.sleep(0.01)
        answer = f"true::{text}" if ours else "false::"
        print(f"%%<message:{number}:{answer}", flush=True)
"""
"""Answers a command with more lines than the terminal has, once it is told to."""


THEMES = {"calm": (True, True), "contrast": (True, False), "plain": (False, False)}
"""Themes, and whether each has colours, and a suggestion that is dim, or in italics."""


def test_themes_without_dim_text_and_without_colour(place: Place) -> None:
    place.environ["XDG_CONFIG_HOME"] = str(place.config)
    shell = place.open()
    assert "theme=calm" in shell.command("set")
    shell.command("uptime")
    for theme, (colored, dim) in THEMES.items():
        assert f"theme={theme}" in shell.command(f"set theme {theme}")
        before = len(shell.transcript)
        shell.command("nonsense")
        shell.type("upt")
        shell.until(lambda: shell.cursor_line() == f"{PROMPT} uptime", "the suggestion")
        shell.type("\x03")
        shell.prompt()
        sequences = re.findall(r"\x1b\[([\d;]*)m", shell.transcript[before:])
        looks = {look for found in sequences for look in found.split(";")}
        assert bool(looks & {"1", "31"}) is colored
        assert bool(looks & {"2", "3"}) is dim
    shown = shell.command("set theme dark")
    assert "Not a value of theme: dark" in shown and "calm|contrast|plain" in shown


def test_commands_carry_the_size_of_the_terminal(place: Place) -> None:
    shell = place.open(columns=91, rows=33)
    shell.command("sniffer on")
    shell.command("status pbx")
    shell.sees("['cmd_width'] = '91'")
    shell.sees("['cmd_height'] = '33'")


def test_the_pager_opens_at_the_newest(place: Place) -> None:
    place.script("chatty.sh", "#!/bin/sh\nseq 1 150 >&2\nexec cat\n")
    shell = place.open(PAGER="less", rows=24)
    shell.command("output off")
    shell.command("external start chatty.sh")
    shell.command_until("external log chatty.sh", lambda reply: reply.endswith("] 150"))
    shell.type("external log -n 200 chatty.sh\r")
    shell.until(lambda: shell.cursor_line() in ("(END)", ":"), "the pager")
    assert any(line.rstrip().endswith("] 150") for line in shell.screen.display[-3:])
    shell.type("q")
    shell.prompt()


def test_the_shell_is_suspended_and_goes_on(place: Place) -> None:
    argv = " ".join(place.argv())
    shell = place.run(["bash", "--norc", "-i"], PS1="outer$ ")
    shell.sees("outer$")
    shell.type(f"{argv}\r")
    shell.prompt()
    shell.type("\x1a")
    shell.sees("Stopped")
    shell.type("fg\r")
    shell.prompt()
    assert "Uptime: " in shell.command("uptime")
    shell.type("quit\r")
    shell.sees("Goodbye!")


def test_a_transcript_has_what_is_shown_with_times(place: Place) -> None:
    file = place.config / "incident.txt"
    shell = place.open()
    shell.command(f"transcript {file}")
    shell.command("uptime")
    shell.command("external start gone.py")
    shell.command("transcript off")
    shell.command("version")
    lines = file.read_text().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", line) for line in lines)
    text = "\n".join(line[14:] for line in lines)
    assert f"{PROMPT} uptime\nUptime: " in text
    assert "gone.py did not start" in text and "release:" not in text and "\x1b" not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert "No such file or directory" in shell.command("transcript /nowhere/x")


def test_settings_are_kept_and_hold(place: Place) -> None:
    place.environ["XDG_CONFIG_HOME"] = str(place.config)
    shell = place.open()
    shell.command("nonsense")
    assert "\a" not in shell.transcript
    assert "bell=on" in shell.command("set bell on")
    shell.command("set columns 60")
    assert "Not a value of columns: 7" in shell.command("set columns 7")
    shell.type("quit\r")
    shell.end()
    later = place.open()
    assert max(map(len, later.command("help").splitlines())) <= 60
    later.command("nonsense")
    assert "\a" in later.transcript


def test_keys_typed_before_the_prompt_are_kept_and_not_shown_twice(place: Place) -> None:
    """Shown by the terminal itself, they would push the prompt to the right."""
    inputrc = place.config / "inputrc"
    os.mkfifo(inputrc)
    shell = place.shell(INPUTRC=str(inputrc))
    with inputrc.open("w"):  # The start waits for its end.
        assert not _echoes(shell.child.child_fd)
        shell.type("upt\t")
    shell.until(lambda: shell.cursor_line() == f"{PROMPT} uptime", "the completed word")
    shell.type("\r")
    shell.sees("Uptime:")
    shell.type("quit\r")
    assert shell.end(_echoes) == 0


def test_attach_keeps_keys_typed_before_the_prompt(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        shell = place.run([sys.executable, "-m", "console", "attach", where])
        connected, _ = server.accept()
        assert not _echoes(shell.child.child_fd)
        connected.close()
        assert shell.end(_echoes) == 3


def _echoes(terminal: int) -> bool:
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
