"""Run Yate external modules without Yate.

from yext import Engine, Message

async with Engine("conf") as engine:
    await engine.dispatch(Message("call.route", {"called": "99"}))
"""

from yext.commands import Reply
from yext.engine import VERSION as __version__
from yext.engine import Engine
from yext.errors import YextError
from yext.message import Message

__all__ = ["Engine", "Message", "Reply", "YextError", "__version__"]
