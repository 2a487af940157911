"""Laws of the frames: what asks for nothing changes nothing, and how they are asked for does not matter."""

from dataclasses import replace

import pytest
import torch

from stylehead_core import ConfigError, Head, InputError, Motion, calibrate, edit_style, invert, render, warp_features
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.ops.colour import to_lab
from stylehead_core.stages import rendering
from stylehead_core.stages.inversion import OptimiseConfig
from stylehead_core.stages.rendering import RenderConfig


def frames(model, source, chunk=4, numbers=None, **settings) -> torch.Tensor:
    return torch.cat(list(render(model, source, chunk, numbers, RenderConfig(**settings))))


@pytest.fixture
def head(scene):
    inversion = edit_style(scene.model, scene.inversion, "old", 0.0, end=0.5)
    return calibrate(scene.model, warp_features(scene.model, inversion, scene.motion))


def test_every_chunk_gives_the_same_frames(scene, head):
    whole = frames(scene.model, head, 8)
    assert whole.shape == (9, 3, 64, 64)
    assert whole.abs().max() <= 1
    for chunk in (1, 3):
        parts = list(render(scene.model, head, chunk))
        assert [len(part) for part in parts] == [chunk] * (9 // chunk)
        assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("batch_size", [2, 4])
def test_no_frame_depends_on_the_chunk_when_frames_are_drawn_together(scene, head, batch_size):
    steady = replace(head, inversion=edit_style(scene.model, scene.inversion, "old", 0.3))
    whole = frames(scene.model, steady, 9, batch_size=batch_size)
    for chunk in (1, 4, 7):
        parts = list(render(scene.model, steady, chunk, config=RenderConfig(batch_size=batch_size)))
        assert [len(part) for part in parts[:-1]] == [chunk] * (len(parts) - 1)
        assert torch.equal(torch.cat(parts), whole)
    torch.testing.assert_close(whole, frames(scene.model, steady), atol=1e-4, rtol=0)


def test_frames_that_an_edit_changes_are_drawn_one_by_one(scene, head, monkeypatch):
    batches = []
    draw = scene.model.generator.draw
    monkeypatch.setattr(scene.model.generator, "draw", lambda x, *a, **s: batches.append(len(x)) or draw(x, *a, **s))
    assert torch.equal(frames(scene.model, head, batch_size=4), frames(scene.model, head))
    assert set(batches) == {1}


@pytest.mark.parametrize("speed", ["graphs", "compile and graphs"])
def test_what_the_machine_cannot_do_is_said_and_left_out(scene, head, monkeypatch, caplog, speed):
    def broken(function, **settings):
        raise RuntimeError("No compiler found.\nA long story.")

    monkeypatch.setattr(torch, "compile", broken)
    steady = replace(head, inversion=scene.inversion)
    assert torch.equal(frames(scene.model, steady, speed=speed), frames(scene.model, steady))
    words = ["CUDA graphs need a CUDA device"]
    words += ["cannot be used (No compiler found.)"] if "compile" in speed else []
    assert [word in record.getMessage() for word, record in zip(words, caplog.records, strict=True)]
    assert len(caplog.records) == len(words)


def test_nothing_is_made_ready_for_weights_that_change(scene, head, caplog):
    assert torch.equal(frames(scene.model, head, speed="compile"), frames(scene.model, head))
    assert "change from frame to frame" in caplog.text


def test_chosen_frames_are_those_of_the_whole_clip(scene, head):
    assert torch.equal(frames(scene.model, head, numbers=[7, 0, 3]), frames(scene.model, head)[[7, 0, 3]])


def test_two_runs_are_equal(scene, head):
    assert torch.equal(frames(scene.model, head), frames(scene.model, head))


def test_no_flow_and_no_calibration_give_the_inversion_back():
    model = build(debug("arkit"))
    inversion = invert(model, torch.zeros(1, 3, 64, 64))
    motion = Motion(coefficients=torch.zeros(3, 58), fps=25)
    head = Head(inversion=inversion, motion=motion, flow=torch.zeros(3, 2, 32, 32))
    assert torch.equal(frames(model, head), inversion.redrawn.expand(3, -1, -1, -1))


def test_calibration_of_strength_0_changes_nothing(scene, head):
    off = calibrate(scene.model, head, 0)
    plain = replace(head, strength=0.0, descriptor=None, visibility=None)
    assert torch.equal(frames(scene.model, off), frames(scene.model, plain))
    assert not torch.equal(frames(scene.model, off), frames(scene.model, head))


def test_freed_memory_is_kept_for_large_frames_only(scene, head, monkeypatch):
    kept = []
    monkeypatch.setattr(rendering, "keep_freed_memory", lambda: kept.append(True))
    next(iter(render(scene.model, head)))
    assert not kept
    monkeypatch.setattr(rendering, "LARGE_FRAME", scene.model.config.generator.size)
    next(iter(render(scene.model, head)))
    assert kept


def test_half_the_calibration_lies_between_none_and_all(scene, head):
    # In the feature map it is exactly half; the picture follows without a leap.
    none, half, all_of_it = (frames(scene.model, calibrate(scene.model, head, s), numbers=[4]) for s in (0, 0.5, 1))
    assert (half - none).norm() < (all_of_it - none).norm()


@pytest.mark.parametrize("edited", ["moved", "consulted"])
@pytest.mark.parametrize("attribute", ["old", "beard"])
def test_an_edit_of_strength_0_changes_nothing(scene, edited, attribute):
    nothing = edit_style(scene.model, scene.inversion, attribute, 0)
    assert torch.equal(frames(scene.model, nothing, edited=edited), scene.inversion.redrawn)


@pytest.mark.parametrize("edited", ["moved", "consulted"])
def test_an_edit_shows_and_more_of_it_shows_more(scene, edited):
    apart = [
        (
            frames(scene.model, edit_style(scene.model, scene.inversion, "old", s), edited=edited)
            - scene.inversion.redrawn
        )
        .square()
        .mean()
        for s in (0.05, 0.1, 0.2)
    ]
    assert 0 < apart[0] < apart[1] < apart[2]


def test_an_edit_over_the_clip_starts_unedited_and_ends_in_full(scene, head):
    plain = replace(head, inversion=scene.inversion)
    full = replace(head, inversion=edit_style(scene.model, scene.inversion, "old", 0.5))
    ramp = frames(scene.model, head)
    assert torch.equal(ramp[0], frames(scene.model, plain, numbers=[0])[0])
    assert torch.equal(ramp[-1], frames(scene.model, full, numbers=[8])[0])


def test_constant_styles_are_worked_in_once(scene, monkeypatch):
    calls = []
    prepare = scene.model.generator.prepare
    monkeypatch.setattr(scene.model.generator, "prepare", lambda styles: calls.append(1) or prepare(styles))
    head = warp_features(scene.model, edit_style(scene.model, scene.inversion, "old"), replace(scene.motion, mel=None))
    frames(scene.model, head, 2)
    assert len(calls) == 1


def test_the_rgb_sum_moves_or_stays(scene, head):
    moved, still = (frames(scene.model, head, rgb=rgb) for rgb in ("warped", "still"))
    assert torch.equal(moved if scene.model.config.warp_rgb else still, frames(scene.model, head))
    assert torch.equal(moved, still) == (scene.inversion.rgb is None)


def test_matched_colours_bring_the_redrawn_portrait_to_its_own(scene):
    def mean(picture):
        return to_lab(picture).mean((0, 2, 3))

    tinted = replace(scene.inversion, portrait=replace(scene.portrait, image=scene.inversion.redrawn * 0.5 + 0.2))
    as_drawn, matched = (frames(scene.model, tinted, colour=colour) for colour in ("as drawn", "matched"))
    wanted = mean(tinted.portrait.image)
    assert (mean(matched) - wanted).norm() < 0.2 * (mean(as_drawn) - wanted).norm()


def test_a_preview_is_smaller(scene, head):
    assert frames(scene.model, head, numbers=[0], stop_at=32).shape == (1, 3, 32, 32)


def test_drawing_stops_within_a_chunk(scene, head, monkeypatch):
    drawn = []
    draw = scene.model.generator.draw
    monkeypatch.setattr(
        scene.model.generator, "draw", lambda *args, **settings: drawn.append(1) or draw(*args, **settings)
    )
    for _ in render(scene.model, head, 2):
        break
    assert len(drawn) == 2


@pytest.mark.parametrize(("dtype", "least"), [(torch.bfloat16, 30), (torch.float16, 45)])
def test_half_precision_agrees(scene, head, dtype, least):
    half = build(scene.model.config)
    half.load_state_dict(scene.model.state_dict())
    found = frames(half.draw_in(dtype), head)
    error = (found - frames(scene.model, head)).square().mean() / 4
    assert -10 * torch.log10(error) > least
    assert found.dtype == torch.float32


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"chunk": 0}, "at least one frame"), ({"frames": [9]}, "0 to 8; found 9"), ({"frames": [-1]}, "found -1")],
)
def test_frames_that_there_are_not_are_refused(scene, head, settings, words):
    with pytest.raises(InputError, match=words):
        render(scene.model, head, **settings)


