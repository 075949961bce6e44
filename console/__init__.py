"""The operator's console: interactive shell, remote manager, batch runs."""

DEFAULT_PORT = 5038
"""The TCP port of a remote manager, as in Yate."""
