"""The recipes that the paper's stages begin with: encoder, consultation, and edit directions from labels."""

import csv
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import nn

from stylehead_core.datasets.images import load_pictures
from stylehead_core.datasets.labels import LabelledPictures, load_labelled
from stylehead_core.errors import ConfigError, InputError
from stylehead_core.model.files import load_stylehead, save_stylehead
from stylehead_core.model.stylehead import build
from stylehead_core.networks.encoder import Encoder
from stylehead_core.networks.identity import Identity, IdentityConfig
from stylehead_core.networks.lpips import Lpips
from stylehead_core.records import Portrait
from stylehead_core.stages.editing import edit_style, load_directions
from stylehead_core.stages.inversion import invert
from stylehead_core.training.augmentation import mirror_randomly, tilt_randomly
from stylehead_core.training.command import MODEL, train
from stylehead_core.training.loop import run
from stylehead_core.training.recipes.registry import chain, recipe_named
from stylehead_core.training.tasks import attributes
from stylehead_core.training.tasks.attributes import DIRECTIONS, AttributesTask, ends
from stylehead_core.training.tasks.distortion import DistortionTask
from stylehead_core.training.tasks.encoder import EncoderState, EncoderTask, _copy_residual_units

CONFIG = recipe_named("debug_paper_encoder").model
ROWS, WIDTH, SIZE = CONFIG.generator.rows, CONFIG.generator.style_dim, CONFIG.size


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Drawn:
    """What the model's own generator draws of chance."""

    def __init__(self, model, count=32):
        with torch.no_grad():
            w = model.generator.map(torch.randn(count, WIDTH, generator=rng()))
            self.pictures = model.generator(w[:, None].expand(-1, ROWS, -1)).clamp(-1, 1)

    def __len__(self):
        return len(self.pictures)

    def take(self, rows):
        return self.pictures[rows]


@pytest.fixture
def model():
    return build(CONFIG)


def gradient(network):
    return sum(float(p.grad.norm()) for p in network.parameters() if p.grad is not None)


# The encoder


def test_rows_go_their_own_ways_one_after_the_other(model):
    state = EncoderState(EncoderTask(), model, Drawn(model))
    assert [state.free_rows(step / 200_000) for step in (0, 19_999, 20_000, 21_999, 22_000, 52_000, 200_000)] == [
        *(0, 0, 1, 1, 2, 17),
        91,
    ]
    pictures = state.pictures.take(torch.arange(4))
    for progress, free in ((0.0, 0), (0.1, 1), (0.11, 2), (1.0, ROWS - 1)):
        styles, deltas = state.find(pictures, progress)
        own = (styles - styles[:, :1]).abs().amax((0, 2)) > 1e-4
        assert own.tolist() == [False] + [True] * free + [False] * (ROWS - 1 - free)
        torch.testing.assert_close(styles - styles[:, :1], deltas, atol=1e-5, rtol=0)


def test_with_all_rows_free_the_stage_finds_what_the_encoder_finds(model):
    state = EncoderState(EncoderTask(), model, Drawn(model))
    model.encoder.eval()
    pictures = state.pictures.take(torch.arange(2))
    torch.testing.assert_close(state.find(pictures)[0], model.encoder(pictures))


def test_each_turn_of_the_encoder_moves_its_own_player(model):
    state = EncoderState(EncoderTask(r1_every=1), model, Drawn(model))
    state.compare.lpips = Lpips().requires_grad_(False)
    state.compare.arcface = small_identity()
    for phase, player, other, terms in zip(
        state.phases,
        (state.encoder, state.discriminator),
        (model.generator, state.encoder),
        ({"pixels", "perceptual", "identity", "deltas", "adversarial"}, {"discriminator", "r1"}),
        strict=True,
    ):
        model.zero_grad()
        state.discriminator.zero_grad()
        loss, parts = state.loss(phase, torch.arange(4), rng(), 0.5)
        loss.backward()
        assert parts.keys() == terms
        assert gradient(player) > 0
        assert gradient(other) == 0


def small_identity():
    config = IdentityConfig(size=32, units=(1, 1, 1, 1), widths=CONFIG.encoder.widths, embedding=8)
    return Identity(config).eval().requires_grad_(False)


def test_the_same_picture_costs_nothing(model):
    state = EncoderState(EncoderTask(), model, Drawn(model))
    state.compare.lpips, state.compare.arcface = Lpips().requires_grad_(False), small_identity()
    one, other = state.pictures.take(torch.tensor([0, 1]))[:, None]
    assert all(abs(float(loss)) < 1e-6 for loss in state.compare(model, one, one).values())
    assert all(float(loss) > 1e-6 for loss in state.compare(model, one, other).values())


