"""The first minutes of a new user, with real scripts."""

from __future__ import annotations

from terminals import Place


def test_the_first_tour(place: Place) -> None:
    place.extmodule(
        """
        [scripts]
        route.sh=99
        """
    )
    shell = place.open()
    assert "node alder   1 script: 1 running" in shell.text()

    assert "scripts=1,chans=0" in shell.command("status extmodule").replace("  ", ",")
    assert "route.sh" in shell.command("external")
    assert "started route.sh 98, pid" in shell.command("external start route.sh 98")
    shell.command_until("external info", lambda table: table.count("running") == 2)

    shell.command("flow on")
    shell.command("message call.route called=123")
    shell.sees("✓ route.sh")
    assert "sip/99" in shell.text()
    shell.command("flow off")

    panel = shell.command("external start no-such-script x")
    assert "no-such-script did not start" in panel
    assert "No such file or directory (ENOENT, 2)" in panel
    assert f"tried   {place.scripts}/no-such-script x" in panel

    assert "stopped route.sh 98" in shell.command("external stop route.sh 98")
    place.extmodule(
        """
        [scripts]
        route.sh=99
        route.sh=97
        """
    )
    assert "route.sh 97 started, pid" in shell.command("reload")

    shell.type("quit\r")
    assert shell.end() == 0
    assert "Goodbye!" in shell.transcript
