from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import rbf_kernel

from vmafkit.errors import Unreadable, UsageError
from vmafkit.ffmpeg.locate import find_ffmpeg
from vmafkit.scoring.ensemble import combine
from vmafkit.scoring.model_json import model_json
from vmafkit.scoring.svr import Svr, load_members, load_model, piecewise_linear
from vmafkit.scoring.vmaf_models import TABLE

from .svr_probe import SCALE, magnified, probe, run_models

FloatArray = npt.NDArray[np.float64]
Measured = tuple[Svr, FloatArray, FloatArray, FloatArray]

SINGLE = [model for model in TABLE.values() if not model.ensemble]
# Half of the log's last digit, and what the magnified feature's own last digits add.
LOG_STEP = 5.1e-7


def grain(size: str, pix_fmt: str, frames: int) -> tuple[str, str]:
    """A moving picture with grain, and the same with more of it and less detail as time goes on."""
    base = f"testsrc2=s={size}:r=25,trim=end_frame={frames},format={pix_fmt},noise=alls=6:allf=t"
    back = f"scale={size.replace('x', ':')}:flags=bilinear"
    worse = f"gblur=sigma=0.3,noise=alls=12:allf=t+u,scale=iw/2:-2,{back}"
    mix = f"blend=all_expr='A*(1-N/{frames})+B*N/{frames}'"
    return base, f"{base},split[a][b];[b]{worse}[c];[a][c]{mix}"


def bands(size: str, pix_fmt: str, frames: int) -> tuple[str, str]:
    """A slow gradient beside a test picture; then bands, coarse chroma and a shifted hue."""
    width, height = (int(side) for side in size.split("x"))
    half = f"s={width // 2}x{height}:r=25"
    base = (
        f"gradients={half}:c0=0x202020:c1=0x606060:nb_colors=2:seed=7:speed=0.02,"
        f"format={pix_fmt}[g];testsrc2={half},format={pix_fmt},gblur=sigma=1[t];"
        f"[g][t]hstack,trim=end_frame={frames}"
    )
    worse = (
        "lutyuv=y='bitand(val,1016)',noise=c1s=40:c2s=40:c1f=t:c2f=t,"
        "gblur=sigma=2:enable='gte(n,3)',lutyuv=u=val+20:enable='gte(n,5)'"
    )
    return base, f"{base},{worse}"


def _measure(folder: Path, ids: list[str], pair: tuple[str, str]) -> dict[str, Measured]:
    """For each model: ours, its full-precision features, libvmaf's score, and that magnified."""
    program = find_ffmpeg()
    wanted: dict[str, Any] = {}
    loaded: dict[str, Svr] = {}
    for number, name in enumerate(ids):
        model = TABLE[name]
        data = model_json(name, program)
        loaded[name] = load_model(data, transform=True if model.phone else None)
        words = ["enable_transform=true"] if model.phone else []
        wanted[f"m{number}"] = (data, words)
        wanted[f"x{number}"] = (magnified(json.loads(data)), [])
        for column, feature in enumerate(loaded[name].feature_names):
            options = loaded[name].feature_options[column]
            wanted[f"f{number}_{column}"] = (probe(feature, options), [])
    log = run_models(program, folder, pair, wanted)
    result: dict[str, Measured] = {}
    for number, name in enumerate(ids):
        count = len(loaded[name].features)
        features = np.stack([log[f"f{number}_{c}"] for c in range(count)], axis=-1) / SCALE
        result[name] = (loaded[name], features, log[f"m{number}"], log[f"x{number}"] / 1e6)
    return result


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    old = [model.id for model in SINGLE if not model.ten_bit]
    new = [model.id for model in SINGLE if model.ten_bit]
    folder = tmp_path_factory.mktemp("svr")
    (folder / "old").mkdir()
    (folder / "new").mkdir()
    return {
        **_measure(folder / "old", old, grain("320x180", "yuv420p", 8)),
        **_measure(folder / "new", new, bands("640x360", "yuv420p10le", 8)),
    }


@pytest.mark.parametrize("name", [model.id for model in SINGLE])
def test_equals_libvmaf(measured: dict[str, Measured], name: str) -> None:
    svr, features, score, _ = measured[name]
    assert np.ptp(score) > 5.0
    assert np.abs(svr.predict(features) - score).max() <= LOG_STEP


