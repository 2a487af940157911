"""The paper's stages run on prepared clips: here on two clips of eight small frames each."""

from fractions import Fraction

import pytest
import torch

from stylehead_core.datasets.preparation.clip_folder import PreparedClip, finish_clip, write_frame
from stylehead_core.datasets.videos import load_videos
from stylehead_core.model.files import load_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.training.command import MODEL, train
from stylehead_core.training.recipe import Phase
from stylehead_core.training.recipes.registry import chain
from stylehead_core.training.tasks.joint import JointTask
from stylehead_core.training.tasks.joint_sound import JointSoundTask
from stylehead_core.training.tasks.sound import SoundTask
from stylehead_core.training.tasks.video import VideoTask

SIZE, FRAMES = 64, 8


@pytest.fixture(scope="module")
def videos(heads, tmp_path_factory):
    """A folder of two clips with sound."""
    root = tmp_path_factory.mktemp("films")
    rng = torch.Generator().manual_seed(0)
    for number in range(2):
        clip = PreparedClip(
            folder=root / f"clip-{number}",
            video="none.mp4",
            framing="hdtf",
            size=SIZE,
            fps=Fraction(25),
            count=FRAMES,
            start=0,
            square=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
            sound=True,
        )
        part = root / f"part-{number}"
        for row in range(FRAMES):
            coarse = torch.rand(1, 3, 8, 8, generator=rng) * 2 - 1
            write_frame(part, row, torch.nn.functional.interpolate(coarse, size=SIZE)[0])
        measured = {
            "landmarks": heads.landmarks[:FRAMES] / 2,
            "coefficients": heads.coefficients[:FRAMES],
            "mel": torch.rand(80, 40, generator=rng) * 8 - 4,
        }
        finish_clip(part, clip, measured)
    return root


@pytest.fixture(scope="module")
def runs(videos, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    for recipe in chain("debug_paper"):
        train(recipe, videos, out)
    return out


def test_each_stage_makes_its_parts_and_keeps_the_others(runs):
    video, sound, joint, heard = (load_stylehead(runs / recipe.name / MODEL) for recipe in chain("debug_paper"))

    def same(one, other, part):
        pairs = zip(getattr(one, part).parameters(), getattr(other, part).parameters(), strict=True)
        return all(torch.equal(a, b) for a, b in pairs)

    assert same(video, sound, "flow_field")
    assert not same(video, sound, "audio_flow_field")
    assert not same(video, joint, "calibrator")
    assert same(video, joint, "generator")
    assert not same(joint, heard, "calibrator")
    assert not same(sound, heard, "audio_flow_field")
    assert same(joint, heard, "flow_field")


def rising(task, videos, parts, **without):
    """The stage's loss on one batch, and the gradients' norms of the model's ``parts``."""
    model = build(debug("arkit"))
    state = task.start(model, load_videos(videos))
    rng = torch.Generator().manual_seed(1)
    loss, terms = state.loss(state.phases[0], torch.tensor([0, 1]), rng, 0.5)
    loss.backward()
    norms = {
        part: sum(float(p.grad.norm()) for p in getattr(model, part).parameters() if p.grad is not None)
        for part in parts
    }
    return loss, terms, norms


def test_video_moves_the_motion_generator(videos):
    _, terms, norms = rising(VideoTask(), videos, ("flow_field", "motion_encoder", "generator"))
    assert terms.keys() == {"pixels", "perceptual"}
    assert norms["flow_field"] > 0
    assert norms["motion_encoder"] > 0
    assert norms["generator"] == 0


def test_sound_moves_the_audio_generator_alone(videos):
    loss, terms, norms = rising(SoundTask(), videos, ("audio_flow_field", "audio_encoder", "flow_field"))
    assert terms.keys() == {"pixels", "mouth", "outside", "label"}
    assert loss.item() == pytest.approx(sum(terms.values()), rel=1e-4)
    assert norms["audio_flow_field"] > 0
    assert norms["audio_encoder"] > 0
    assert norms["flow_field"] == 0


def test_jointly_the_calibrator_learns_and_the_video_generator_may_be_fixed(videos):
    parts = ("calibrator", "flow_field", "generator")
    _, terms, norms = rising(JointTask(size=64), videos, parts)
    assert terms.keys() == {"pixels", "perceptual", "domain", "adversarial", "video"}
    assert norms["calibrator"] > 0
    assert norms["flow_field"] > 0
    assert norms["generator"] == 0
    assert rising(JointTask(size=64, video=0.0), videos, parts)[2]["flow_field"] == 0


def test_with_sound_the_calibrator_and_the_audio_generator_learn(videos):
    parts = ("calibrator", "audio_flow_field", "flow_field", "generator")
    loss, terms, norms = rising(JointSoundTask(size=64), videos, parts)
    assert terms.keys() == {"pixels", "perceptual", "domain", "adversarial", "sound"}
    assert loss.item() == pytest.approx(sum(terms.values()), rel=1e-4)
    assert norms["calibrator"] > 0
    assert norms["audio_flow_field"] > 0
    assert norms["flow_field"] == norms["generator"] == 0


def test_a_generator_learns_from_the_frames_of_clips(videos, tmp_path):
    (recipe,) = chain("debug_paper_generator")
    pictures = recipe.task.load(videos)
    assert len(pictures) == 2 * FRAMES
    frame = from_uint8(load_videos(videos).clips[1].frames([3]))
    torch.testing.assert_close(pictures.take(torch.tensor([FRAMES + 3])), frame)
    made = train(recipe, videos, tmp_path)
    untrained = build(recipe.model, recipe.seed)
    assert not torch.equal(made.generator.constant, untrained.generator.constant)
    assert torch.equal(made.encoder.mean_styles, untrained.encoder.mean_styles)


def test_a_drawing_that_is_taken_for_real_costs_less():
    from stylehead_core.training.losses import adversarial_loss

    assert adversarial_loss(torch.tensor([2.0])) < adversarial_loss(torch.tensor([-2.0]))


def test_a_phase_knows_its_modules():
    line = torch.nn.Linear(2, 3)
    assert [group["lr_factor"] for group in Phase("x", [(line, 0.5)]).groups()] == [0.5]
