"""``yext passwd``: the hash of a password, to be put into rmanager.conf."""

from __future__ import annotations

import getpass
import sys

from yext.access.passwords import hash_password
from yext.console.cli.exitcodes import FAILED, OK


def passwd() -> int:
    """Ask twice for a password and print its hash; return the exit code.

    Where standard input is no terminal, its first line is the password.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ", stream=sys.stderr)
        if password != getpass.getpass("Again: ", stream=sys.stderr):
            print("The passwords differ; nothing was made.", file=sys.stderr)
            return FAILED
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password.strip():
        print("A blank password is no password; nothing was made.", file=sys.stderr)
        return FAILED
    print(hash_password(password.strip()))
    return OK
