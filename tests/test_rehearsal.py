"""A rehearsal asks for more of what a portrait shows too little of, and leaves a face at rest alone.

What the portrait shows is told by a formula here; that real portraits follow better is measured in
``docs/results-512.md``.
"""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch

from stylehead_core import InputError, Motion, Portrait, rehearsal, rehearse
from stylehead_core.model.presets import styleheat_1024
from stylehead_core.model.stylehead import build
from stylehead_core.records import Edit, Inversion
from stylehead_core.spaces import ARKIT
from stylehead_core.training.recipes.registry import recipe_named

JAW, SMILE, PUCKER, YAW = (ARKIT.names.index(name) for name in ("jawOpen", "mouthSmileLeft", "mouthPucker", "yaw"))
FRAMES = 40


@pytest.fixture(scope="module")
def model():
    return build(recipe_named("debug_512_whole").model)


@pytest.fixture
def inversion():
    own = torch.zeros(58)
    own[SMILE] = 0.3
    picture = torch.zeros(1, 3, 8, 8)
    portrait = Portrait(image=picture, landmarks=torch.zeros(478, 3), coefficients=own)
    return Inversion(
        portrait=portrait, styles=torch.zeros(2, 4), feature=torch.zeros(3, 8, 8), rgb=None, redrawn=picture
    )


@pytest.fixture
def talking():
    """A jaw that opens and closes twice, a head that turns; the first frame is at rest."""
    changes = torch.zeros(FRAMES, 58)
    time = torch.arange(FRAMES) / FRAMES
    changes[:, JAW] = 0.3 - 0.3 * torch.cos(4 * torch.pi * time)
    changes[:, YAW] = 0.2 * torch.sin(2 * torch.pi * time)
    return Motion(coefficients=changes, fps=Fraction(25), relative=True)


def shown(own, asked):
    """What a portrait shows: 0.6 of the jaw, 0.8 of the turn, and a smile that an open jaw takes away."""
    change = asked - own
    seen = own + change * torch.where(torch.arange(58) == JAW, 0.6, 0.8)
    seen[:, SMILE] -= 0.3 * change[:, JAW]
    return seen


@pytest.fixture
def follows(monkeypatch, inversion):
    """Lets the portrait show what ``shown`` says, or what a test puts in its place; keeps what was performed."""
    stage = SimpleNamespace(shown=shown, performed=[])

    def perform(model, inversion, landmarker, motion, strength, progress):
        stage.performed.append((inversion, motion))
        own = inversion.portrait.coefficients
        if progress:
            progress(len(motion), len(motion))
        return stage.shown(own, motion.coefficients + (own if motion.relative else 0))[:, rehearsal.CORRECTED]

    monkeypatch.setattr(rehearsal, "_perform", perform)
    return stage


def error(inversion, motion, wanted):
    own = inversion.portrait.coefficients
    return (shown(own, motion.coefficients + own) - own - wanted.coefficients).abs().mean(0)


def test_what_is_shown_comes_nearer_to_what_is_wanted(model, inversion, talking, follows):
    corrected = rehearse(model, inversion, talking, None, frames=12)
    before, after = error(inversion, talking, talking), error(inversion, corrected, talking)
    assert (after[[JAW, SMILE, YAW]] < 0.6 * before[[JAW, SMILE, YAW]]).all()
    assert len(follows.performed) == 2
    assert all(len(motion) == 12 for _, motion in follows.performed)


def test_a_frame_in_which_nothing_changes_stays_as_it_is(model, inversion, talking, follows):
    assert torch.equal(rehearse(model, inversion, talking, None).coefficients[0], talking.coefficients[0])


def test_no_frames_are_no_rehearsal(model, inversion, talking, follows):
    assert rehearse(model, inversion, talking, None, frames=0) is talking
    assert not follows.performed


def test_absolute_motions_are_corrected_alike(model, inversion, talking, follows):
    own = inversion.portrait.coefficients
    absolute = replace(talking, coefficients=talking.coefficients + own, relative=False)
    alike = rehearse(model, inversion, absolute, None).coefficients - own
    torch.testing.assert_close(alike, rehearse(model, inversion, talking, None).coefficients, rtol=0, atol=1e-6)


def test_corrections_stay_within_bounds(model, inversion, talking, follows):
    follows.shown = lambda own, asked: own.expand_as(asked).clone()
    corrected = rehearse(model, inversion, talking, None)  # a portrait that does not move at all
    change = corrected.coefficients - talking.coefficients
    assert change.abs().max() <= max(rehearsal.LIMITS) + 1e-6
    asked = corrected.coefficients[:, :52] + inversion.portrait.coefficients[:52]
    assert asked.min() >= 0
    assert asked.max() <= rehearsal.MOST + 1e-6


def test_shapes_that_do_not_answer_are_asked_for_as_they_are(model, inversion, talking, follows):
    changes = talking.coefficients.clone()
    changes[:, PUCKER] = changes[:, JAW]
    corrected = rehearse(model, inversion, replace(talking, coefficients=changes), None)
    torch.testing.assert_close(corrected.coefficients[:, PUCKER], changes[:, PUCKER], rtol=0, atol=1e-6)
    assert (corrected.coefficients[:, JAW] - changes[:, JAW]).max() > 0.05


def test_what_gets_worse_is_taken_back(model, inversion, talking, follows):
    def contrary(own, asked):
        seen = own + (asked - own)
        seen[:, SMILE] -= 3 * (asked - own)[:, SMILE] + 0.1
        return seen

    follows.shown = contrary
    once = rehearsal.STEPS[0] * 0.1
    smile = rehearse(model, inversion, talking, None).coefficients[:, SMILE]
    assert smile.max() <= once / 2 + 1e-6


def test_where_no_face_is_found_nothing_is_corrected(model, inversion, talking, follows):
    follows.shown = lambda own, asked: torch.full_like(asked, torch.nan)
    corrected = rehearse(model, inversion, talking, None)
    torch.testing.assert_close(corrected.coefficients, talking.coefficients, rtol=0, atol=1e-6)


def test_a_still_motion_is_rehearsed_by_one_frame(model, inversion, talking, follows):
    one = replace(talking, coefficients=talking.coefficients[10:11].expand(FRAMES, -1))
    rehearse(model, inversion, one, None)
    assert [len(motion) for _, motion in follows.performed] == [1, 1]


def test_edits_are_left_out_since_a_rehearsal_would_undo_them(model, inversion, talking, follows):
    edited = inversion.with_edit(Edit(name="beard", curve=((0.0, 1.0),), direction=torch.zeros(2, 4)))
    rehearse(model, edited, talking, None)
    assert all(not performed.edits for performed, _ in follows.performed)


def test_progress_counts_all_drawn_frames(model, inversion, talking, follows):
    told = []
    rehearse(model, inversion, talking, None, frames=5, progress=lambda *where: told.append(where))
    assert told == [(5, 10), (10, 10)]


def test_what_cannot_be_rehearsed_is_refused(model, inversion, talking):
    with pytest.raises(InputError, match="0 or more"):
        rehearse(model, inversion, talking, None, frames=-1)
    with torch.device("meta"):
        paper = build(styleheat_1024())
    with pytest.raises(InputError, match="cannot rehearse"):
        rehearse(paper, inversion, talking, None)
    nobody = replace(inversion, portrait=Portrait(image=torch.zeros(1, 3, 8, 8)))
    with pytest.raises(InputError, match="own coefficients"):
        rehearse(model, nobody, talking, None)
