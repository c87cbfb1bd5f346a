"""The public benchmark of the quality of detection: `make bench-quality`, or `python -m benchmarks.quality --quick`."""
