"""The remote manager's conversation where it is better than the recorded one.

What is as recorded is tested by the recordings; the rows of deviations.toml name tests here.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from remotes import Client, Remote, as_other_user

CONF = """
    [general]
    port=PORT
    telnet=no
    header=
    password=p
    userpass=u
    user_prefix=drop,exter
    user_regexp=^vers
    timeout=0
    [open]
    port=PORT_OPEN
    telnet=no
    header=
    [echo]
    port=PORT_ECHO
    telnet=no
    header=
    echoing=yes
    prompt="> "
    password=secret
    [telnet]
    port=PORT_TELNET
    header=
    prompt="> "
    [flow]
    port=PORT_FLOW
    telnet=no
    header=
    userpass=u
    user_flow=yes
    [tame]
    port=PORT_TAME
    telnet=no
    header=
    allow_execute=no
    [unix]
    path=FOLDER/rm.sock
    header=
    telnet=no
    [six]
    port=PORT_SIX
    addr=::1
    telnet=no
    header=
    [bad]
    port=PORT_BAD
    addr=127.0.0.256
    [foreign]
    port=PORT_FOREIGN
    addr=0.0.0.0
"""

SAYS = r"""
    #!/bin/sh
    # Commands that answer what must not be obeyed.
    echo '%%>install:50:engine.command'
    while read -r line; do
        case $line in
            '%%>message:'*) ;;
            *) continue ;;
        esac
        id=${line#*message:}
        id=${id%%:*}
        case $line in
            *line=fake*) echo "%%<message:$id:true::%%%%-status%M%J%%%%<message%z%ztrue%zx%M%J" ;;
            *line=escape*) printf '%s\n' "%%<message:$id:true::a%[[2Jb%Gc%M%J" ;;
            *line=event:*)
                printf '%s\n' '%%>debug:5:x%J%%%%<message::true:forged:yes%J%%%%=auth:success'
                echo "%%<message:$id:true::told%M%J" ;;
            *line=byte*) printf '%%%%<message:%s:true::x\377\375%%Ry%%M%%J\n' "$id" ;;
            *line=long*)
                echo '%%>setlocal:bufsize:65536'
                printf '%%%%>output:%020000d\n' 0 | tr 0 z
                echo "%%<message:$id:true::" ;;
            *line=mute*) ;;
            *) echo "%%<message:$id:false:" ;;
        esac
    done
"""

ROUTES = r"""
    #!/bin/sh
    # Every call is for a script.
    echo '%%>install:50:call.route'
    while read -r line; do
        id=${line#*message:}
        case $line in
            '%%>message:'*) echo "%%<message:${id%%:*}:true::external/nodata/called.sh" ;;
        esac
    done
"""

CALLED = r"""
    #!/bin/sh
    # Takes the call and stays.
    while read -r line; do
        id=${line#*message:}
        case $line in
            '%%>message:'*) echo "%%<message:${id%%:*}:true::" ;;
        esac
    done
