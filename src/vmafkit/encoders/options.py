"""The user's own encoder options: their text becomes values, never words of the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vmafkit.errors import UsageError

_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_.-]*")
_BUILT = re.compile(r"-([a-zA-Z][a-zA-Z0-9_.-]*):v")
_PARAMS = re.compile(r".*(?:params|opts|options|parameters)", re.IGNORECASE)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Every word that ffmpeg itself reads before an encoder sees it, and those of its muxers that
# name files. `profile`, `content_light` and `mastering_display` stay: they only describe.
_FFMPEG_WORDS = _set(
    """
    abort_on accurate_seek ab ac acodec ad af aframes alpha an apad apply_cropping apre aq ar
    aspect atag attach auto_conversion_filters autorotate autoscale benchmark benchmark_all
    bitexact bits_per_raw_sample bsf bsfs buildconf c canvas_size ch_layout channel_layout
    chroma_intra_matrix codec codecs colors copy_unknown copyinkf copypriorss copytb copyts
    cpucount cpuflags dcodec debug_ts decoders demuxers devices dframes discard display_hflip
    display_rotation display_vflip disposition dn drop_changed dts_delta_threshold
    dts_error_threshold dump dump_attachment enc_time_base encoders f ffmpeg ffplay ffprobe filter
    filter_buffered_frames filter_complex filter_complex_script filter_complex_threads
    filter_hw_device filter_script filter_threads filters find_stream_info fix_sub_duration
    fix_sub_duration_heartbeat force_fps force_key_frames format format_whitelist formats fpre
    fps_mode fpsmax frame_drop_threshold frames fs guess_layout_max h help hex hide_banner hwaccel
    hwaccel_device hwaccel_output_format hwaccels i ignore_unknown init_hw_device inter_matrix
    intra_matrix isync itsoffset itsscale lavfi layouts license loglevel map map_chapters
    map_metadata max_alloc max_error_rate max_muxing_queue_size metadata movflags muxdelay muxers
    muxing_queue_data_threshold muxpreload n o overwrite pass passlogfile pix_fmts pre
    print_graphs print_graphs_file print_graphs_format program progress protocol_whitelist
    protocols qphist qsv_device r rc_override re readrate readrate_catchup
    readrate_initial_burst recast_media reinit_filter report s sample_fmt sample_fmts scodec
    sdp_file seek_timestamp shortest shortest_buf_duration sinks sn sources spre ss sseof
    start_at_zero stag stats stats_enc_post stats_enc_post_fmt stats_enc_pre stats_enc_pre_fmt
    stats_mux_pre stats_mux_pre_fmt stats_period stdin stream_group stream_loop streamid t tag
    target thread_queue_size time_base timecode timelimit timestamp to top tune_file tvstd v
    vaapi_device vcodec version vf vframes vn vpre vstats vstats_file vstats_version vsync vtag
    xerror y
    """
)
# Compared without - _ . and case, because every library spells its keys in its own way.
_FILE_PARTS = (
    *("file", "path", "table", "stats", "csv", "dump", "recon", "config", "clbin", "exec"),
    *("plugin", "cqm", "analysissave", "analysisload", "analysisreuse", "scalinglist"),
    *("dhdr10info", "dolbyvisionrpu", "ratedistributioninfo", "abrladder", "multiview", "trace"),
    *("whitelist", "input", "output", "debug", "progress", "passlog", "secondpasslog", "outdir"),
)
_FILE_WORDS = _set("stat roi opencl pass passes rcpass numpasses log fastrdsamplingdir")
_X265_FILES = frozenset({"filmgrain", "aomfilmgrain"})
_OURS = {
    "--crf": _set(
        "crf qp cq q qscale globalquality quality qpi qpp qpb b bitrate tbr targetbitrate rc"
    ),
    "--preset": frozenset({"preset", "cpuused", "speed"}),
    "--pix-fmt": frozenset({"pixfmt"}),
}


def encoder_options(pairs: Sequence[str]) -> tuple[str, ...]:
    """argv words from the user's `key=value` pairs: `bf=4` becomes `-bf:v 4`.

    Raises:
        UsageError: a pair is malformed, opens a file, changes streams, or sets what another
            flag already sets.
    """
    words: list[str] = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not _KEY.fullmatch(key) or not value:
            raise UsageError(f"--enc {pair!r} is not key=value", hint="write it as in --enc bf=4")
        _check(key, value)
        words += (f"-{key}:v", value)
    return tuple(words)


def checked_options(words: Sequence[str]) -> tuple[str, ...]:
    """The words, when encoder_options could have made them.

    Raises:
        UsageError: as encoder_options, or for any other words.
    """
    if len(words) % 2:
        raise UsageError(
            "extra encoder words do not pair up", hint="make them with --enc key=value"
        )
    for word, value in zip(words[::2], words[1::2], strict=True):
        built = _BUILT.fullmatch(word)
        if built is None or not value:
            raise UsageError(f"{word!r} is no encoder option", hint="write it as --enc key=value")
        _check(built[1], value)
    return tuple(words)


def join_params(words: Sequence[str]) -> tuple[str, ...]:
    """The words with every repeated `-x265-params` and its like joined into the first.

    ffmpeg keeps only the last of them, so a user's would wipe ours out. Later keys win.
    """
    joined: list[str] = []
    places: dict[str, int] = {}
    for word, value in zip(words[::2], words[1::2], strict=True):
        bare = word.removesuffix(":v").removeprefix("-")
        if not _PARAMS.fullmatch(bare):
            joined += (word, value)
        elif bare in places:
            joined[places[bare]] += _separator(bare) + value
        else:
            places[bare] = len(joined) + 1
            joined += (f"-{bare}", value)
    return tuple(joined)


def _separator(option: str) -> str:
    return "," if option.lower().startswith("kvazaar") else ":"


def _check(key: str, value: str) -> None:
    low = key.lower()
    bare = low.removeprefix("no")
    if low in _FFMPEG_WORDS or bare in _FFMPEG_WORDS or low.startswith("filter"):
        raise _refusal(key, "it is a word of ffmpeg, not of the encoder")
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise _refusal(key, "its value holds a control character")
    _check_name(key, key)
    if "flags" in low and "pass" in value.lower():
        raise _refusal(key, "it writes a file of pass statistics")
    if _PARAMS.fullmatch(key):
        for part in value.split(_separator(key)):
            _check_part(key, part)


def _check_part(option: str, part: str) -> None:
    key, _, value = part.partition("=")
    if not _KEY.fullmatch(key):
        raise _refusal(option, f"{part!r} inside it is not key=value")
    # A quote or a backslash would let a name hide from the check below.
    if any(char in value for char in "\\'\"") or "://" in value or value[:1] in ("/", "~", "."):
        raise _refusal(f"{option} {key}", "its value looks like a path or is quoted")
    _check_name(f"{option} {key}", key)
    if option.lower().startswith("x265") and _normal(key) in _X265_FILES:
        raise _refusal(f"{option} {key}", "it opens a file")


def _check_name(shown: str, key: str) -> None:
    name = _normal(key)
    if name in _FILE_WORDS or any(part in _without_harmless(name) for part in _FILE_PARTS):
        raise _refusal(shown, "it opens or writes a file")
    for flag, names in _OURS.items():
        if name in names:
            raise UsageError(f"--enc {shown} is set by {flag}", hint=f"use {flag}")


def _without_harmless(name: str) -> str:
    return name.replace("profile", "").replace("direct", "")


def _normal(key: str) -> str:
    return re.sub(r"[-_.]", "", key.lower())


def _refusal(shown: str, why: str) -> UsageError:
    return UsageError(
        f"--enc {shown} is refused: {why}",
        hint="--enc takes options of the encoder that neither name files nor change streams",
    )
