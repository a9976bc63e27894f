"""The tag of a wheel with the engine says what its shared object needs."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.engine_kit import library

from vmafkit.scoring.engine.native import Library

__all__ = ["library"]

_HOOK = Path(__file__).parents[3] / "hatch_build.py"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build hook; hatchling, which only a build has, is stood in for."""
    name = "hatchling.builders.hooks.plugin.interface"
    words = name.split(".")
    for count in range(1, len(words) + 1):
        module: Any = ModuleType(".".join(words[:count]))
        module.BuildHookInterface = dict
        monkeypatch.setitem(sys.modules, module.__name__, module)
    spec = spec_from_file_location("hook_under_test", _HOOK)
    assert spec is not None and spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def elf(*words: str) -> bytes:
    return b"\x7fELF\0" + b"\0".join(word.encode() for word in words) + b"\0code"


@pytest.mark.parametrize(
    ("words", "tag"),
    [
        (["libc.so.6", "GLIBC_2.2.5"], "manylinux_2_5_x86_64"),
        (["libc.so.6", "GLIBC_2.2.5", "GLIBC_2.14", "GLIBC_2.9"], "manylinux_2_14_x86_64"),
        (["libc.so.6", "libpthread.so.0", "GLIBC_2.34", "GLIBC_2.14"], "manylinux_2_34_x86_64"),
        (["libc.so.6", "GLIBC_2.34", "GLIBC_ABI_DT_RELR"], "linux_x86_64"),
        (["libc.so.6", "GLIBC_2.34", "GLIBC_PRIVATE"], "linux_x86_64"),
        (["libc.so.6", "libother.so.1", "GLIBC_2.34"], "linux_x86_64"),
        (["libc.so.6", "libother.so", "GLIBC_2.34"], "linux_x86_64"),
        (["libc.musl-x86_64.so.1"], "linux_x86_64"),
        ([], "linux_x86_64"),
    ],
)
def test_the_newest_of_glibc_that_is_asked_for(
    hook: ModuleType, words: list[str], tag: str
) -> None:
    assert hook.platform_tag(elf(*words)) == tag


def test_the_engine_itself_asks_for_glibc_alone(hook: ModuleType, library: Library) -> None:
    assert hook.platform_tag(library.path.read_bytes()).startswith("manylinux_2_")
