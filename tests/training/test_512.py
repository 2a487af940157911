"""What the recipes of the model of 512 pixels learn from, and that each of them learns."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.datasets.heads import cavities, choose_pairs
from stylehead_core.datasets.stills import LOWER, UPPER, pair_of_still
from stylehead_core.errors import InputError
from stylehead_core.landmarker.files import load_landmarker
from stylehead_core.model.stylehead import build
from stylehead_core.networks.landmark_prior import INNER_LIPS, LandmarkPrior, LandmarkPriorConfig
from stylehead_core.ops.face_masks import LIPS, signed_distance
from stylehead_core.ops.warp import resize_flow, warp_bicubic
from stylehead_core.records import Portrait
from stylehead_core.spaces import ARKIT
from stylehead_core.training.canonical_face import install_canonical
from stylehead_core.training.recipes.registry import recipe_named
from stylehead_core.training.tasks.composite import Inputs, hidden_wall, sample_crop
from stylehead_core.training.tasks.prior import compare_expressions, read_expression
from stylehead_core.training.tasks.refine import false_inside

JAW = ARKIT.names.index("jawOpen")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def heads(heads):
    """With mattes, and with weights as a renderer sets them: not as they are measured."""
    alpha = torch.zeros(len(heads.pictures), 1, heads.size, heads.size, dtype=torch.uint8)
    alpha[..., 20:, 30:100] = 255
    return replace(heads, alpha=alpha, weights=heads.weights + 0.1)


def started(name, heads):
    recipe = recipe_named(name)
    model = build(recipe.model)
    install_canonical(model.prior)
    torch.manual_seed(0)
    return recipe.task.start(model, heads)


def losses(state, steps, lr=1e-2, phase=0):
    parameters = [p for group in state.phases[phase].groups() for p in group["params"]]
    optimiser, found = torch.optim.Adam(parameters, lr=lr), []
    for step in range(steps):
        rows = torch.randint(state.samples, (3,), generator=rng(step % 4))
        loss, _ = state.loss(state.phases[phase], rows, rng(step % 4), progress=0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(float(loss.detach()))
    return found


@pytest.mark.parametrize(("name", "lr"), [("debug_512_matte", 1e-2), ("debug_512_prior", 3e-3)])
def test_each_learns(heads, name, lr):
    found = losses(started(name, heads), 40, lr)
    assert sum(found[-4:]) < 0.95 * sum(found[:4])


def test_a_vowel_opens_the_jaw_and_leaves_a_smile_as_it_is(heads):
    recipe = recipe_named("debug_512_prior")
    model = build(recipe.model)
    install_canonical(model.prior)
    state = replace(recipe.task, sliders=0.0, faces=0.0, vowels=1.0).start(model, heads)
    own = heads.coefficients.clone()
    smile = [ARKIT.names.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    own[:, smile] = 0.7
    asked = state.ask(own, rng())
    assert torch.equal(asked[:, smile], own[:, smile])
    assert (asked[:, JAW] >= own[:, JAW].clamp(0, 1)).all()
    assert (asked[:, JAW] > own[:, JAW] + 0.05).any()


def test_a_face_is_asked_for_the_expression_of_another_picture(heads):
    recipe = recipe_named("debug_512_prior")
    model = build(recipe.model)
    install_canonical(model.prior)
    state = replace(recipe.task, sliders=0.0, faces=1.0, vowels=0.0).start(model, heads)
    asked, shown = state.ask(heads.coefficients, rng()), heads.coefficients[:, :52].clamp(0, 1)
    assert torch.equal(asked[:, 52:], heads.coefficients[:, 52:])
    assert torch.cdist(asked[:, :52], shown).amin(1).max() < 1e-3


def test_a_coefficient_near_zero_learns_as_well_as_one_in_the_middle():
    logits = torch.tensor([[-7.0, 0.0]], requires_grad=True)
    compare_expressions(logits.sigmoid(), torch.tensor([[0.3, 0.8]])).sum().backward()
    low, middle = logits.grad[0].abs().tolist()
    assert logits.grad[0].max() < 0  # both have to rise
    assert low > 0.1 * middle


def test_an_expression_as_asked_is_no_error_and_too_small_ones_are_none():
    asked = torch.tensor([[0.0, 0.01, 0.3, 1.0]])
    assert compare_expressions(asked, asked).max() < 1e-6
    assert compare_expressions(torch.tensor([[1e-9, 1e-4, 0.3, 1.0]]), asked).max() < 0.01


def test_a_frame_that_is_the_truth_is_no_error_and_one_that_is_grey_is(heads):
    state = started("debug_512_expression", heads)
    pairs = state.bounds.pairs[:2]
    scene = state._pair_scene(pairs, rng())
    plain = scene._replace(contrast=torch.ones_like(scene.contrast), tint=torch.zeros_like(scene.tint))
    drawn = state._draw(plain)
    truth = state._crop(state.heads.frames(state.heads.target[pairs]), drawn.corners)
    assert drawn.frames.shape == truth.shape
    assert max(state._compare(drawn._replace(frames=truth), pairs, plain)) < 1e-5
    assert min(state._compare(drawn._replace(frames=0 * truth), pairs, plain)) > 0.01


def test_frames_learn_to_show_what_is_asked(heads):
    state = started("debug_512_expression", heads)
    (follow,) = (phase for phase in state.phases if phase.name == "follow")
    before = {name: [p.clone() for p in network.parameters()] for name, network in state.networks.items()}
    optimiser = torch.optim.Adam(follow.parameters(), lr=3e-3)
    told, missed = [], []
    for _ in range(12):
        loss, parts = state.loss(follow, torch.arange(3), rng(), progress=0.0)  # the same scene each time
        told.append(parts["told"])
        missed.append(parts["missed"])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert min(told[-4:]) < 0.97 * told[0], told
    assert min(missed[-4:]) < 0.97 * missed[0], missed
    changed = {
        name
        for name, network in state.networks.items()
        if any(not torch.equal(*pair) for pair in zip(before[name], network.parameters(), strict=True))
    }
    assert changed == {"bend", "flow_field", "refiner", "compositor"}


def test_the_compositor_learns_and_the_discriminators_only_in_their_own_phase(heads):
    state = started("debug_512_composite", heads)
    found = losses(state, 12)
    assert sum(found[-4:]) < 0.95 * sum(found[:4])
    for network in state.networks.values():
        network.zero_grad()
    rows = torch.arange(3)
    loss, parts = state.loss(state.phases[0], rows, rng(), progress=0.5)
    loss.backward()
    assert "adversarial" in parts
    loss, _ = state.loss(state.phases[1], rows, rng(), progress=0.5)
    before = [p.grad.clone() for p in state.compositor.parameters() if p.grad is not None]
    loss.backward()
    after = [p.grad for p in state.compositor.parameters() if p.grad is not None]
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert all(torch.isfinite(p.grad).all() for p in state.discriminators.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", ["debug_512_matte", "debug_512_composite"])
def test_heads_without_mattes_are_refused(heads, name):
    with pytest.raises(InputError, match="mattes"):
        started(name, replace(heads, alpha=None))


def test_heads_are_resized_with_all_that_is_known_of_them(heads):
    half = heads.resized(heads.size // 2)
    assert half.size == 64
    assert half.alpha.shape[-1] == half.edited.shape[-1] == 64
    centres = [(each.landmarks[..., :2] + 0.5) / each.size for each in (heads, half)]
    torch.testing.assert_close(*centres)


def test_pairs_with_the_widest_mouths_are_chosen_first(heads):
    pairs, _ = choose_pairs(heads, 2)
    assert len(pairs) == 2 * len(heads.person.unique())
    opening = heads.coefficients[heads.target, JAW] - 0.5 * heads.coefficients[heads.source, JAW]
    for person in heads.person.unique():
        own = torch.nonzero(heads.person[heads.target] == person).flatten()
        assert own[opening[own].argmax()] in pairs


def test_pairs_whose_mouth_is_not_dark_inside_can_be_left_out(heads):
    dark = replace(heads, weights=torch.zeros_like(heads.weights))
    every, opened = choose_pairs(dark, 3)
    assert opened.any()
    kept, still_opened = choose_pairs(dark, 3, cavity=1.01)  # none is as dark
    assert not still_opened.any()
    assert set(kept.tolist()) == set(every[~opened].tolist())
    tongues = dark.weights.clone()
    tongues[:, 51] = 1.0
    assert not choose_pairs(replace(dark, weights=tongues), 3, cavity=-9.0)[1].any()


def test_an_open_mouth_is_as_dark_as_it_is_painted(heads):
    pictures = torch.full_like(heads.pictures, 200)
    landmarks = heads.landmarks.clone()
    landmarks[:, list(LOWER[1:-1]), 1] += 12
    ring = signed_distance(landmarks[:, list(INNER_LIPS), :2], heads.size) > 0
    pictures[ring[:, None].expand(-1, 3, -1, -1)] = 50
    found = cavities(pictures, landmarks)
    torch.testing.assert_close(found, torch.full_like(found, 0.75), atol=0.1, rtol=0)


def test_a_crop_is_warped_as_the_whole_picture_is():
    picture, flow = torch.rand(2, 3, 32, 32, generator=rng()), torch.randn(2, 2, 16, 16, generator=rng(1))
    whole, fine = warp_bicubic(picture, flow), resize_flow(flow, (32, 32))
    corners = torch.tensor([[4, 8], [12, 0]])
    places = [(slice(y, y + 16), slice(x, x + 16)) for x, y in corners.tolist()]
    flows = torch.stack([fine[row, :, rows, columns] for row, (rows, columns) in enumerate(places)])
    for part, row, (rows, columns) in zip(sample_crop(picture, flows, corners, 16), whole, places, strict=True):
        torch.testing.assert_close(part, row[:, rows, columns])


def test_the_hidden_wall_is_where_the_source_stands():
    person = torch.zeros(1, 4, 32, 32)
    person[:, 3, 8:16, 8:16] = 1
    given = dict.fromkeys(Inputs._fields) | {"person": person, "flow": torch.zeros(1, 2, 4, 4)}
    found = hidden_wall(Inputs(**given | {"corners": torch.tensor([[2, 2]])}), 4)
    assert found.shape == (1, 1, 16, 16)
    assert found.sum() == 64
    assert found[..., :8, :8].all()


def test_a_drawing_is_false_only_inside_the_mouth():
    drawn, along = torch.zeros(4, 3, 32, 32), torch.ones(4, 3, 32, 32)
    mouth = torch.full((4, 1, 16, 16), -1.0)
    mouth[..., 4:8, 4:8] = 1
    false = false_inside(drawn, along, mouth, 1.0, rng())
    assert false[..., 10:14, 10:14].abs().min() > 0.05
    assert not false[..., 20:, :].any()
    assert torch.equal(false_inside(drawn, along, mouth, 0.0, rng()), drawn)


def test_an_expression_is_read_from_landmarks_wherever_they_are_and_however_turned(heads):
    reader = load_landmarker().blendshapes
    points = heads.landmarks[:2].clone()
    cos, sin = torch.tensor(0.3).cos(), torch.tensor(0.3).sin()
    turned = points.clone()
    turned[..., 0] = 2 * (cos * points[..., 0] - sin * points[..., 1]) + 9
    turned[..., 1] = 2 * (sin * points[..., 0] + cos * points[..., 1])
    torch.testing.assert_close(read_expression(reader, turned), read_expression(reader, points), atol=1e-3, rtol=0)


def test_a_still_gets_its_mouth_shut_by_the_flow_and_only_where_it_is_open(canonical):
    fine = LandmarkPrior(LandmarkPriorConfig(flow_size=128, fineness=10))
    install_canonical(fine)
    size = 128
    points = torch.cat((canonical.vertices, canonical.vertices[[33] * 5 + [263] * 5]))
    landmarks = points * torch.tensor((4.5, -4.5, -4.5)) + torch.tensor((63.5, 60.0, 0.0))
    own = torch.zeros(len(ARKIT.names))
    image = torch.full((1, 3, size, size), 0.5)
    landmarks[list(LOWER)] = landmarks[list(UPPER)]
    shut = Portrait(image=image, landmarks=landmarks, coefficients=own)
    assert pair_of_still(shut, fine, rng()) is None
    opened = landmarks.clone()
    opened[list(LOWER[1:-1]), 1] += 14
    top = landmarks[list(UPPER), 1].min().round().int()
    middle = landmarks[list(LIPS), 0].mean().round().int()
    image = image.clone()
    image[..., top + 4 : top + 12, middle - 6 : middle + 6] = -1.0  # dark inside
    closed = pair_of_still(Portrait(image=image, landmarks=opened, coefficients=own), fine, rng())
    hidden = (closed < 0).float().mean() / (image < 0).float().mean()
    assert hidden < 0.85, hidden
