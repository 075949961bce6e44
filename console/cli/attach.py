"""``yext attach``: the shell on a remote yext or a real Yate. ``yext run --attach``: commands."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from yext import Reply
from yext.console import gctuning
from yext.console.cli import run
from yext.console.cli.exitcodes import (
    FAILED,
    NOT_AUTHORISED,
    NOT_CONNECTED,
    OK,
    TIMED_OUT,
    USAGE,
    exit_code,
)
from yext.console.client import hosts
from yext.console.client.connection import ConnectError
from yext.console.client.hosts import Host, HostError
from yext.console.client.link import AttachedLink, Beside
from yext.console.client.login import LoginError, Password
from yext.console.session.view import PlainView

if TYPE_CHECKING:
    from yext.console.shell.terminal import Capabilities

REPLY_SECONDS = 60.0
"""How long a reply may take where no other limit is given."""


def attach(options: argparse.Namespace) -> int:
    """Run the shell on a remote manager until the operator ends it; return the exit code."""
    try:
        host = _host(options, options.host)
    except HostError as error:
        print(f"yext: {error}", file=sys.stderr)
        return USAGE
    from yext.console.shell.terminal import detect_capabilities, without_echo

    ask = _ask(host) if sys.stdin.isatty() else None
    password = Password(_password_file(options, host), ask)
    capabilities = detect_capabilities()
    with without_echo(capabilities):
        return asyncio.run(
            _shell(
                host,
                password,
                _beside(options),
                capabilities,
                plain=options.plain,
                settling=(options.settle, options.strict),
            )
        )


def run_attached(options: argparse.Namespace) -> int:
    """Run commands on a remote manager; return the exit code of the first that failed.

    ``-`` stands for the commands on standard input.
    """
    try:
        host = _host(options, options.attach)
    except HostError as error:
        print(f"yext: {error}", file=sys.stderr)
        return USAGE
    password = Password(_password_file(options, host))
    return asyncio.run(
        _run(
            host,
            password,
            _beside(options),
            options.commands,
            json_lines=options.json,
            seconds=options.timeout,
            settling=(options.settle, options.strict),
        )
    )


def _beside(options: argparse.Namespace) -> Beside:
    return Beside(options.log, options.bus)


def _host(options: argparse.Namespace, name: str) -> Host:
    host = hosts.find(name)
    return replace(host, tls=True) if options.tls else host


def _password_file(options: argparse.Namespace, host: Host) -> str:
    return options.password_file or (
        host.user_password_file if options.user else host.password_file
    )


def _ask(host: Host) -> Callable[[str], str]:
    def ask(refused: str) -> str:
        if refused:
            print(f"yext: {refused}", file=sys.stderr)
        return getpass.getpass(f"Password of {host.where}: ")

    return ask


async def _connected(host: Host, password: Password, beside: Beside) -> AttachedLink | int:
    """Return a connected link, or print why there is none and return the exit code."""
    link = AttachedLink(host, password, beside)
    code = NOT_CONNECTED
    try:
        await link.connect()
    except (LoginError, HostError) as error:
        code, reason = NOT_AUTHORISED, str(error)
    except ConnectError as error:
        reason = str(error)
    else:
        return link
    await link.close()
    print(f"yext: {host.where}: {reason}", file=sys.stderr)
    return code


async def _shell(
    host: Host,
    password: Password,
    beside: Beside,
    capabilities: Capabilities,
    *,
    plain: bool,
    settling: tuple[float, bool],
) -> int:
    from yext.console.shell import shell

    link = await _connected(host, password, beside)
    if isinstance(link, int):
        return link
    try:
        async with asyncio.timeout(REPLY_SECONDS):
            await link.introduce()
        if not capabilities.editing:
            link.settling = settling
            await link.settle()
        code = await shell.run(link, capabilities, plain=plain)
        return NOT_AUTHORISED if link.refused else code or (FAILED if link.failed else OK)
    except (ConnectError, TimeoutError) as error:
        print(f"yext: {host.where}: {error or 'no answer in time'}", file=sys.stderr)
        return NOT_CONNECTED
    finally:
        await link.close()


class _Deadline:
    """The time by which something must be over.

    Args:
        seconds: how long all of it may take; None for `REPLY_SECONDS` for each reply.
    """

    def __init__(self, seconds: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._end = None if seconds is None else self._loop.time() + seconds

    def of_reply(self) -> asyncio.Timeout:
        """The limit of what is asked now."""
        end = self._end if self._end is not None else self._loop.time() + REPLY_SECONDS
        return asyncio.timeout_at(end)

    def of_all(self) -> asyncio.Timeout:
        """The limit of what is not an answer, such as the next line of standard input."""
        return asyncio.timeout_at(self._end)

    def __str__(self) -> str:
        return f"no answer in {self._seconds or REPLY_SECONDS:g} s"


async def _run(
    host: Host,
    password: Password,
    beside: Beside,
    commands: Sequence[str],
    *,
    json_lines: bool,
    seconds: float | None,
    settling: tuple[float, bool],
) -> int:
    gctuning.resume()
    deadline = _Deadline(seconds)
    try:
        async with deadline.of_reply():
            link = await _connected(host, password, beside)
            if isinstance(link, int):
                return link
            try:
                await link.introduce(output=False)
            except ConnectError as error:
                await link.close()
                print(f"yext: {host.where}: {error}", file=sys.stderr)
                return NOT_CONNECTED
    except TimeoutError:
        print(f"yext: {host.where}: {deadline}", file=sys.stderr)
        return TIMED_OUT
    # A program that reads JSON must find nothing else on standard output.
    link.show_on(PlainView(sys.stderr if json_lines else sys.stdout), ())
    unsubscribe = link.subscribe(run.print_notice)
    link.settling = settling
    try:
        return await _run_all(link, commands, deadline, json_lines=json_lines)
    finally:
        unsubscribe()
        await link.close()


async def _run_all(
    link: AttachedLink, commands: Sequence[str], deadline: _Deadline, *, json_lines: bool
) -> int:
    code = OK
    lines = run.lines(commands)
    try:
        async with deadline.of_reply():
            await link.settle()
        while True:
            async with deadline.of_all():
                line = await anext(lines)
            before = time.perf_counter()
            reply = await _reply(link, line, deadline)
            seconds_taken = time.perf_counter() - before
            run.show(link.secrets.hide(line), reply, seconds_taken, json_lines=json_lines)
            code = code or exit_code(reply)
            # Notices about a command come in the turn of the loop after its reply.
            await asyncio.sleep(0)
            if not link.closing:
                async with deadline.of_reply():
                    await link.settle()
            code = code or (FAILED if link.failed else OK)
            if link.closing or code == TIMED_OUT:
                return code
    except StopAsyncIteration:
        return code
    except TimeoutError:
        print(f"yext: {deadline}", file=sys.stderr)
        return TIMED_OUT


async def _reply(link: AttachedLink, line: str, deadline: _Deadline) -> Reply:
    """Return the reply to one command; a failed one when none has come by the deadline."""
    try:
        async with deadline.of_reply():
            return await link.run(line)
    except TimeoutError:
        text = f"{link.secrets.hide(line)}: {deadline}"
        return Reply(False, f"{text}\r\n", {"reason": text, "error": "timeout"})
