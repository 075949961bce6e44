"""Run Yate external modules without Yate.

from yext import Engine, Message

async with Engine("conf") as engine:
    await engine.dispatch(Message("call.route", {"called": "99"}))
"""

# As in typing, which yext-exec would wait 10 ms for.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from yext.command import Reply
    from yext.engine.engine import Engine
    from yext.errors import YextError
    from yext.message import Message
    from yext.version import VERSION as __version__
else:

    def __getattr__(name: str) -> object:
        """Imports what is asked for when it is: the pytest plugin costs no start then."""
        if name not in _HOMES:
            raise AttributeError(f"module 'yext' has no attribute {name!r}")
        import importlib

        module, attribute = _HOMES[name]
        value = getattr(importlib.import_module(module), attribute)
        globals()[name] = value
        return value


_HOMES = {
    "Engine": ("yext.engine.engine", "Engine"),
    "Message": ("yext.message", "Message"),
    "Reply": ("yext.command", "Reply"),
    "YextError": ("yext.errors", "YextError"),
    "__version__": ("yext.version", "VERSION"),
}

__all__ = ["Engine", "Message", "Reply", "YextError", "__version__"]
