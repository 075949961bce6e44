"""Yate's own sample scripts, unmodified: ``make test-yate-samples YATE_SCRIPTS=DIR``.

DIR is the folder share/scripts of a Yate. This project contains nothing of it, so this file is not
part of ``make test``. Scripts that a given Yate lacks are left out.

Files that a script expects on its machine exist only for that script, in a mount namespace
(unshare(1), as root or with user namespaces): a /bin/sh that is bash for test.sh,
/var/spool/voicemail for scripts with mailboxes, and a /usr/bin/python for test.py, which must be a
Python 2 (YATE_PYTHON=PROGRAM; by default python2.7). dtmf1.pl needs a Yate.pm of its own time,
2005: later ones lack the method that it prints with.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GIVEN = Path(os.environ.get("YATE_SCRIPTS", "")).absolute()
PYTHON = os.environ.get("YATE_PYTHON") or shutil.which("python2.7") or "/usr/bin/python"
SECONDS = 60.0

SOUND = array("h", [(n * 7919) % 20000 - 10000 for n in range(4000)]).tobytes()
"""Half a second of continuous sound."""

CALL = "call external/nodata/{} phone/"


class Console:
    """``yext run -``: a line in, a reply out."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None and process.stdout is not None
        self._commands, self._replies = process.stdin, process.stdout

    def do(self, *commands: str) -> str:
        """Run commands, which must all succeed; return the output of the last."""
        text = ""
        for command in commands:
            self._commands.write(f"{command}\n")
            self._commands.flush()
            reply = json.loads(self._replies.readline())
            assert reply["ok"], reply
            text = reply["text"]
        return text

    def log(self, script: str, *texts: str) -> str:
        """Return what `script` has written on standard error, once each of `texts` is in it."""
        until = time.monotonic() + SECONDS
        text = self.do(f"external log {script}")
        while not all(one in text for one in texts):
            assert time.monotonic() < until, f"{texts} is not all in {text}"
            time.sleep(0.1)
            text = self.do(f"external log {script}")
        return text


