"""What the machine says of its memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmafkit.execute import machine


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    return tmp_path


def test_the_smaller_of_machine_and_container_counts(told: Path) -> None:
    assert machine.free_memory_bytes() is None
    (told / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    2000 kB\n")
    assert machine.free_memory_bytes() == 2_048_000
    (told / "memory.max").write_text("max\n")
    assert machine.free_memory_bytes() == 2_048_000
    (told / "memory.max").write_text("1000000\n")
    assert machine.free_memory_bytes() == 1_000_000
    (told / "memory.current").write_text("700000\n")
    (told / "memory.stat").write_text("anon 5\ninactive_file 200000\n")
    assert machine.free_memory_bytes() == 500_000
    (told / "memory.current").write_text("9000000\n")
    assert machine.free_memory_bytes() == 0


def test_this_machine_has_some() -> None:
    found = machine.free_memory_bytes()
    assert found is None or found > 10_000_000
