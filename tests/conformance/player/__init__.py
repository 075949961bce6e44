"""The player of the recorded conversations with Yate 6.4.1, described in ../README.md."""
