"""``yext attach``: the shell on a remote yext or a real Yate. ``yext run --attach``: commands."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from console import gctuning
from console.cli import run
from console.cli.exitcodes import NOT_AUTHORISED, NOT_CONNECTED, OK, TIMED_OUT, USAGE, exit_code
from console.client import hosts
from console.client.connection import ConnectError
from console.client.hosts import Host, HostError
from console.client.link import AttachedLink
from console.client.login import LoginError, Password
from yext import Reply


def attach(options: argparse.Namespace) -> int:
    """Run the shell on a remote manager until the operator ends it; return the exit code."""
    try:
        host = _host(options, options.host)
    except HostError as error:
        print(f"yext: {error}", file=sys.stderr)
        return USAGE
    ask = _ask(host) if sys.stdin.isatty() else None
    password = Password(_password_file(options, host), ask)
    return asyncio.run(_shell(host, password, plain=options.plain))


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
        _run(host, password, options.commands, json_lines=options.json, seconds=options.timeout)
    )


def _host(options: argparse.Namespace, name: str) -> Host:
    host = hosts.find(name)
    return replace(host, tls=True) if options.tls else host


def _password_file(options: argparse.Namespace, host: Host) -> str:
    return options.password_file or (
        host.user_password_file if options.user else host.password_file
    )


def _ask(host: Host) -> Callable[[], str]:
    return lambda: getpass.getpass(f"Password of {host.where}: ")


async def _connected(host: Host, password: Password) -> AttachedLink | int:
    """Return a connected link, or print why there is none and return the exit code."""
    link = AttachedLink(host, password)
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


async def _shell(host: Host, password: Password, *, plain: bool) -> int:
    from console.shell import shell
    from console.shell.terminal import detect_capabilities

    link = await _connected(host, password)
    if isinstance(link, int):
        return link
    try:
        await link.introduce()
        code = await shell.run(link, detect_capabilities(), plain=plain)
        return NOT_AUTHORISED if link.refused else code
    except ConnectError as error:
        print(f"yext: {host.where}: {error}", file=sys.stderr)
        return NOT_CONNECTED
    finally:
        await link.close()


async def _run(
    host: Host, password: Password, commands: Sequence[str], *, json_lines: bool, seconds: float
) -> int:
    gctuning.resume()
    link = await _connected(host, password)
    if isinstance(link, int):
        return link
    code = OK
    try:
        async for line in run.lines(commands):
            before = time.perf_counter()
            reply = await _reply(link, line, seconds)
            seconds_taken = time.perf_counter() - before
            run.show(link.secrets.hide(line), reply, seconds_taken, json_lines=json_lines)
            code = code or exit_code(reply)
            if link.closing or code == TIMED_OUT:
                break
    finally:
        await link.close()
    return code


async def _reply(link: AttachedLink, line: str, seconds: float) -> Reply:
    """Return the reply to one command; a failed one when none has come after `seconds`."""
    try:
        return await asyncio.wait_for(link.run(line), seconds)
    except TimeoutError:
        text = f"{link.secrets.hide(line)}: no answer in {seconds:g} s"
        return Reply(False, f"{text}\r\n", {"reason": text, "error": "timeout"})
