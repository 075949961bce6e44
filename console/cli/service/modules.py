"""The modules that the console adds to an engine for a section of yext.conf."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yext import Engine
    from yext.engine.module import Module


def metrics(engine: Engine) -> Module:
    """Make the module of the metrics, which is imported for its section alone."""
    from yext.metrics.module import Metrics

    return Metrics(engine)
