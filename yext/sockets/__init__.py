"""Descriptors of sockets and files: how many there may be, and connections that use them up."""