def test_the_encoder_begins_with_the_units_of_the_network_that_knows_faces(model):
    identity = small_identity()
    _copy_residual_units(model.encoder, identity)
    assert torch.equal(model.encoder.stages[1][0].conv_in.weight, identity.stages[1][0].conv_in.weight)
    with torch.device("meta"):
        official, published = Encoder(), Identity()
    for part in ("stem", "stages"):
        shapes = ({k: v.shape for k, v in getattr(net, part).state_dict().items()} for net in (official, published))
        assert next(shapes) == next(shapes)


def redrawing_error(model, pictures):
    model.encoder.eval()
    with torch.no_grad():
        return float((model.generator(model.encoder(pictures)) - pictures).square().mean())


def test_the_encoder_learns_to_redraw(model, tmp_path):
    recipe = replace(recipe_named("debug_paper_encoder"), steps=20, batch=8, lr=3e-3, warmup_steps=0, ema_decay=0.0)
    data = Drawn(model)
    mean = model.generator(EncoderState(recipe.task, model, data).encoder.mean_styles[None])
    of_the_mean = float((mean - data.pictures).square().mean())
    run(recipe, model, data, tmp_path)
    assert redrawing_error(model, data.pictures) < 0.9 * of_the_mean


# The consultation


def test_what_is_not_tilted_is_the_same():
    pictures = torch.rand(3, 3, 16, 16, generator=rng())
    torch.testing.assert_close(tilt_randomly(pictures, 0.0, 0.15, rng()), pictures, atol=1e-5, rtol=0)
    assert (tilt_randomly(pictures, 1.0, 0.15, rng()) - pictures).abs().amax((1, 2, 3)).min() > 0.05


def test_a_tilt_moves_the_corners_inwards():
    """A corner moves by no more than the share of half the side, so the middle stays and the rim becomes black."""
    white = torch.ones(8, 1, 64, 64)
    seen = tilt_randomly(white, 1.0, 0.25, rng())
    torch.testing.assert_close(seen[..., 10:54, 10:54], white[..., 10:54, 10:54])
    assert seen[:, 0, 0, 0].max() < 0.5


def test_half_of_the_pictures_are_mirrored():
    pictures = torch.arange(4.0).expand(64, 1, 4, 4)
    ways = {tuple(picture[0, 0].tolist()) for picture in mirror_randomly(pictures, rng())}
    assert ways == {(0.0, 1.0, 2.0, 3.0), (3.0, 2.0, 1.0, 0.0)}


def test_the_aligner_is_asked_for_what_was_not_turned(model):
    class Same(nn.Module):
        def forward(self, residual, redrawn):
            return residual

    stages = [DistortionTask(tilted=often).start(model, Drawn(model)) for often in (0.0, 1.0)]
    for state in stages:
        state.aligner = Same()
    still, turned = (state.loss(state.phases[0], torch.arange(4), rng(), 0.0)[1]["align"] for state in stages)
    assert still < 1e-6 < 1e-3 < turned


def test_consulting_moves_the_aligner_and_the_consultation_alone(model):
    state = DistortionTask().start(model, Drawn(model))
    loss, parts = state.loss(state.phases[0], torch.arange(4), rng(), 0.0)
    loss.backward()
    assert parts.keys() == {"pixels", "align"}
    assert gradient(state.aligner) > 0
    assert gradient(state.consultation) > 0
    assert gradient(model.generator) == gradient(model.encoder) == 0
    with pytest.raises(ConfigError, match="an aligner"):
        DistortionTask().start(build(replace(CONFIG, aligner=None)), Drawn(model))


def test_the_consultation_learns_what_the_styles_miss(model, tmp_path):
    recipe = replace(recipe_named("debug_paper_consult"), steps=20, batch=8, lr=3e-3, warmup_steps=0, ema_decay=0.0)
    data = Drawn(model)
    from_styles = redrawing_error(model, data.pictures)
    state = run(recipe, model, data, tmp_path)
    model.eval()
    with torch.no_grad():
        drawn = state._redraw(data.pictures)[1]
    assert float((drawn - data.pictures).square().mean()) < 0.8 * from_styles


# Directions


class Planted(nn.Module):
    """An encoder that finds the styles which a picture's brightness counts."""

    def __init__(self, encoder, styles):
        super().__init__()
        self.config, self.styles = encoder.config, styles

    def forward(self, pictures):
        return self.styles[(pictures.mean((1, 2, 3)) * len(self.styles)).round().long()]


class Counted:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def take(self, rows):
        return (rows / self.count)[:, None, None, None].expand(-1, 3, SIZE, SIZE)


