"""The face model's coefficients of a picture, as the official network measures them."""

import pytest
import recipe
import torch

from stylehead_core.convert.coefficients import COEFFICIENTS, from_official
from stylehead_core.errors import ConfigError
from stylehead_core.networks.coefficients import Coefficients, CoefficientsConfig

TINY = CoefficientsConfig(blocks=(1, 2), width=4)


@torch.inference_mode()
def test_every_stage_and_all_257_numbers_agree_with_the_reference():
    network = Coefficients(COEFFICIENTS).eval()
    network.load_state_dict(from_official(recipe.official_state("deep3d_net_recon")))
    expected = recipe.fixture("deep3d")
    stages = {}
    for i, stage in enumerate(network.stages, start=1):
        stage[-1].register_forward_hook(lambda _block, _inputs, out, name=f"layer{i}": stages.update({name: out}))
    face = network(expected["image_u8"][None].float() / 255)
    for name, stage in stages.items():
        recipe.assert_close(stage, expected[name])
    parts = (face.identity, face.expression, face.texture, face.rotation, face.light, face.translation)
    recipe.assert_close(torch.cat(parts, dim=1), expected["coeff"])


def test_a_motion_is_expression_rotation_translation_and_crop():
    torch.manual_seed(0)
    face = Coefficients(TINY).eval()(torch.rand(2, 3, 32, 32))
    crop = torch.rand(2, 3)
    motion = face.motion(crop)
    assert motion.shape == (2, 73)
    assert torch.equal(motion[:, 64:67], face.rotation)
    assert torch.equal(motion[:, 67:], torch.cat((face.translation, crop), dim=1))


def test_seven_parts_make_a_face():
    with pytest.raises(ConfigError, match="7 outputs"):
        CoefficientsConfig(outputs=(80, 64))
