"""Metrics of an engine for monitoring: ``[metrics]`` of yext.conf."""
