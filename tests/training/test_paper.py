"""The paper's stages run on prepared clips: here on two clips of eight small frames each."""

import argparse
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from prepared import clip_of

from stylehead_core.convert.discriminator import to_official
from stylehead_core.datasets.preparation.clip_folder import finish_clip, write_frame
from stylehead_core.datasets.videos import load_videos
from stylehead_core.errors import ConfigError, InputError
from stylehead_core.model.files import load_stylehead
from stylehead_core.model.presets import debug
from stylehead_core.model.stylehead import build
from stylehead_core.networks.discriminator import Discriminator, DiscriminatorConfig
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.records import Motion, Portrait
from stylehead_core.stages.inversion import invert
from stylehead_core.stages.warping import warp_features
from stylehead_core.training.adversary import Adversary, AdversaryConfig
from stylehead_core.training.command import MODEL, _data_of, _with_files, add_arguments, train
from stylehead_core.training.recipe import Phase
from stylehead_core.training.recipes.registry import chain
from stylehead_core.training.tasks.joint import JointTask, face_region
from stylehead_core.training.tasks.joint_sound import JointSoundTask
from stylehead_core.training.tasks.sound import SoundState, SoundTask
from stylehead_core.training.tasks.video import VideoTask, find_motion, motion_losses

SIZE, FRAMES = 64, 8


