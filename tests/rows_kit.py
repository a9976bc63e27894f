"""A corpus row for tests that only care for some of its values."""

from __future__ import annotations

from typing import Any

from vmafkit.schema.corpus import CorpusRow


def row(key: str | None, status: int = 0, **changes: Any) -> CorpusRow:
    """The row of a trial with this key."""
    values: dict[str, Any] = {
        "run_id": "r", "timestamp": "2026-01-01T00:00:00Z", "src": "a.mkv", "src_sha256": "00",
        "width": 64, "height": 64, "pix_fmt": "yuv420p", "framerate": 24.0, "duration_s": 1.0,
        "encoder": "libx264", "encoder_version": None, "preset": "fast", "crf": 23.0,
        "extra_params": [], "encode_path": None, "encode_size_bytes": 1, "bitrate_kbps": 1.0,
        "encode_time_ms": 1.0, "vmaf_score": 90.0, "vmaf_model": "vmaf_v0.6.1",
        "score_time_ms": 1.0, "ffmpeg_version": "9", "vmaf_binary_version": "9",
        "exit_status": status, "trial_key": key,
    }  # fmt: skip
    return CorpusRow.model_validate(values | changes)
