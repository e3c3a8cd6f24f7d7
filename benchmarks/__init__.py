"""Speed, measured beside peers in one run: ``python -m benchmarks.NAME``; the last line is ``ratio: …``."""
