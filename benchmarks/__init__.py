"""What the performance figures in the README come from: `python -m benchmarks`."""
