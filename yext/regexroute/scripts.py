"""Whether the scripts that rules lead calls to would start: by the rules and words of a start."""

from __future__ import annotations

from yext.bus import Bus
from yext.extmodule import settings
from yext.extmodule.calls import METHODS
from yext.extmodule.diagnosis import diagnose
from yext.extmodule.script import spawn


class ScriptCheck:
    """Finds out why scripts would not start, once for each.

    Args:
        bus: the bus, with the module that starts scripts.
    """

    def __init__(self, bus: Bus) -> None:
        self._loaded = "extmodule" in bus.modules
        self._settings = settings.read(bus.read_conf("extmodule"), bus.run_params)
        self._known: dict[tuple[str, str], str] = {}

    def why_not(self, method: str, script: str) -> str:
        """Return why a call by ``external/METHOD/SCRIPT`` would fail, empty if it would not."""
        if not self._loaded:
            return f"{script} would not start: the module extmodule is not loaded"
        if method not in METHODS:
            return f"'{method}' is none of {', '.join(METHODS)}"
        found = self._known.get((method, script))
        if found is None:
            failure = diagnose.check(
                spawn.resolve(script, self._settings.options.scripts_dir),
                script=script,
                source=self._settings.look_up(script),
            )
            found = self._known[method, script] = "" if failure is None else failure.one_line()
        return found
