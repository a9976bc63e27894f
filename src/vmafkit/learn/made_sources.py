"""Sources made by ffmpeg itself, so that a corpus can be built again on any machine.

Every graph is fixed text of ours with its seed; nothing of a user ever enters one.
"""

from __future__ import annotations

from dataclasses import dataclass

FRAMES = 24
RATE = 25
_SMALL, _MIDDLE, _LARGE = (320, 180), (576, 324), (1280, 720)


@dataclass(frozen=True, slots=True)
class MadeSource:
    """One made clip.

    Attributes:
        name: of the clip.
        content: what it is drawn from; clips of one content stand on one side of a split.
        graph: a lavfi graph that gives `FRAMES` frames or more at `RATE`.
        width, height: of its pictures.
    """

    name: str
    content: str
    graph: str
    width: int = 320
    height: int = 180


def _drawn(kind: str, *rest: str, size: tuple[int, int] = _SMALL) -> str:
    joint = ":" if "=" in kind else "="
    return ",".join((f"{kind}{joint}s={size[0]}x{size[1]}:r={RATE}", *rest))


def _perlin(octaves: int, persistence: float, grain: int, speed: float, seed: int) -> str:
    return (
        f"perlin=octaves={octaves}:persistence={persistence:g}:xscale={grain}:yscale={grain}"
        f":tscale={speed:g}:random_mode=seed:seed={seed}"
    )


def _two(one: str, other: str, blend: str) -> str:
    sides = (_drawn(kind, "format=yuv420p") for kind in (one, other))
    return "{}[a];{}[b];[a][b]".format(*sides) + f"blend=all_{blend}"


def _made(name: str, content: str, *words: str, size: tuple[int, int] = _SMALL) -> MadeSource:
    return MadeSource(name, content, _drawn(*words, size=size), *size)


def _grown(name: str, kind: str, small: tuple[int, int], scale: str) -> MadeSource:
    return MadeSource(name, kind.partition("=")[0], _drawn(kind, scale, size=small))


_CUTS = "expr='if(mod(floor(N/5),2),A,B)'"

SOURCES: tuple[MadeSource, ...] = (
    _made("testsrc2", "testsrc2", "testsrc2"),
    _made("testsrc2_m", "testsrc2", "testsrc2", size=_MIDDLE),
    _made("testsrc2_scroll", "testsrc2", "testsrc2", "scroll=h=0.013:v=0.007"),
    _made("testsrc2_soft", "testsrc2", "testsrc2", "gblur=2", "scroll=h=0.004"),
    _made("testsrc2_flash", "testsrc2", "testsrc2", "negate=enable='mod(n,2)'"),
    _made("mandelbrot", "mandelbrot", "mandelbrot=end_scale=0.05"),
    _made("mandelbrot_m", "mandelbrot", "mandelbrot=start_scale=0.4", size=_MIDDLE),
    _made(
        "mandelbrot_grain",
        "mandelbrot",
        "mandelbrot=start_scale=1",
        "noise=all_seed=3:alls=14:allf=t",
    ),
    _made("mandelbrot_turn", "mandelbrot", "mandelbrot=start_scale=0.7", "rotate=a=n*0.02"),
    _made(
        "mandelbrot_still",
        "mandelbrot",
        "mandelbrot=start_scale=0.3",
        "loop=loop=60:size=1:start=0",
    ),
    _grown("life", "life=seed=5:ratio=0.3", (80, 45), "scale=320:180"),
    _made("life_fine", "life", "life=seed=9:mold=10:life_color=white:death_color=blue:ratio=0.2"),
    _grown("life_soft", "life=seed=7:ratio=0.2", (160, 90), "scale=320:180,gblur=4"),
    _made("cellauto", "cellauto", "cellauto=rule=30:seed=4"),
    _grown("cellauto_soft", "cellauto=rule=110:seed=8", (160, 90), "scale=320:180:flags=bicubic"),
    _made("gradients", "gradients", "gradients=seed=11:n=5:speed=0.02"),
    _made(
        "gradients_grain",
        "gradients",
        "gradients=seed=12:n=4:speed=0.05",
        "noise=all_seed=5:alls=7:allf=t",
    ),
    _made("sierpinski", "sierpinski", "sierpinski=seed=2:jump=4"),
    _made("sierpinski_tri", "sierpinski", "sierpinski=type=triangle:seed=6:jump=60"),
    _made("perlin", "perlin", _perlin(5, 0.7, 8, 1, 3)),
    _made("perlin_m", "perlin", _perlin(6, 0.8, 6, 2, 4), size=_MIDDLE),
    _made("perlin_fast", "perlin", _perlin(4, 0.6, 10, 9, 5)),
    _made("perlin_scroll", "perlin", _perlin(6, 0.75, 12, 0.01, 6), "scroll=h=0.03"),
    _made("perlin_dim", "perlin", _perlin(5, 0.7, 8, 0.5, 7), "eq=contrast=0.3:brightness=-0.2"),
    _made("zoneplate", "zoneplate", "zoneplate=kx2=256:ky2=256:kt=4"),
    _made("zoneplate_slow", "zoneplate", "zoneplate=kx2=60:ky2=90:kt=1:kxt=1"),
    _made("bars_grain", "bars", "smptehdbars", "noise=all_seed=8:alls=25:allf=t+u"),
    _made("bars_scroll", "bars", "smptehdbars", "scroll=h=0.01", "noise=all_seed=9:alls=9"),
    _made("spectrum", "spectrum", "colorspectrum", "scroll=h=0.02,noise=all_seed=4:alls=5"),
    MadeSource(
        "chart", "chart", f"colorchart=r={RATE}:patch_size=54x46,scale=320:180,scroll=h=0.006"
    ),
    MadeSource("cuts", "cuts", _two("testsrc2", _perlin(6, 0.8, 9, 1, 8), _CUTS)),
    MadeSource(
        "mix",
        "mix",
        _two("mandelbrot=start_scale=1.2", _perlin(7, 0.85, 14, 3, 9), "mode=average"),
    ),
    MadeSource(
        "mix_cell",
        "mixcell",
        _two("cellauto=rule=90:seed=14", "gradients=seed=15:n=6:speed=0.1", "mode=softlight"),
    ),
    _made("fade", "fade", "mandelbrot=start_scale=2", "fade=in:0:20,noise=all_seed=21:alls=4"),
    _made("mandelbrot_l", "mandelbrot", "mandelbrot=start_scale=0.9", size=_LARGE),
)
