"""Replay: what a script got in a recorded flow, given to another version of it (docs/replay.md)."""
