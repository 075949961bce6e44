"""``yext test``: transcripts carried out, and what is reported about them (docs/transcripts.md)."""
