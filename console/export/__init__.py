"""Recorded messages as files, a format for each ending of a file's name."""
