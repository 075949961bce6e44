#!/bin/sh
# Ends before it has sent a line.
echo "the database is not there" >&2
exit 3
