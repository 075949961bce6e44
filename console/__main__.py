"""``python -m console`` is the same as ``yext``."""

from console.cli.main import main

raise SystemExit(main())
