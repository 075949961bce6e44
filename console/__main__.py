"""``python -m console`` is the same as ``yext``."""

from console.cli import main

raise SystemExit(main())
