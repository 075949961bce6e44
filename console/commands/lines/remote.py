"""Commands of operators of other nodes, carried out as in a session of this one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from yext import Engine, Reply
from yext.log import safe

if TYPE_CHECKING:
    from yext.console.session.session import Session

_audit = logging.getLogger("yext.audit")


def offer(engine: Engine) -> None:
    """Let `engine` carry out the commands of other nodes' operators like those of a session."""

    async def run(operator: str, level: str, line: str) -> Reply:
        return await carry_out(engine, operator, level, line)

    engine.operator_runner = run


async def carry_out(engine: Engine, operator: str, level: str, line: str) -> Reply:
    """Carry out a command line in a session of its own, which may use no files.

    Args:
        operator: the operator, ``NAME@NODE``.
        level: what may be done for it, ``user`` or ``admin``.
        line: the command line.
    """
    # Few nodes are asked for it, and a start must be quick.
    from yext.console.commands import TABLE
    from yext.console.commands.interpreter import Interpreter
    from yext.console.session.authority import Authority
    from yext.console.session.session import Policy, Session

    admin = level == "admin"
    policy = Policy(
        user_commands=_for_users,
        may_execute=admin,
        audit=lambda given, reply: _note(session, given, reply),
        files=(),
    )
    authority = Authority.ADMIN if admin else Authority.USER
    session = Session(engine, operator, f"node {operator}", authority, policy=policy)
    try:
        return await Interpreter(session, TABLE).run(line)
    finally:
        session.close()


def _for_users(line: str) -> bool:
    from yext.cluster.exchange.commanding import is_for_users  # Few consoles share anything.

    return is_for_users(line)


def _note(session: Session, line: str, reply: Reply) -> None:
    """Write a command into the audit, without passwords."""
    outcome = "ok" if reply.ok else f"failed: {reply.params.get('reason', '')}"
    shown = safe(session.secrets.hide(line))
    _audit.info(
        "audit %s %s: %s: %s", session.authority.name.lower(), session.label, shown, outcome
    )
