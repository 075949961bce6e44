"""The ladder of a call as text and as SVG."""
