"""Transcripts, files ``.yext``: what is done to scripts, and what must come of it.

docs/transcripts.md describes the format.
"""
