"""The verbs of `vmaf-harness`."""