def planted(model, count=600):
    """Labelled pictures of styles in which the old are also bearded, for the most part; and the two true directions."""
    old, beard = (torch.randn(ROWS, WIDTH, generator=rng(seed)) for seed in (1, 2))
    age = torch.randn(count, generator=rng(3))
    hair = 0.7 * age + 0.7 * torch.randn(count, generator=rng(4))
    others = 0.5 * torch.randn(count, ROWS, WIDTH, generator=rng(5)) @ torch.randn(WIDTH, WIDTH, generator=rng(6))
    styles = age[:, None, None] * old + hair[:, None, None] * beard + 0.2 * others
    model.encoder = Planted(model.encoder, styles)
    labels = torch.stack((age, (hair > 0).float()), dim=1)
    data = LabelledPictures(
        pictures=Counted(count), names=("old", "stubble"), labels=labels, person=torch.arange(count)
    )
    return data, (old, beard), styles


def coordinates(change, truth):
    """How much of each true direction is in ``change``."""
    basis = torch.stack([one.flatten() for one in truth], dim=1)
    return torch.linalg.lstsq(basis, change.flatten()[:, None]).solution[:, 0]


def test_planted_directions_are_found_apart_from_one_another(model):
    data, truth, styles = planted(model)
    AttributesTask().start(model, data)
    for number, name in enumerate(data.names):
        low, high = ends(name, data.labels[:, number], 0.25)
        naive = coordinates(styles[high].mean(0) - styles[low].mean(0), truth)
        own = coordinates(model.directions.shift(name), truth)
        assert naive[1 - number] > 0.5 * naive[number], "the labels go together, or there is nothing to take apart"
        assert own[1 - number].abs() < 0.1 * own[number]
        assert own[number] == pytest.approx(float(naive[number]), rel=0.25)  # strength 1 is the whole way
        cosine = torch.cosine_similarity(model.directions.shift(name).flatten(), truth[number].flatten(), dim=0)
        assert cosine > 0.9


def test_a_direction_does_not_move_what_tells_the_others(model, monkeypatch):
    """The law of the conditional projection: a boundary's score stays as it is along all other directions."""
    seen = {}
    find = attributes.find_directions

    def watched(space, normals, classes):
        seen.update(space=space, normals=normals)
        return find(space, normals, classes)

    monkeypatch.setattr(attributes, "find_directions", watched)
    data, _, _ = planted(model)
    AttributesTask().start(model, data)
    back = seen["space"].back.flatten(0, 1)  # RD K
    for number, name in enumerate(data.names):
        change = model.directions.shift(name).double().flatten() @ torch.linalg.pinv(back).T
        scores = seen["normals"] @ change
        assert scores[number] > 1
        assert scores[1 - number].abs() < 1e-3 * scores[number]


def test_labels_of_chance_are_told_right_as_often_as_by_guessing(model, capsys):
    data, _, _ = planted(model)
    labels = torch.cat((data.labels[:, :1], torch.rand(600, 1, generator=rng()).round()), dim=1)
    AttributesTask().start(model, replace(data, labels=labels))
    told = [int(line.split(": ")[1].split("%")[0]) for line in capsys.readouterr().out.splitlines()]
    assert told[0] > 90
    assert 35 < told[1] < 65


def test_an_attribute_that_all_share_is_left_out(model, capsys):
    data, _, _ = planted(model)
    labels = torch.cat((torch.ones(600, 1), data.labels[:, 1:]), dim=1)
    AttributesTask().start(model, replace(data, labels=labels))
    assert "old is left out" in capsys.readouterr().out
    assert not model.directions.shift("old").any()
    assert model.directions.shift("stubble").any()
    with pytest.raises(InputError, match="no attribute"):
        AttributesTask().start(model, replace(data, labels=torch.ones(600, 2)))


def test_labels_that_cannot_be_used_are_refused(model):
    data, _, _ = planted(model)
    twice = replace(data, labels=data.labels[:, :1].expand(-1, 2))
    with pytest.raises(InputError, match="'old' and 'stubble' say the same"):
        AttributesTask().start(model, twice)
    with pytest.raises(InputError, match="few"):
        AttributesTask(components=1).start(model, data)
    with pytest.raises(InputError, match="at least 10 pictures"):
        ends("old", torch.tensor([0.0] * 50 + [1.0] * 9 + [float("nan")] * 5), 0.25)
    without, with_it = ends("old", torch.tensor([0.0] * 50 + [1.0] * 10 + [float("nan")] * 5), 0.25)
    assert (len(without), len(with_it)) == (50, 10)


