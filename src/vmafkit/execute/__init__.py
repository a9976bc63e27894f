"""Doing: runs the trials of a plan."""
