"""Deciding: pure functions over plans and rows; no process, no file."""
