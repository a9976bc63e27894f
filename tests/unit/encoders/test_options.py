from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmafkit.encoders.options import checked_options, encoder_options, join_params
from vmafkit.errors import UsageError

BANNED_TEXT = """
i f map filter filter_script filter_complex filter:v vf af lavfi attach dump_attachment
init_hw_device protocol_whitelist format_whitelist y n passlogfile stats vstats_file report
progress sdp_file c codec vcodec metadata t ss to fs frames r s pass bsf map_metadata hwaccel
stream_loop force_key_frames nostats nostdin x265-stats opencl load_plugins crf qp preset b
pix_fmt filter_hw_device filter_threads print_graphs_file an vn streamid timecode vstats dump
recast_media
"""
BANNED = BANNED_TEXT.split()
BANNED_SUB_TEXT = """
stats csv qpfile cqmfile cqm analysis-save analysis-load analysis_reuse_file dump-yuv recon stat
zonefile lambda-file scaling-list config fgs-table film-grain-table vmaf_model_path opencl
opencl-clbin recon-y4m-exec dolby-vision-rpu dhdr10-info nalu-file partition_info_path roi debug
pass input output crf qp preset RCStatsFile QPFILE qp-file Stat_File fast-coeff-table
"""
BANNED_SUB = BANNED_SUB_TEXT.split()
PARAMS = [
    "x264-params",
    "x265-params",
    "svtav1-params",
    "aom-params",
    "vvenc-params",
    "rav1e-params",
    "kvazaar-params",
    "x264opts",
    "X265-Params",
    "qsv_params",
]


def test_a_pair_becomes_an_option_and_its_value():
    assert encoder_options(["bf=4", "tune=film"]) == ("-bf:v", "4", "-tune:v", "film")
    assert encoder_options(["x264-params=aq-mode=3:deblock=-1"]) == (
        "-x264-params:v",
        "aq-mode=3:deblock=-1",
    )
    assert encoder_options(["profile=main"]) == ("-profile:v", "main")
    assert encoder_options([]) == ()


@pytest.mark.parametrize("key", BANNED)
def test_banned_words(key: str):
    for word in (key, key.upper()):
        with pytest.raises(UsageError, match="--enc") as caught:
            encoder_options([f"{word}=1"])
        assert caught.value.hint


@pytest.mark.parametrize("key", BANNED_SUB)
@pytest.mark.parametrize("params", PARAMS)
def test_banned_sub_keys(params: str, key: str):
    separator = "," if params.startswith("kvazaar") else ":"
    for word in (key, key.upper(), key.replace("-", "_")):
        for text in (f"{word}=x", f"aq-mode=1{separator}{word}=x", word):
            with pytest.raises(UsageError, match="--enc"):
                encoder_options([f"{params}={text}"])


@pytest.mark.parametrize(
    "pair",
    [
        "bf", "=4", "bf=", "-i=x", "/filter=x", "b:v=1", "bf 4=1", "x264-params=", "bf=1\n-i",
        "bf=1\0", "é=1", "flags=+pass1", "x264-params=st\\ats=x", "x264-params='stats=x'",
        "x264-params=aq='a", "x265-params=zones=/etc/passwd", "x264-params=:", "x265-params=a=..",
        "x265-params=film-grain=model.bin", "aom-params=a=file://x", "x264-params=a=1:: b=2",
    ],
)  # fmt: skip
def test_malformed_or_unsafe_pairs(pair: str):
    with pytest.raises(UsageError):
        encoder_options([pair])