"""


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("r")
    (folder / "scripts").mkdir()
    served = Remote(folder, CONF, "[scripts]\nsays.sh=\n")
    yield served
    served.close()


@pytest.fixture(scope="module", autouse=True)
def says(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    remote.script("says.sh", SAYS)
    client.ask("external start says.sh")
    remote.until(lambda: "%%" in client.ask("fake"), "the script")


def admin(remote: Remote) -> Client:
    client = remote.open()
    assert "as admin" in client.ask("auth p")
    return client


def user(remote: Remote, port: str = "PORT") -> Client:
    client = remote.open(port)
    assert "as user" in client.ask("auth u")
    return client


def test_with_any_password_everyone_starts_as_guest(remote: Remote) -> None:
    client = remote.open()
    for line in ("uptime", "status", "machine on", "output on", "external", "foo", "flow on"):
        assert client.ask(line) == "Not authenticated!\r\n"
    assert "as admin" in client.ask("auth p")
    assert client.ask("uptime").startswith("Uptime:")


def test_users_observe(remote: Remote) -> None:
    client = user(remote)
    assert "status [overview]" in client.ask("help")
    assert client.ask("help debug") == "No help for 'debug'\r\n"
    assert client.ask("status rmanager").startswith("%%+status:rmanager")
    assert client.ask("date") and client.ask("output on") == "Output mode: on\r\n"
    for line in ("debug", "reload", "stop", "alias a b", "external", "flow on"):
        assert client.ask(line) == "Not authenticated!\r\n"
    assert "as admin" in client.ask("auth p")
    assert client.ask("auth x") == "You are already authenticated as admin!\r\n"


def test_machine_mode_of_users(remote: Remote) -> None:
    client = user(remote)
    assert client.ask("machine on") == "Machine mode: on\r\n"
    admin(remote).ask("control x y password=hush")
    # Nothing of the message flow: a listener without user_flow.
    assert client.ask("uptime").startswith("%%=uptime:")
    assert client.ask("debug") == "%%=*:fail=noauth\r\n"
    assert client.ask("auth p") == "%%=auth:success\r\n"


def test_users_see_messages_without_secrets_where_their_listener_lets_them(remote: Remote) -> None:
    client = user(remote, "PORT_FLOW")
    client.ask("machine on")
    admin(remote).ask("control x y other=seen password=hush")
    line = client.until("other=seen").splitlines()[-1]
    assert b"password=(hidden)" in line and b"hush" not in line


def test_user_prefix_is_whole_words_and_user_regexp_lines(remote: Remote) -> None:
    client = user(remote)
    assert client.ask("drop x") == "Could not drop x\r\n"
    assert "drop {chan|*|all}" in client.ask("help")
    for line in ("dropx y", "external", "exterx", "reload"):
        assert client.ask(line) == "Not authenticated!\r\n"
    assert client.ask("version").startswith("version:")


def test_starting_programs_can_be_turned_off(remote: Remote) -> None:
    client = remote.open("PORT_TAME")
    for line in ("external start x", "external execute /bin/true", "call external/nodata/x 1"):
        assert client.ask(line).startswith("Starting programs is turned off")
    client.ask("alias go external start x")
    assert client.ask("go").startswith("Starting programs is turned off")
    assert "says.sh" in client.ask("external")


def test_nothing_starts_by_a_detour_where_programs_are_turned_off(remote: Remote) -> None:
    client, other = remote.open("PORT_TAME"), remote.open("PORT_OPEN")
    remote.script("route.sh", ROUTES)
    remote.script("called.sh", CALLED)
    other.ask("external start route.sh")
    other.ask("message --wait 20 call.route")
    for caller in ("dumb/", "tone/dial", "phone/"):
        assert client.ask(f"call {caller} 99").startswith("Starting programs is turned off")
    for line in (
        "message engine.command 'line=external start called.sh'",
        "message call.execute callto=external\\/nodata/called.sh",
        "message call.execute callto=dumb/ target=99",
        "message --enqueue call.execute callto=dumb/ target=99",
    ):
        reply = client.ask(line)
        assert "external" not in line or "turned off" in reply
        assert "called.sh" not in other.ask("external")
    assert other.ask("call dumb/ 99").startswith("Calling")
    assert "called.sh" in other.ask("external")
    other.ask("external stop route.sh")
    other.ask("drop all")


def test_passwords_are_not_echoed_kept_or_logged(remote: Remote) -> None:
    client = remote.open("PORT_ECHO")
    client.until("> ")
    client.send("auth sec")
    client.send("ret\r")
    assert client.until("> ") == b"auth \r\nAuthenticated successfully as admin!\r\n> "
    client.send("\x1b[A\x1b[A\r")
    assert b"auth" not in client.until("> ")
    client.send("control a b password=hush2\r")
    client.until("> ")
    assert remote.logged(r"audit admin \S+: auth \*\*\*: ok")
    assert remote.logged(r"password=\*\*\*")
    assert not remote.logged("secret|hush2")


def test_failures_to_authenticate_are_logged(remote: Remote) -> None:
    client = remote.open(source="127.0.0.9")
    assert client.ask("auth wrong") == "Bad authentication password!\r\n"
    assert remote.logged(r"<RManager:WARN> Failed authentication from 127.0.0.9:\d+")
    assert not remote.logged("wrong")


def test_control_characters_and_bytes_that_are_no_text_are_shown(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    assert client.ask("escape") == "a\\x1b[2Jb\\x07c\r\n"
    client.send(b"caf\xc3\xa9 \x80\xfe\r\n")
    assert client.until("\r\n") == b"Cannot understand: caf\xc3\xa9 \\x80\\xfe\r\n"
    assert client.ask("byte") == "x\\xff\\xfd\\x12y\r\n"


def test_frames_cannot_be_forged(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    assert client.ask("fake") == " %%-status\r\n %%<message::true:x\r\n"
    client.ask("debug on")
    reply = client.ask("event").splitlines()
    assert len(reply) == 2 and reply[1] == "told"
    assert "x\\x0a%%<message::true:forged:yes\\x0a%%=auth:success" in reply[0]
    client.ask("machine on")
    for line in client.ask("fake").splitlines():
        assert line.startswith((" %%", "%%<message::true:engine.command:%%%%-status%M%J"))


def test_a_telnet_command_in_a_message_is_doubled(remote: Remote) -> None:
    client = remote.open("PORT_TELNET")
    client.until("\b" * 9)
    client.ask("machine on")
    client.send("byte\r\n")
    assert b"x\xff\xff\xfd%Ry" in client.until("line=byte")


def test_tab_in_pasted_text_is_a_blank(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    assert client.ask("\techo\toff") == "Remote echo: off\r\n"


def test_outcomes_are_in_the_messages_of_machine_mode(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.ask("machine on")
    assert ":reason=Module operation failed" in client.ask("module xyz")
    assert ":reason=" in client.ask("external start nosuch")


def test_an_alias_is_one_command(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.ask("alias m echo$()uptime$()foo")
    lines = client.ask("m").splitlines()
    assert lines[0] == "Remote echo: off" and lines[2] == "Cannot understand: foo"


def test_an_alias_ends_at_quit(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.ask("alias bye echo$()quit$()uptime")
    client.send("bye\r\n")
    said = client.rest().decode()
    assert "Remote echo: off" in said and "Uptime" not in said


def test_a_nul_within_a_line_is_dropped(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.send(b"upt\0ime\r\0\0ec\0ho\r\n")
    said = client.until("Remote echo: off\r\n")
    assert b"Uptime: " in said and b"Cannot understand" not in said


def test_commands_know_the_window_of_a_telnet_client(remote: Remote) -> None:
    client = remote.open("PORT_TELNET")
    client.until("\b" * 9)
    client.send(b"\xff\xfb\x1f\xff\xfa\x1f\x00\x64\x00\x28\xff\xf0")  # NAWS 100 x 40
    client.ask("sniffer filter ^engine.help$")
    client.ask("sniffer on")
    client.ask("output on")
    client.send("help one\r\n")
    assert b"['cmd_width'] = '100'" in client.until("['cmd_height'] = '40'")
    client.ask("sniffer off")


def test_long_return_values_are_told_whole(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.ask("machine on")
    message = client.ask("status engine").splitlines()[0]
    assert "workpath=" in message and ":module=engine:" in message and ":handlers=" in message
    assert "Initialization complete%M%J" in client.ask("events")


def test_long_output_is_told_whole(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.ask("output on")
    reply = client.ask("long")
    assert "z" * 20000 in reply and "Cannot understand" not in reply


def test_control_c(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.send("half typed\x03")
    assert client.until("\r\n") == b"^C\r\n"
    assert client.ask("echo") == "Remote echo: off\r\n"
    client.send("mute\r\nuptime\r\n")
    assert client.quiet()
    client.send(b"\xff\xf4")
    assert client.until("\r\n") == b"^C\r\n"
    assert client.ask("echo") == "Remote echo: off\r\n"
    client.send("\x03")
    assert client.rest() == b"^C\r\n"


def test_telnet_is_spoken_as_its_rfcs_say(remote: Remote) -> None:
    client = remote.open("PORT_TELNET")
    client.until("\b" * 9)
    client.send(b"\xff\xfd\x06\xff\xf6")  # DO TIMING-MARK, AYT
    assert client.until("[yes]\r\n") == b"\xff\xfb\x06\r\n[yes]\r\n"
    client.send(b"\xff\xfb\x27\xff\xfb\x27\xff\xfb\x01")  # WILL NEW-ENVIRON twice, WILL ECHO
    assert client.until(b"\xff\xfe\x01") == b"\xff\xfe\x27" * 2 + b"\xff\xfe\x01"
    client.send(b"\xff\xfd\x03\xff\xfd\x03\xff\xfd\x01\xff\xfd\x01")  # DO SGA, ECHO, twice
    assert client.until("> ") == b"\xff\xfb\x03\xff\xfb\x01> "
    client.send(b"a\xff\xffb\r")
    assert b"a\\xffb\r\n" in client.until("Cannot understand: a")
    client.until("> ")
    client.send(b"\xff\xf3\x1c")  # BREAK and ^\ do not reload the engine
    client.send(b"\xff\xfa\x00quit\r\n\xff\xf0echo\r")
    assert b"Remote echo: on" in client.until("Remote echo: on")
    assert not remote.logged("Reinit")


def test_the_refusal_of_an_offer_is_not_answered(remote: Remote) -> None:
    client = remote.open("PORT_TELNET")
    client.until("\b" * 9)
    client.send(b"\xff\xfe\x01echo\r\n")  # DONT ECHO, which only was offered: no answer
    assert client.until("\r\n") == b"Remote echo: off\r\n"


def test_half_a_close_gets_its_answers(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.send("echo\r\nversion\r\n" * 50)
    client.socket.shutdown(socket.SHUT_WR)
    assert client.rest().count(b"Remote echo: off") == 50


def test_commands_followed_by_a_close_are_carried_out(remote: Remote) -> None:
    for number in range(20):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(remote.folder / "rm.sock"))
            client.sendall(f"runparam closed{number}=yes\r\n".encode())
    left = remote.open("PORT_OPEN")
    for number in range(20):
        remote.until(
            lambda number=number: "Not overwriting" in left.ask(f"runparam closed{number}=x"),
            "the command",
        )


def test_pipelined_commands_are_all_answered(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.send("version\r\n" * 12000)
    assert client.ask("echo").count("githash:") == 12000


def test_addresses(remote: Remote) -> None:
    six = remote.client(socket.create_connection(("::1", remote.port("PORT_SIX"))))
    assert "listeners=" in six.ask("status rmanager")
    for port in ("PORT_SIX", "PORT_BAD", "PORT_FOREIGN"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", remote.port(port)))
    assert remote.logged(r"addr=127\.0\.0\.256: ")
    assert remote.logged("addr=0.0.0.0: not opened to other machines while no password is set")


def test_without_a_password_only_the_same_user_gets_in(remote: Remote) -> None:
    def refused() -> None:
        for family, where in (
            (socket.AF_INET, ("127.0.0.1", remote.port("PORT_OPEN"))),
            (socket.AF_UNIX, str(remote.folder / "rm.sock")),
        ):
            with socket.socket(family) as client:
                client.settimeout(10)
                try:
                    client.connect(where)
                except PermissionError:
                    continue
                client.sendall(b"version\r\n")
                reply = client.recv(1000)
                assert b"No password is set" in reply, reply

    assert as_other_user(refused) == 0
    own = socket.socket(socket.AF_UNIX)
    own.connect(str(remote.folder / "rm.sock"))
    assert remote.client(own).ask("version").startswith("version:")


def test_commands_of_another_user_who_closes_at_once_are_not_carried_out(remote: Remote) -> None:
    def send() -> None:
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", remote.port("PORT_OPEN"))) as client:
                client.sendall(b"runparam stolen=yes\r\n")

    assert as_other_user(send) == 0
    assert remote.open("PORT_OPEN").ask("runparam stolen=no") == ""


def test_reload_changes_listeners_and_drops_nobody(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    remote = Remote(tmp_path, "[general]\nport=PORT\ntelnet=no\nheader=one\n")
    try:
        client = remote.open()
        client.until("one\r\n")
        remote.configure(
            "[general]\nport=PORT\ntelnet=no\nheader=two\npassword=p\n"
            "[more]\nport=PORT_MORE\ntelnet=no\nheader=more\n"
        )
        assert f"rmanager listener opened: tcp 127.0.0.1:{remote.port('PORT_MORE')}" in client.ask(
            "reload"
        )
        assert client.ask("status rmanager").count("listeners=2,conn=1") == 1
        other = remote.open()
        other.until("two\r\n")
        assert other.ask("version") == "Not authenticated!\r\n"
        remote.open("PORT_MORE").until("more\r\n")
        remote.configure("[general]\nport=PORT\ntelnet=no\nheader=two\nuser_regexp=\\(\n")
        assert "Nothing was changed" in client.ask("reload")
        assert client.ask("version").startswith("version:")
    finally:
        remote.close()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "[general] is not there any more"),
        ("[general]\nport=PORT\ntelnet=no\nheader=\n[more\nport=PORT_MORE\n", "'[more' in line 5"),
        (
            "[general]\nport=PORT\ntelnet=no\nheader=\n[more]\nprot=PORT_MORE\n",
            "did you mean prompt or port?",
        ),
        (None, "there is no such file any more"),
    ],
)
def test_a_reload_closes_no_listener_for_want_of_a_section(
    tmp_path: Path, text: str | None, missing: str
) -> None:
    (tmp_path / "scripts").mkdir()
    both = "[general]\nport=PORT\ntelnet=no\nheader=\n[more]\nport=PORT_MORE\ntelnet=no\nheader=\n"
    remote = Remote(tmp_path, both)
    try:
        client = remote.open()
        if text is None:
            (tmp_path / "rmanager.conf").unlink()
        else:
            remote.configure(text)
        reply = client.ask("reload")
        assert missing in reply
        assert "would be closed" in reply
        assert "Nothing was changed." in reply
        assert client.ask("status rmanager").count("listeners=2,") == 1
    finally:
        remote.close()


def test_a_session_that_stops_the_engine_hears_of_the_end(tmp_path: Path) -> None:
    remote = Remote(tmp_path)
    try:
        watching, client = remote.open(), remote.open()
        watching.ask("output on")
        client.send("stop 3\r\necho on\r\n")
        assert client.rest() == b"Engine shutting down - bye!\r\n"
        assert b"Yate engine is shutting down with code 3\r\n" in watching.rest()
        assert remote.process.wait(20) == 3
    finally:
        remote.close()


def test_times_of_messages_go_to_the_log(remote: Remote) -> None:
    client = remote.open("PORT_OPEN")
    client.ask("debug level 10")
    client.ask("debug on")
    client.ask("dispatcher trace_msg_time on")
    client.ask("dispatcher trace_msg_handler_time on")
    reply = client.ask("control timed op")
    assert "'chan.control' took" in reply and "usec, not handled" in reply
    client.ask("dispatcher trace_msg_time off")
    client.ask("dispatcher trace_msg_handler_time off")
    assert "took" not in client.ask("control timed op")
