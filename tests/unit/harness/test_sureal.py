"""Recovery of scores against sureal 0.9.0 on the same votes.

The golden values are its own figures for VOTES (18 subjects, 20 stimuli, three votes missing),
written down to nine digits. The tests at the end run it where it is installed.
"""

from __future__ import annotations

import importlib.util
import re

import numpy as np
import pytest

from vmafkit.errors import CapabilityMissing, Refused, UsageError
from vmafkit.harness import opinions, testing
from vmafkit.harness.opinions import Recovered

VOTES = (
    "211115112222121211 212315112231122222 131.23113231321122 111213222231222214 "
    "211224222332231223 222124123323331321 121213234324231333 .42223343333132233 "
    "223312233444442334 234332223234234333 332212344344334234 322331344.52344333 "
    "334335345443333434 233333344453344345 335321354344453345 233332344443344454 "
    "434433445445554434 345435545554554435 344531454544555545 555454555555544455"
)
FILLED = {(2, 3): 2, (7, 0): 2, (11, 9): 3}

# Model and part, then a figure for each stimulus or subject.
GOLDEN_TEXT = """
MLE_CO_AP2 scores:
1.471095467 1.799178521 1.785057856 1.849386984 2.153594287 2.145726081 2.438790563 2.676622438
3.005584771 2.706793277 2.990076662 3.276254547 3.494938656 3.524537811 3.591759906 3.542102986
4.050527312 4.366156246 4.344827009 4.687738465
MLE_CO_AP2 errors:
0.219569143 0.224462263 0.188551541 0.150386528 0.152453671 0.193116215 0.173713197 0.173853326
0.154392276 0.185267132 0.167341083 0.205410879 0.135005907 0.122719761 0.219894739 0.150450504
0.138570783 0.136187737 0.227624978 0.138707888
MLE_CO_AP2 bias:
-0.590743548 -0.345037492 -0.245037492 -0.269246947 -0.745037492 0.054962508 -0.345037492
0.204962508 0.554962508 0.335552879 0.604962508 0.104962508 0.004962508 0.454962508 -0.195037492
-0.045037492 -0.045037492 0.504962508
MLE_CO_AP2 inconsistency:
0.640798214 0.682545577 0.774227929 0.544901061 0.688048722 1.805260224 0.454095010 0.638405053
0.498573974 0.433828597 0.580175303 0.802303513 0.724270563 0.478691967 0.761870932 0.534609966
0.615047947 0.707443383
MOS scores:
1.611111111 1.944444444 1.882352941 1.888888889 2.166666667 2.222222222 2.388888889 2.705882353
2.944444444 2.833333333 3.000000000 3.058823529 3.555555556 3.500000000 3.555555556 3.444444444
4.000000000 4.333333333 4.166666667 4.722222222
MOS errors:
0.230641176 0.235316811 0.207972583 0.196187334 0.185239643 0.206994609 0.230641176 0.187175324
0.220993334 0.166666667 0.213896316 0.234373198 0.166121111 0.185239643 0.258479999 0.184748942
0.161690417 0.180775382 0.245881102 0.108632485
SR_MOS scores:
1.411764706 1.764705882 1.812500000 1.823529412 2.058823529 2.117647059 2.352941176 2.687500000
3.000000000 2.882352941 3.058823529 3.187500000 3.470588235 3.529411765 3.705882353 3.529411765
4.058823529 4.294117647 4.352941176 4.764705882
SR_MOS errors:
0.123038239 0.161094870 0.208541563 0.196200942 0.159746772 0.189472040 0.241642305 0.198300067
0.226871303 0.168957725 0.218123485 0.208541563 0.151406326 0.193983911 0.223025748 0.174002347
0.159746772 0.187175324 0.170232896 0.106045626
BR_SR_MOS scores:
1.678259374 1.972377021 1.891563467 1.795906433 2.148847609 2.325318197 2.384141727 2.683746130
2.913553492 2.854729962 2.972377021 3.115828173 3.560612315 3.442965256 3.501788786 3.442965256
4.031200550 4.325318197 4.148847609 4.737082903
BR_SR_MOS errors:
0.229310372 0.243205369 0.205382194 0.129891415 0.165229277 0.181319141 0.189574917 0.190459924
0.165131466 0.200817610 0.179990599 0.222010108 0.147366095 0.118828368 0.232592836 0.164279725
0.147766331 0.148426661 0.247603509 0.150730873
BR_SR_MOS bias:
-0.590471276 -0.346241830 -0.246241830 -0.265393877 -0.746241830 0.053758170 -0.346241830
0.203758170 0.553758170 0.322841417 0.603758170 0.103758170 0.003758170 0.453758170 -0.196241830
-0.046241830 -0.046241830 0.503758170
DMOS scores:
1.888888889 2.222222222 2.166666667 2.166666667 2.444444444 2.500000000 2.666666667 2.944444444
3.222222222 3.111111111 3.277777778 3.333333333 3.833333333 3.777777778 3.833333333 3.722222222
4.277777778 4.611111111 4.444444444 5.000000000
"""
GOLDEN: dict[str, dict[str, list[float]]] = {}
for _name, _part, _figures in re.findall(r"(\w+) (\w+):\n([-\d.\s]+)", GOLDEN_TEXT):
    GOLDEN.setdefault(_name, {})[_part] = [float(word) for word in _figures.split()]
