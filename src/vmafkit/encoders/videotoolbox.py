"""VideoToolbox: H.264 and HEVC on Apple machines."""

from __future__ import annotations

from vmafkit.encoders.base import Encoder, EncodeSettings, Quality, command, no_version

# Apple's scale runs the other way: 100 is best. Constant quality needs Apple silicon.
_Q = Quality("q", 1, 100, 1, 60, higher_is_better=True)
_PRIO_SPEED = {"speed": "1", "quality": "0"}


def _no_threads(threads: int) -> tuple[str, ...]:
    del threads
    return ()


def _better(preset: str) -> str | None:
    return "quality" if preset == "speed" else None


def _make(codec: str, pix_fmts: tuple[str, ...]) -> Encoder:
    name = f"{codec}_videotoolbox"

    def args(settings: EncodeSettings) -> tuple[str, ...]:
        words = (
            *("-realtime", "0", "-prio_speed", _PRIO_SPEED.get(settings.preset, "0")),
            *("-q:v", _Q.word(settings.quality)),
        )
        return command(name, settings, words, threads=_no_threads)

    return Encoder(
        name=name,
        codec=codec,
        quality=_Q,
        presets=("speed", "quality"),
        default_preset="quality",
        pix_fmts=pix_fmts,
        args=args,
        version_from_log=no_version,
        aliases=(f"videotoolbox-{codec}",),
        hardware="apple",
        threads_args=_no_threads,
        install_hint="it needs macOS on Apple silicon",
        still_better_preset=_better,
    )


H264 = _make("h264", ("yuv420p", "nv12"))
HEVC = _make("hevc", ("yuv420p", "nv12", "p010le"))
