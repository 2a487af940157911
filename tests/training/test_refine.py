"""The refiner's stage: what it looks at, and what it learns from that."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.model.stylehead import build
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.spaces import ARKIT
from stylehead_core.training.canonical_face import install_canonical
from stylehead_core.training.recipes.registry import recipe_named
from stylehead_core.training.tasks.refine import Kept, RefineTask, mirror_coefficients

RECIPE = recipe_named("debug_refine")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def model():
    model = build(RECIPE.model)
    install_canonical(model.prior)
    return model


@pytest.fixture
def state(model, heads):
    torch.manual_seed(0)
    return RefineTask(cut=24).start(model, heads)


def gradient(network):
    return sum(float(p.grad.norm()) for p in network.parameters() if p.grad is not None)


def test_a_face_in_the_mirror_winks_with_the_other_eye_and_turns_the_other_way():
    names = ARKIT.names
    face = torch.zeros(2, len(names))
    face[0, names.index("eyeBlinkLeft")], face[0, names.index("mouthRight")] = 0.7, 0.2
    face[0, names.index("jawOpen")], face[0, names.index("yaw")], face[0, names.index("pitch")] = 0.4, 0.3, 0.1
    seen = dict(zip(names, mirror_coefficients(face)[0].tolist(), strict=True))
    assert {name: round(value, 6) for name, value in seen.items() if value} == {
        **{"eyeBlinkRight": 0.7, "mouthLeft": 0.2, "jawOpen": 0.4},
        **{"yaw": -0.3, "pitch": 0.1},
    }
    face = torch.randn(3, len(names), generator=rng())
    assert torch.equal(mirror_coefficients(mirror_coefficients(face)), face)


def test_what_comes_before_the_refiner_is_made_once_and_the_same_whatever_it_is_made_with(state, heads, monkeypatch):
    kept = Kept(state.model, heads)
    pictures, planes = kept.take(torch.tensor([2, 0, 2]))
    alone, own = Kept(state.model, heads).take(torch.tensor([0]))
    assert torch.equal(pictures[1], alone[0])
    assert torch.equal(planes[1], own[0])
    assert torch.equal(pictures[0], pictures[2])
    monkeypatch.setattr(kept, "_make", lambda rows: pytest.fail("made again"))
    assert torch.equal(kept.take(torch.tensor([0]))[0][0], pictures[1])


def test_it_is_guided_by_what_the_moved_face_has_inside(state, heads):
    rows = torch.arange(len(heads))
    source, target = heads.source, heads.target
    here, there = heads.coefficients[source], heads.coefficients[target]
    expected = state.model.prior.find_guides(
        state.model.prior.move_landmarks(heads.landmarks[source], here, there, heads.size), heads.size
    )
    assert RECIPE.model.refiner.guides == expected.shape[1]
    torch.testing.assert_close(state.kept.take(rows)[1][:, 1:], expected, rtol=0, atol=2e-3)


def test_drawn_carried_true_and_the_rest_are_cuts_of_the_same_place(state, heads):
    rows = torch.arange(len(heads))
    state.task = replace(state.task, light=0.0, strange=0.0, plain=0.0, soft=0.0, near=0.0, false_inside=0.0)
    state.kept.made[:], state.kept.planes[:] = True, 0
    state.kept.pictures[:] = heads.pictures[heads.target[rows]][:, None]  # so that all three must look alike
    state.kept.planes[:] = torch.nn.functional.avg_pool2d(
        from_uint8(heads.pictures[heads.target[rows]]).mean(1, keepdim=True), 2
    ).half()
    (drawn, along, truth), planes, _, descriptor = state._sample_crops(rows, rng())
    assert torch.equal(drawn, truth)
    assert torch.equal(along, truth)
    torch.testing.assert_close(
        planes, torch.nn.functional.avg_pool2d(truth.mean(1, keepdim=True), 2).expand_as(planes), rtol=0, atol=2e-3
    )
    assert descriptor.shape == (len(rows), RECIPE.model.motion_encoder.descriptor)


def test_a_drawing_may_be_stranger_than_the_rest(state, heads):
    rows, plain = (
        torch.arange(len(heads)),
        {"light": 0.0, "strange": 0.0, "plain": 0.0, "soft": 0.0, "false_inside": 0.0},
    )
    state.kept.made[:], state.kept.planes[:] = True, 0
    state.kept.pictures[:] = heads.pictures[heads.target[rows]][:, None]

    def shown(**changes):
        state.task = replace(state.task, **plain | changes)
        return state._sample_crops(rows, rng())[0]

    same = shown()
    coloured, faint, soft = shown(strange=0.5), shown(plain=1.0), shown(soft=1.0)
    for changed in (coloured, faint):
        assert not torch.equal(changed[0], same[0])
        assert torch.equal(changed[1:], same[1:])
    assert faint[0].std() < same[0].std()
    assert torch.equal(soft[0], soft[2])
    assert soft.std() < same.std()


def test_near_cuts_show_the_face_and_stray_cuts_other_places(state, heads):
    rows = torch.zeros(64, dtype=torch.int64)
    state.task = replace(state.task, near=1.0, cut=40, stray=2)
    near = state._sample_crops(rows, rng())[2].mean((1, 2, 3))
    state.task = replace(state.task, near=0.0)
    anywhere = state._sample_crops(rows, rng())[2].mean((1, 2, 3))
    assert near.min() > anywhere.min()
    assert near.std() < anywhere.std()


def test_each_turn_moves_its_own_player(state):
    rows = torch.arange(4)
    refine, discriminator = state.phases
    loss, parts = state.loss(refine, rows, rng(), progress=0.5)
    loss.backward()
    assert {"redraw", "detail", "rough", "perceived", "adversarial"} == parts.keys()
    assert gradient(state.refiner) > 0
    for network in (state.discriminator, state.refiner):
        network.zero_grad()
    loss, parts = state.loss(discriminator, rows, rng(), progress=0.5)
    loss.backward()
    assert gradient(state.discriminator) > 0
    assert gradient(state.refiner) == 0
    assert gradient(state.model.generator) == 0


def test_it_learns_to_mend_what_is_wrong_in_both_pictures(model, heads):
    torch.manual_seed(0)
    state = RefineTask(adversarial=0.0, light=0.0).start(model, heads)
    state.kept.made[:], state.kept.planes[:] = True, 0
    state.kept.pictures[:] = (heads.pictures[heads.target].float() * 0.5).byte()[:, None]
    state.kept.planes[:] = 1
    optimiser = torch.optim.Adam(state.refiner.parameters(), lr=2e-2)
    losses = []
    for step in range(30):
        rows = torch.randint(len(heads), (4,), generator=rng(step))
        loss, _ = state.loss(state.phases[0], rows, rng(step), progress=0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
