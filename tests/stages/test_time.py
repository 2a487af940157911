"""From a film to its motion and to a film again, every frame is at its time, and the sound as long as it was."""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from stylehead_core.landmarker.landmarker import Faces
from stylehead_core.media.sound import Sound, read_sound
from stylehead_core.media.video import VideoWriter, read_frames, read_info
from stylehead_core.ops.pose import CanonicalFace, HeadPose, angles_to_matrix
from stylehead_core.spaces import ARKIT
from stylehead_core.stages.speech import motion_from_speech
from stylehead_core.stages.tracking import TrackingConfig, frames_of, motion_from_video, track_face

RATES = [Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 50, Fraction(60000, 1001)]
FRAMES = 301
YAW = ARKIT.names.index("yaw")
SLOW = 0.004  # rad a level of grey


class Lookalike:
    """A landmarker that sees one face wherever it looks, turned the more the brighter the picture is."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        rng = torch.Generator().manual_seed(0)
        vertices = torch.randn(468, 3, generator=rng) * torch.tensor([5.0, 6.0, 3.0])
        for indices, place in (
            ((33, 160, 158, 133, 153, 144), (-3, 3, 4)),
            ((362, 385, 387, 263, 373, 380), (3, 3, 4)),
        ):
            vertices[list(indices)] = torch.tensor(place, dtype=torch.float32)
        vertices[61], vertices[291] = torch.tensor([-2.5, -4.0, 5.0]), torch.tensor([2.5, -4.0, 5.0])
        self.canonical = CanonicalFace(vertices=vertices, indices=torch.arange(468), weights=torch.ones(468))

    def detect(self, pictures: torch.Tensor) -> list:
        return [["a face"]] * len(pictures)

    def find(self, picture: torch.Tensor, search: str) -> Faces:
        return self.measure(picture, None)

    def measure(self, pictures: torch.Tensor, regions: torch.Tensor | None) -> Faces:
        count = len(pictures)
        yaw = pictures.float().mean((1, 2, 3)) * SLOW
        angles = torch.stack((torch.zeros(count), yaw, torch.zeros(count)), dim=1)
        scale, centre = torch.full((count,), 1.0), torch.full((count, 3), 16.0)
        pose = HeadPose(rotation=angles_to_matrix(angles), scale=scale, centre=centre)
        points = pose.pose(self.canonical.vertices.expand(count, -1, -1))
        landmarks = torch.cat((points, points[:, :10]), dim=1)
        return Faces(landmarks=landmarks, blendshapes=torch.zeros(count, 52), score=torch.ones(count), pose=pose)


def level(frame: int) -> float:
    """The grey of a frame: up and down."""
    return 20 + 2 * abs(frame % 100 - 50)


def pictures(frames: int) -> Iterator[torch.Tensor]:
    for frame in range(frames):
        yield torch.full((1, 3, 32, 32), level(frame), dtype=torch.uint8)


@pytest.mark.parametrize("fps", RATES)
def test_a_film_of_301_frames_becomes_a_motion_and_a_film_of_301_with_the_same_sound(tmp_path, fps):
    samples = round(FRAMES / Fraction(fps) * 16000) + 7
    sound = Sound(samples=torch.sin(torch.arange(samples) * 0.1)[None] * 0.5, rate=16000)
    write(tmp_path / "driver.mp4", fps, sound)
    motion = motion_from_video(tmp_path / "driver.mp4", Lookalike(), TrackingConfig(smoothing=0, chunk=64))
    assert (len(motion), motion.fps) == (FRAMES, fps)
    expected = torch.tensor([level(frame) for frame in range(FRAMES)]) * SLOW
    torch.testing.assert_close(motion.coefficients[:, YAW], expected, atol=2 * SLOW, rtol=0)

    heard = read_sound(tmp_path / "driver.mp4")
    write(tmp_path / "result.mp4", motion.fps, heard)
    info, kept = read_info(tmp_path / "result.mp4"), read_sound(tmp_path / "result.mp4")
    assert (info.frames, info.fps) == (FRAMES, fps)
    assert kept.samples.shape[1] == heard.samples.shape[1] == samples


def write(path, fps, sound: Sound) -> None:
    with VideoWriter(path, fps=Fraction(fps), size=(32, 32), sound=sound, speed="ultrafast") as video:
        for picture in pictures(FRAMES):
            video.write(picture)


def test_a_film_is_followed_as_it_is_decoded():
    order = []

    def frames():
        for part in frames_of(torch.cat(list(pictures(12))), Fraction(25), chunk=4):
            order.append(f"decoded to {part.times[-1] * 25}")
            yield part

    track_face(frames(), Lookalike(), on_frame=lambda frame, *_: order.append(frame))
    assert order[:5] == ["decoded to 3", 0, 1, 2, 3]
    assert order[-5:] == ["decoded to 11", 8, 9, 10, 11]


@pytest.mark.parametrize("fps", RATES)
def test_speech_over_a_film_of_301_frames_has_as_many(fps):
    samples = round(FRAMES / Fraction(fps) * 16000)
    spoken = motion_from_speech(Sound(samples=torch.zeros(1, samples), rate=16000), Fraction(fps), frames=FRAMES)
    assert (len(spoken), spoken.fps, len(spoken.mel)) == (FRAMES, fps, FRAMES)


def test_a_variable_rate_of_301_frames_is_seen_at_even_times(tmp_path):
    rng = np.random.default_rng(0)
    times = np.concatenate(([0], np.cumsum(rng.integers(20, 60, FRAMES - 1))))  # ms
    with av.open(str(tmp_path / "driver.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "0"}
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, picture in zip(times.tolist(), pictures(FRAMES), strict=True):
            frame = av.VideoFrame.from_ndarray(picture[0].permute(1, 2, 0).contiguous().numpy(), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    motion = motion_from_video(tmp_path / "driver.mkv", Lookalike(), TrackingConfig(smoothing=0, chunk=64))
    assert len(motion) == FRAMES
    assert abs(float(motion.seconds) * 1000 - times[-1]) < 60  # the last frame's own time
    seen = np.interp(np.arange(FRAMES) / float(motion.fps) * 1000, times, [level(i) * SLOW for i in range(FRAMES)])
    np.testing.assert_allclose(motion.coefficients[:, YAW], seen, atol=3 * SLOW)
    assert len(list(read_frames(tmp_path / "driver.mkv", fps=motion.fps, chunk=1))) == FRAMES
