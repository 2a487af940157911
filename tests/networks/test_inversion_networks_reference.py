"""With the recipe's weights encoder, aligner and consultation find what the official ones find."""

import pytest
import recipe

from stylehead_core.convert import encoder as encoder_adapter
from stylehead_core.convert import hfgi
from stylehead_core.networks.aligner import Aligner
from stylehead_core.networks.consultation import Consultation
from stylehead_core.networks.encoder import Encoder


@pytest.fixture(scope="module")
def encoder():
    official = recipe.official_state("e4e_encoder")
    return recipe.filled(Encoder, encoder_adapter.from_official(official, recipe.mean_styles()))


def test_codes_and_styles_are_the_official_ones(encoder):
    expected = recipe.fixture("e4e")
    styles = encoder(recipe.picture("src", 256))
    recipe.assert_close(styles, expected["wplus"])
    recipe.assert_close(styles - encoder.mean_styles, expected["codes"])


def test_the_stages_of_the_encoder_are_the_official_ones(encoder):
    expected = recipe.fixture("e4e")
    x = encoder.stem(recipe.picture("src", 256))
    for stage, last in zip(encoder.stages, ("body.2", "body.6", "body.20", "body.23"), strict=True):
        x = stage(x)
        recipe.assert_close(x, expected[last])


def test_the_aligner_is_the_official_one():
    aligner = recipe.filled(Aligner, hfgi.aligner_from_official(recipe.official_state("hfgi_aligner")))
    expected = recipe.fixture("hfgi")
    fitted = aligner(*recipe.given("aligner_in", (1, 6, 256, 256), 0.5).split(3, dim=1))
    recipe.assert_close(fitted, expected["aligner_only_out"])
    recipe.assert_close(recipe.central_crop(fitted), expected["aligner_only_out__crop"])


def test_the_consultation_is_the_official_one():
    state = hfgi.consultation_from_official(recipe.official_state("hfgi_encoder"))
    consultation = recipe.filled(Consultation, state)
    expected = recipe.fixture("hfgi")
    scale, shift = consultation(recipe.given("consult_in", (1, 3, 256, 256), 0.5))
    recipe.assert_close(scale, expected["consult_only_scale"])
    recipe.assert_close(shift, expected["consult_only_shift"])