@pytest.fixture(scope="module")
def videos(heads, tmp_path_factory):
    """A folder of two clips with sound."""
    root = tmp_path_factory.mktemp("films")
    rng = torch.Generator().manual_seed(0)
    for number in range(2):
        clip = clip_of(root / f"clip-{number}", SIZE, FRAMES, aligned=True)
        part = root / f"part-{number}"
        for row in range(FRAMES):
            coarse = torch.rand(1, 3, 8, 8, generator=rng) * 2 - 1
            picture = torch.nn.functional.interpolate(coarse, size=SIZE)[0]
            write_frame(part, row, picture)
            write_frame(part, row, picture.flip(-1), aligned=True)
        measured = {
            "landmarks": heads.landmarks[:FRAMES] / 2,
            "coefficients": heads.coefficients[:FRAMES],
            "aligned_landmarks": heads.landmarks[:FRAMES] / 2 + 3,
            "aligned_coefficients": heads.coefficients[:FRAMES] + 0.25,
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


SMALL = AdversaryConfig(network=DiscriminatorConfig(size=64, channels=dict.fromkeys((4, 8, 16, 32, 64), 4), group=2))


def begin(task, videos):
    model = build(debug("arkit"))
    return model, task.start(model, load_videos(videos))


def rising(task, videos, parts):
    """The stage's loss on one batch, and the gradients' norms of the model's ``parts``."""
    model, state = begin(task, videos)
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
    _, terms, norms = rising(JointTask(size=64, adversary=SMALL), videos, parts)
    assert terms.keys() == {"pixels", "perceptual", "domain", "adversarial", "video"}
    assert norms["calibrator"] > 0
    assert norms["flow_field"] > 0
    assert norms["generator"] == 0
    assert rising(JointTask(size=64, adversary=SMALL, beta=0.0), videos, parts)[2]["flow_field"] == 0


def test_with_sound_the_calibrator_and_the_audio_generator_learn(videos):
    parts = ("calibrator", "audio_flow_field", "flow_field", "generator")
    loss, terms, norms = rising(JointSoundTask(size=64, adversary=SMALL), videos, parts)
    assert terms.keys() == {"pixels", "perceptual", "domain", "adversarial", "sound"}
    assert loss.item() == pytest.approx(sum(terms.values()), rel=1e-4)
    assert norms["calibrator"] > 0
    assert norms["audio_flow_field"] > 0
    assert norms["flow_field"] == norms["generator"] == 0


def test_kept_proxies_are_drawn_once_and_new_ones_each_time(videos, monkeypatch):
    drawn = []

    def count(state, clip, rng):
        drawn.append(clip)
        return proxy_of(state, clip, rng)

    proxy_of = SoundState.proxy
    monkeypatch.setattr(SoundState, "proxy", count)
    rows, rng = torch.tensor([0, 1, 1]), torch.Generator().manual_seed(0)
    for task, most in ((SoundTask(proxies=1), 2), (SoundTask(), 9)):
        drawn.clear()
        _, state = begin(task, videos)
        for _ in range(3):
            state.loss(state.phases[0], rows, rng, 0.0)
        assert len(drawn) == most


def test_a_kept_proxy_follows_from_its_number(videos):
    _, one = begin(SoundTask(proxies=1), videos)
    _, other = begin(SoundTask(proxies=1), videos)
    first = one._take_proxy(1, torch.Generator().manual_seed(3))
    second = other._take_proxy(1, torch.Generator().manual_seed(4))
    assert first.middle == second.middle
    assert torch.equal(first.source.pictures, second.source.pictures)


class Expert(torch.nn.Module):
    """Takes every mouth for one that fits its sound to 1/e, and remembers what it was shown."""

    def forward(self, mouths, mel):
        self.seen = mouths.shape, mel.shape
        return torch.full((len(mouths),), float(torch.tensor(-1.0).exp()))


@pytest.mark.parametrize("progress", [0.0, 1.0])
def test_the_sync_loss_hears_five_frames_at_the_published_weight_from_the_first_step_on(videos, progress):
    _, state = begin(SoundTask(size=SIZE), videos)
    state.expert = Expert()
    proxy = state.proxy(0, torch.Generator().manual_seed(0))
    moved = state.move(proxy)
    flow = state.speak(proxy, moved)
    losses = state.losses(proxy, moved, moved, flow, progress)
    assert state.expert.seen == ((1, 5, 3, 48, 96), (1, 80, 16))
    assert losses["sync"].item() == pytest.approx(1.0)  # lambda_s = 1 of -log(1/e)


def test_the_sync_loss_may_rise_over_a_part_of_the_run(videos):
    _, state = begin(SoundTask(size=SIZE, sync_ramp=0.5), videos)
    state.expert = Expert()
    proxy = state.proxy(0, torch.Generator().manual_seed(0))
    moved = state.move(proxy)
    found = [state.losses(proxy, moved, moved, state.speak(proxy, moved), p)["sync"].item() for p in (0, 0.25, 1)]
    assert found == pytest.approx([0, 0.5, 1])


def test_a_missing_expert_is_said(videos, capsys):
    begin(SoundTask(size=SIZE), videos)
    assert "--expert" in capsys.readouterr().out
    begin(SoundTask(size=SIZE, sync=0.0), videos)
    assert "--expert" not in capsys.readouterr().out


def test_the_command_hands_each_stage_its_data_and_its_files(tmp_path):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = ["paper", "--data", "all", "--data-stage2", "hdtf", "--expert", "sync.pth", "--discriminator", "d.pth"]
    args = parser.parse_args(words)
    video, sound, joint, heard = (_with_files(recipe, args) for recipe in chain("paper"))
    assert [str(_data_of(recipe, args)) for recipe in (video, sound, joint, heard)] == ["all", "all", "hdtf", "hdtf"]
    assert sound.task.expert == heard.task.sound.expert == Path("sync.pth")
    assert joint.task.adversary.weights == heard.task.adversary.weights == Path("d.pth")


@pytest.mark.parametrize("task", [VideoTask(), SoundTask(), JointTask(), JointSoundTask()])
def test_clips_that_are_too_small_for_a_stage_are_refused_with_the_style_to_prepare(videos, task):
    style = "hdtf" if task.data_stage == 2 else "voxceleb"
    with pytest.raises(InputError, match=f"of {task.size} pixels are compared.*have 64.*--style {style}"):
        task.load(videos)


def test_joint_stages_refuse_clips_without_aligned_portraits(videos, tmp_path):
    shutil.copytree(videos, tmp_path / "loose")
    for manifest in (tmp_path / "loose").glob("*/clip.json"):
        manifest.write_text(manifest.read_text().replace('"aligned": true', '"aligned": false'))
    assert len(VideoTask(size=SIZE).load(tmp_path / "loose")) == 2
    for task in (JointTask(size=SIZE), JointSoundTask(size=SIZE)):
        with pytest.raises(InputError, match="no aligned portrait"):
            task.load(tmp_path / "loose")


def test_a_joint_stage_inverts_the_aligned_portrait_and_compares_with_the_frame(videos):
    clips = load_videos(videos)
    rng = torch.Generator().manual_seed(3)
    source, target = clips.pairs(torch.tensor([0, 1]), rng, 5, aligned=True)
    frames = torch.randint(FRAMES, (2,), generator=torch.Generator().manual_seed(3)).tolist()
    assert torch.equal(source.pictures[:1], from_uint8(clips.clips[0].aligned_frames(frames[:1])))
    assert torch.equal(target.pictures[:1], from_uint8(clips.clips[0].frames(frames[1:])))
    torch.testing.assert_close(source.coefficients[0], clips.clips[0].measured["coefficients"][frames[0]] + 0.25)


def test_the_motion_loss_is_the_same_in_both_stages(videos):
    """L^v has its L1 term in stage 2 as well, and counts beta there."""
    model, _ = begin(VideoTask(size=SIZE), videos)
    drawn, wanted = torch.rand(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    losses = motion_losses(JointTask().video, model, drawn, wanted)
    assert losses.keys() == {"pixels", "perceptual"}
    torch.testing.assert_close(losses["pixels"], 10 * (drawn - wanted).abs().mean())
    assert (JointTask().beta, JointSoundTask().beta) == (0.01, 0.01)


def test_the_whole_face_is_compared_or_its_parts(videos):
    target = load_videos(videos).shot(0, [0], 5)
    face, parts = face_region("face", target, 64), face_region("parts", target, 64)
    nose = target.landmarks[0, 4, :2].round().int()
    assert face[0, 0, nose[1], nose[0]] > 0.9
    assert face.sum() > parts.sum() > 0
    assert face[0, 0, 0, 0] == 0


def test_the_adversary_is_stylegans_with_a_lazy_penalty_or_judges_patches(videos):
    assert isinstance(Adversary().network, Discriminator)
    assert Adversary().config.network.size == 256
    adversary = Adversary(SMALL)
    for step in range(17):
        adversary.remember(torch.rand(5, 3, 64, 64), torch.rand(5, 3, 64, 64))  # no multiple of the group
        loss, terms = adversary.loss()
        assert ("r1" in terms) == (step in (0, 16))
    loss.backward()
    assert all(parameter.grad is not None for parameter in adversary.network.parameters())
    patches = Adversary(AdversaryConfig(kind="patches"))
    assert patches(torch.rand(2, 3, 64, 64)).shape == (2, 1, 16, 16)


def test_an_adversary_begins_with_the_published_file_and_may_stay_so(tmp_path):
    published = Adversary(SMALL)
    torch.save(to_official(published.network.state_dict(), SMALL.network), tmp_path / "d.pth")
    frozen = Adversary(replace(SMALL, weights=tmp_path / "d.pth", learns=False))
    pictures = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(frozen(pictures), published(pictures))
    assert frozen.phases() == ()
    with pytest.raises(ConfigError, match="needs the weights"):
        AdversaryConfig(learns=False)


def test_the_numbers_are_the_supplements():
    recipes = {recipe.name: recipe for recipe in chain("paper")}
    steps = {"paper_video": 200_000, "paper_sound": 200_000, "paper_joint": 20_000, "paper_joint_sound": 20_000}
    assert {name: recipe.steps for name, recipe in recipes.items()} == steps
    assert {recipe.lr for recipe in recipes.values()} == {1e-4}
    assert {recipe.final_lr_ratio for recipe in recipes.values()} == {1.0}
    for name in ("paper_joint", "paper_joint_sound"):
        task = recipes[name].task
        assert recipes[name].lr * task.motion_rate == pytest.approx(2e-5)
        assert (task.pixels, task.domain, task.adversarial, task.beta) == (10, 0.01, 0.1, 0.01)
    for sound in (recipes["paper_sound"].task, recipes["paper_joint_sound"].task.sound):
        assert (sound.pixels, sound.outside, sound.sync, sound.sync_ramp) == (10, 0.1, 1, 0)


def test_a_batch_of_20_is_20_pictures_in_every_stage(videos):
    video, sound, joint, heard = chain("paper")
    assert (video.batch, 5 * sound.batch, joint.batch, 5 * heard.batch) == (20, 20, 20, 20)
    source, target = load_videos(videos).pairs(torch.tensor([0, 1]), torch.Generator().manual_seed(0), 5)
    assert len(source.pictures) == len(target.pictures) == 2
    both = load_videos(videos).pairs(torch.tensor([0, 1]), torch.Generator().manual_seed(0), 5, both=True)
    assert torch.equal(both[0].pictures[::2], both[1].pictures[1::2])


def test_the_joint_stages_show_the_networks_the_redrawn_portrait(videos, monkeypatch):
    shown = []

    def watched(model, source, target):
        shown.append(source)
        return find_motion(model, source, target)

    for module in ("joint", "sound"):
        monkeypatch.setattr(f"stylehead_core.training.tasks.{module}.find_motion", watched)
    for task in (JointTask(size=64, adversary=SMALL), JointSoundTask(size=64, adversary=SMALL)):
        model, state = begin(task, videos)
        state.loss(state.phases[0], torch.tensor([0]), torch.Generator().manual_seed(1), 0.0)
        clips = load_videos(videos)
        aligned = from_uint8(clips.clips[0].aligned_frames(range(FRAMES)))
        redrawn = torch.cat([invert(model, picture[None]).redrawn for picture in aligned])
        distances = (redrawn - shown[-1].pictures[:1]).abs().amax(dim=(1, 2, 3))
        assert distances.min() < 1e-5


@pytest.mark.parametrize("region", ["soft", "lower half"])
def test_the_flow_from_sound_acts_in_training_where_it_acts_in_use(videos, region):
    """The second flow of stage 2b is what ``warp_features`` finds for the same portrait, motion and sound."""
    model = build(replace(debug("arkit"), audio_region=region))
    state = JointSoundTask(size=64, adversary=SMALL).start(model, load_videos(videos))
    proxy = state.speaking.proxy(0, torch.Generator().manual_seed(2))
    flow = state.speaking.speak(proxy, state.speaking.move(proxy))
    clips, rng = load_videos(videos), torch.Generator().manual_seed(2)
    torch.randint(FRAMES - 4, (1,), generator=rng)
    other = int(torch.randint(FRAMES, (1,), generator=rng))
    source = clips.shot(0, [other], 5, aligned=True)
    portrait = Portrait(image=source.pictures, landmarks=source.landmarks[0], coefficients=source.coefficients[0])
    motion = Motion(coefficients=proxy.posed.coefficients, fps=Fraction(25), mel=proxy.target.mel)
    middle = warp_features(model, invert(model, portrait), motion)
    windows = proxy.posed.windows[2]  # the middle frame sees the same window in a clip of five
    torch.testing.assert_close(windows, motion.coefficients.T)
    torch.testing.assert_close(middle.audio_flow[2], flow[2], atol=1e-5, rtol=1e-4)
    assert (flow[2][:, :4] == 0).all()
    assert flow[2].abs().max() > 0


def test_a_generator_learns_from_the_frames_of_clips(videos, tmp_path):
    (recipe,) = chain("debug_paper_generator")
    pictures = recipe.task.load(videos)
    assert len(pictures) == 2 * FRAMES
    frame = from_uint8(load_videos(videos).clips[1].frames([3]))
    torch.testing.assert_close(pictures.take(torch.tensor([FRAMES + 3])), frame)
    made = load_stylehead(train(recipe, videos, tmp_path))
    untrained = build(recipe.model, recipe.seed)
    assert not torch.equal(made.generator.constant, untrained.generator.constant)
    assert torch.equal(made.encoder.mean_styles, untrained.encoder.mean_styles)


def test_a_drawing_that_is_taken_for_real_costs_less():
    from stylehead_core.training.losses import adversarial_loss

    assert adversarial_loss(torch.tensor([2.0])) < adversarial_loss(torch.tensor([-2.0]))


def test_a_phase_knows_its_modules():
    line = torch.nn.Linear(2, 3)
    assert [group["lr_factor"] for group in Phase("x", [(line, 0.5)]).groups()] == [0.5]
