"""A sync expert learns from prepared clips: mouths that open with the sound, drawn and heard by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from prepared import clip_of

from stylehead_core.datasets.preparation.clip_folder import finish_clip, open_clip, write_frame
from stylehead_core.errors import InputError
from stylehead_core.evaluation.load_metric_networks import load_syncnet
from stylehead_core.networks.syncnet import SyncNetConfig
from stylehead_core.ops.align import LANDMARKS_68
from stylehead_core.training.command import train
from stylehead_core.training.recipes.sync_expert import sync_expert
from stylehead_core.training.tasks.sync import HeardClip, SyncState, SyncTask, hear_clip

SMALL = SyncNetConfig(base=1)
FRAMES = 16


def loudness(frame: int) -> float:
    return float(frame % 8 < 4)


@pytest.fixture
def clips(tmp_path) -> Path:
    """One prepared clip whose mouth is bright while the mel is loud."""
    part = tmp_path / "clips" / ".one.part"
    landmarks = torch.full((FRAMES, 478, 3), 16.0)
    places = torch.tensor(LANDMARKS_68)
    landmarks[:, places[36:42], :2], landmarks[:, places[42:48], :2] = torch.tensor([[12.0, 10.0], [20.0, 10.0]])
    landmarks[:, places[[48, 54]], :2] = torch.tensor([[13.0, 18.0], [19.0, 18.0]])
    mel = torch.full((80, FRAMES * 80 // 25), -4.0)
    for frame in range(FRAMES):
        write_frame(part, frame, torch.full((3, 32, 32), loudness(frame) - 0.5))
        mel[:, frame * 80 // 25 : (frame + 1) * 80 // 25] = 8 * loudness(frame) - 4
    clip = clip_of(tmp_path / "clips" / "one", 32, FRAMES, video="one.mp4")
    finish_clip(part, clip, {"landmarks": landmarks, "mel": mel})
    return tmp_path / "clips"


def test_a_frame_is_heard_in_its_own_time(clips):
    heard = hear_clip(open_clip(clips / "one"))
    assert heard.mouths.shape == (FRAMES, 3, 48, 96)
    assert heard.mel.shape == (FRAMES, 80, 16)
    bright = heard.mouths.float().mean(dim=(1, 2, 3)) / 255
    torch.testing.assert_close(
        bright, torch.tensor([0.25 + 0.5 * loudness(i) for i in range(FRAMES)]), atol=0.02, rtol=0
    )
    loud = heard.mel[:, 0, 6:9].mean(dim=1)  # the middle of the window
    torch.testing.assert_close(loud[4:12:4], torch.tensor([-4.0, 4.0]))


def test_every_window_is_a_sample_of_the_clip_that_holds_it():
    mouths = torch.arange(20).byte()[:, None, None, None].expand(20, 3, 48, 96)
    clips = [HeardClip(mouths=mouths[:n], mel=torch.zeros(n, 80, 16)) for n in (12, 5, 20)]
    state = SyncState(SyncTask(network=SMALL), clips)
    assert state.samples == 8 + 16  # the clip of 5 frames has one window, too few to find another moment in
    places = [state._place(row) for row in (0, 7, 8, 23)]
    assert [(len(clip.mouths), first) for clip, first in places] == [(12, 0), (12, 7), (20, 0), (20, 15)]


def test_a_pair_that_does_not_belong_together_is_apart():
    mel = torch.arange(20.0)[:, None, None].expand(20, 80, 16)
    clip = HeardClip(mouths=torch.zeros(20, 3, 48, 96).byte(), mel=mel)
    state = SyncState(SyncTask(network=SMALL, apart=5), [clip])
    rng = torch.Generator().manual_seed(0)
    assert state._pair(7, True, rng)[1][0, 0] == 9  # the middle of the window that begins with frame 7
    wrong = {int(state._pair(7, False, rng)[1][0, 0]) for _ in range(200)}
    assert wrong == {*range(2, 5), *range(14, 18)}


def test_a_run_goes_from_clips_to_a_file_that_evaluate_reads(clips, tmp_path):
    recipe = replace(sync_expert(SMALL), steps=3, batch=4)
    file = train(recipe, clips, tmp_path / "runs")
    network = load_syncnet(file)
    assert network.config == SMALL
    assert (tmp_path / "runs" / "sync_expert" / "sheet.png").is_file()
    before = file.stat().st_mtime_ns
    assert train(recipe, clips, tmp_path / "runs", resume=True).stat().st_mtime_ns == before


def test_the_loss_goes_down_where_brightness_tells_the_sound(clips):
    torch.manual_seed(0)
    state = SyncState(SyncTask(network=SyncNetConfig(base=2), apart=4), SyncTask().load(clips))
    optimiser = torch.optim.Adam(state.network.parameters(), lr=3e-3)
    rng = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(30):
        rows = torch.randint(state.samples, (16,), generator=rng)
        loss, _ = state.loss(state.phases[0], rows, rng, 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_clips_without_sound_teach_nothing():
    with pytest.raises(InputError, match="with sound"):
        SyncState(SyncTask(), [])
