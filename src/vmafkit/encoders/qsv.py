"""Quick Sync Video: H.264, HEVC, AV1 and VP9 on Intel GPUs."""

from __future__ import annotations

from vmafkit.encoders.base import (
    Encoder,
    EncodeSettings,
    Quality,
    command,
    no_version,
    slower_by_one,
)

_PRESETS = ("veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


def _no_threads(threads: int) -> tuple[str, ...]:
    del threads
    return ()


def _make(codec: str, default: int, pix_fmts: tuple[str, ...]) -> Encoder:
    name = f"{codec}_qsv"
    quality = Quality("global_quality", 1, 51, 1, default, higher_is_better=False)

    def args(settings: EncodeSettings) -> tuple[str, ...]:
        level = quality.word(settings.quality)
        words = ("-preset", settings.preset, "-global_quality", level)
        return command(name, settings, words, threads=_no_threads)

    return Encoder(
        name=name,
        codec=codec,
        quality=quality,
        presets=_PRESETS,
        default_preset="medium",
        pix_fmts=pix_fmts,
        args=args,
        version_from_log=no_version,
        aliases=(f"qsv-{codec}",),
        hardware="intel",
        threads_args=_no_threads,
        install_hint="it needs an Intel GPU with Quick Sync and its oneVPL runtime",
        still_better_preset=slower_by_one(_PRESETS, last="veryslow"),
    )


H264 = _make("h264", 23, ("nv12",))
HEVC = _make("hevc", 25, ("nv12", "p010le"))
AV1 = _make("av1", 28, ("nv12", "p010le"))
VP9 = _make("vp9", 28, ("nv12", "p010le"))
