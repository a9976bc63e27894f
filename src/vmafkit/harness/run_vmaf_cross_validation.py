"""As a program, the same as `vmaf-harness run-vmaf-cross-validation`."""

from __future__ import annotations

from importlib import import_module

if __name__ == "__main__":
    import_module("vmafkit.cli.harness").run_verb("run-vmaf-cross-validation")
