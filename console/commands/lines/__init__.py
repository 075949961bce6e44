"""Command lines that hold more than a command: several at once, filters, files."""
