"""Run ``yext`` as ``python -m console`` in a checkout."""

from yext.console.cli.main import main

raise SystemExit(main())
