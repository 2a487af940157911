"""The judge of rendered heads: its samples are people, and its numbers have known answers."""

from dataclasses import replace

import pytest
import torch

from stylehead_core.benchmark.identity_network import auc, calibrate, stranger_distance
from stylehead_core.datasets.attributes import ATTRIBUTES, edited_attributes, true_attributes
from stylehead_core.datasets.gallery import build_gallery
from stylehead_core.datasets.heads import save_heads
from stylehead_core.errors import ConfigError
from stylehead_core.evaluation.load_identity_network import load_features
from stylehead_core.networks.feature_network import FeatureNetwork, FeatureNetworkConfig, feature_distance
from stylehead_core.ops.pixels import from_uint8
from stylehead_core.training.command import train
from stylehead_core.training.recipes.identity import identity
from stylehead_core.training.tasks.features import FeaturesState, FeaturesTask

TINY = FeatureNetworkConfig(size=32, widths=(4, 4, 8), squeezed=2, hidden=8, embedding=4, attributes=ATTRIBUTES)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return FeatureNetwork(TINY).eval()


def test_equal_pictures_are_perceived_as_equal(network):
    picture = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert feature_distance(network, picture, picture) == 0
    assert feature_distance(network, picture.flip(-1), picture) > 0


def test_what_the_mask_leaves_out_is_not_perceived(network):
    picture = torch.zeros(1, 3, 32, 32)
    other, mask = picture.clone(), torch.zeros(1, 1, 32, 32)
    other[..., :4, :4], mask[..., 24:, 24:] = 1, 1
    assert feature_distance(network, other, picture, mask=mask, weights=(1,)) == 0
    assert feature_distance(network, other, picture, mask=1 - mask, weights=(1,)) > 0


def test_the_gradient_reaches_the_picture_alone(network):
    picture, target = (torch.rand(1, 3, 32, 32).requires_grad_() for _ in range(2))
    feature_distance(network.requires_grad_(False), picture, target).backward()
    assert picture.grad is not None
    assert target.grad is None


def test_identities_have_length_one(network):
    seen = network(torch.randn(3, 3, 64, 64))
    torch.testing.assert_close(seen.identity.norm(dim=1), torch.ones(3))
    assert seen.landmarks.shape == (3, 68, 2)
    assert seen.attributes.shape == (3, len(ATTRIBUTES))


def test_a_picture_that_cannot_be_halved_so_often_is_refused():
    with pytest.raises(ConfigError, match="halved 2 times"):
        replace(TINY, size=30)


def test_an_edit_changes_its_own_attribute_alone():
    low, high = edited_attributes(1000, "tone")
    different = [name for name, one, other in zip(ATTRIBUTES, low, high, strict=True) if one != other]
    assert different == ["tone"]
    assert (low[3], high[3]) == (pytest.approx(0.1), pytest.approx(6.5 / 8))


def test_the_seed_says_what_a_person_looks_like():
    assert torch.equal(true_attributes([7, 8])[1], true_attributes([8])[0])


def test_edited_pictures_belong_to_their_person(heads):
    found = build_gallery(heads)
    assert len(found.pictures) == len(heads.pictures) + 2 * len(heads.edited)
    edited = found.edit >= 0
    assert found.person[edited].tolist() == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1]
    assert torch.equal(found.landmarks[edited][2], heads.landmarks[4])  # of the second person's first picture


def test_edits_of_unknown_people_are_left_out(heads):
    old = replace(heads, edited_person=torch.full_like(heads.edited_person, -1))
    assert len(build_gallery(old).pictures) == len(heads.pictures)


def test_both_ends_of_an_edit_are_one_person(heads):
    torch.manual_seed(0)
    state = FeaturesState(FeaturesTask(network=TINY), build_gallery(heads))
    picks = state._views(1, torch.Generator().manual_seed(0))
    ends = picks[state.data.edit[picks] >= 0]
    assert len(ends) == 2
    assert state.data.person[ends].tolist() == [1, 1]
    low, high = state.data.attributes[ends]
    assert (low != high).nansum() >= 1

    def unmoved():
        seen = state.network(from_uint8(state.data.pictures[picks]))
        return state._terms(seen, picks, torch.zeros(len(picks), 68, 2))["unmoved"]

    before = float(unmoved().detach())
    optimiser = torch.optim.Adam(state.network.parameters(), lr=1e-2)
    for _ in range(20):
        loss = unmoved()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.5 * before


def test_landmarks_move_with_the_picture(heads):
    """A bright dot at the nose is where the changed landmark says."""
    task = FeaturesTask(network=replace(TINY, size=128), light=0.0, place=0.2)
    state = FeaturesState(task, build_gallery(heads))
    dots = torch.zeros_like(state.data.pictures)
    nose = state.data.landmarks[:, 1, :2].round().long()  # the 31st of the 68
    for row, (x, y) in enumerate(nose.tolist()):
        dots[row, :, y - 2 : y + 3, x - 2 : x + 3] = 255
    state.data = replace(state.data, pictures=dots, landmarks=state.data.landmarks.round())
    pictures, points = state._augment(torch.arange(6), torch.Generator().manual_seed(0))
    brightness = (pictures.mean(1) + 1).flatten(1)
    x, y = brightness.argmax(1) % 128, brightness.argmax(1) // 128
    found = (points[:, 30] + 1) * 64 - 0.5
    assert (torch.stack((x, y), dim=1) - found).abs().max() < 4
    assert (found - nose[:6]).abs().max() > 4


def test_a_run_goes_from_heads_to_a_file_that_is_read(heads, tmp_path):
    save_heads(heads, tmp_path / "a.measured.safetensors")
    recipe = replace(identity(TINY), steps=2, batch=2)
    file = train(recipe, tmp_path, tmp_path)
    network = load_features(file)
    assert network.config == TINY
    assert not network.training
    calibration = calibrate(network, build_gallery(heads))
    assert 0 <= calibration.auc <= 1
    assert calibration.edits.keys() == set(heads.attributes)
    assert "strangers'" in calibration.text()
    before = file.stat().st_mtime_ns
    assert train(recipe, tmp_path, tmp_path, resume=True).stat().st_mtime_ns == before


def test_the_distance_of_strangers_leaves_out_what_is_the_same_person():
    identity = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert stranger_distance(identity, torch.tensor([0, 0, 1])) == 1
    assert stranger_distance(identity, torch.tensor([0, 1, 2])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("low", "high", "wanted"), [([0, 1], [2, 3], 1), ([0, 1], [0, 1], 0.5), ([2], [1], 0), ([0, 2], [1], 0.5)]
)
def test_auc_is_how_often_the_low_is_below_the_high(low, high, wanted):
    assert auc(torch.tensor(low), torch.tensor(high)) == wanted
