"""The table of session commands, in the order that `help` lists them."""

from __future__ import annotations

from yext.console.commands.command import SessionCommand
from yext.console.commands.flow import FLOW
from yext.console.commands.lines.transcript import TRANSCRIPT
from yext.console.commands.message import BUS
from yext.console.commands.messages.intercept import INTERCEPT
from yext.console.commands.operator import OPERATOR
from yext.console.commands.yate import YATE

TABLE: tuple[SessionCommand, ...] = (*YATE, *FLOW, *BUS, *INTERCEPT, *OPERATOR, TRANSCRIPT)
