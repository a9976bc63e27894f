"""The verbs of `vmaf-train`: one file each, one call of the library each."""
