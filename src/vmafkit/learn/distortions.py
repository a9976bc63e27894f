"""How the distorted sides of a made corpus come about: all software encoders, and filters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """One encode: an encoder, its preset, its quality value, and the encoded share of each side."""

    encoder: str
    preset: str
    quality: float
    scale: float = 1.0

    @property
    def label(self) -> str:
        """A short name that differs for every setting."""
        scale = "" if self.scale == 1.0 else f"_x{self.scale:g}"
        return f"{self.encoder}_{self.preset}_{self.quality:g}{scale}"


def _settings(
    encoder: str, preset: str, full: tuple[float, ...], half: tuple[float, ...] = ()
) -> tuple[Setting, ...]:
    return (
        *(Setting(encoder, preset, value) for value in full),
        *(Setting(encoder, preset, value, 0.5) for value in half),
    )


SETTINGS: tuple[Setting, ...] = (
    *_settings("libx264", "veryfast", (10, 16, 20, 24, 28, 33, 38, 44, 51), (20, 30, 40)),
    Setting("libx264", "veryfast", 28, 0.25),
    Setting("libx264", "veryfast", 22, 0.75),
    Setting("libx264", "veryfast", 34, 0.75),
    *_settings("libx265", "fast", (14, 22, 28, 34, 40, 48), (26, 36)),
    *_settings("libsvtav1", "10", (12, 26, 38, 50, 63), (30, 52)),
    *_settings("libaom-av1", "8", (14, 34, 50, 63), (40,)),
    *_settings("libvpx-vp9", "5", (14, 32, 46, 60), (40,)),
    *_settings("librav1e", "10", (40, 90, 150, 230)),
    *_settings("libvvenc", "faster", (20, 29, 38, 47), (33,)),
    *_settings("libkvazaar", "ultrafast", (15, 25, 35, 45), (30,)),
)

# What no encoder does: sharper, softer, noisier or flatter pictures, and a lost frame.
FILTERS: dict[str, str] = {
    "sharpen": "unsharp=5:5:0.6",
    "sharpen_more": "unsharp=7:7:1.2",
    "contrast": "eq=contrast=1.12",
    "flat": "eq=contrast=0.8",
    "blur": "gblur=0.6",
    "blur_more": "gblur=1.5",
    "noise": "noise=all_seed=77:alls=6:allf=t",
    "noise_more": "noise=all_seed=78:alls=22:allf=t",
    "median": "median=2",
    "deblock": "deblock=filter=strong:block=8",
    "posterize": "lutyuv=y='bitand(val,240)'",
    "pixels": "pixelize=w=4:h=4",
    "late": "tpad=start=1:start_mode=clone,trim=end_frame={frames}",
    "same": "null",
}

# Pictures above this size get every third setting: their frames cost most and teach no more.
_LARGE_PX = 500_000

RECIPES: dict[str, tuple[tuple[Setting, ...], tuple[str, ...]]] = {
    "full": (SETTINGS, tuple(FILTERS)),
    "encoders": (SETTINGS, ()),
    "crf35": ((Setting("libx264", "medium", 35),), ()),
    "quick": (
        (
            Setting("libx264", "veryfast", 20),
            Setting("libx264", "veryfast", 35),
            Setting("libx264", "veryfast", 30, 0.5),
            Setting("libx265", "ultrafast", 40),
        ),
        ("blur",),
    ),
}


def settings_for(recipe: str, width: int, height: int) -> tuple[Setting, ...]:
    """The settings of a recipe for pictures of this size."""
    settings = RECIPES[recipe][0]
    return settings[::3] if width * height > _LARGE_PX else settings


def filters_for(recipe: str, frames: int) -> dict[str, str]:
    """Label to filter text for a clip of so many frames."""
    return {name: FILTERS[name].format(frames=frames) for name in RECIPES[recipe][1]}