@pytest.mark.parametrize(
    "pair",
    [
        "profile=main10", "tune=grain", "g=48", "bf=3", "refs=4", "direct-pred=auto", "deblock=0:0",
        "svtav1-params=film-grain=8:tune=0", "x265-params=direct=1:profile=main", "usage=good",
        "static-thresh=10", "rc-lookahead=32", "multipass=fullres", "preanalysis=1", "unidir_b=1",
        "single_sei_nal_unit=1", "x264-params=zones=0,4,b=0.5/5,9,b=2", "tiles=2x2", "flags=+cgop",
        "kvazaar-params=sao=off,deblock=0:0", "x265-params=psy-rd=2.0:aq-mode=3",
    ],
)  # fmt: skip
def test_what_people_use_passes(pair: str):
    key, _, value = pair.partition("=")
    assert encoder_options([pair]) == (f"-{key}:v", value)


@pytest.mark.parametrize(
    "words", [("-bf:v",), ("-i", "x"), ("-bf:v", ""), ("-stats:v", "x"), ("bf", "1")]
)
def test_checked_options_refuses_what_was_not_built(words: tuple[str, ...]):
    with pytest.raises(UsageError):
        checked_options(words)


def test_join_params_keeps_both():
    words = ("-x265-params", "pools=1", "-crf", "3", "-x265-params:v", "aq-mode=1", "-bf:v", "4")
    assert join_params(words) == ("-x265-params", "pools=1:aq-mode=1", "-crf", "3", "-bf:v", "4")
    kvazaar = ("-kvazaar-params", "qp=3", "-kvazaar-params", "sao=off")
    assert join_params(kvazaar) == ("-kvazaar-params", "qp=3,sao=off")


SPICE = st.sampled_from(["-", "/", ":", ":v", "=", " ", "\\", "'", "\n", "-i", "no", "_", ".", ""])
WORDS = st.one_of(
    st.sampled_from([*BANNED, *BANNED_SUB, *PARAMS, "bf", "g", "tune", "aq-mode", "profile"]),
    st.text(max_size=8),
    st.from_regex(r"[a-zA-Z][a-zA-Z0-9_.-]{0,12}", fullmatch=True),
)
KEYS = st.builds(lambda a, w, b: f"{a}{w}{b}", st.one_of(st.just(""), SPICE), WORDS,
                 st.one_of(st.just(""), SPICE))  # fmt: skip
VALUES = st.lists(
    st.one_of(WORDS, SPICE, st.builds(lambda k, v: f"{k}={v}", WORDS, WORDS)), max_size=4
).flatmap(lambda parts: st.sampled_from([":", ",", ""]).map(lambda s: s.join(parts)))
CASES = st.sampled_from([str, str.upper, str.title])
PAIRS = st.builds(
    lambda key, value, case: case(f"{key}={value}"),
    st.one_of(KEYS, st.sampled_from(PARAMS)), VALUES, CASES,
)  # fmt: skip
SAFE_WORD = re.compile(r"-[a-zA-Z][a-zA-Z0-9_.-]*:v")
SUB_NAMES = {re.sub("[-_.]", "", key.lower()) for key in BANNED_SUB}


@settings(max_examples=5000, deadline=None)
@given(st.lists(PAIRS, max_size=3))
def test_user_text_stands_only_in_value_places(pairs: list[str]):
    try:
        words = encoder_options(pairs)
    except UsageError as error:
        assert error.hint
        return
    assert len(words) == 2 * len(pairs)
    for pair, option, value in zip(pairs, words[::2], words[1::2], strict=True):
        assert SAFE_WORD.fullmatch(option)
        key = option[1:-2]
        assert key.lower() not in BANNED
        assert pair == f"{key}={value}" and value
        assert "\n" not in value and "\0" not in value
        if key.lower().endswith(("params", "opts")):
            separator = "," if key.lower().startswith("kvazaar") else ":"
            inside = [part.partition("=")[0] for part in value.split(separator)]
            assert not SUB_NAMES & {re.sub("[-_.]", "", name.lower()) for name in inside}
    assert checked_options(words) == words
    bare = join_params(words)[::2]
    assert all(SAFE_WORD.fullmatch(w if w.endswith(":v") else f"{w}:v") for w in bare)
