"""The landmark prior moves a face as its coefficients say; these tests say it with a face whose points are known."""

import pytest
import torch

from stylehead_core.networks.landmark_prior import (
    CHIN,
    EYE_CORNERS,
    EYES,
    INNER_LIPS,
    IRIS_RIMS,
    IRISES,
    LOWER_EDGE,
    LOWER_LIP,
    NOSE_BASE,
    TEETH_DEPTH_CM,
    TEETH_RANGE_X_CM,
    TEETH_RANGE_Y_CM,
    UPPER_EDGE,
    UPPER_LIP,
    LandmarkPrior,
    LandmarkPriorConfig,
)
from stylehead_core.ops.face_masks import FACE_OVAL, signed_distance
from stylehead_core.ops.pose import HeadPose, angles_to_matrix, placement
from stylehead_core.ops.warp import warp
from stylehead_core.training.canonical_face import install_canonical
from stylehead_core.training.landmark_prior import closure_basis, expression_basis

SIZE = 128
JAW_OPEN = 24
LIPS_APART, LIDS_TOGETHER = 30, 8
YAW, ROLL, X = 53, 54, 55


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "uncovers"])
def prior(canonical, request):
    prior = LandmarkPrior(LandmarkPriorConfig(uncovers=request.param))
    install_canonical(prior)
    prior.basis[JAW_OPEN, CHIN, 1] = -2.0  # cm
    prior.basis[LIPS_APART, list(INNER_LIPS[INNER_LIPS.index(324) :]), 1] = -2.0
    for ring in EYES:  # both edges to the line between the corners
        lids = prior.vertices[list(ring)]
        corners = lids[[0, 8]]
        along = ((lids[:, 0] - corners[0, 0]) / (corners[1, 0] - corners[0, 0]))[:, None]
        prior.basis[LIDS_TOGETHER, list(ring)] = torch.lerp(corners[:1], corners[1:], along) - lids
    return prior


@pytest.fixture(scope="module")
def face(prior):
    """Landmarks (1 478 3) and coefficients (1 58) of the canonical face, a little turned."""
    pose = HeadPose(
        rotation=angles_to_matrix(torch.tensor([[0.1, -0.2, 0.05]])),
        scale=torch.tensor([4.5]),
        centre=torch.tensor([[64.0, 70.0, 3.0]]),
    )
    irises = prior.vertices[[33] * 5 + [263] * 5]
    landmarks = pose.pose(torch.cat((prior.vertices, irises))[None])
    coefficients = torch.cat((torch.zeros(1, 52), pose.angles, placement(pose, SIZE, prior.canonical)), dim=1)
    return landmarks, coefficients


def changed(coefficients, index, amount):
    coefficients = coefficients.clone()
    coefficients[:, index] += amount
    return coefficients


def test_equal_coefficients_move_nothing(prior, face):
    landmarks, own = face
    flow, visibility = prior(landmarks, own, own, SIZE)
    assert torch.equal(flow, torch.zeros(1, 2, 64, 64))
    assert visibility.min() > 0.9


def test_a_step_to_the_right_fetches_from_the_left(prior, face):
    landmarks, own = face
    flow, _ = prior(landmarks, own, changed(own, X, 0.0625), SIZE)  # 4 pixels of 128, 2 of 64
    torch.testing.assert_close(flow[0, :, 32, 32], torch.tensor([-2.0, 0.0]), rtol=0, atol=1e-3)


def test_an_open_jaw_moves_the_chin_alone(prior, face):
    landmarks, own = face
    moved, _, there = prior.move_landmarks(landmarks, own, changed(own, JAW_OPEN, 0.5), SIZE)
    shift = (moved - landmarks)[0]
    assert shift[CHIN, 1] == pytest.approx(0.5 * 2.0 * there.scale.item(), rel=0.05)  # 1 cm down
    assert shift[torch.arange(478) != CHIN].abs().max() < 1e-3


def test_a_turned_head_hides_one_side(prior, face):
    landmarks, own = face
    _, right = prior(landmarks, changed(own, YAW, 0.2), changed(own, YAW, 0.8), SIZE)
    shown = (right < 0.7)[0, 0, 20:45]
    assert shown[:, :32].sum() > 4 * shown[:, 32:].sum()