def test_wrong_settings_are_refused(scene, head):
    with pytest.raises(ConfigError, match="'still'"):
        RenderConfig(rgb="sideways")
    with pytest.raises(ConfigError, match="colour"):
        RenderConfig(colour="sepia")
    with pytest.raises(ConfigError, match="'compile'"):
        RenderConfig(speed="warp 9")
    with pytest.raises(ConfigError, match="At least one"):
        RenderConfig(batch_size=0)
    with pytest.raises(ConfigError, match="32, 64 pixels; found 16"):
        render(scene.model, head, config=RenderConfig(stop_at=16))


def test_an_inversion_of_another_model_is_refused(scene):
    other = replace(scene.inversion, styles=torch.zeros(18, 512))
    with pytest.raises(InputError, match=r"another model[^$]*found     styles \(18, 512\)"):
        render(scene.model, other)


def test_consulted_edits_of_an_optimised_portrait_begin_with_the_encoders_codes(scene):
    """As published: motion transfer is drawn from optimised features, edits from the encoder's."""
    refined = invert(scene.model, scene.portrait, "optimise", steps=1, config=OptimiseConfig(perceptual=0))
    consulted = RenderConfig(edited="consulted")
    found, expected = (
        next(render(scene.model, edit_style(scene.model, one, "old"), config=consulted))
        for one in (refined, scene.inversion)
    )
    torch.testing.assert_close(found, expected)
    assert torch.equal(next(render(scene.model, refined, config=consulted)), refined.redrawn)  # nothing is edited


