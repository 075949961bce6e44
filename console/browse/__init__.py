"""`flow browse`: the messages on the whole screen. It draws text and takes keys; no terminal."""
