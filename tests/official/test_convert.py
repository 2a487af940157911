"""An official folder is converted whole, or refused with everything that is wrong with it."""

import pytest
import recipe
import torch

from stylehead_core import WeightsError
from stylehead_core.convert import official
from stylehead_core.convert.official import convert_official


@pytest.fixture
def refused(hollow_folder, tmp_path):
    """Convert the folder and give the words with which it is refused."""

    def words() -> str:
        with pytest.raises(WeightsError) as caught:
            convert_official(hollow_folder, tmp_path / "out.safetensors")
        assert not (tmp_path / "out.safetensors").exists()
        return str(caught.value)

    return words


def change(path, edit):
    value = torch.load(path, weights_only=True)
    torch.save(edit(value) or value, path)


def test_missing_files_are_named(hollow_folder, refused):
    (hollow_folder / "hfgi.pth").unlink()
    (hollow_folder / "StyleGAN_e4e.pth").unlink()
    assert "missing  StyleGAN_e4e.pth, hfgi.pth" in refused()


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no folder"):
        convert_official(tmp_path / "gone", tmp_path / "out.safetensors")


def test_all_that_is_wrong_is_said_at_once(hollow_folder, refused):
    change(hollow_folder / "StyleGAN_e4e.pth", lambda state: state.__delitem__("convs.3.conv.weight"))
    change(hollow_folder / "hfgi.pth", lambda state: state["aligner"].update(extra=torch.zeros(1)))
    change(hollow_folder / "ffhq_pca.pt", lambda state: state.update(std=torch.ones(7)))
    words = refused()
    assert "missing  1:\n    convs.3.conv.weight" in words
    assert "unknown  1:\n    extra" in words
    assert "'std': expected a tensor (80,) or (80, 1), found (7,)" in words


def test_every_missing_name_is_listed(hollow_folder, refused):
    change(hollow_folder / "StyleHEAT_visual.pt", lambda state: {"net_G_ema": {}})
    words = refused()
    assert all(f"\n    {name}\n" in words + "\n" for name in recipe.key_table("video_warper")["keys"])


def test_tensors_of_another_shape_are_named(hollow_folder, refused):
    change(hollow_folder / "StyleGAN_e4e.pth", lambda state: state.update({"style.1.weight": torch.zeros(512, 256)}))
    assert "generator.mapping.0.weight: expected (512, 512), found (512, 256)" in refused()


def test_values_that_are_no_numbers_are_refused(hollow_folder, refused):
    change(hollow_folder / "Encoder_e4e.pth", lambda state: state.update(latent_avg=torch.full((512,), torch.nan)))
    assert "no numbers, in encoder.mean_styles" in refused()


def test_a_checkpoint_of_another_kind_is_refused(hollow_folder, refused):
    torch.save(recipe.official_state("lpips_alex"), hollow_folder / "StyleHEAT_visual.pt")
    assert "expected an entry 'net_G_ema', found 17 entries" in refused()


def test_a_lonely_tensor_is_no_checkpoint(hollow_folder, refused):
    torch.save(torch.zeros(3), hollow_folder / "hfgi.pth")
    assert "expected an entry 'aligner', found a Tensor" in refused()


class Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was opened')",))


def test_a_pickle_that_wants_to_run_code_is_refused(hollow_folder, refused):
    torch.save({"net_G_ema": {"a": Trap()}}, hollow_folder / "StyleHEAT_visual.pt")
    assert "holds more than tensors" in refused()


def test_a_file_cut_short_is_refused(hollow_folder, refused):
    path = hollow_folder / "hfgi.pth"
    path.write_bytes(path.read_bytes()[:2000])
    assert "hfgi.pth cannot be read" in refused()


def test_another_file_under_torchvisions_name_is_refused(hollow_folder, refused):
    """Every name and shape in it is right; one bias is not."""
    change(hollow_folder / official.VGG, lambda state: state.update({"features.0.bias": torch.ones(64)}))
    words = refused()
    assert f"{official.VGG} is not the file that torchvision publishes under this name" in words
    assert f"expected  sha256 {official.VGG[6:14]}..." in words
    assert "Get torchvision's own again" in words


def test_foreign_tensors_beside_the_motion_generator_are_named(hollow_folder, refused):
    change(
        hollow_folder / "StyleHEAT_visual.pt", lambda state: state["net_G_ema"].update({"generator.x": torch.zeros(1)})
    )
    assert "neither motion generator nor calibrator:\n    generator.x" in refused()