class Trial:
    """A folder laid out like an installed Yate, with its scripts.

    Attributes:
        mounts: commands that set up files only for the engine and its scripts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mounts: list[str] = []
        shutil.copytree(GIVEN, folder / "scripts")
        conf = folder / "conf"
        conf.mkdir()
        (conf / "extmodule.conf").write_text(f"[general]\nscripts_dir={folder}/scripts/\n")
        (conf / "yate.conf").write_text("[localsym]\nh323chan.yate=yes\n")
        self.heard = folder / "heard.slin"
        self.spoken = self.sound("spoken.slin")

    def sound(self, name: str, head: bytes = b"") -> Path:
        """Write half a second of sound to a file of that name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head + SOUND)
        return path

    def program(self, name: str, body: str) -> None:
        """Write a program that is found before those of the machine."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(body)
        path.chmod(0o755)

    @contextmanager
    def console(self) -> Iterator[Console]:
        """Run the engine."""
        command = [sys.executable, "-m", "console", "run", "--json", "-c", "conf", "-"]
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        with subprocess.Popen(
            [*self._inside(), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
        ) as process:
            yield Console(process)
            process.communicate(timeout=SECONDS)
            assert process.returncode == 0

    def _inside(self) -> list[str]:
        if not self.mounts:
            return []
        users = [] if os.geteuid() == 0 else ["--map-root-user"]
        lines = "\n".join([*self.mounts, 'exec "$@"'])
        return ["unshare", "--mount", *users, "sh", "-ec", lines, "sh"]

    def mailboxes(self) -> Path:
        """Give the scripts a /var/spool/voicemail with the prompts in it."""
        spool = self.folder / "spool"
        for prompt in ("greeting", "beep", "record", "usernumber", "password", "menu"):
            self.sound(f"spool/voicemail/{prompt}.slin")
        self.mounts.append(f"mount --bind '{spool}' /var/spool")
        return spool / "voicemail"

    def switchboard(self, console: Console, **numbers: str) -> None:
        """Route numbers: each keyword is a number after an underscore, its value the target."""
        where = " ".join(f"{number[1:]}={callto}" for number, callto in numbers.items())
        console.do(f"external start {ROOT}/tests/live/switchboard.py {where}")
        console.do(f"message --wait {SECONDS:g} user.auth username=500")


def noise(trial: Trial) -> None:
    with trial.console() as console:
        console.do("call external/play/noise.sh phone/", f"phone record {trial.heard}")
        console.do("phone wait sound", "phone wait hangup")
    heard = array("h", trial.heard.read_bytes())
    assert len(heard) >= 15500, "two seconds of it, less what came first"
    assert len(set(heard)) > 10000


def echo(trial: Trial) -> None:
    with trial.console() as console:
        console.do("call external/playrec/echo.sh phone/", f"phone record {trial.heard}")
        console.do(f"phone say {trial.spoken}", "phone wait said", "phone wait sound")
        console.do("phone wait silence", "phone hangup")
    assert SOUND in trial.heard.read_bytes()


def play(trial: Trial) -> None:
    """Replace the program play by one that keeps its input: no sound card is needed."""
    trial.program("play", "#!/bin/sh\necho $* >&2\nexec cat >played\n")
    with trial.console() as console:
        console.do("call external/record/play.sh phone/", f"phone say {trial.spoken}")
        console.do("phone wait said", "phone hangup")
    assert SOUND in (trial.folder / "played").read_bytes()


def playrec(trial: Trial) -> None:
    head = b".snd" + b"".join(n.to_bytes(4, "big") for n in (24, 0, 3, 8000, 1))
    trial.sound("scripts/playrec_menu.au", head)
    recorded = Path("/tmp/playrec.slin")
    recorded.unlink(missing_ok=True)
    menu = "phone wait playing playrec_menu.au"
    with trial.console() as console:
        console.do(CALL.format("playrec.php"), "phone wait answered", menu, "phone dtmf 1")
        console.do("phone say tone/dtmfstr/4711", "phone wait said", "phone dtmf #", menu)
        console.do("phone dtmf 2", "phone wait dtmf 4711", menu)
        console.do("phone dtmf 3", "phone wait hangup")
    assert recorded.stat().st_size > 2 * 8000 * 4 * 0.16
    recorded.unlink()


def leavemail(trial: Trial) -> None:
    """Call a number with a mailbox, and one without."""
    box = trial.mailboxes() / "500"
    box.mkdir()
    script = "external/nodata/leavemail.php"
    with trial.console() as console:
        trial.switchboard(console, _500=script, _501=script)
        console.do("call phone/ 500", "phone wait answered", "phone wait playing greeting.slin")
        console.do("phone wait playing beep.slin", "phone wait silence")
        console.do(f"phone say {trial.spoken}", "phone wait said", "phone hangup")
        console.do("call phone/ 501")
        console.do("phone wait playing congestion", "phone hangup")
    (mail,) = box.iterdir()
    assert mail.name.startswith("nvm-") and mail.name.endswith("-phone.slin")
    assert SOUND in mail.read_bytes()


def voicemail(trial: Trial) -> None:
    """Log in, listen to new messages, and record a greeting."""
    mailboxes = trial.mailboxes()
    trial.sound("spool/voicemail/500/nvm-1.slin")
    with trial.console() as console:
        trial.switchboard(console, _9="external/nodata/voicemail.php")
        console.do("call phone/ 9", "phone wait playing usernumber.slin", "phone dtmf 500#")
        console.do("phone wait playing password.slin", "phone dtmf 1234#")
        console.do("phone wait playing menu.slin", f"phone record {trial.heard}")
        console.do("phone dtmf 0", "phone wait playing vm-1.slin", "phone wait silence")
        console.do("phone record -", "phone dtmf *", "phone wait playing menu.slin")
        console.do("phone dtmf 1", "phone wait playing record.slin")
        console.do("phone wait playing beep.slin", "phone wait silence")
        console.do(f"phone say {trial.spoken}", "phone wait said", "phone dtmf 3")
        console.do("phone wait hangup")
    assert SOUND in trial.heard.read_bytes()
    box = mailboxes / "500"
    assert {one.name for one in box.iterdir()} == {"vm-1.slin", "greeting.slin"}
    assert SOUND in (box / "greeting.slin").read_bytes()


def queue_in(trial: Trial) -> None:
    """The script rings, plays the greeting, then music to the caller, and answers."""
    trial.sound("greeting.slin")
    with trial.console() as console:
        trial.switchboard(console)
        console.do("call queue/support phone/", "phone wait playing greeting.slin")
        console.do("phone wait playing info", "phone wait answered")
        assert "targetid=q-in/" in console.do("status phone/1")
        console.do("phone hangup")


def queue_out(trial: Trial) -> None:
    """Take a call from the queue: the caller and the operator hear each other."""
    trial.sound("greeting.slin")
    with trial.console() as console:
        trial.switchboard(console)
        console.do("call queue/support phone/", "phone wait playing info")
        console.do(
            "message call.execute callto=external/nodata/queue_out.php direct=phone/operator"
            " called=operator notify=phone/1 queue=support caller=12"
        )
        console.do("phone phone/2 wait answered", f"phone phone/2 say {trial.spoken}")
        console.do("phone phone/1 wait playing spoken.slin", "phone phone/2 wait said")
        console.do("phone phone/1 say tone/dtmfstr/123", "phone phone/2 wait dtmf 123")
        console.do("phone phone/1 hangup", "phone phone/2 wait hangup")


def ringback(trial: Trial) -> None:
    """A caller who would hear nothing while it rings hears the script's sound."""
    with trial.console() as console:
        console.do("external start ringback.php tone/*dtmfstr/42", "call dumb/x phone/")
        console.do(
            f"message --wait {SECONDS:g} call.ringing id=dumb/1 peerid=phone/1 targetid=phone/1"
            " earlymedia=false"
        )
        console.do("phone wait dtmf 4242", "phone hangup")


