"""Tiny quality models: data sets, features, splits, fit, export, evaluation."""