@pytest.mark.parametrize("name", [model.id for model in SINGLE])
def test_raw_score_equals_libvmaf_to_nine_digits(measured: dict[str, Measured], name: str) -> None:
    _, features, _, raw = measured[name]
    svr = load_model(model_json(name, find_ffmpeg()), transform=False, clip=False)
    assert np.abs(svr.predict(features) - raw).max() <= 1e-9


def test_the_pictures_reach_every_branch(measured: dict[str, Measured]) -> None:
    chroma = np.concatenate([f[:, 1] for s, f, _, _ in measured.values() if s.chroma_correction])
    cambi = np.concatenate([f[:, 0] for s, f, _, _ in measured.values() if s.chroma_correction])
    assert (chroma == 0.0).sum() > 8
    assert (chroma > 1.0).sum() > 8
    assert (cambi > 0.01).sum() > 8
    svr, features, score, _ = measured["vmaf_v0.6.1_phone"]
    assert svr.transform is not None
    assert (score < 100.0).any()
    plain = load_model(model_json("vmaf_v0.6.1", find_ffmpeg()))
    assert (svr.predict(features) > plain.predict(features)).all()


ENSEMBLES = [model.id for model in TABLE.values() if model.ensemble]


@pytest.mark.parametrize("name", ENSEMBLES)
def test_bootstrap_members_and_their_statistics(tmp_path: Path, name: str) -> None:
    program = find_ffmpeg()
    data = model_json(name, program)
    members = load_members(data, clip=False)
    documents = json.loads(data)
    assert len(members) == len(documents) >= 20
    wanted: dict[str, Any] = {
        f"m{i}": (documents[str(i)], ["disable_clip=true"]) for i in range(len(members))
    }
    for column, feature in enumerate(members[0].feature_names):
        wanted[f"f{column}"] = (probe(feature, {}), [])
    log = run_models(program, tmp_path, grain("192x108", "yuv420p", 4), wanted)
    features = np.stack([log[f"f{c}"] for c in range(6)], axis=-1) / SCALE
    ours = [member.predict(features) for member in members]
    for index, scores in enumerate(ours):
        assert np.abs(scores - log[f"m{index}"]).max() <= LOG_STEP
    theirs = combine([log[name] for name in wanted if name[0] == "m"], 0.0, 100.0)
    for part, values in combine(ours, 0.0, 100.0).items():
        assert np.abs(values - theirs[part]).max() <= LOG_STEP
    with pytest.raises(Unreadable, match="collection"):
        load_model(data)


VARIANTS: dict[str, dict[str, Any]] = {
    "knots": {"knots": [[0, 10], [40, 20], [60, 20], [80, 95], [100, 100]]},
    "two_segments": {"knots": [[70, 30], [75, 60], [80, 60]]},
    "one_segment": {"knots": [[70, 30], [75, 60]]},
    "at_least": {"p0": -10.0, "p1": 1.05, "out_gte_in": "true"},
    "at_most": {"p0": -10.0, "p1": 1.12, "out_lte_in": "true"},
    "p1_only": {"p1": 0.5},
    "both": {"p0": 3.0, "knots": [[0, 0], [80, 70], [100, 100]], "out_gte_in": "true"},
}
KERNELS = {
    "linear": "kernel_type linear",
    "polynomial": "kernel_type polynomial\ndegree 3\ngamma 0.3\ncoef0 0.5",
    "sigmoid": "kernel_type sigmoid\ngamma 0.2\ncoef0 0.1",
}


