"""Measurements: ratios of programs that are run side by side, and counts. No test depends on a clock."""
