"""From heads to a model that animates: the whole chain at its smallest."""

import argparse
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

pytest.importorskip("espeakng_loader", reason="needs synthetic speech: pip install 'stylehead[heads]'")

from stylehead_core.animate import animate
from stylehead_core.datasets.heads import load_heads, save_heads
from stylehead_core.errors import ConfigError, InputError
from stylehead_core.model.files import load_stylehead
from stylehead_core.model.stylehead import build
from stylehead_core.records import Motion, Portrait
from stylehead_core.stages.editing import edit_style
from stylehead_core.stages.inversion import invert
from stylehead_core.stages.rendering import render
from stylehead_core.training.command import MODEL, add_arguments, draw_heads, run, train
from stylehead_core.training.recipes.registry import CHAINS, chain, recipe_named


@pytest.fixture(scope="module")
def runs(heads, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    save_heads(heads, folder / "some.measured.safetensors")
    for recipe in chain("debug"):
        train(recipe, folder, folder)
    return folder


def first_portrait(heads) -> Portrait:
    return Portrait(
        image=heads.frames(torch.tensor([0])), landmarks=heads.landmarks[0], coefficients=heads.coefficients[0]
    )


def assert_animates(model, heads, frames: int, size: int) -> None:
    motion = Motion(coefficients=heads.coefficients[:frames], fps=Fraction(25))
    drawn = torch.cat(list(animate(model, first_portrait(heads), motion)))
    assert drawn.shape == (frames, 3, size, size)
    assert torch.isfinite(drawn).all()


def test_the_last_model_animates_a_portrait(runs, heads):
    model = load_stylehead(runs / "debug_whole" / MODEL)
    assert_animates(model, heads, frames=3, size=128)


def test_an_edit_changes_places_of_the_face(runs, heads):
    model = load_stylehead(runs / "debug_whole" / MODEL)
    torch.nn.init.normal_(model.editor.attributes["beard"].last.weight, generator=torch.Generator().manual_seed(0))
    portrait = first_portrait(heads)
    inversion = invert(model, portrait)
    whole = edit_style(model, inversion, "beard")
    styles_alone = replace(whole, edits=(replace(whole.edits[0], places=False),))
    first, second = (next(iter(render(model, one))) for one in (whole, styles_alone))
    assert (first - second).abs().amax() > 0.01
    model.editor.attributes["beard"].last.weight[: model.editor.config.feature_channels] = 0
    pixels_alone = next(iter(render(model, whole)))
    assert (pixels_alone - second).abs().amax() > 0.01
    corner = (..., slice(8), slice(8))  # of the picture, far from the head
    torch.testing.assert_close(first[corner], second[corner])
    lost = replace(whole, portrait=replace(portrait, landmarks=None))
    with pytest.raises(InputError, match="no landmarks"):
        next(iter(render(model, lost)))


def test_each_part_is_what_its_own_recipe_made(runs):
    whole = load_stylehead(runs / "debug_whole" / MODEL).state_dict()
    for name, part in (
        *(("debug_styles", "encoder"), ("debug_motion", "flow_field"), ("debug_motion", "prior")),
        *(
            ("debug_consult", "generator"),
            ("debug_calibration", "calibrator"),
            ("debug_refine", "refiner"),
            ("debug_directions", "directions"),
            ("debug_directions", "editor"),
            ("debug_speech", "speech"),
        ),
    ):
        own = load_stylehead(runs / name / MODEL).get_submodule(part).state_dict()
        assert own
        for key, value in own.items():
            assert torch.equal(whole[f"{part}.{key}"], value), (name, key)


def test_every_run_leaves_a_log_and_a_sheet(runs):
    for recipe in chain("debug")[:-1]:  # the last learns nothing
        assert (runs / recipe.name / "sheet.png").is_file()
        assert (runs / recipe.name / "checkpoint.pt").is_file()


def test_a_recipe_says_what_it_needs_first(tmp_path):
    with pytest.raises(ConfigError, match="Run that first"):
        train(recipe_named("debug_calibration"), tmp_path, tmp_path)


def test_measured_heads_are_read_as_they_were_written(heads, tmp_path):
    save_heads(heads, tmp_path / "a.measured.safetensors")
    save_heads(heads, tmp_path / "b.measured.safetensors")
    both = load_heads(tmp_path)
    assert len(both) == 2 * len(heads)
    assert torch.equal(both.source[len(heads) :], heads.source + len(heads.pictures))
    assert torch.equal(both.pictures[: len(heads.pictures)], heads.pictures)
    assert torch.equal(both.edited_person[len(heads.edited) :], heads.edited_person)


def test_nothing_is_learnt_from_heads_that_are_held_out(heads, tmp_path):
    save_heads(replace(heads, person=heads.person + 900_000), tmp_path / "a.measured.safetensors")
    with pytest.raises(InputError, match="never learnt from"):
        recipe_named("debug_styles").task.load(tmp_path)


def test_every_chain_finds_what_it_needs():
    # A model given by --start spares these.
    goes_on_from = {"512": "mini", "debug_512": "debug", "real_speech": "mini", "debug_real_speech": "debug"}
    goes_on_from |= {"small_paper_sound": "mini", "debug_small_paper_sound": "debug"}
    for name, recipes in CHAINS.items():
        made = {"paper_generator", "debug_paper_generator"}  # weeks of work, likewise
        made |= {recipe.name for recipe in CHAINS.get(goes_on_from.get(name, ""), ())}
        for recipe in recipes:
            assert set(recipe.needs) <= made
            made.add(recipe.name)


def test_the_chain_of_512_pixels_goes_on_from_the_small_model(runs, heads, tmp_path):
    alpha = torch.zeros(len(heads.pictures), 1, heads.size, heads.size, dtype=torch.uint8)
    alpha[..., 20:, 30:100] = 255
    save_heads(replace(heads, alpha=alpha, weights=heads.weights + 0.1), tmp_path / "some.measured.safetensors")
    for recipe in chain("debug_512"):
        train(recipe, tmp_path, tmp_path, start=runs / "debug_whole" / MODEL)
    model = load_stylehead(tmp_path / "debug_512_whole" / MODEL)
    assert_animates(model, heads, frames=2, size=256)
    for name in ("refiner", "compositor", "matte", "prior"):
        before = build(recipe_named("debug_512_whole").model)
        states = (getattr(each, name).state_dict() for each in (before, model))
        assert any(not torch.equal(*pair) for pair in zip(*(state.values() for state in states), strict=True))


def test_the_debug_chain_draws_its_own_heads_where_there_are_none(tmp_path, canonical, capsys):
    """The first recipe of the chain by the command alone; the fixture above runs the others."""
    folder = draw_heads(tmp_path / "debug_data")
    assert "random ones were written" in capsys.readouterr().out
    made = load_heads(folder)
    assert len(made.pictures) == 12
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["debug", "--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "runs")])
    with pytest.MonkeyPatch.context() as patch:
        asked = []
        patch.setattr("stylehead_core.training.command.train", lambda recipe, data, *_, **__: asked.append(data))
        assert run(args) == 0
    assert len(asked) == len(chain("debug"))
    assert set(asked) == {tmp_path / "runs" / "debug_data"}
