"""The benchmark's numbers have known answers where nothing is drawn."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from stylehead_core.benchmark import benchmark, edits, table, text
from stylehead_core.benchmark.driven import CROSS_WAYS, WAYS
from stylehead_core.benchmark.edited import BEYOND, STRENGTHS
from stylehead_core.benchmark.flow import flows
from stylehead_core.benchmark.measures import correlation, load_measures
from stylehead_core.benchmark.spoken import SPOKEN_WAYS, speech
from stylehead_core.datasets.attributes import ATTRIBUTES
from stylehead_core.landmarker.files import load_landmarker
from stylehead_core.media.sound import Sound
from stylehead_core.model.stylehead import build
from stylehead_core.networks.feature_network import FeatureNetwork, FeatureNetworkConfig
from stylehead_core.synthetic.speech.utterances import Utterance
from stylehead_core.synthetic.speech.visemes import LIPS
from stylehead_core.training.canonical_face import install_canonical
from stylehead_core.training.recipes.registry import recipe_named

TINY = FeatureNetworkConfig(size=32, widths=(4, 4, 8), squeezed=2, hidden=8, embedding=4, attributes=ATTRIBUTES)


@pytest.fixture(scope="module")
def few(heads):
    """Two people and two pairs; the edits are all of one of them."""
    return replace(
        heads, source=torch.tensor([0, 4]), target=torch.tensor([1, 5]), edited_person=torch.zeros(5, dtype=torch.int64)
    )


@pytest.fixture(scope="module")
def model():
    made = build(recipe_named("debug_styles").model)
    assert made.prior is not None
    install_canonical(made.prior)
    return made.eval()


@pytest.fixture(scope="module")
def judge(canonical):
    torch.manual_seed(0)
    return FeatureNetwork(TINY).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def parts(few, model, judge):
    return {part.title: part for part in benchmark(model, few, load_landmarker(), judge, sentences=0)}


def test_every_way_has_a_row(parts):
    assert [row.way for row in parts["same identity"].rows] == list(WAYS)
    assert [row.way for row in parts["cross identity"].rows] == list(CROSS_WAYS)


def test_still_is_the_source_itself(parts, few):
    source, target = few.frames(few.source), few.frames(few.target)
    error = ((source - target) / 2).square().mean((1, 2, 3))
    assert parts["same identity"].rows[0].psnr == pytest.approx(float((-10 * torch.log10(error)).mean()), abs=0.01)


def test_the_exact_flow_is_off_by_nothing_and_no_flow_by_its_length(few, model):
    """A flow of three columns and four rows, 5 long; where the portrait hides the point it says what it likes."""
    flow = torch.tensor([3.0, 4.0])[:, None, None].expand(2, 2, 64, 64).half().clone()
    flow[:, :, :, ::2] = 60
    visible = torch.ones(2, 1, 64, 64, dtype=torch.uint8)
    visible[..., ::2] = 0
    rows = {row.way: row for row in flows(model, replace(few, flow=flow, visible=visible))}
    assert list(rows) == ["none", "prior", "the model", "exact"]
    assert [(row.everywhere, row.head, row.features) for row in (rows["none"], rows["exact"])] == [(5, 5, 5), (0, 0, 0)]


def test_no_flow_carries_the_still_portrait(parts):
    none = next(row for row in parts["flow"].rows if row.way == "none")
    still = parts["same identity"].rows[0]
    assert none.psnr == pytest.approx(still.psnr, abs=1e-3)
    assert none.psnr_sharp == pytest.approx(still.psnr, abs=1e-3)
    assert none.sharpness == pytest.approx(still.mouth_sharpness, rel=1e-3)


def test_pixels_carried_along_the_true_flow_are_the_truth(few, model):
    """The target is the portrait moved by two cells, which are four pixels."""
    moved = few.pictures.roll(4, dims=-1)
    pairs = {"source": torch.tensor([0, 1]), "target": torch.tensor([12, 13])}
    flow = torch.tensor([-2.0, 0.0])[:, None, None].expand(2, 2, 64, 64).half()
    heads = replace(
        few,
        pictures=torch.cat((few.pictures, moved)),
        landmarks=torch.cat((few.landmarks, few.landmarks)),
        coefficients=torch.cat((few.coefficients, few.coefficients)),
        flow=flow,
        **pairs,
    )
    rows = {row.way: row for row in flows(model, heads)}
    for sharpness in (rows["exact"].sharpness, rows["exact"].sharpness_sharp):
        assert sharpness == pytest.approx(1, abs=1e-3)
    assert rows["exact"].psnr > rows["none"].psnr + 3
    assert rows["exact"].psnr_sharp > rows["none"].psnr_sharp + 3


def test_an_inversion_is_judged_without_the_detail_that_makes_it_the_picture_itself(parts):
    (truth,) = (row for row in parts["same identity"].rows if row.way == "truth, inverted")
    (inversion, *_) = parts["nothing asked for"].rows
    assert truth.psnr < 40 < inversion.psnr


def test_a_still_portrait_is_nobody_else(parts):
    assert parts["cross identity"].rows[0].identity == pytest.approx(0, abs=0.05)


def test_nothing_asked_for_changes_nothing(parts):
    rows = {row.way: row for row in parts["nothing asked for"].rows}
    assert rows.keys() == {"inversion", "no motion", "no edit"}
    assert all(row.largest < 0.01 for row in rows.values())


def test_what_moves_beside_the_lips_is_counted_in_levels(few, model, judge, monkeypatch):
    """Drawn by hand: a portrait that becomes brighter by 12.75 levels in five frames."""
    from stylehead_core.benchmark import spoken

    steps = torch.linspace(0, 0.1, 5)[:, None, None, None]
    monkeypatch.setattr(spoken, "_draw", lambda model, inversion, motion: inversion.portrait.image + steps)
    talk = Utterance(
        sound=Sound(samples=torch.randn(1, 3200, generator=torch.Generator().manual_seed(0)) / 4, rate=16000),
        curves=torch.linspace(0, 1, 5)[:, None].expand(5, len(LIPS)),
        fps=Fraction(25),
    )
    rows = speech(model, few, load_measures(load_landmarker(), judge, few), [talk])
    assert [row.way for row in rows] == list(SPOKEN_WAYS)
    still, told, _ = rows
    assert (still.opening, still.outside) == (0, 0)
    assert told.outside == pytest.approx(12.75 / 2, abs=1e-3)


def test_a_curve_agrees_with_itself_and_not_with_one_that_stands_still():
    curve = torch.tensor([0.0, 1.0, 0.5])
    assert correlation(curve, 2 * curve + 1) == pytest.approx(1)
    assert correlation(curve, torch.ones(3)) == 0


class Tilted(FeatureNetwork):
    """Judges every attribute by the brightness of the picture."""

    def forward(self, pictures):
        seen = super().forward(pictures)
        return seen._replace(attributes=pictures.mean((1, 2, 3))[:, None].expand(-1, len(ATTRIBUTES)))


def test_an_edit_that_brightens_step_by_step_is_monotonic(few, model, monkeypatch):
    """Drawn by hand: the picture and a tenth of brightness for each unit of strength."""
    from stylehead_core.benchmark import edited

    def drawn(model, inversion, name, strengths):
        return torch.cat([inversion.portrait.image * 0.5 + strength / 10 for strength in strengths])

    monkeypatch.setattr(edited, "_draw_at", drawn)
    measures = load_measures(load_landmarker(), Tilted(TINY).eval(), few)
    rows = edits(model, few, measures)
    assert [row.edit for row in rows] == list(few.attributes)
    assert all((row.monotonic, row.beyond) == (1, 1) for row in rows)
    for strengths in (STRENGTHS, BEYOND):
        assert sorted(strengths) == list(strengths)


def test_the_table_names_every_column(parts):
    for part in parts.values():
        if part.rows:
            lines = table(part.rows).splitlines()
            assert len(lines) == 2 + len(part.rows)
            assert all(line.count("|") == lines[0].count("|") for line in lines)
        assert part.title in text(part)
