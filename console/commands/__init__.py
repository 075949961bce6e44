"""The table of session commands, in the order that `help` lists them."""

from __future__ import annotations

from console.commands.command import SessionCommand
from console.commands.flow import FLOW
from console.commands.lines.transcript import TRANSCRIPT
from console.commands.message import BUS
from console.commands.operator import OPERATOR
from console.commands.yate import YATE

TABLE: tuple[SessionCommand, ...] = (*YATE, *FLOW, *BUS, *OPERATOR, TRANSCRIPT)