# From files to a model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty pictures, half of them warm and a third of them bright, and a table that says so."""
    root = tmp_path_factory.mktemp("pictures")
    noise = torch.rand(60, 8, 8, 3, generator=rng())
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "warm", "bright", "person"))
        for number, picture in enumerate(noise):
            warm, bright = number % 2, number % 3 == 0
            tint = torch.tensor([1.0, 0.6, 0.3] if warm else [0.3, 0.6, 1.0])
            levels = (255 * picture * tint * (1.0 if bright else 0.5)).byte()
            name = f"{number:02}.png"
            Image.fromarray(levels.numpy()).resize((SIZE, SIZE)).save(root / name)
            table.writerow((name, warm, "" if number == 59 else float(bright), number // 2))
    return root


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    for recipe in (recipe_named("debug_paper_generator"), *chain("debug_paper_inversion")):
        train(recipe, folder, out)
    return out


def test_the_table_says_what_is_known(folder):
    data = load_labelled(folder)
    assert data.names == ("warm", "bright")
    assert data.labels[:4].tolist() == [[0, 1], [1, 0], [0, 0], [1, 1]]
    assert data.labels[59].isnan().tolist() == [False, True]
    assert data.person[:4].tolist() == [0, 0, 1, 1]
    assert torch.equal(data.pictures.take(torch.tensor([7])), load_pictures(folder).take(torch.tensor([7])))


def test_each_recipe_makes_its_parts(runs):
    generator, encoder, consult, directions = (
        load_stylehead(runs / f"debug_paper_{name}" / MODEL).state_dict()
        for name in ("generator", "encoder", "consult", "directions")
    )

    def same(one, other, part):
        return all(torch.equal(value, other[key]) for key, value in one.items() if key.startswith(f"{part}."))

    assert same(generator, encoder, "generator")
    assert not same(generator, encoder, "encoder")
    assert same(encoder, consult, "encoder")
    assert not same(encoder, consult, "aligner")
    assert not same(encoder, consult, "consultation")
    assert same(encoder, directions, "encoder")
    assert directions["directions.warm.direction"].abs().amax() > 0


def test_the_directions_of_a_run_edit_a_portrait(runs, folder):
    run_folder = runs / "debug_paper_directions"
    model, file = load_stylehead(run_folder / MODEL), load_directions(run_folder / DIRECTIONS)
    assert {"warm", "bright"} <= set(model.attributes)
    assert torch.equal(file["warm"].direction, model.directions.shift("warm"))
    inversion = invert(model, Portrait(image=load_pictures(folder).take(torch.tensor([0]))))
    own, other = (edit_style(model, inversion, which).edits[0] for which in ("bright", file["bright"]))
    assert torch.equal(own.direction, other.direction)
    plain, edited = model.generator(torch.stack((inversion.styles, inversion.styles + own.direction)))
    assert (plain - edited).abs().amax() > 1e-3  # the encoder has learnt for two steps, and finds small styles


def test_a_model_that_is_given_stands_for_runs_where_it_has_learnt_their_parts(runs, folder, tmp_path):
    given = runs / "debug_paper_encoder" / MODEL
    made = load_stylehead(train(recipe_named("debug_paper_directions"), folder, tmp_path / "one", start=given))
    learnt = load_stylehead(runs / "debug_paper_directions" / MODEL)
    assert torch.equal(made.directions.shift("warm"), learnt.directions.shift("warm"))
    only_drawing = runs / "debug_paper_generator" / MODEL
    with pytest.raises(ConfigError, match=r"debug_paper_encoder has made.*--start: encoder"):
        train(recipe_named("debug_paper_directions"), folder, tmp_path / "two", start=only_drawing)
    with pytest.raises(ConfigError, match=r"debug_paper_generator has made.*--start: generator"):
        train(recipe_named("debug_paper_encoder"), folder, tmp_path / "three")


def test_what_chance_made_of_the_perceptual_network_is_left_out(runs, capsys, folder, tmp_path):
    assert load_stylehead(runs / "debug_paper_encoder" / MODEL).perceptual is None
    whole = build(CONFIG, seed=1)
    save_stylehead(whole, tmp_path / MODEL)
    kept = load_stylehead(train(recipe_named("debug_paper_encoder"), folder, tmp_path, start=tmp_path / MODEL))
    assert torch.equal(kept.perceptual.stages[0][0].weight, whole.perceptual.stages[0][0].weight)
    assert "VGG19" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("picture,old\n00.png,1", "a column 'file'"),
        ("file,old\nnowhere.png,1", "not there, first .*nowhere"),
        ("file,old\n00.png,very", "must be a number or empty; found 'very'"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(folder, tmp_path, lines, message):
    Image.open(folder / "00.png").save(tmp_path / "00.png")
    (tmp_path / "labels.csv").write_text(lines, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_labelled(tmp_path)


def test_what_is_missing_is_asked_for(tmp_path):
    with pytest.raises(InputError, match="no pictures in"):
        load_pictures(tmp_path)
    with pytest.raises(InputError, match=r"no labels\.csv"):
        load_labelled(tmp_path)
    Image.new("RGB", (6, 4)).save(tmp_path / "wide.png")
    with pytest.raises(InputError, match="6 x 4"):
        load_pictures(tmp_path)
