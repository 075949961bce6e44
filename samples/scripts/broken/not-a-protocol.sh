#!/bin/sh
# Prints for people, which is no line of the protocol.
echo "Hello, world"
