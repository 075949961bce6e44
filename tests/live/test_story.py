"""A broken script: why it is broken, the repairs that the hints suggest, and its success."""

from __future__ import annotations

import re
import subprocess

from terminals import Place

SCRIPT = """
    #!/bin/bsh
    # Answers call.route with what it was given.
    echo '%%>install:50:call.route'
    . "${0%/*}/answers.inc"
    while IFS=: read -r head id rest; do
        case $head in '%%>message') echo "%%<message:$id:true::$ANSWER" ;; esac
    done
"""


def do_line(panel: str) -> str:
    """Return the advice of a panel."""
    found = re.search(r"\bdo +(.*?)[ │]*$", panel, re.M)
    assert found, panel
    return found[1]


def test_a_broken_script_is_mended_as_the_hints_say(place: Place) -> None:
    path = place.script("ivr.sh", SCRIPT, mode=0o644)
    shell = place.open(columns=120)

    # It is not executable: the hint is a command.
    panel = shell.command("external start ivr.sh")
    assert "ivr.sh did not start" in panel
    assert "not executable: mode 0644 (EACCES, 13)" in panel
    subprocess.run(["/bin/sh", "-c", do_line(panel)], check=True)

    # Its interpreter is missing.
    panel = shell.command("external start ivr.sh")
    assert "/bin/bsh" in panel
    assert "(ENOENT, 2)" in panel
    assert "failed" in shell.command("external show ivr.sh")
    assert "/bin/bsh" in shell.command("external why ivr.sh")
    assert "#! line" in do_line(panel)
    path.write_text(path.read_text().replace("/bin/bsh", "/bin/sh"))

    # It starts and dies: this session is notified, and can ask again.
    assert "started ivr.sh, pid" in shell.command("external start ivr.sh")
    shell.sees("ivr.sh ended")
    shell.sees("exit status 2")
    shell.prompt()
    why = shell.command("external why ivr.sh")
    assert "answers.inc" in why
    assert "answers.inc" in shell.command("external log ivr.sh")
    path.with_name("answers.inc").write_text("ANSWER=tone/dial\n")

    # It runs.
    assert "started ivr.sh, pid" in shell.command("external start ivr.sh")
    assert "tone/dial" in shell.command("message --wait 20 call.route called=1")
    table = shell.command("external show ivr.sh")
    assert "running" in table
    assert "exit status 0" in shell.command("external stop ivr.sh")
    assert "stopped" in shell.command("external show ivr.sh")

    shell.type("quit\r")
    assert shell.end() == 0