def pickup(trial: Trial) -> None:
    """The script finds the channel ringing at a number, known from ``call.cdr``."""
    with trial.console() as console:
        console.do("external start pickup.php")
        trial.switchboard(console, _12="dumb/y")
        console.log("pickup.php", "Pickup prefix not set")
        console.do("call phone/ 12")
        assert "pickup/dumb/1" in console.do("message call.route called=#812")
        console.do("phone hangup")


def php(trial: Trial) -> None:
    with trial.console() as console:
        console.do("external start test.php")
        said = console.log("test.php", "PHP Message: engine.timer")
    for one in (
        "Installed: engine.timer", "Answered: test", "Parameter: engine.version=",
        "Parameter: engine.nosuch= (error)", "Parameter: config.nosuch= (error)",
        "Parameter: config.localsym= (OK)", "Parameter: config.localsym.h323chan.yate=yes (OK)",
        "Parameter: config.localsym.h323chan.yate=yes (error)",
    ):  # fmt: skip
        assert f"PHP {one}" in said


def python(trial: Trial) -> None:
    """The script handles engine.timer five times on one thread, up to the tenth on another."""
    version = subprocess.run([PYTHON, "--version"], stderr=subprocess.PIPE, check=False).stderr
    assert version.startswith(b"Python 2"), "test.py is for Python 2: YATE_PYTHON=PROGRAM"
    bin = trial.folder / "bin"
    bin.mkdir()
    (bin / "python").symlink_to(PYTHON)
    trial.mounts.append(f"mount -t overlay none -o 'lowerdir={bin}:/usr/bin' /usr/bin")
    with trial.console() as console:
        console.do("external start test.py")
        said = console.log("test.py", "PYTHON: Bye!")
    for one, times in (
        ("Answered: test ", 1), ("Answered: final_test ", 1), ("Installed: engine.timer", 2),
        ("message: engine.timer", 15),
    ):  # fmt: skip
        assert said.count(f"PYTHON {one}") == times


def shell(trial: Trial) -> None:
    """The script sends nine messages, a second apart, and answers the timer's meanwhile."""
    trial.mounts.append('mount --bind "$(command -v bash)" "$(readlink -f /bin/sh)"')
    with trial.console() as console:
        console.do("external start test.sh a parameter")
        said = console.log("test.sh", "seen uninstall answer")
        console.do("external stop test.sh a parameter")
        assert "reporter done" in console.log("test.sh")
    assert "$*=a parameter" in said and "generator done" in said
    assert said.count("seen message answer") == 9
    assert said.count("seen incoming message") >= 8
    assert ":testmsg:retval:val=9:random=" in said


def dtmf(trial: Trial) -> None:
    with trial.console() as console:
        console.do("external start dtmf1.pl", "call dumb/x phone/")
        console.log("dtmf1.pl", "install chan.notify")
        console.do("phone dtmf 59#")
        console.log("dtmf1.pl", "GOT DTMF 5", "GOT DTMF 9", "GOT DTMF #")
        console.do("phone hangup")


TRIALS: dict[str, Callable[[Trial], None]] = {
    "noise.sh": noise,
    "echo.sh": echo,
    "play.sh": play,
    "playrec.php": playrec,
    "leavemail.php": leavemail,
    "voicemail.php": voicemail,
    "queue_in.php": queue_in,
    "queue_out.php": queue_out,
    "ringback.php": ringback,
    "pickup.php": pickup,
    "test.php": php,
    "test.py": python,
    "test.sh": shell,
    "dtmf1.pl": dtmf,
}


@pytest.mark.parametrize("script", [name for name in TRIALS if (GIVEN / name).exists()])
def test_sample(script: str, tmp_path: Path) -> None:
    TRIALS[script](Trial(tmp_path / "share"))
