"""The program ``yext``: its options and sub-commands.

Each sub-command is a module beside this one, imported only when it is chosen. What the program
needs besides is imported once garbage collection is off.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from yext.console import gctuning
from yext.console.cli.exitcodes import FAILED, INTERRUPTED, MEANINGS
from yext.version import VERSION

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

SETTLE_SECONDS = 1.0
"""How long a batch waits for a script that was started, unless it is told otherwise."""

MOST_SECONDS = 3600
"""How long a batch can be told to wait for it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``yext`` with `arguments`, by default those of the process; return its exit code."""
    _open_standard_streams()
    gctuning.pause()
    options = make_parser().parse_args(arguments)
    try:
        return int(options.function(options))
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        # Nobody reads our output any more, or the disk it goes to is full.
        if error.errno not in (errno.EPIPE, errno.ENOSPC) or error.filename is not None:
            raise
        if error.errno == errno.ENOSPC:
            print(f"yext: standard output: {error.strerror}", file=sys.stderr)
        # At exit the interpreter would try, and complain, again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _open_standard_streams() -> None:
    """Open those of descriptors 0 to 2 that the process was started without; let all be written.

    The next socket would get the number, and what is printed would go there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # Gets the lowest free number, which is this one.
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
    # What the encoding of a terminal or a pipe does not have is shown, as in the log.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def make_parser(
    note: Callable[[argparse.Action], None] = lambda _: None,
) -> argparse.ArgumentParser:
    """Make the parser of the program, and call `note` with each option and argument."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def add_argument(self, *names: Any, **facts: Any) -> argparse.Action:
            action = super().add_argument(*names, **facts)
            note(action)
            return action

    parser = Parser(
        prog="yext",
        description="Run Yate external modules without Yate, and show what they do.",
        epilog="Without a sub-command: the interactive shell on an engine of its own.",
        formatter_class=_help_formatter,
    )
    _config_option(parser)
    parser.add_argument("--plain", action="store_true", help="show replies in Yate's own words")
    parser.add_argument(
        "--watch", action="store_true", help="start scripts anew when their files change"
    )
    parser.add_argument("--version", action="version", version=f"yext {VERSION}")
    _settle_options(parser)
    # The sub-commands have -c and -e too, and must not undo what stands before them.
    parser.set_defaults(function=_shell, config=None, shared=None)
    commands = parser.add_subparsers(title="sub-commands", metavar="SUB-COMMAND")
    for name, row in _SUB_COMMANDS.items():
        command = commands.add_parser(
            name, help=row.help, epilog=row.epilog, formatter_class=_help_formatter
        )
        row.add_options(command)
        command.set_defaults(function=row.function)
    return parser


def _help_formatter(prog: str) -> argparse.HelpFormatter:
    """Return argparse's formatter for the width of the terminal.

    By itself it would import shutil for that, which takes 3 ms of each start.
    """
    import argparse

    try:
        columns = os.get_terminal_size(1).columns
    except OSError:
        columns = 0
    return argparse.RawDescriptionHelpFormatter(prog, width=(columns or 80) - 2)


def _serve_options(parser: argparse.ArgumentParser) -> None:
    _config_option(parser)
    parser.add_argument("-l", dest="log", metavar="LOGFILE", help="write the log to this file")
    parser.add_argument(
        "--log-json", action="store_true", help="write the log as JSON objects, one a line"
    )
    parser.add_argument("-N", dest="node", metavar="NODENAME", help="name of this node")
    parser.add_argument("-v", dest="verbose", action="count", default=0, help="log more")
    parser.add_argument("-q", dest="quiet", action="count", default=0, help="log less")
    parser.add_argument(
        "-s", dest="supervised", action="store_true", help="start again when `restart` asks for it"
    )
    parser.add_argument(
        "-p", dest="pidfile", metavar="PIDFILE", help="write the process id to this file"
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="go on if a listener cannot be opened"
    )


def _run_options(parser: argparse.ArgumentParser) -> None:
    _config_option(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object for each command")
    parser.add_argument(
        "--record", metavar="FILE", help="write all messages to this file, as JSON lines"
    )
    parser.add_argument("--plain", action="store_true", help="Yate's own text, as always here")
    parser.add_argument("commands", nargs="+", metavar="COMMAND", help="- reads standard input")
    parser.add_argument(
        "--attach", metavar="HOST[:PORT]", help="run the commands on a remote manager"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float,
        help="how long all of it may take on a remote manager; without it, a reply 60 s",
    )  # fmt: skip
    _settle_options(parser)
    _remote_options(parser)


def _settle_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settle", metavar="SECONDS", type=_seconds, default=SETTLE_SECONDS,
        help="how long the next command of a batch waits for a script that was started "
        "(default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--no-settle", dest="settle", action="store_const", const=0.0, help="do not wait for it"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 if a script of [scripts] fails"
    )


def _seconds(text: str) -> float:
    import argparse

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds, 0 to {MOST_SECONDS}")
    return seconds


def _attach_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "host", nargs="?", default="", metavar="HOST[:PORT]",
        help="or a name of hosts.toml, or the path of a UNIX socket",
    )  # fmt: skip
    parser.add_argument("--plain", action="store_true", help="show replies in Yate's own words")
    _settle_options(parser)
    _remote_options(parser)


def _no_options(parser: argparse.ArgumentParser) -> None:
    """Leave `parser` as it is."""


def _check_options(parser: argparse.ArgumentParser) -> None:
    _config_option(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object for each finding")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for notes, too")


def _test_options(parser: argparse.ArgumentParser) -> None:
    _config_option(parser)
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a transcript, or a folder of them"
    )
    parser.add_argument(
        "--update", action="store_true", help="write what came into the transcripts"
    )
    parser.add_argument(
        "--tap", action="store_true", help="print the results by the Test Anything Protocol"
    )
    parser.add_argument("--junit", metavar="FILE", help="write the results as JUnit's XML")


def _replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("record", metavar="RECORD", help="a file of flow save, or of run --record")
    parser.add_argument(
        "--script", nargs="+", required=True, metavar=("SCRIPT", "PARAMETER"),
        help="the version to compare, and its parameter",
    )  # fmt: skip
    parser.add_argument(
        "--as", dest="label", metavar="LABEL", default="",
        help="the script's name in the record (default: the name of its file)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a JSON object")


def _remote_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log", metavar="FILE|journal:NAME", default="",
        help="the log of a Yate on this host, or its unit or name in the journal, to find"
        " reasons in",
    )  # fmt: skip
    parser.add_argument(
        "--bus", metavar="HOST:PORT|PATH", default="",
        help="a listener of role global of a Yate, for messages and journeys",
    )  # fmt: skip
    parser.add_argument("--tls", action="store_true", help="secure the connection")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--user", action="store_true", help="log in as a user, an observer")
    who.add_argument(
        "--password-file", metavar="F", default="", help="its first line is the password"
    )


def _config_option(parser: argparse.ArgumentParser) -> None:
    import argparse

    parser.add_argument(
        "-c", dest="config", metavar="DIR", type=_directory, default=argparse.SUPPRESS,
        help="a Yate configuration directory",
    )  # fmt: skip
    parser.add_argument(
        "-e", dest="shared", metavar="PATH", default=argparse.SUPPRESS,
        help="Yate's shared path, whose folder scripts has the scripts (default: ../share in DIR)",
    )  # fmt: skip


def _directory(text: str) -> str:
    import argparse

    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"{text} is not a directory")
    return text


def _shell(options: argparse.Namespace) -> int:
    from yext.console.cli import embedded

    return embedded.run_shell(options)


def _serve(options: argparse.Namespace) -> int:
    from yext.console.cli import serve

    return serve.serve(options)


def _run(options: argparse.Namespace) -> int:
    if options.attach is not None:
        from yext.console.cli import attach

        return attach.run_attached(options)
    from yext.console.cli import run

    return run.run(options)


def _attach(options: argparse.Namespace) -> int:
    from yext.console.cli import attach

    return attach.attach(options)


def _passwd(options: argparse.Namespace) -> int:
    from yext.console.cli import passwd

    return passwd.passwd()


def _check(options: argparse.Namespace) -> int:
    from yext.console.cli import check

    return check.check(options)


def _test(options: argparse.Namespace) -> int:
    from yext.console.cli import testcommand

    return testcommand.test(options)


def _completion(options: argparse.Namespace) -> int:
    from yext.console.cli import completion

    return completion.completion(options.shell, make_parser)


def _completion_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def _replay(options: argparse.Namespace) -> int:
    from yext.console.cli import replay

    return replay.run_replay(options)


class _SubCommand(NamedTuple):
    add_options: Callable[[argparse.ArgumentParser], None]
    function: Callable[[argparse.Namespace], int]
    help: str
    epilog: str = ""


_EXIT_CODES = "exit code, that of the first failure:\n" + "\n".join(
    f"  {code}  {meaning}" for code, meaning in MEANINGS.items()
)

_SUB_COMMANDS = {
    "serve": _SubCommand(
        _serve_options, _serve, "run the engine and its listeners in the foreground"
    ),
    "run": _SubCommand(_run_options, _run, "run commands and exit", _EXIT_CODES),
    "attach": _SubCommand(
        _attach_options, _attach, "run the shell on a remote yext or a real Yate"
    ),
    "passwd": _SubCommand(_no_options, _passwd, "hash a password for rmanager.conf"),
    "test": _SubCommand(
        _test_options, _test, "carry out transcripts (.yext), and show what is not as expected"
    ),
    "replay": _SubCommand(
        _replay_options, _replay, "give a script what it got in a record, and compare its answers"
    ),
    "check": _SubCommand(
        _check_options, _check, "find mistakes in a configuration without starting anything"
    ),
    "completion": _SubCommand(
        _completion_options, _completion, "print the completion of a shell: bash, zsh or fish"
    ),
}
"""The sub-commands by name."""
