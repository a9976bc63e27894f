"""Scoring: models, features, backends, and the per-frame result."""
