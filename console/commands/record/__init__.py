"""The commands of ``flow`` about the record: saving it, ladders of its calls, browsing it."""
