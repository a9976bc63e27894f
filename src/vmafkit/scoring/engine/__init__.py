"""VMAF's six features in this process: one reference picture, many distorted ones."""
