"""Generator and discriminator play against each other; what is drawn is pulled to what is real."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.errors import ConfigError
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.discriminator import DiscriminatorConfig
from stylehead_core.training.augmentation import Augmentation, augment
from stylehead_core.training.loop import run
from stylehead_core.training.recipe import Recipe
from stylehead_core.training.tasks.generator import GeneratorState, GeneratorTask

SMALL = DiscriminatorConfig(size=64, channels=dict.fromkeys((4, 8, 16, 32, 64), 4))
ALWAYS = GeneratorTask(discriminator=SMALL, r1_every=1, path_every=1)


class Grey:
    """Real pictures that are all of one colour."""

    def __len__(self):
        return 8

    def take(self, rows):
        return torch.full((len(rows), 3, 64, 64), 0.5)


@pytest.fixture
def state():
    torch.manual_seed(0)
    return GeneratorState(ALWAYS, build(debug()), Grey())


def gradients(network):
    return sum(float(p.grad.norm()) for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize(("phase", "terms"), [(0, {"draw", "path"}), (1, {"discriminator", "r1", "changed"})])
def test_each_turn_moves_its_own_player(state, phase, terms):
    rng = torch.Generator().manual_seed(0)
    loss, parts = state.loss(state.phases[phase], torch.arange(4), rng, 0.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert parts.keys() == terms
    players = [state.generator, state.discriminator]
    assert gradients(players[phase]) > 0
    if phase:
        assert gradients(state.generator) == 0


def test_the_penalties_are_those_of_the_formula(state):
    """R1 of a judgement that is the sum of all colours is the number of colours."""

    class Sum(torch.nn.Module):
        config = SMALL

        def forward(self, pictures):
            return pictures.sum((1, 2, 3))[:, None]

    state.discriminator = Sum()
    _, parts = state._discriminator_loss(torch.arange(2), torch.Generator().manual_seed(0), True)
    assert parts["r1"] == pytest.approx(3 * 64 * 64)


def test_styles_are_mixed_from_some_row_on(state):
    state.task = replace(ALWAYS, mixed=1.0)
    styles = state._styles(3, torch.Generator().manual_seed(0))
    same = (styles == styles[:, :1]).all(2).all(0)
    assert same[0]
    assert not same[-1]
    state.task = replace(ALWAYS, mixed=0.0)
    styles = state._styles(3, torch.Generator().manual_seed(0))
    assert (styles == styles[:, :1]).all()


def test_pictures_are_changed_more_often_while_the_discriminator_is_sure():
    augmentation = Augmentation(target=0.6, pictures=40)
    augmentation.update(torch.ones(4, 1))
    assert augmentation.probability == pytest.approx(0.1)
    augmentation.update(torch.tensor([[1.0], [-1.0]]))
    assert augmentation.probability == pytest.approx(0.05)


def test_pictures_that_are_never_changed_are_the_same():
    pictures = torch.rand(2, 3, 16, 16)
    rng = torch.Generator().manual_seed(0)
    assert torch.equal(augment(pictures, 0.0, rng), pictures)
    assert not torch.equal(augment(pictures, 1.0, rng), pictures)


def test_only_some_pictures_are_changed():
    pictures = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    result = augment(pictures, 0.05, torch.Generator().manual_seed(1))
    kept = (result - pictures).abs().amax((1, 2, 3)) < 1e-5
    assert 24 < kept.sum() < 64


def test_drawings_go_to_the_colour_of_the_real_pictures(tmp_path):
    model = build(debug())
    task = GeneratorTask(discriminator=SMALL, pictures=0, path=0.0, r1=1.0, r1_every=4)
    recipe = Recipe(
        name="game", model=model.config, task=task, steps=12, batch=4, lr=5e-2, betas=(0.0, 0.99), ema_decay=0.0
    )
    z = torch.randn(8, model.config.generator.style_dim, generator=torch.Generator().manual_seed(0))

    def colour():
        styles = model.generator.map(z)[:, None].expand(-1, model.generator.rows, -1)
        with torch.no_grad():
            return float((model.generator(styles).mean() - 0.5).abs())

    before = colour()
    run(recipe, model, Grey(), tmp_path)
    assert colour() < before


def test_a_discriminator_of_another_size_is_refused():
    with pytest.raises(ConfigError, match="looks at 32"):
        GeneratorState(GeneratorTask(discriminator=DiscriminatorConfig(size=32)), build(debug()), Grey())
