"""The log as JSON objects, one a line: `yext serve --log-json`; docs/json.md has their names."""

from __future__ import annotations

import json
import logging

from yext.log import FAIL, NOTE, WARN, Event, safe

_LEVELS = {logging.CRITICAL: FAIL, logging.ERROR: WARN, logging.WARNING: WARN}
"""Debug levels of what is no event, by its level in `logging`."""


class JsonFormatter(logging.Formatter):
    """Formats each record as an object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        found = getattr(record, "yate_event", None)
        values: dict[str, object] = {"when": round(record.created, 6)}
        if isinstance(found, Event):
            values |= {"kind": found.kind, "level": found.level, "source": safe(found.source)}
            values["text"] = safe(found.text, keep="\t\r\n")
            if found.lines:
                values["lines"] = [safe(line, keep="\t") for line in found.lines]
        else:
            name = record.name.removeprefix("yext").lstrip(".") or "engine"
            level = _LEVELS.get(record.levelno, NOTE)
            text = safe(record.getMessage(), keep="\t")
            values |= {"kind": "log", "level": level, "source": name, "text": text}
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            values["traceback"] = [safe(line, keep="\t") for line in trace.split("\n")]
        return json.dumps(values)
