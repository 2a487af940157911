"""Where points are: these tests need neither OpenGL nor the face model."""

import numpy as np

from stylehead_core.synthetic.heads.clips import crop_transform, five_landmarks, mouth_boxes
from stylehead_core.synthetic.heads.curves import spline
from stylehead_core.synthetic.heads.geometry import PIVOT, Pose, ffhq_crop, place, smoothstep

SIZE, DISTANCE = 64, 80.0


def face(rng: np.random.Generator) -> np.ndarray:
    """68 points, of which only eyes and mouth are where a face has them."""
    points = rng.normal(0, 0.1, (68, 3))
    points[36:42, 0] -= 3
    points[42:48, 0] += 3
    points[48:, 1] -= 6
    points[48, 0], points[54, 0] = -2, 2
    return points


def test_the_camera_looks_at_a_point_between_eyes_and_mouth():
    landmarks = face(np.random.default_rng(0))
    pixels = ffhq_crop(landmarks, DISTANCE).pixels(landmarks, DISTANCE, SIZE)
    eyes, mouth = pixels[36:48].mean(0), pixels[[48, 54]].mean(0)
    np.testing.assert_allclose(eyes + 0.1 * (mouth - eyes), (SIZE - 1) / 2, atol=0.01)


def test_the_mouth_is_below_the_eyes_and_the_left_eye_is_at_the_left():
    landmarks = face(np.random.default_rng(1))
    pixels = ffhq_crop(landmarks, DISTANCE).pixels(landmarks, DISTANCE, SIZE)
    assert pixels[48:, 1].min() > pixels[36:48, 1].max()
    assert pixels[36:42, 0].max() < pixels[42:48, 0].min()


def test_a_wider_crop_shows_the_face_smaller():
    landmarks = face(np.random.default_rng(2))
    close, wide = (ffhq_crop(landmarks, DISTANCE, w).pixels(landmarks, DISTANCE, SIZE) for w in (1.0, 2.0))
    np.testing.assert_allclose(np.ptp(close, axis=0), 2 * np.ptp(wide, axis=0), rtol=1e-6)


def test_pixels_of_an_own_crop_lead_to_the_same_points_of_the_frame():
    rng = np.random.default_rng(3)
    landmarks = face(rng)
    turned = place(landmarks.astype(np.float32), np.zeros(68), Pose(angles=(0.1, 0.2, 0.5)))
    frame, own = ffhq_crop(landmarks, DISTANCE, 1.3, (0.05, -0.1)), ffhq_crop(turned, DISTANCE)
    affine = crop_transform(own, frame, SIZE)
    in_own = own.pixels(turned, DISTANCE, SIZE)
    np.testing.assert_allclose(in_own @ affine[:, :2].T + affine[:, 2], frame.pixels(turned, DISTANCE, SIZE), atol=1e-3)


def test_no_pose_leaves_the_head_where_it_is():
    points = np.random.default_rng(4).normal(0, 5, (20, 3)).astype(np.float32)
    np.testing.assert_allclose(place(points, points[:, 1], Pose()), points, atol=1e-6)


def test_the_head_turns_about_the_neck_and_the_shoulders_stay():
    pose = Pose(angles=(0.2, 0.3, 0.1))
    points = np.stack([PIVOT, [8, -20, 2], [0, 0, 10]]).astype(np.float32)
    moved = place(points, np.array([0.0, -20.0, 0.0]), pose)
    np.testing.assert_allclose(moved[:2], points[:2], atol=1e-5)
    assert moved[2, 0] > 1  # yaw + looks to the picture's right
    assert moved[2, 1] < points[2, 1]  # pitch + looks down


def test_a_curve_goes_through_its_points():
    points = np.random.default_rng(5).normal(0, 1, (6, 2))
    np.testing.assert_allclose(spline(points, 8)[::8], points[:-1], atol=1e-12)


def test_a_smooth_step_may_go_down():
    np.testing.assert_allclose(smoothstep(2, 0, np.array([0.0, 1.0, 2.0])), [1, 0.5, 0])


def test_the_mouth_box_holds_the_mouth_and_the_five_points_are_of_the_68():
    landmarks = np.random.default_rng(6).uniform(0, SIZE, (2, 68, 2))
    box = mouth_boxes(landmarks)
    assert (landmarks[:, 48:] >= box[:, None, :2]).all()
    assert (landmarks[:, 48:] <= box[:, None, 2:]).all()
    np.testing.assert_array_equal(five_landmarks(landmarks)[:, 3], landmarks[:, 48])
