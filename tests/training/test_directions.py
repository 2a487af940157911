"""The stage of the edit directions: it draws what a user would see, and learns from what is wrong in that."""

from dataclasses import replace

import pytest
import torch

from stylehead_core import Portrait, edit_style, invert, render
from stylehead_core.model.stylehead import build
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.training.canonical_face import install_canonical
from stylehead_core.training.recipes.registry import recipe_named
from stylehead_core.training.tasks.directions import DirectionsTask

RECIPE = recipe_named("debug_directions")


@pytest.fixture
def state(heads):
    """Of a model whose attributes change styles, feature map and pixels."""
    model = build(RECIPE.model)
    install_canonical(model.prior)
    rng = torch.Generator().manual_seed(0)
    state = DirectionsTask().start(model, heads)
    with torch.no_grad():
        for name in heads.attributes:
            model.directions.shift(name).normal_(generator=rng)
            model.editor.attributes[name].last.weight.normal_(generator=rng)
    return state


def test_without_strength_it_draws_the_portrait(state, heads):
    rows = torch.arange(4)
    before = from_uint8(heads.edited[rows, 0])
    torch.testing.assert_close(state._drawing(rows, before)(0.0), before, rtol=0, atol=1e-6)


@pytest.mark.parametrize("strength", [1.0, -0.5])
def test_it_draws_what_a_user_sees(state, heads, strength):
    number = 1
    image, shown = from_uint8(heads.edited[[number], 0]), state.portrait[number]
    drawn = state._drawing(torch.tensor([number]), image)(strength).clamp(-1, 1)
    portrait = Portrait(image=image, landmarks=heads.landmarks[shown], coefficients=heads.coefficients[shown])
    model = build(RECIPE.model)
    model.load_state_dict(state.model.state_dict())
    inversion = invert(model, portrait)
    edit = edit_style(model, inversion, heads.attributes[heads.attribute[number]], strength)
    seen = next(iter(render(model, edit)))
    assert (seen - inversion.redrawn).abs().max() > 0.1
    torch.testing.assert_close(drawn, seen, rtol=0, atol=1e-4)


def test_it_learns_the_rendered_edits(heads):
    torch.manual_seed(0)
    model = build(RECIPE.model)
    install_canonical(model.prior)
    before = heads.edited[:, 0]
    darker = replace(heads, edited=torch.stack((before, before // 2), dim=1))
    state = DirectionsTask().start(model, darker)
    optimiser = torch.optim.Adam(state.phases[0].parameters(), lr=3e-2)
    rows, losses = torch.arange(len(heads.edited)), []
    for step in range(30):
        loss, _ = state.loss(state.phases[0], rows, torch.Generator().manual_seed(step), progress=0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_an_attribute_that_no_head_shows_learns_nothing(heads):
    model = build(RECIPE.model)
    install_canonical(model.prior)
    lost = heads.attributes.index("beard")
    shown = heads.attribute != lost
    fewer = {field: getattr(heads, field)[shown] for field in ("edited", "attribute", "edited_person")}
    state = DirectionsTask().start(model, replace(heads, **fewer))
    assert state.sheet().shape[1] == 4 * heads.size  # a row for each that is shown
    assert not model.directions.shift("beard").any()
    assert model.directions.shift("age").any()
