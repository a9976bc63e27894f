"""VideoToolbox: H.264 and HEVC on Apple machines."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, Words
from vmafkit.encoders.parts import on_hardware

# Apple's scale runs the other way: 100 is best. Constant quality needs Apple silicon.
_Q = Quality("q", 1, 100, 1, 60, higher_is_better=True)
_PRIO_SPEED = {"speed": "1", "quality": "0"}


def _make(codec: str, pix_fmts: tuple[str, ...]) -> Encoder:
    def words(settings: EncodeSettings) -> Words:
        return (
            *("-realtime", "0", "-prio_speed", _PRIO_SPEED.get(settings.preset, "0")),
            *("-q:v", _Q.word(settings.quality)),
        )

    return on_hardware(
        "videotoolbox",
        codec,
        _Q,
        words,
        presets=("speed", "quality"),
        default_preset="quality",
        pix_fmts=pix_fmts,
        maker="apple",
        needs="macOS on Apple silicon",
    )


H264 = _make("h264", ("yuv420p", "nv12"))
HEVC = _make("hevc", ("yuv420p", "nv12", "p010le"))