LEFT_OUT = {"SR_MOS": ("s05",), "BR_SR_MOS": ("s17",)}
needs_sureal = pytest.mark.skipif(
    importlib.util.find_spec("sureal") is None, reason="sureal is not installed"
)


def _votes(*, filled: bool = False) -> list[dict[str, tuple[float, ...]]]:
    rows = VOTES.split()
    given: list[dict[str, tuple[float, ...]]] = []
    for i, row in enumerate(rows):
        votes = {j: FILLED.get((i, j)) if vote == "." else int(vote) for j, vote in enumerate(row)}
        if not filled:
            votes = {j: vote for j, vote in votes.items() if row[j] != "."}
        given.append({f"s{j:02}": (float(vote),) for j, vote in votes.items() if vote is not None})
    return given


def _recovered(model: str, name: str) -> Recovered:
    votes = _votes(filled=name == "DMOS")
    return opinions.recover(votes, model, references=[19] * 20, ref_score=5.0)


def _compare(found: Recovered, name: str, tolerance: float) -> None:
    for part, wanted in GOLDEN[name].items():
        np.testing.assert_allclose(getattr(found, part), wanted, rtol=0, atol=tolerance)
    assert found.subjects == tuple(f"s{j:02}" for j in range(18))
    assert found.left_out == LEFT_OUT.get(name, ())


@pytest.mark.parametrize("name", list(GOLDEN))
def test_our_figures_are_those_of_sureal(name: str) -> None:
    _compare(_recovered(name, name), name, 2e-8)


@needs_sureal
@pytest.mark.parametrize("name", list(GOLDEN))
def test_the_bridge_gives_the_figures_of_sureal(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _compare(_recovered(f"sureal:{name}", name), name, 1e-8)
    assert capsys.readouterr().out == ""


@needs_sureal
def test_what_sureal_does_not_take_is_said() -> None:
    with pytest.raises(UsageError, match="NOPE"):
        opinions.recover(_votes(), "sureal:NOPE")
    with pytest.raises(Refused, match="DMOS"):
        opinions.recover(_votes(), "sureal:DMOS")
    with pytest.raises(Refused, match="no one score"):
        opinions.recover(_votes(), "sureal:PERSUBJECT")
    other = opinions.recover(_votes(), "sureal:ZS_SR_MOS")
    assert abs(float(other.scores.mean())) < 0.1


def test_without_sureal_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("sureal", "sureal.subjective_model"):
        monkeypatch.setitem(__import__("sys").modules, part, None)
    with pytest.raises(CapabilityMissing, match="sureal:MOS") as caught:
        opinions.recover(_votes(), "sureal:MOS")
    assert "vmafkit[sureal]" in caught.value.hint


def test_one_subject_who_is_followed_alone_is_named() -> None:
    """Three subjects, one of whom the other two contradict: the likelihood runs away to one."""
    rng = np.random.default_rng(0)
    table = np.linspace(1, 5, 10)[:, None] + rng.normal(0, 0.8, (10, 3))
    given = [{f"s{j}": (float(v),) for j, v in enumerate(row)} for row in table]
    found = opinions.recover(given)
    notes = testing.notes_on(found)
    assert min(found.inconsistency) < 1e-3
    assert len(notes) == 1
    assert f"s{int(np.argmin(found.inconsistency))} alone" in notes[0]
    assert testing.notes_on(opinions.recover(_votes())) == []
    assert testing.notes_on(opinions.recover(given, "MOS")) == []
