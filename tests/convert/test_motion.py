"""Every official name of the motion generators has one of ours, and comes back."""

import pytest
import recipe
import torch

from stylehead_core.convert.motion import AUDIO_ENCODER, FLOW_FIELD, MOTION_ENCODER, from_official, to_official
from stylehead_core.errors import WeightsError
from stylehead_core.networks.audio_encoder import AudioEncoder
from stylehead_core.networks.flow_field import FlowField
from stylehead_core.networks.motion_encoder import MotionEncoder


def empty(table: str) -> dict[str, torch.Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in recipe.key_table(table)["keys"].items()}


def networks(table: str) -> torch.nn.ModuleDict:
    with torch.device("meta"):
        if table == "video_warper":
            return torch.nn.ModuleDict(
                {"motion_encoder": MotionEncoder(MOTION_ENCODER), "flow_field": FlowField(FLOW_FIELD)}
            )
        return torch.nn.ModuleDict(
            {"audio_encoder": AudioEncoder(AUDIO_ENCODER), "audio_flow_field": FlowField(FLOW_FIELD)}
        )


@pytest.mark.parametrize("table", ["video_warper", "audio_warper"])
def test_the_official_tensors_are_exactly_those_of_our_networks(table):
    ours = {key: value.shape for key, value in networks(table).state_dict().items()}
    assert {key: value.shape for key, value in from_official(empty(table)).items()} == ours


@pytest.mark.parametrize("table", ["video_warper", "audio_warper"])
def test_there_and_back_is_where_we_were(table):
    official = empty(table)
    back = to_official(from_official(official))
    assert {key: value.shape for key, value in back.items()} == {key: value.shape for key, value in official.items()}


def test_both_generators_may_come_in_one_file():
    both = empty("video_warper") | empty("audio_warper")
    assert to_official(from_official(both)).keys() == both.keys()


@pytest.mark.parametrize("table", ["video_warper", "audio_warper"])
def test_a_file_that_lacks_a_tensor_is_refused(table):
    official = empty(table)
    gone = list(official)[20]
    del official[gone]
    with pytest.raises(WeightsError, match=gone):
        from_official(official)


def test_a_name_of_another_network_is_refused():
    with pytest.raises(WeightsError, match=r"'?to_rgb1\.bias"):
        from_official({"to_rgb1.bias": torch.zeros(3)})
