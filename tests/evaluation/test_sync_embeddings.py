"""Whole clips through a sync network: one window a frame at 25 a second, picture and sound of one moment."""

from fractions import Fraction
from functools import partial

import pytest
import torch

from stylehead_core.errors import InputError
from stylehead_core.evaluation.load_metric_networks import load_syncnet
from stylehead_core.evaluation.measure import Clip, MetricNetworks, measure
from stylehead_core.evaluation.metric_networks import ClipLandmarks
from stylehead_core.evaluation.sync_embeddings import sync_embeddings
from stylehead_core.media.sound import Sound
from stylehead_core.networks.syncnet import SYNC_KIND, SyncNet, SyncNetConfig
from stylehead_core.ops.align import LANDMARKS_68
from stylehead_core.tensor_files import write_tensors


@pytest.fixture(scope="module")
def network() -> SyncNet:
    torch.manual_seed(0)
    return SyncNet(SyncNetConfig(base=1)).eval()


def clip(frames: int, fps: int = 25) -> tuple[torch.Tensor, torch.Tensor, Sound]:
    """Noise, a face that stands still, and a tone of the same length."""
    rng = torch.Generator().manual_seed(0)
    landmarks = torch.rand(1, 478, 3, generator=rng) * 64
    places = torch.tensor(LANDMARKS_68)
    landmarks[:, places[36:42], :2], landmarks[:, places[42:48], :2] = torch.tensor([[20.0, 20.0], [44.0, 20.0]])
    landmarks[:, places[[48, 54]], :2] = torch.tensor([[24.0, 40.0], [40.0, 40.0]])
    tone = torch.sin(torch.arange(16000 * frames // fps) * 0.2)[None]
    pictures = torch.rand(frames, 3, 64, 64, generator=rng)
    return pictures, landmarks.repeat(frames, 1, 1), Sound(samples=tone, rate=16000)


@pytest.mark.parametrize(("frames", "fps", "windows"), [(20, 25, 16), (40, 50, 16), (10, 10, 21)])
def test_there_is_a_window_for_each_frame_at_25_but_the_outer_two(network, frames, fps, windows):
    seen, heard = sync_embeddings(network, *clip(frames, fps), Fraction(fps))
    assert seen.shape == heard.shape == (windows, 16)


def test_a_later_part_of_a_clip_is_embedded_as_in_the_whole(network):
    frames, landmarks, sound = clip(40)
    whole, _ = sync_embeddings(network, frames, landmarks, sound, Fraction(25))
    part, _ = sync_embeddings(network, frames[10:], landmarks[10:], sound, Fraction(25))
    torch.testing.assert_close(part, whole[10:])  # 16 frames are looked at together: chunks do not show


def test_a_clip_of_four_frames_is_too_short(network):
    with pytest.raises(InputError, match="at least 5 frames"):
        sync_embeddings(network, *clip(4), Fraction(25))


def test_a_network_of_ours_is_read_from_its_file_and_measures(network, tmp_path):
    write_tensors(tmp_path / "sync.safetensors", SYNC_KIND, network.state_dict(), {"config": {"base": 1}})
    loaded = load_syncnet(tmp_path / "sync.safetensors")
    frames, landmarks, sound = clip(40)
    expected = sync_embeddings(network, frames, landmarks, sound, Fraction(25))
    found = sync_embeddings(loaded, frames, landmarks, sound, Fraction(25))
    torch.testing.assert_close(found, expected)


def test_sync_is_a_line_of_the_report(network):
    frames, landmarks, sound = clip(40)
    track = ClipLandmarks(landmarks=landmarks, coefficients=torch.zeros(40, 58), found=torch.ones(40, dtype=torch.bool))
    metric_networks = MetricNetworks(track=lambda _: track, sync=partial(sync_embeddings, network))
    report = measure(
        Clip(frames=frames, sound=sound), metric_networks=metric_networks, only=("sync_distance", "sync_confidence")
    )
    assert 0 <= report["sync_distance"].value <= 2
    assert report["sync_confidence"].value >= 0
