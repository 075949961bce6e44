"""``yext …``: options and sub-commands. Imports the rest only when it is needed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from console import gctuning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from console.client.hosts import Host
    from yext import Engine

USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The program ``yext``; returns its exit code."""
    _have_standard_streams()
    gctuning.hold()
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    try:
        return int(options.function(options))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # Whoever read our output has gone, or the disk it goes to is full.
        if error.errno not in (errno.EPIPE, errno.ENOSPC) or error.filename is not None:
            raise
        if error.errno == errno.ENOSPC:
            print(f"yext: standard output: {error.strerror}", file=sys.stderr)
        # The interpreter must not complain of it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _have_standard_streams() -> None:
    """Opens what of descriptors 0 to 2 we were started without: the next socket would get that
    number, and what is printed would go there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # Gets the lowest number that is free: this one.
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="yext",
        description="Runs Yate external modules without Yate, and shows what they do.",
        epilog="Without a sub-command: the interactive shell, with an engine of its own.",
        formatter_class=_help_lines,
    )
    _config(parser)
    parser.add_argument("--plain", action="store_true", help="show replies in Yate's own words")
    parser.set_defaults(function=_shell)
    commands = parser.add_subparsers(title="sub-commands", metavar="SUB-COMMAND")
    for name, (describe, function, told) in _SUB_COMMANDS.items():
        command = commands.add_parser(name, help=told, formatter_class=_help_lines)
        describe(command)
        command.set_defaults(function=function)
    return parser


def _help_lines(prog: str) -> argparse.HelpFormatter:
    """argparse asks shutil for the width, whose import would take 3 ms of each start."""
    try:
        columns = os.get_terminal_size(1).columns
    except OSError:
        columns = 0
    return argparse.HelpFormatter(prog, width=(columns or 80) - 2)


def _serve_options(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument("-l", dest="log", metavar="LOGFILE", help="write the log there")
    parser.add_argument("-N", dest="node", metavar="NODENAME", help="name of this node")
    parser.add_argument("-v", dest="verbose", action="count", default=0, help="tell more")
    parser.add_argument("-q", dest="quiet", action="count", default=0, help="tell less")
    parser.add_argument(
        "-s", dest="supervised", action="store_true", help="start again when `restart` asks for it"
    )
    parser.add_argument("-p", dest="pidfile", metavar="PIDFILE", help="write the process id there")


def _run_options(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument("--json", action="store_true", help="a JSON object for each command")
    parser.add_argument("--record", metavar="FILE", help="write all messages there, as JSON lines")
    parser.add_argument("--plain", action="store_true", help="Yate's own text, as always here")
    parser.add_argument("commands", nargs="+", metavar="COMMAND", help="- reads standard input")
    parser.add_argument("--attach", metavar="HOST[:PORT]", help="run them on a remote manager")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=60.0,
        help="how long a remote manager may take for an answer",
    )  # fmt: skip
    _remote(parser)


def _attach_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "host", nargs="?", default="", metavar="HOST[:PORT]",
        help="or a name of hosts.toml, or the path of a UNIX socket",
    )  # fmt: skip
    parser.add_argument("--plain", action="store_true", help="show replies in Yate's own words")
    _remote(parser)


def _passwd_options(parser: argparse.ArgumentParser) -> None:
    """It asks for all that it needs."""


def _check_options(parser: argparse.ArgumentParser) -> None:
    _config(parser)
    parser.add_argument("--json", action="store_true", help="a JSON object for each finding")


def _remote(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tls", action="store_true", help="secure the connection")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--user", action="store_true", help="log in as a user, an observer")
    who.add_argument("--password-file", metavar="F", default="", help="its first line is it")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", dest="config", metavar="DIR", type=_directory, default=argparse.SUPPRESS,
        help="a Yate configuration directory",
    )  # fmt: skip


def _directory(text: str) -> str:
    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"{text} is not a directory")
    return text


def _config_of(options: argparse.Namespace) -> str | None:
    return getattr(options, "config", None)


def _shell(options: argparse.Namespace) -> int:
    from console.shell import shell

    return asyncio.run(shell.run(_config_of(options), plain=options.plain))


def _attach(options: argparse.Namespace) -> int:
    from console.cli import attach
    from console.client import hosts, login

    try:
        host = _host(options, options.host)
    except hosts.HostMistake as mistake:
        print(f"yext: {mistake}", file=sys.stderr)
        return USAGE
    secret = login.Secret(_password_file(options, host), _ask(host) if _typed() else None)
    return asyncio.run(attach.attach(host, secret, plain=options.plain))


def _run_attached(options: argparse.Namespace) -> int:
    from console.cli import attach
    from console.client import hosts, login

    try:
        host = _host(options, options.attach)
    except hosts.HostMistake as mistake:
        print(f"yext: {mistake}", file=sys.stderr)
        return USAGE
    secret = login.Secret(_password_file(options, host))
    return asyncio.run(
        attach.run(host, secret, options.commands, json_lines=options.json, seconds=options.timeout)
    )


def _host(options: argparse.Namespace, asked: str) -> Host:
    from console.client import hosts

    host = hosts.find(asked)
    return replace(host, tls=True) if options.tls else host


def _password_file(options: argparse.Namespace, host: Host) -> str:
    return options.password_file or (
        host.user_password_file if options.user else host.password_file
    )


def _typed() -> bool:
    return sys.stdin.isatty()


def _ask(host: Host) -> Callable[[], str]:
    import getpass

    return lambda: getpass.getpass(f"Password of {host.where}: ")


def _passwd(options: argparse.Namespace) -> int:
    from console.server import passwords

    return passwords.passwd()


def _run(options: argparse.Namespace) -> int:
    if options.attach is not None:
        return _run_attached(options)
    from console.cli import run

    how = run.Options(options.json, options.record)
    return asyncio.run(run.run(_config_of(options), options.commands, how))


def _check(options: argparse.Namespace) -> int:
    from console.cli import check

    return asyncio.run(check.run(_config_of(options), json_lines=options.json))


def _serve(options: argparse.Namespace) -> int:
    code = asyncio.run(_serve_until_halted(options))
    from yext.engine.engine import RESTART_CODE

    if options.supervised and code == RESTART_CODE:
        # The engine has ended in order; the same process begins anew, with the same id.
        os.execv(sys.executable, sys.orig_argv)
    return code


async def _serve_until_halted(options: argparse.Namespace) -> int:
    from console.server.rmanager import RManager
    from yext import Engine, log

    try:
        handler, output = log.log_to(options.log)
    except OSError as error:
        print(f"yext: {options.log}: {error.strerror}", file=sys.stderr)
        return USAGE
    engine = Engine(
        _config_of(options),
        node=options.node,
        modules={"rmanager": RManager},
        supervised=options.supervised,
    )
    engine.log.level = max(0, min(log.ALL, engine.log.level + options.verbose - options.quiet))
    engine.program_output = output
    with _pidfile(options.pidfile):
        await engine.start()
        gctuning.go_on()
        _signals(engine)
        print(f"yext {engine.run_params['version']} ready on {engine.node}", file=sys.stderr)
        sys.stderr.flush()
        try:
            return await engine.halted()
        finally:
            await engine.stop()
            log.stop_logging(handler)


def _signals(engine: Engine) -> None:
    """SIGTERM and SIGINT stop, SIGHUP reloads, as with Yate."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.halt)
    reloads: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task: asyncio.Task[object] = loop.create_task(_reload(engine))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)


async def _reload(engine: Engine) -> None:
    """Reloads, and tells the log what nobody else is told; of mistakes it knows already."""
    done = await engine.reload()
    for line in done.lines if done.ok else ("Nothing was changed.",):
        engine.log.output(line)


@contextlib.contextmanager
def _pidfile(path: str | None) -> Iterator[None]:
    if path is None:
        yield
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


_SUB_COMMANDS: dict[
    str,
    tuple[
        Callable[[argparse.ArgumentParser], None],
        Callable[[argparse.Namespace], int],
        str,
    ],
] = {
    "serve": (_serve_options, _serve, "the engine and its listeners, in the foreground"),
    "run": (_run_options, _run, "run commands and exit"),
    "attach": (_attach_options, _attach, "the shell on a remote yext, or a real Yate"),
    "passwd": (_passwd_options, _passwd, "make a hashed password for rmanager.conf"),
    "check": (_check_options, _check, "find mistakes in a configuration, start nothing"),
}
"""The sub-commands: what each takes, what it does, and what help says of it."""
