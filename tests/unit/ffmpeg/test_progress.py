"""The parser of `-progress`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vmafkit.ffmpeg.progress import Progress, ProgressParser
from vmafkit.ffmpeg.run import last_words


def reports(lines: list[str]) -> list[Progress]:
    found: list[Progress] = []
    parser = ProgressParser(found.append)
    for line in lines:
        parser.feed(line)
    return found


def test_blocks_become_reports() -> None:
    text = "frame=3\nfps=12.50\nbitrate=N/A\nprogress=continue\nframe= 7\nfps=0.0\nprogress=end\n"
    assert reports(text.splitlines()) == [Progress(3, 12.5, False), Progress(7, 0.0, True)]


def test_odd_values_are_nothing() -> None:
    text = "frame=N/A\nfps=nan\nprogress=continue\nframe=-5\nfps=inf\nprogress=end"
    assert reports(text.splitlines()) == [Progress(0, 0.0, False), Progress(0, 0.0, True)]


@given(st.lists(st.text(max_size=30) | st.sampled_from(["progress=end", "frame=9" * 50, "="])))
def test_any_text_is_survived(lines: list[str]) -> None:
    for report in reports(lines):
        assert report.frame >= 0 and report.frames_per_s >= 0


@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 1e6)), max_size=20))
def test_what_was_written_is_read(blocks: list[tuple[int, float]]) -> None:
    lines = [
        line
        for frame, fps in blocks
        for line in (f"frame={frame}", f"fps={fps:.2f}", "speed=1x", "progress=continue")
    ]
    found = reports(lines)
    assert [report.frame for report in found] == [frame for frame, _ in blocks]


def test_the_line_that_tells_the_cause_is_found() -> None:
    log = (
        "[libx264 @ 0x55] baseline profile doesn't support 4:4:4\n"
        "[vost#0:0/libx264 @ 0x56] Error while opening encoder - maybe incorrect parameters\n"
        "Conversion failed!\n"
    )
    assert last_words(log) == "baseline profile doesn't support 4:4:4"
    log = "Unrecognized option 'nosuch:v'.\nError splitting the argument list: Option not found\n"
    assert last_words(log) == "Unrecognized option 'nosuch:v'."
    assert last_words("") == "it printed no message"