@pytest.mark.parametrize(("what", "amount"), [(X, 0.3), (ROLL, 0.7)])
def test_a_place_that_the_head_has_left_does_not_show_it_again(prior, face, what, amount):
    landmarks, own = face
    driving = changed(own, what, amount)
    flow, _ = prior(landmarks, own, driving, SIZE)
    moved = prior.move_landmarks(landmarks, own, driving, SIZE).landmarks
    before, after = (
        signed_distance((points[:, list(FACE_OVAL), :2] + 0.5) * (64 / SIZE) - 0.5, 64) for points in (landmarks, moved)
    )
    twice = (after < -0.5) & (warp(before[:, None], flow)[:, 0] > 1)
    if prior.config.uncovers:
        assert twice.sum() <= 3
    else:
        assert twice.sum() > 10


def test_hair_belongs_to_the_outline_of_a_prior_that_uncovers_alone(prior, face):
    outline = prior.fit_outline(torch.ones(1, 1, SIZE, SIZE), *face, SIZE)  # hair as far as the picture reaches
    assert (float(outline.head.max()) > 1.1) == prior.config.uncovers


def cut_at(landmarks, share):
    """The matte of a person who ends at a part of the way from the middle of the face to its edge at the left."""
    oval = landmarks[0, list(FACE_OVAL), 0]
    edge = oval.mean() - share * (oval.mean() - oval.min())
    return (torch.arange(SIZE) > edge).float().expand(1, 1, SIZE, -1).contiguous(), float(edge)


def test_a_cheek_that_comes_into_view_is_fetched_from_the_person(prior, face):
    landmarks, own = face
    aside = changed(own, YAW, -0.7)
    portrait = prior.move_landmarks(landmarks, own, aside, SIZE).landmarks
    matte, edge = cut_at(portrait, 0.8)
    outline = prior.fit_outline(matte, portrait, aside, SIZE)
    turned = prior.move_landmarks(portrait, aside, own, SIZE)
    oval = (turned.landmarks[:, list(FACE_OVAL), :2] + 0.5) * (64 / SIZE) - 0.5
    inside = signed_distance(oval, 64) > 1

    def cells_of_wall(outline):
        flow, _ = prior.find_flow(portrait, turned, SIZE, outline)
        fetched = (torch.arange(64) + flow[:, 0] + 0.5) * (SIZE / 64) - 0.5
        return int(((fetched < edge) & inside).sum())

    without = cells_of_wall(outline._replace(silhouette=None))
    assert without > 100
    if prior.config.uncovers:
        assert cells_of_wall(outline) < 0.1 * without
    else:
        assert cells_of_wall(outline) == without


def test_a_silhouette_changes_nothing_where_nothing_moves(prior, face):
    landmarks, own = face
    outline = prior.fit_outline(cut_at(landmarks, 0.8)[0], landmarks, own, SIZE)
    flow, _ = prior.find_flow(landmarks, prior.move_landmarks(landmarks, own, own, SIZE), SIZE, outline)
    assert torch.equal(flow, torch.zeros_like(flow))


def test_many_frames_equal_one_at_a_time(prior, face):
    landmarks, own = face
    driving = torch.cat([changed(own, YAW, amount) for amount in (-0.2, 0.0, 0.3)])
    together = prior(landmarks, own, driving, SIZE)[0]
    alone = torch.cat([prior(landmarks, own, row[None], SIZE)[0] for row in driving])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


def test_the_basis_is_what_the_faces_were_made_with():
    rng = torch.Generator().manual_seed(0)
    basis = torch.randn(4, 6, 3, generator=rng)
    expression = torch.rand(200, 4, generator=rng)
    person = torch.arange(200) // 20
    own = torch.randn(10, 6, 3, generator=rng)[person]  # each person's own face
    faces = own + torch.einsum("nk,kpc->npc", expression, basis)
    torch.testing.assert_close(expression_basis(faces, expression, person), basis, rtol=0, atol=0.05)


def test_as_much_closure_as_jaw_leaves_the_lips_closed():
    jaw = torch.randn(478, 3, generator=torch.Generator().manual_seed(0))
    jaw[UPPER_LIP, 1], jaw[LOWER_LIP, 1] = 0.2, -3.5
    moved = jaw + closure_basis(jaw, -0.6 * jaw)
    assert moved[UPPER_LIP, 1] == pytest.approx(float(moved[LOWER_LIP, 1]), abs=1e-5)
    for noise in (-0.1 * jaw, 0.1 * jaw, 0 * jaw):
        assert torch.equal(closure_basis(jaw, noise), noise)
    assert torch.equal(closure_basis(0 * jaw, 0 * jaw), 0 * jaw)  # heads that never open their mouths


