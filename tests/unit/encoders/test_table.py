from __future__ import annotations

from dataclasses import replace

import pytest

from vmafkit import encoders
from vmafkit.errors import CapabilityMissing, UsageError


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("x264", "libx264"),
        ("X265", "libx265"),
        ("svt-av1", "libsvtav1"),
        ("svtav1", "libsvtav1"),
        ("av1", "libsvtav1"),
        ("aom", "libaom-av1"),
        ("vp9", "libvpx-vp9"),
        ("vvenc", "libvvenc"),
        ("rav1e", "librav1e"),
        (" kvazaar ", "libkvazaar"),
    ],
)
def test_aliases(alias: str, name: str):
    assert encoders.get(alias).name == name


def test_unknown_names_near_ones_and_lists_all():
    with pytest.raises(UsageError, match="no encoder 'libx2645'") as caught:
        encoders.get("libx2645")
    assert "did you mean libx26" in caught.value.hint
    assert all(name in caught.value.hint for name in encoders.TABLE)


def test_unknown_and_far_off_still_lists():
    with pytest.raises(UsageError) as caught:
        encoders.get("")
    assert caught.value.hint.startswith("there are: libx264")


def test_register_and_unregister():
    mine = replace(encoders.get("libx264"), name="mine", aliases=("my-own",))
    encoders.register(mine)
    try:
        assert encoders.get("my-own") is mine and "mine" in encoders.names()
    finally:
        encoders.unregister("mine")
    assert "mine" not in encoders.names()
    encoders.unregister("mine")


def test_a_line_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(encoders.TABLE, "ghost", "no_such_module_here:ENCODER")
    with pytest.raises(CapabilityMissing, match="ghost"):
        encoders.get("ghost")
    assert encoders.get("libx264").name == "libx264"


def test_a_line_that_names_no_encoder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(encoders.TABLE, "wrong", "vmafkit.encoders:names")
    with pytest.raises(TypeError):
        encoders.get("wrong")
