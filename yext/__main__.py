"""Run ``yext`` as ``python -m yext``."""

from yext.console.cli.main import main

raise SystemExit(main())
