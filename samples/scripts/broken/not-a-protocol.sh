#!/bin/sh
# Prints a text that is not a line of the protocol.
echo "Hello, world"