def test_lips_that_move_together_meet_and_do_not_pass_each_other(prior, face):
    landmarks, own = face
    meeting = LandmarkPrior(LandmarkPriorConfig(lips_meet=True))
    meeting.load_state_dict(prior.state_dict())
    asked = own.clone()
    asked[:, LIPS_APART] = -3.0
    upper, lower = list(UPPER_EDGE), list(LOWER_EDGE)

    def gap(prior, coefficients):
        moved = prior.move_landmarks(landmarks, own, coefficients, SIZE).landmarks
        front = prior.frontalise(moved, coefficients, SIZE)
        return (front[:, upper, 1] - front[:, lower, 1]).amin()

    assert gap(prior, asked) < -1
    assert gap(meeting, asked) > -0.01
    assert torch.equal(meeting.move_landmarks(landmarks, own, own, SIZE).landmarks, landmarks)
    asked[:, LIPS_APART] = 0.5  # what opens them is as before
    plain, kept = (each.move_landmarks(landmarks, own, asked, SIZE).landmarks for each in (prior, meeting))
    assert torch.equal(plain, kept)


def test_a_place_of_the_face_is_found_in_any_pose(prior, face):
    landmarks, coefficients = face
    places, covered = prior.find_face_positions(landmarks, coefficients, SIZE)
    assert places.shape == (1, 2, 64, 64)
    for point in (1, CHIN, 61, 291):  # nose, chin, corners of the mouth
        x, y = (((landmarks[0, point, :2] + 0.5) * 64 / SIZE - 0.5).round().long()).tolist()
        canonical = prior.vertices[point]
        expected = torch.stack((canonical[0] / 15, -(canonical[1] - 1) / 15))
        torch.testing.assert_close(places[0, :, y, x], expected, rtol=0, atol=0.06)  # a cell is 0.03 to 0.04
        assert covered[0, 0, y, x] == 1
    assert covered[0, 0, 0, 0] == 0


def cell(point):
    """x, y of the cell in which a point of the picture lies."""
    return ((point[:2] + 0.5) * 64 / SIZE - 0.5).round().long().tolist()


def test_it_tells_how_far_inside_the_lips_each_cell_lies(prior, face):
    landmarks, own = face
    driving = torch.cat([changed(own, LIPS_APART, amount) for amount in (0.0, 0.5, 1.0)])
    shut, ajar, open_ = prior.find_guides(prior.move_landmarks(landmarks, own, driving, SIZE), SIZE)[:, 0]
    assert shut.max() < 0.1 < ajar.max() < open_.max()  # of the canonical face the lips are 2 mm apart
    moved = prior.move_landmarks(landmarks, own, driving[2:], SIZE)[0][0]
    upper, lower = moved[UPPER_LIP], moved[LOWER_LIP]
    x, y = cell((upper + lower) / 2)
    assert open_[y, x] == pytest.approx((lower - upper)[1].item() / 2 / 2 / 3, abs=0.1)  # 2 cm are over 4 cells
    for beyond in (upper[1] - 8, lower[1] + 8):
        assert open_[cell(torch.stack((upper[0], beyond)))[1], x] == -1


def test_it_tells_where_an_eye_is_open(prior, face):
    landmarks, own = face
    driving = torch.cat((own, changed(own, LIDS_TOGETHER, 1.0)))
    open_, shut = prior.find_guides(prior.move_landmarks(landmarks, own, driving, SIZE), SIZE)[:, 1]
    for ring in EYES:
        x, y = cell(landmarks[0, list(ring)].mean(0))
        assert open_[y, x] > 0.06  # 2 mm
        assert shut[y, x] < 0.03
    assert shut.max() < 0.03