def test_edits_are_drawn_as_the_inversion_was_made_for_unless_told_otherwise(scene):
    made = invert(scene.model, scene.portrait, edited="consulted")
    moved, consulted = (
        next(render(scene.model, edit_style(scene.model, scene.inversion, "old"), config=RenderConfig(edited=way)))
        for way in ("moved", "consulted")
    )
    edited = edit_style(scene.model, made, "old")
    torch.testing.assert_close(next(render(scene.model, edited)), consulted)
    torch.testing.assert_close(next(render(scene.model, edited, config=RenderConfig(edited="moved"))), moved)
    assert not torch.allclose(moved, consulted)


def test_consulted_edits_need_a_consultation_network(scene):
    plain = build(replace(scene.model.config, consultation=None, aligner=None))
    inversion = edit_style(plain, invert(plain, scene.portrait), "old")
    with pytest.raises(ConfigError, match="edited='moved'"):
        render(plain, inversion, config=RenderConfig(edited="consulted"))
    with pytest.raises(ConfigError, match="no consultation network"):
        invert(plain, scene.portrait, edited="consulted")


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_calibration_beyond_0_to_1_is_refused(scene, head, strength):
    with pytest.raises(InputError, match=r"0 \(off\) to 1"):
        calibrate(scene.model, head, strength)


def test_a_model_without_calibrator_says_so(scene, head):
    bare = build(replace(scene.model.config, calibrator=None))
    assert calibrate(bare, head, 0).strength == 0
    with pytest.raises(ConfigError, match="no calibrator"):
        calibrate(bare, head, 0.5)
