"""Speed and scale, as ratios to references run in the same minute (docs/performance.md)."""
