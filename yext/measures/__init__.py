"""Measures of what an engine does: counts, histograms, and families of them for the metrics."""