def test_irises_are_told_where_they_go(prior, face):
    landmarks, own = face
    landmarks = landmarks.clone()
    for iris, rim, corners in zip(IRISES, IRIS_RIMS, EYE_CORNERS, strict=True):
        landmarks[:, iris] = landmarks[:, list(corners)].mean(1)
        landmarks[:, list(rim)] = landmarks[:, iris : iris + 1] + torch.tensor(
            [[3.0, 0, 0], [0, 3, 0], [-3, 0, 0], [0, -3, 0]]
        )
    here = (landmarks[0, list(IRISES), :2] + 0.5) / SIZE
    moved = prior.move_landmarks(landmarks, own, own, SIZE)
    still = prior.find_irises(landmarks, moved, SIZE)[0]
    torch.testing.assert_close(still[:, :4], torch.cat((here, here), dim=1), rtol=0, atol=1e-5)
    torch.testing.assert_close(still[:, 4:7], torch.tensor([[1, 0, 3 / SIZE]] * 2), rtol=0, atol=1e-4)
    assert still[:, 7].tolist() == pytest.approx([1.5 * 3 / SIZE] * 2, rel=1e-3)
    looking = moved.landmarks.clone()
    looking[:, list(IRISES), 0] += 4
    aside = prior.find_irises(landmarks, moved._replace(landmarks=looking), SIZE)[0]
    torch.testing.assert_close(aside[:, 0] - still[:, 0], torch.full((2,), 4 / SIZE), rtol=0, atol=1e-5)
    assert aside[:, 7].tolist() == pytest.approx([(1.5 * 3 + 1.25 * 4) / SIZE] * 2, rel=1e-3)
    rolled = prior.move_landmarks(landmarks, own, changed(own, ROLL, 0.2), SIZE)
    turn = prior.find_irises(landmarks, rolled, SIZE)[0, :, 4:6]
    torch.testing.assert_close(turn.norm(dim=1), torch.ones(2), rtol=0, atol=1e-3)
    assert torch.atan2(turn[:, 1], turn[:, 0]).abs().tolist() == pytest.approx([0.2] * 2, abs=0.03)


def test_the_upper_teeth_stay_and_the_lower_ones_go_with_the_chin(prior, face):
    landmarks, own = face
    driving = torch.cat([changed(own, JAW_OPEN, amount) for amount in (0.0, 0.5)])
    (_, upper, lower), (_, upper_then, lower_then) = prior.find_guides(
        prior.move_landmarks(landmarks, own, driving, SIZE), SIZE
    )[:, 2:]
    torch.testing.assert_close(upper_then, upper, rtol=0, atol=1e-3)
    x, y = cell(landmarks[0, LOWER_LIP])
    # Cm: where the jaw has gone down, the cell lies higher above it.
    rises = (lower_then - lower)[y, x] * TEETH_RANGE_Y_CM
    assert rises == pytest.approx(1.0, abs=0.05)


def test_teeth_are_found_in_the_middle_of_a_turned_head(prior, face):
    landmarks, own = face
    turned = changed(changed(own, YAW, 0.4), YAW + 1, 0.3)
    moved, _, there = prior.move_landmarks(landmarks, own, turned, SIZE)
    across, upper, lower = prior.find_guides(prior.move_landmarks(landmarks, own, turned, SIZE), SIZE)[0, 2:]
    front = there.unpose(moved)[0]
    teeth = front[NOSE_BASE] + torch.tensor(
        (0.0, prior.vertices[UPPER_LIP, 1] - prior.vertices[NOSE_BASE, 1], -TEETH_DEPTH_CM)
    )
    for aside, above in ((0.0, 0.0), (1.2, 0.0), (0.0, 0.8), (0.0, -0.8)):
        place = there.pose((teeth + torch.tensor((aside, above, 0.0)))[None, None])[0, 0]
        x, y = cell(place)
        assert across[y, x] * TEETH_RANGE_X_CM == pytest.approx(aside, abs=0.3)  # a cell is half a centimetre wide
        assert upper[y, x] * TEETH_RANGE_Y_CM == pytest.approx(above, abs=0.3)
        # The canonical lips are that far apart.
        assert lower[y, x] * TEETH_RANGE_Y_CM == pytest.approx(above + 0.55, abs=0.3)


def test_a_correction_moves_nothing_where_nothing_is_asked_for(prior, face):
    torch.manual_seed(0)
    bending = LandmarkPrior(LandmarkPriorConfig(hidden=8))
    bending.load_state_dict({**bending.state_dict(), **prior.state_dict()})
    torch.nn.init.normal_(bending.bend.last.weight)
    landmarks, own = face
    assert torch.equal(bending.move_landmarks(landmarks, own, own, SIZE).landmarks, landmarks)
    asked = own.clone()
    asked[:, JAW_OPEN] += 0.5
    plain, bent = (each.move_landmarks(landmarks, own, asked, SIZE).landmarks for each in (prior, bending))
    assert (plain - bent).abs().max() > 0.1
