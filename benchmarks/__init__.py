"""This project beside its peers, on real data; see docs/benchmarks.md."""
