"""What was measured: quality with intervals, verdicts, calibration, latency, memory and size."""
