"""The arguments that tools share, with what a client is told of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import Field

Ctx = Context[Any, Any]

VideoPath = Annotated[
    str,
    Field(description="a video file: absolute, or relative to a root", max_length=4096),
]
FilePath = Annotated[
    str, Field(description="a file: absolute, or relative to a root", max_length=4096)
]
BareName = Annotated[
    str | None,
    Field(description="a bare file name; the server puts it into a new folder", max_length=120),
]
Background = Annotated[
    bool, Field(description="answer at once with a job id; job_status tells the rest")
]
Width = Annotated[int | None, Field(ge=1, le=32768, description="of a raw file, in samples")]
Height = Annotated[int | None, Field(ge=1, le=32768, description="of a raw file, in lines")]
PixFmt = Annotated[
    str | None, Field(pattern=r"^[a-z0-9]{1,24}$", description="of a raw file, such as yuv420p")
]
Framerate = Annotated[
    str | None,
    Field(pattern=r"^[0-9]{1,9}([./][0-9]{1,9})?$", description="of a raw file: 25, 30000/1001"),
]
Display = Annotated[
    str | None,
    Field(
        pattern=r"^[0-9]{1,5}x[0-9]{1,5}$",
        description="WIDTHxHEIGHT that both sides are compared at; left out: the reference's",
    ),
]
Statistic = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9_.]{1,24}$", description="mean, harmonic_mean, min, max, median, p5 .."
    ),
]
Model = Annotated[
    str | None,
    Field(
        pattern=r"^[A-Za-z0-9_.]{1,64}$",
        description="a VMAF model's id or alias, see list_models; left out: the usual one",
    ),
]
Encoder = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$", description="see list_encoders")]
Encoders = Annotated[list[Encoder], Field(max_length=16)]
Preset = Annotated[
    str | None,
    Field(pattern=r"^[A-Za-z0-9_-]{1,24}$", description="the encoder's word; its default if not"),
]
Targets = Annotated[
    list[Annotated[str, Field(max_length=80)]],
    Field(max_length=8, description="such as 93, vmaf:p5>=90, xpsnr>=40; all must hold"),
]
ScoreBackend = Annotated[
    Literal["auto", "engine", "libvmaf"],
    Field(
        description="what scores: libvmaf in ffmpeg; engine, in this process; auto: the engine "
        "where it is built and proven for what is asked, else libvmaf"
    ),
]
Amount = Annotated[str | None, Field(pattern=r"^[0-9.]{1,12}[kKMGmg%]?[A-Za-z]{0,4}$")]
Samples = Annotated[int | None, Field(ge=1, le=64, description="windows that are measured")]
Seconds = Annotated[float | None, Field(gt=0, le=3600)]
Full = Annotated[bool, Field(description="measure the whole source")]
Quality = Annotated[
    list[Annotated[str, Field(pattern=r"^[0-9.:,]{1,60}$")]],
    Field(max_length=32, description="values of the encoder's knob, such as 18:40:2"),
]
Split = Literal["train", "val", "test", "all"]
TinyModel = Annotated[
    str, Field(description="a tiny model's id, or an .onnx file below a root", max_length=4096)
]
