"""A model with a compositor draws larger frames than its generator: the same laws hold at every size."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from stylehead_core import ConfigError, Motion, Portrait, calibrate, edit_style, invert, render, warp_features
from stylehead_core.model.stylehead import StyleHead, build
from stylehead_core.ops.pose import HeadPose, angles_to_matrix, placement
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.rendering import RenderConfig
from stylehead_core.training.canonical_face import install_canonical
from stylehead_core.training.recipes.registry import recipe_named

SIZE, SMALL = 256, 128


@pytest.fixture(scope="module")
def model(canonical) -> StyleHead:
    """A tiny one with random weights that changes everything it touches."""
    model = build(recipe_named("debug_512_whole").model)
    assert model.prior is not None
    install_canonical(model.prior)
    rng = torch.Generator().manual_seed(0)
    model.prior.basis[ARKIT.names.index("jawOpen"), 152, 1] = -2.0  # cm: the chin
    for layer in (model.refiner.last, model.compositor.last, model.editor.attributes["beard"].last):
        torch.nn.init.normal_(layer.weight, generator=rng)
    torch.nn.init.normal_(model.directions.get_submodule("beard").direction, generator=rng)
    return model


def portrait_of(model: StyleHead, size: int = SIZE) -> Portrait:
    """Coarse noise with the canonical face's landmarks in its middle."""
    canonical = model.prior.canonical
    pose = HeadPose(
        rotation=angles_to_matrix(torch.zeros(1, 3)),
        scale=torch.tensor([4.5 * size / 128]),
        centre=torch.tensor([[size / 2 - 0.5, 0.55 * size, 0.0]]),
    )
    landmarks = pose.pose(torch.cat((canonical.vertices, canonical.vertices[[33] * 5 + [263] * 5]))[None])[0]
    coefficients = torch.cat((torch.zeros(52), torch.zeros(3), placement(pose, size, canonical)[0]))
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    image = torch.nn.functional.interpolate(noise, size=size, mode="bilinear")
    return Portrait(image=image, landmarks=landmarks, coefficients=coefficients)


@pytest.fixture(scope="module")
def inversion(model):
    return invert(model, portrait_of(model))


def motion(*rows: dict[str, float]) -> Motion:
    coefficients = torch.zeros(len(rows), len(ARKIT.names))
    for values, row in zip(rows, coefficients, strict=True):
        for name, value in values.items():
            row[ARKIT.names.index(name)] = value
    return Motion(coefficients=coefficients, fps=Fraction(25), relative=True)


def frames(model, inversion, moved, chunk=4, **settings) -> torch.Tensor:
    head = calibrate(model, warp_features(model, inversion, moved))
    return torch.cat(list(render(model, head, chunk, config=RenderConfig(**settings))))


TALKING = motion({"jawOpen": 0.6}, {"yaw": 0.3}, {"jawOpen": 0.3, "pitch": 0.1})


def test_frames_have_the_size_of_the_compositor(model, inversion):
    assert model.config.size == SIZE
    assert inversion.redrawn.shape == (1, 3, SIZE, SIZE)
    assert inversion.matte.shape == (1, 1, SIZE, SIZE)
    assert frames(model, inversion, TALKING).shape == (3, 3, SIZE, SIZE)


def test_no_motion_gives_the_portrait_back_to_the_bit(model, inversion):
    still = frames(model, inversion, motion({}))
    assert torch.equal(still, inversion.portrait.image)
    assert torch.equal(next(render(model, inversion)), inversion.portrait.image)


def test_an_edit_of_strength_0_changes_nothing_and_a_stronger_one_also_the_large_frame(model, inversion):
    edited = edit_style(model, inversion, "beard", 0.0)
    assert torch.equal(frames(model, edited, TALKING), frames(model, inversion, TALKING))
    strong = edit_style(model, inversion, "beard", 1.0)
    assert not torch.equal(next(render(model, strong)), inversion.redrawn)
    assert not torch.equal(frames(model, strong, TALKING), frames(model, inversion, TALKING))


def test_any_chunk_gives_the_same_frames(model, inversion):
    whole = frames(model, inversion, TALKING, 3)
    assert torch.equal(frames(model, inversion, TALKING, 1), whole)


@pytest.mark.parametrize("size", [64, 100, 320])
def test_frames_come_in_any_size(model, inversion, size):
    asked = frames(model, inversion, TALKING, size=size)
    own = frames(model, inversion, TALKING)
    assert asked.shape == (3, 3, size, size)
    small = [torch.nn.functional.interpolate(x, size=16, mode="bilinear", antialias=True) for x in (asked, own)]
    torch.testing.assert_close(*small, atol=0.15, rtol=0)


def test_a_larger_portrait_gives_larger_frames_their_detail(model):
    large = portrait_of(model, 2 * SIZE)
    inversion = invert(model, large)
    still = frames(model, inversion, motion({}), size=2 * SIZE)
    assert torch.equal(still, large.image)


def test_a_preview_is_small_and_does_not_ask_the_compositor(model, inversion, monkeypatch):
    monkeypatch.setattr(model.compositor, "forward", lambda *_: pytest.fail("asked"))
    assert frames(model, inversion, TALKING, stop_at=SMALL, size=320).shape == (3, 3, SMALL, SMALL)


def test_what_lies_outside_of_the_person_stays_as_it_is(model, inversion):
    matte = torch.zeros_like(inversion.matte)
    matte[..., 60:200, 70:190] = 1
    moved = frames(model, replace(inversion, matte=matte), TALKING)
    corner = (..., slice(0, 30), slice(0, 256))
    assert torch.equal(moved[corner], inversion.portrait.image.expand(3, -1, -1, -1)[corner])


def test_sizes_beyond_sense_are_refused():
    for size in (0, 8, 5000):
        with pytest.raises(ConfigError, match="pixels a side"):
            RenderConfig(size=size)
