"""Judges from files: published names are understood, and nothing but tensors is read."""

import pytest
import torch

from stylehead_core.errors import WeightsError
from stylehead_core.evaluation import load_metric_networks as load_judges_of_files
from stylehead_core.evaluation.load_metric_networks import (
    load_identity,
    load_inception,
    load_lpips,
    load_metric_networks,
)
from stylehead_core.model.manifest import sha256_of
from stylehead_core.networks.inception import Inception
from stylehead_core.networks.lpips import Lpips


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder with LPIPS as its authors publish it, with random weights; and the network it is to become."""
    torch.manual_seed(0)
    network = Lpips()
    backbone = {"classifier.1.weight": torch.zeros(1)}
    for conv, layer in zip(network.convs, (0, 3, 6, 8, 10), strict=True):
        backbone |= {f"features.{layer}.weight": conv.weight.data, f"features.{layer}.bias": conv.bias.data}
    heads = {f"lin{i}.model.1.weight": w.data.abs().view(1, -1, 1, 1) for i, w in enumerate(network.weights)}
    torch.save(backbone, tmp_path / "alexnet.pth")
    name = f"alexnet-owt-{sha256_of(tmp_path / 'alexnet.pth')[:8]}.pth"  # as torchvision names its own
    (tmp_path / "alexnet.pth").rename(tmp_path / name)
    monkeypatch.setattr(load_judges_of_files, "BACKBONE", name)
    torch.save(heads, tmp_path / "alex.pth")
    return tmp_path, network


def test_lpips_is_put_together_from_its_two_published_files(published):
    folder, network = published
    a, b = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    loaded = load_lpips(folder)
    torch.testing.assert_close(loaded(a, b), network(a, b).detach())
    assert not any(p.requires_grad for p in loaded.parameters())


def test_another_file_under_a_published_name_is_refused(published):
    folder, _ = published
    file = folder / load_judges_of_files.BACKBONE
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="torchvision publishes"):
        load_lpips(folder)


def test_judges_hold_what_was_named(published):
    metric_networks = load_metric_networks(lpips=published[0])
    assert metric_networks.perceptual is not None
    assert metric_networks.identity is None


def test_the_packs_own_judge_tells_one_head_from_another():
    """Two flat faces are nobody; what counts is that the embeddings are of length one, and differ."""
    network = load_metric_networks().likeness
    assert network is not None
    dark, light = network(torch.full((1, 3, 96, 96), -0.5)), network(torch.full((1, 3, 96, 96), 0.5))
    torch.testing.assert_close(dark.norm(), torch.tensor(1.0))
    assert (dark * light).sum() < 0.999


def test_a_named_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match="not there"):
        load_metric_networks(identity=tmp_path / "model_ir_se50.pth")


class Trap:
    def __reduce__(self):
        return print, ("executed",)


def test_a_file_with_code_in_it_is_not_executed(tmp_path, capsys):
    torch.save({"input_layer.0.weight": Trap()}, tmp_path / "model_ir_se50.pth")
    with pytest.raises(WeightsError, match="tensors alone"):
        load_identity(tmp_path / "model_ir_se50.pth")
    assert capsys.readouterr().out == ""


def test_another_network_is_refused_by_its_names(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="ArcFace"):
        load_identity(tmp_path / "other.pth")


def test_inception_is_read_without_its_classifier_and_refused_where_a_layer_is_missing(tmp_path):
    torch.manual_seed(0)
    network = Inception()
    published = {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save({**published, "fc.weight": torch.zeros(1)}, tmp_path / "inception.pth")
    loaded = load_inception(tmp_path / "inception.pth")
    assert torch.equal(loaded.Mixed_7c.branch1x1.conv.weight, network.Mixed_7c.branch1x1.conv.weight)
    del published["Mixed_7c.branch1x1.conv.weight"]
    torch.save(published, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"Mixed_7c\.branch1x1\.conv\.weight"):
        load_inception(tmp_path / "short.pth")
