"""The mouth that a network hears is measured against the mouth that was tracked."""

from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch

from stylehead_core.benchmark import heard
from stylehead_core.benchmark.heard import ClipScore, TrackedClip, best_lag, compare_clip, summarize
from stylehead_core.errors import InputError
from stylehead_core.media.sound import Sound
from stylehead_core.records import Motion
from stylehead_core.spaces import ARKIT

JAW = ARKIT.names.index("jawOpen")
MODEL = SimpleNamespace(speech=object(), config=SimpleNamespace(space="arkit", name="listener"))


def jaw(curve: torch.Tensor) -> torch.Tensor:
    coefficients = torch.zeros(len(curve), len(ARKIT.names))
    coefficients[:, JAW] = curve
    return coefficients


@pytest.fixture
def curve() -> torch.Tensor:
    return torch.rand(60, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def compare(curve, monkeypatch):
    """Compares what is told with ``curve``, 60 frames of a tracked jaw."""

    def compare(told: torch.Tensor, found: torch.Tensor | None = None) -> dict[str, ClipScore]:
        motion = Motion(coefficients=jaw(told), fps=Fraction(25), relative=True)
        monkeypatch.setattr(heard, "speech_motion_for_model", lambda *args, **keywords: motion)
        clip = TrackedClip(
            name="clip",
            sound=Sound(samples=torch.zeros(1, 100), rate=100),
            coefficients=jaw(curve),
            found=torch.ones(60, dtype=torch.bool) if found is None else found,
            fps=Fraction(25),
        )
        return {score.measure: score for score in compare_clip(MODEL, clip)}  # type: ignore[arg-type]

    return compare


def test_half_the_movement_agrees_with_half_the_strength(compare, curve):
    score = compare(curve / 2)["opening"]
    assert score.correlation == pytest.approx(1, abs=1e-5)
    assert score.strength == pytest.approx(0.5)
    assert score.lag == 0


def test_a_mouth_two_frames_late_is_found_to_be_so(compare, curve):
    assert compare(curve.roll(2))["opening"].lag == pytest.approx(2 / 25)
    assert best_lag(curve.roll(-1), curve, torch.ones(60, dtype=torch.bool), 5) == -1


def test_frames_without_a_face_do_not_count(compare, curve):
    told, found = curve.clone(), torch.ones(60, dtype=torch.bool)
    told[10:20], found[10:20] = 5.0, False
    assert compare(told, found)["opening"].correlation == pytest.approx(1, abs=1e-5)


def test_what_does_not_move_in_the_clip_is_left_out(compare, curve):
    assert set(compare(curve)) == {"opening", "closure"}  # nobody rounds these lips


def test_a_closure_is_told_from_a_small_opening(compare, curve):
    opened = (curve + 0.3).clamp(max=1)  # never shut
    assert compare(curve)["closure"].correlation == pytest.approx(1, abs=1e-5)
    assert compare(opened.where(curve < 0.5, torch.zeros(60)))["closure"].correlation < 0


def test_a_model_that_does_not_listen_is_refused(compare):
    deaf = SimpleNamespace(speech=None, config=SimpleNamespace(space="arkit", name="deaf"))
    clip = TrackedClip(
        name="clip",
        sound=Sound(samples=torch.zeros(1, 100), rate=100),
        coefficients=jaw(torch.zeros(5)),
        found=torch.ones(5, dtype=torch.bool),
        fps=Fraction(25),
    )
    with pytest.raises(InputError, match="deaf"):
        compare_clip(deaf, clip)  # type: ignore[arg-type]


def test_a_table_holds_medians():
    scores = [
        ClipScore(clip=str(i), measure="opening", correlation=c, strength=1.0, lag=0.0)
        for i, c in enumerate((0.1, 0.8, 0.9))
    ]
    (row,) = summarize(scores)
    assert (row.measure, row.clips) == ("opening", 3)
    assert row.correlation == pytest.approx(0.8)