def test_made_models_equal_libvmaf(tmp_path: Path) -> None:
    """Transforms, kernels and a missing norm that no built-in model uses."""
    program = find_ffmpeg()
    base = json.loads(model_json("vmaf_v0.6.1", program))
    wanted: dict[str, Any] = {}
    for name, transform in VARIANTS.items():
        document = json.loads(json.dumps(base))
        document["model_dict"]["score_transform"] = {"enabled": True, **transform}
        wanted[name] = (document, ["disable_clip=true"])
    for name, words in KERNELS.items():
        document = json.loads(json.dumps(base))
        text = document["model_dict"]["model"]
        lines = text.replace("kernel_type rbf\ngamma 0.04", words).splitlines()
        kept = [line for line in lines[: lines.index("SV") + 4] if "total_sv" not in line]
        document["model_dict"]["model"] = "\n".join([kept[0], "total_sv 3", *kept[1:]]) + "\n"
        wanted[name] = (document, ["disable_clip=true"])
    svrs = {name: load_model(json.dumps(d).encode(), clip=False) for name, (d, _) in wanted.items()}
    features = load_model(json.dumps(base).encode()).feature_names
    probes = {f"f{c}": (probe(name, {}), []) for c, name in enumerate(features)}
    log = run_models(program, tmp_path, grain("192x108", "yuv420p", 12), {**wanted, **probes})
    rows = np.stack([log[f"f{c}"] for c in range(6)], axis=-1) / SCALE
    for name, svr in svrs.items():
        assert np.abs(svr.predict(rows) - log[name]).max() <= LOG_STEP, name


def test_equals_a_kernel_machine_of_another_library(measured: dict[str, Measured]) -> None:
    for name in ("vmaf_v0.6.1", "vmaf_v1.0.16_3d0h"):
        svr, features, _, _ = measured[name]
        rows = svr.rescaled(features)
        kernel = rbf_kernel(rows, svr.svm.vectors, gamma=svr.svm.gamma)
        theirs = kernel @ svr.svm.weights - svr.svm.rho
        assert np.abs(svr.svm.decide(rows) - theirs).max() <= 1e-10


def test_table_and_rows_give_the_same(measured: dict[str, Measured]) -> None:
    svr, features, _, _ = measured["vmaf_v0.6.1"]
    short = {name: features[:, i] for i, name in reversed(list(enumerate(svr.features)))}
    logged = {f"integer_{name}": values for name, values in short.items()}
    suffixed = {f"integer_{name}_egl_1": values for name, values in short.items()}
    for table in (short, logged, suffixed):
        assert np.array_equal(svr.predict(table), svr.predict(features))
    with pytest.raises(UsageError, match="motion2 is missing"):
        svr.predict({k: v for k, v in short.items() if k != "motion2"})
    with pytest.raises(UsageError, match="could be any of"):
        svr.predict({**suffixed, "integer_adm2_egl_2": short["adm2"]})
    with pytest.raises(UsageError, match="do not fit"):
        svr.predict(features[:, :5])


def test_blocks_do_not_matter() -> None:
    svr = load_model(model_json("vmaf_v0.6.1", find_ffmpeg()))
    rows = np.random.default_rng(0).uniform(0.3, 1.0, (5000, 6))
    whole = svr.predict(rows)
    assert np.allclose(whole, [svr.predict(row[None])[0] for row in rows], rtol=0, atol=1e-9)


@given(st.floats(-200, 300), st.floats(0.1, 50), st.floats(0, 50), st.floats(0, 50))
def test_knots_by_hand(x: float, step: float, up: float, down: float) -> None:
    knots = ((0.0, 5.0), (step, 5.0 + up), (2 * step, 5.0 + up + down))
    got = piecewise_linear(np.asarray([x]), knots)[0]
    want = 5.0 + up * x / step if x <= step else 5.0 + up + down * (x - step) / step
    assert got == pytest.approx(want, rel=1e-9, abs=1e-9)


BROKEN = [
    b"",
    b"[]",
    b"null",
    b"{}",
    b'{"model_dict": []}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"0": 1}',
    b'{"0": {}, "x": {}}',
]


@pytest.mark.parametrize("data", BROKEN)
def test_what_is_no_model(data: bytes) -> None:
    with pytest.raises(Unreadable):
        load_model(data)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_model_is_refused_or_whole(data: st.DataObject) -> None:
    text = model_json("vmaf_v0.6.1", find_ffmpeg())
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.binary(max_size=6)) + text[at + 3 :]
    try:
        svr = load_model(damaged)
    except Unreadable:
        return
    with np.errstate(all="ignore"):
        assert svr.predict(np.ones((1, len(svr.features)))).shape == (1,)
