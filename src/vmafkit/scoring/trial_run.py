"""Tries a model on a few made frames, to say whether it works here."""

from __future__ import annotations

from pathlib import Path

from vmafkit import fsio
from vmafkit.errors import ScoreFailed
from vmafkit.ffmpeg.run import Job, run_ffmpeg
from vmafkit.proc import Limits
from vmafkit.scoring import graph
from vmafkit.scoring.libvmaf import write_models
from vmafkit.scoring.libvmaf_log import parse_log
from vmafkit.scoring.score import ScoreRequest
from vmafkit.scoring.vmaf_models import VmafModel

_FRAMES = 2
_LIMITS = Limits(wall_s=60.0, hint="it did not answer; name another --ffmpeg-bin")


def try_model(program: Path, model: VmafModel) -> str:
    """Score two made frames; returns libvmaf's version.

    Raises:
        ScoreFailed, CapabilityMissing, ResultInvalid: the model does not work here.
    """
    picture = f"testsrc2=size=640x384:rate=25,trim=end_frame={_FRAMES}"
    pix_fmt = "yuv420p10le" if model.ten_bit else "yuv420p"
    with fsio.scratch_folder() as folder:
        members = write_models(folder, program, [model])
        counts = {index: len(texts) for index, texts in members.items()}
        request = ScoreRequest(models=(model,))
        run_ffmpeg(
            program,
            [
                "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", picture,
                "-filter_complex",
                f"[0:v]format={pix_fmt}[d];[1:v]format={pix_fmt}[r];"
                f"[d][r]{graph.libvmaf_filter(request, counts, 1)}",
                "-f", "null", "-",
            ],
            cwd=folder,
            job=Job(limits=_LIMITS),
            failure=ScoreFailed,
            what=f"model {model.id}",
        )  # fmt: skip
        log = folder / graph.LOG_NAME
        text = log.read_text("utf-8", "replace") if log.is_file() else ""
    return parse_log(text, expected_frames=_FRAMES).version
