"""Which code runs on which processor, and an engine made for another kind of machine."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vmafkit import api
from vmafkit.errors import CapabilityMissing, ToolMissing, UsageError
from vmafkit.scoring.engine import build, native
from vmafkit.scoring.engine.tables import FAMILIES, MACHINES

AVX2 = "fpu sse4_1 avx2 fma f16c"
AVX512 = f"{AVX2} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    native.detect_machine.cache_clear()
    yield
    native.detect_machine.cache_clear()


def pretend(monkeypatch: pytest.MonkeyPatch, machine: str, flags: str = "") -> None:
    """This machine, as the system would tell of another one."""
    text = f"processor\t: 0\nflags\t\t: {flags}\n" if flags else "Features\t: fp asimd\n"
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(Path, "read_text", lambda *_: text)


@pytest.mark.parametrize(
    ("machine", "flags", "best"),
    [
        ("x86_64", AVX512, "avx512"),
        ("x86_64", AVX512.replace("avx512vl", ""), "avx2"),
        ("x86_64", AVX2, "avx2"),
        ("x86_64", AVX2.replace("fma", ""), "x86_64"),
        ("x86_64", "", "x86_64"),
        ("aarch64", "", "arm64"),
        ("aarch64", AVX512, "arm64"),
        ("riscv64", AVX512, ""),
        ("", "", ""),
    ],
)
def test_the_code_that_runs_here(
    monkeypatch: pytest.MonkeyPatch, machine: str, flags: str, best: str
) -> None:
    pretend(monkeypatch, machine, flags)
    assert native.detect_machine() == best


@pytest.mark.parametrize(
    ("machine", "flags", "offered"),
    [
        ("x86_64", AVX512, ("x86_64", "avx2", "avx512")),
        ("x86_64", AVX2, ("x86_64", "avx2")),
        ("aarch64", AVX512, ("arm64",)),
        ("riscv64", AVX512, ()),
    ],
)
def test_code_of_another_family_is_never_offered(
    monkeypatch: pytest.MonkeyPatch, machine: str, flags: str, offered: tuple[str, ...]
) -> None:
    pretend(monkeypatch, machine, flags)
    everything: Any = SimpleNamespace(**{f"motion_8_{name}": None for name in MACHINES})
    assert native.Library(Path("x"), "", 0, everything).machines == offered


def test_every_kind_is_of_one_family() -> None:
    assert sorted(kind for kinds in FAMILIES.values() for kind in kinds) == sorted(MACHINES)


def test_each_machine_is_told_its_own_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VMAFKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(native, "find_library", lambda: None)
    said: dict[str, str] = {}
    for machine in ("x86_64", "aarch64", "riscv64"):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        with pytest.raises(CapabilityMissing, match="is not built") as caught:
            native.load()
        said[machine] = caught.value.hint
    assert "pip install halide" in said["x86_64"]
    assert "--machine arm64 --output" in said["aarch64"]
    assert str(native.cached_folder() / native.LIBRARY_NAME) in said["aarch64"]
    assert "there is no engine for riscv64" in said["riscv64"]


def test_what_is_for_another_machine_goes_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(UsageError, match="no use for it") as caught:
        api.build_engine(machine="arm64")
    assert "--output" in caught.value.hint
    with pytest.raises(UsageError, match="no such machine"):
        api.build_engine(machine="arm")


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(build, "find_spec", lambda name: SimpleNamespace(origin=str(tmp_path)))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ToolMissing, match="no C compiler") as caught:
        build.build(tmp_path, machines=["arm64"])
    assert "aarch64-linux-gnu-gcc" in caught.value.hint
    with pytest.raises(UsageError, match="no one shared object"):
        build.build(tmp_path, machines=["avx2", "arm64"])


@pytest.mark.slow
def test_an_engine_for_arm_is_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := build.missing_tools(["arm64"]):
        pytest.skip(missing)
    made = api.build_engine(machine="arm64", output=tmp_path / "arm.so")
    assert made.path == tmp_path / "arm.so" and made.machine == "arm64"
    data = made.path.read_bytes()
    is_little_64_bit_elf, of_shared_object, of_aarch64 = data[:6], data[16:18], data[18:20]
    assert is_little_64_bit_elf == b"\x7fELF\x02\x01"
    assert (of_shared_object, of_aarch64) == (b"\x03\x00", b"\xb7\x00")
    assert native.source_hash().encode() in data
    names = {"vmafkit_run", "motion_8_arm64_argv", "adm_kept_arm64_argv", "vif_scene_arm64_argv"}
    assert all(b"\0" + name.encode() + b"\0" in data for name in names)
    assert b"_avx2" not in data
    if platform.machine() == "x86_64":
        with pytest.raises(CapabilityMissing, match="cannot be loaded"):
            native.load(made.path)
