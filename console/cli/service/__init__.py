"""What `yext serve` is for those who start it: its log, its pid file, its service manager."""
