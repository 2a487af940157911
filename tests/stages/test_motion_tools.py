"""Laws of motion arithmetic: what does nothing changes nothing, and what is undone is as before."""

import time
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from stylehead_core.errors import ConfigError, MotionError
from stylehead_core.records import MeasuredVideo, Motion
from stylehead_core.rest import describe_rest, find_rest, neutral_frame
from stylehead_core.spaces import ARKIT, REGIONS
from stylehead_core.stages.motion_sliders import SLIDERS, motion_from_sliders
from stylehead_core.stages.motion_tools import (
    MotionAdjustment,
    adjust_motion,
    blend,
    describe,
    describe_left_out,
    describe_longer,
    describe_unmixed,
    fit_length,
    go_on_at_rest,
    join,
    lengthen,
    loop,
    make_relative,
    mix_regions,
    mouth_at_rest,
    resample,
    retime,
    reverse,
    scale_motion,
    smooth,
    speak_over,
    trim,
)

RATES = [Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 50, Fraction(60000, 1001)]
JAW, YAW = ARKIT.names.index("jawOpen"), ARKIT.names.index("yaw")


@pytest.fixture
def motion() -> Motion:
    rng = torch.Generator().manual_seed(0)
    found = torch.ones(50, dtype=torch.bool)
    found[[7, 8]] = False
    return Motion(
        coefficients=torch.rand(50, 58, generator=rng) * 0.6 + 0.1,
        fps=Fraction(25),
        found=found,
        mel=torch.randn(50, 80, 4, generator=rng),
        squares=torch.randn(50, 2, 3, generator=rng),
    )


@pytest.fixture
def other(motion) -> Motion:
    rng = torch.Generator().manual_seed(1)
    return Motion(coefficients=torch.rand(20, 58, generator=rng), fps=Fraction(10), mel=torch.ones(20, 80, 4))


def same(first: Motion, second: Motion) -> bool:
    heard = (first.mel is None) == (second.mel is None)
    if first.mel is not None and second.mel is not None:
        heard = torch.equal(first.mel, second.mel)
    return (
        heard
        and torch.equal(first.coefficients, second.coefficients)
        and torch.equal(first.found, second.found)
        and torch.equal(first.squares, second.squares)
        and (first.fps, first.space, first.relative) == (second.fps, second.space, second.relative)
    )


def test_what_does_nothing_changes_nothing(motion):
    for unchanged in (
        scale_motion(motion),
        smooth(motion, 0.0),
        retime(motion, 1),
        trim(motion),
        loop(motion, 1),
        resample(motion, Fraction(25)),
        fit_length(motion, 50),
        mix_regions(motion, motion, ["lips", "pose"]),
        mix_regions(motion, motion, [], strength=1),
        blend(motion, motion, 0.0),
    ):
        assert same(unchanged, motion)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("target", RATES)
def test_another_rate_lasts_as_long(fps, target):
    motion = Motion(coefficients=torch.zeros(301, 58), fps=Fraction(fps))
    other = resample(motion, Fraction(target))
    assert other.fps == target
    assert abs(other.seconds - motion.seconds) <= Fraction(1, 2) / target
    if target >= fps:
        assert len(resample(other, Fraction(fps))) == 301


@pytest.mark.parametrize("factor", [2, 3])
def test_a_multiple_of_the_rate_and_back_is_the_same_bit_for_bit(motion, factor):
    assert same(resample(resample(motion, motion.fps * factor), motion.fps), motion)


def test_a_steady_movement_is_the_same_at_any_rate():
    line = torch.arange(301.0)[:, None].expand(-1, 58) / 25
    fast = resample(Motion(coefficients=line, fps=Fraction(25)), Fraction(60000, 1001))
    expected = torch.arange(len(fast), dtype=torch.float64) * 1001 / 60000
    torch.testing.assert_close(fast.coefficients[:, 0].double(), expected.clamp(max=12), atol=1e-5, rtol=0)


def test_backwards_twice_is_forwards(motion):
    assert same(reverse(reverse(motion)), replace(motion, mel=None))


def test_parts_joined_again_are_the_whole(motion):
    assert same(join(trim(motion, 0, 0.8), trim(motion, 0.8)), motion)


def test_trimming_counts_from_the_end_for_negative_times(motion):
    assert torch.equal(trim(motion, -0.4).coefficients, motion.coefficients[40:])
    assert torch.equal(trim(motion, 0.2, -0.2).coefficients, motion.coefficients[5:45])


def test_a_loop_repeats_and_a_crossfade_shortens_it(motion):
    assert torch.equal(loop(motion, 3).coefficients, motion.coefficients.repeat(3, 1))
    faded = loop(motion, 3, crossfade=0.2)
    assert len(faded) == 150 - 2 * 5
    assert torch.equal(faded.coefficients[:45], motion.coefficients[:45])
    assert torch.equal(faded.coefficients[-45:], motion.coefficients[-45:])


@pytest.mark.parametrize(("speed", "frames"), [(2, 25), (0.5, 100), (3, 17)])
def test_a_faster_motion_is_shorter(motion, speed, frames):
    fast = retime(motion, speed)
    assert len(fast) == frames
    assert fast.fps == motion.fps
    assert torch.equal(fast.coefficients[1], motion.coefficients[speed]) if speed > 1 else fast.mel is None


def test_relative_motion_starts_from_rest(motion):
    changes = make_relative(motion, 12)
    assert changes.relative
    assert (changes.coefficients[12] == 0).all()
    torch.testing.assert_close(changes.coefficients + motion.coefficients[12], motion.coefficients)
    assert make_relative(changes) is changes


def test_the_neutral_frame_is_the_one_at_rest_and_was_measured(motion):
    quiet = motion.coefficients.clone()
    quiet[7] = quiet[30] = 0  # in frame 7 no face was found
    assert neutral_frame(replace(motion, coefficients=quiet)) == 30
    assert neutral_frame(motion, motion.coefficients[41]) == 41


def test_gains_scale_what_they_name_alone(motion):
    still = scale_motion(motion, pose=0)
    assert torch.equal(still.coefficients[:, ARKIT.expression], motion.coefficients[:, ARKIT.expression])
    assert (still.coefficients[:, YAW] == still.coefficients[0, YAW]).all()
    twice = scale_motion(make_relative(motion), expression=2)
    torch.testing.assert_close(twice.coefficients[:, JAW], 2 * make_relative(motion).coefficients[:, JAW])
    strong = scale_motion(motion, expression=5)
    assert strong.coefficients[:, ARKIT.expression].max() == 1


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_comes_from_the_other_and_the_rest_stays(motion, other, region):
    mixed = mix_regions(motion, other, [region])
    taken = torch.tensor([name in REGIONS[region] for name in motion.names])
    assert torch.equal(mixed.coefficients[:, ~taken], motion.coefficients[:, ~taken])
    expected = fit_length(resample(other, motion.fps), 50).coefficients
    assert torch.equal(mixed.coefficients[:, taken], expected[:, taken])
    assert torch.equal(mixed.mel, motion.mel)


def test_regions_cover_every_coefficient_once():
    assert sorted(name for names in REGIONS.values() for name in names) == sorted(ARKIT.names)


def test_audio_is_taken_by_name(motion, other):
    assert (mix_regions(motion, other, ["audio"]).mel == 1).all()


def test_relative_lips_are_put_on_the_base_s_face_at_rest(motion):
    lips = motion_from_sliders({"jaw": 0.25}, frames=50)
    mixed = mix_regions(motion, lips, ["jaw"])
    rest = motion.coefficients[neutral_frame(motion), JAW]
    torch.testing.assert_close(mixed.coefficients[:, JAW], (rest + 0.25).expand(50))


def test_smoothing_calms_the_pose_and_leaves_the_mouth_crisp(motion):
    calm = smooth(motion, 0.1)
    assert calm.coefficients[:, YAW].std() < 0.6 * motion.coefficients[:, YAW].std()
    assert torch.equal(calm.coefficients[:, JAW], motion.coefficients[:, JAW])


def test_motions_of_different_spaces_do_not_mix(motion):
    stranger = Motion(coefficients=torch.zeros(5, 73), fps=Fraction(25), space="bfm")
    for attempt in (
        lambda: mix_regions(motion, stranger, ["pose"]),
        lambda: blend(motion, stranger, 0.5),
        lambda: join(motion, stranger),
    ):
        with pytest.raises(MotionError, match="different spaces"):
            attempt()


def test_settings_that_cannot_be_are_refused(motion):
    for attempt in (
        lambda: retime(motion, 0),
        lambda: resample(motion, Fraction(-1)),
        lambda: loop(motion, 0),
        lambda: smooth(motion, -1),
        lambda: mix_regions(motion, motion, ["nose hair"]),
        lambda: make_relative(motion, 50),
    ):
        with pytest.raises(ConfigError):
            attempt()
    with pytest.raises(MotionError, match="Nothing is left"):
        trim(motion, 1.0, 0.5)


def test_the_squares_of_a_motion_go_where_its_frames_go(motion, other):
    assert torch.equal(trim(motion, 0.2).squares, motion.squares[5:])
    assert torch.equal(reverse(motion).squares, motion.squares.flip(0))
    assert torch.equal(retime(motion, 2).squares, motion.squares[::2])
    assert torch.equal(loop(motion, 2).squares, motion.squares.repeat(2, 1, 1))
    assert torch.equal(mix_regions(motion, other, ["lips"]).squares, motion.squares)
    assert mix_regions(motion, other, ["pose"]).squares is None  # the head is where nobody was measured
    assert join(motion, other).squares is None


def test_a_description_counts_what_is_missing(motion):
    line = describe(motion)
    assert line.startswith("50 frames at 25 a second, 2.00 s, arkit (absolute), with speech")
    assert "2 without a face" in line


@pytest.mark.parametrize("name", SLIDERS)
def test_every_slider_moves_something_and_stays_in_range(name):
    (low, high), _ = SLIDERS[name]
    for value in (low, high):
        moved = motion_from_sliders({name: value}).coefficients
        assert (moved != 0).any() or value == 0
        assert moved[:, ARKIT.expression].min() >= 0
    assert (motion_from_sliders({name: 0}).coefficients == 0).all()


def test_key_frames_are_met_and_held():
    keys = [(0.2, 0.0), (0.4, 1.0), (0.6, 0.5)]
    blink = motion_from_sliders({"blink": keys}, frames=25, between="linear")
    values = blink.coefficients[:, ARKIT.names.index("eyeBlinkLeft")]
    assert values[[0, 5, 10, 15, 24]].tolist() == pytest.approx([0, 0, 1, 0.5, 0.5])
    assert values[7].item() == pytest.approx(0.4)
    assert blink.relative


def test_gaze_to_the_right_turns_both_eyes_to_the_right():
    gaze = dict(zip(ARKIT.names, motion_from_sliders({"gaze_right": 1}).coefficients[0].tolist(), strict=True))
    assert gaze["eyeLookOutLeft"] == gaze["eyeLookInRight"] == 1  # the subject's left eye is at the picture's right
    assert gaze["eyeLookInLeft"] == gaze["eyeLookOutRight"] == 0


@pytest.mark.parametrize(
    "sliders", [{"nose": 1}, {"yaw": 90}, {"blink": []}, {"blink": [(1.0, 0.0), (0.5, 1.0)]}, {"jaw": float("nan")}]
)
def test_wrong_sliders_are_refused(sliders):
    with pytest.raises(ConfigError):
        motion_from_sliders(sliders)


@pytest.fixture
def talking_head():
    """A head in the official space, and speech for it."""
    head = Motion(coefficients=torch.rand(5, 73), fps=Fraction(25), space="bfm", relative=True)
    speech = replace(head, coefficients=torch.zeros(5, 73), mel=torch.ones(5, 80, 32))
    return head, speech


@pytest.mark.parametrize("regions", [["lips", "jaw", "audio"], ["lips"], ["jaw"], ["audio"]])
def test_in_bfm_lips_and_jaw_are_what_is_heard(talking_head, regions):
    head, speech = talking_head
    mixed = mix_regions(head, speech, regions)
    assert torch.equal(mixed.mel, speech.mel)
    assert torch.equal(mixed.coefficients, head.coefficients)


def test_in_bfm_a_mouth_without_sound_is_refused(talking_head):
    head, _ = talking_head
    with pytest.raises(MotionError, match="jaw and lips are moved by sound alone"):
        mix_regions(head, head, ["lips", "jaw", "audio"])


def test_in_bfm_the_eyes_alone_are_refused_with_what_there_is(talking_head):
    with pytest.raises(ConfigError, match=r"no region 'eyes'\. Known: audio, expression, jaw, lips, pose"):
        mix_regions(*talking_head, ["eyes"])


@pytest.mark.parametrize("space", ["arkit", "bfm"])
def test_amount_0_keeps_the_base_with_its_sound(space):
    width = {"arkit": 58, "bfm": 73}[space]
    base, other = (
        Motion(coefficients=torch.full((4, width), v), fps=Fraction(25), space=space, mel=torch.full((4, 80, 32), v))
        for v in (0.0, 1.0)
    )
    kept = mix_regions(base, other, ["lips", "jaw", "audio", "pose"], strength=0.0)
    assert torch.equal(kept.coefficients, base.coefficients)
    assert torch.equal(kept.mel, base.mel)
    assert describe_unmixed(base, other, ["audio"], 0.0) == describe_unmixed(base, other, ["audio"], 1.0) == ""
    assert "not mixed but the second's: what is heard" in describe_unmixed(base, other, ["audio", "pose"], 0.5)


@pytest.mark.parametrize("relative", [True, False])
def test_a_motion_goes_on_with_the_head_at_rest(motion, relative):
    moving = replace(motion, relative=relative, coefficients=motion.coefficients + 0.01)
    longer = go_on_at_rest(moving, len(moving) + 50)
    assert torch.equal(longer.coefficients[: len(moving)], moving.coefficients)
    rest = torch.zeros(58) if relative else moving.coefficients[neutral_frame(moving)]
    torch.testing.assert_close(longer.coefficients[-1], rest)
    torch.testing.assert_close(longer.coefficients[len(moving) + 20], rest)  # within half a second
    jump = (longer.coefficients[len(moving)] - moving.coefficients[-1]).abs().max()
    assert jump < 0.1 * (moving.coefficients[-1] - rest).abs().max()
    assert not longer.found[len(moving) :].any()
    assert go_on_at_rest(moving, 3) is moving


def test_what_of_the_sound_is_left_out_is_said(motion):
    assert describe_left_out(motion, motion.seconds + Fraction(1, 1000)) == ""
    assert "0.50 s are left out" in describe_left_out(motion, motion.seconds + Fraction(1, 2))


def test_a_motion_of_a_video_stays_one_through_every_tool(motion):
    video = MeasuredVideo(size=(64, 64), stored=(64, 64), times=torch.arange(50, dtype=torch.float64) / 25)
    measured = replace(motion, sources=torch.arange(50), video=video)
    assert trim(measured, 0.4).sources.tolist() == list(range(10, 50))
    assert reverse(measured).sources.tolist() == list(range(49, -1, -1))
    assert join(measured, measured).sources.tolist() == [*range(50), *range(50)]
    assert join(measured, motion).sources is None
    assert retime(measured, 2).sources.tolist() == list(range(0, 50, 2))
    assert mix_regions(measured, motion, ["lips"]).video is video
    assert mix_regions(motion, measured, ["pose"]).sources.tolist() == list(range(50))
    assert go_on_at_rest(measured, 52).sources.tolist() == [*range(50), 49, 49]


SMILE = ARKIT.names.index("mouthSmileLeft")


@pytest.fixture
def film() -> Motion:
    """Four seconds of somebody who smiles, talks, and has the lips 0.05 apart at rest."""
    coefficients = torch.zeros(100, 58)
    coefficients[:, JAW] = 0.05 + 0.3 * (torch.arange(100) % 5 == 0)
    coefficients[:, SMILE] = 0.4
    coefficients[:, YAW] = torch.linspace(-0.2, 0.2, 100)
    return Motion(coefficients=coefficients, fps=Fraction(25))


@pytest.fixture
def new_speech() -> Motion:
    coefficients = torch.zeros(100, 58)
    coefficients[:, JAW] = 0.3
    return Motion(coefficients=coefficients, fps=Fraction(25), relative=True)


def test_new_lips_rise_from_the_mouth_at_rest_and_keep_smile_and_head(film, new_speech):
    dubbed = speak_over(film, new_speech, speaking=torch.ones(100)).coefficients
    torch.testing.assert_close(dubbed[:, JAW], torch.full((100,), 0.35))
    torch.testing.assert_close(dubbed[:, SMILE], film.coefficients[:, SMILE])
    assert torch.equal(dubbed[:, YAW], film.coefficients[:, YAW])


def test_in_silence_the_mouth_rests_while_the_old_voice_talks_and_is_its_own_where_it_does_not(film, new_speech):
    silent, talks = torch.zeros(100), torch.ones(100)
    resting = speak_over(film, new_speech, speaking=silent, own=talks).coefficients
    torch.testing.assert_close(resting[:, JAW], torch.full((100,), 0.05))
    assert torch.equal(speak_over(film, new_speech, speaking=silent, own=silent).coefficients, film.coefficients)


def test_new_lips_come_and_go_by_degrees(film, new_speech):
    speaking = torch.linspace(0, 1, 100)
    jaw = speak_over(film, new_speech, speaking=speaking, own=torch.ones(100)).coefficients[:, JAW]
    torch.testing.assert_close(jaw, 0.05 + 0.3 * speaking)


def test_the_mouth_at_rest_is_the_one_with_the_lips_together(film):
    torch.testing.assert_close(mouth_at_rest(film)[JAW], torch.tensor(0.05))


def test_lips_that_are_not_changes_are_refused(film):
    with pytest.raises(MotionError, match="relative"):
        speak_over(film, film, speaking=torch.ones(100))


def said(jaw: list[float], yaw: list[float], **weights: float) -> Motion:
    """A motion of which the jaw and the turn of the head are known, the rest at ``weights``."""
    values = torch.zeros(len(jaw), 58)
    values[:, JAW], values[:, YAW] = torch.tensor(jaw), torch.tensor(yaw)
    for name, weight in weights.items():
        values[:, ARKIT.names.index(name)] = weight
    return Motion(coefficients=values, fps=Fraction(25))


def test_a_straight_head_with_an_open_mouth_is_not_at_rest():
    motion = said([0.0, 0.05, 0.6, 0.7], [0.2, 0.15, 0.0, 0.0])
    assert find_rest(motion).frame == 1
    assert find_rest(motion).shown
    assert describe_rest(motion) == ""
    assert make_relative(motion).coefficients[2, JAW] == pytest.approx(0.55)


@pytest.mark.parametrize(("name", "weight"), [("eyeBlinkLeft", 0.9), ("mouthFunnel", 0.8), ("mouthSmileLeft", 0.7)])
def test_a_blink_or_busy_lips_are_not_rest(name, weight):
    motion = said([0.0, 0.0, 0.0], [0.3, 0.3, 0.0])
    motion.coefficients[2, ARKIT.names.index(name)] = weight
    assert find_rest(motion).frame == 0


def test_a_person_who_smiles_throughout_is_at_rest_smiling():
    motion = said([0.0, 0.0, 0.0], [0.3, 0.0, 0.3], mouthSmileLeft=0.6, mouthPucker=0.5, eyeBlinkLeft=0.3)
    assert find_rest(motion).frame == 1
    torch.testing.assert_close(make_relative(motion).coefficients[1], torch.zeros(58))


def test_where_no_mouth_is_closed_rest_is_estimated_and_told():
    motion = said([0.5, 0.4, 0.6, 0.8], [0.1, 0.0, 0.0, 0.0], browInnerUp=0.3)
    rest = find_rest(motion)
    assert (rest.frame, rest.shown) == (1, False)
    assert rest.coefficients[JAW] == 0
    assert rest.coefficients[ARKIT.names.index("browInnerUp")] == pytest.approx(0.3)
    relative = make_relative(motion)
    assert torch.equal(relative.coefficients[:, JAW], motion.coefficients[:, JAW])  # nothing is crushed
    assert "Frame 1 comes nearest" in describe_rest(motion)


def test_a_loop_is_that_of_joins_and_grows_evenly(motion):
    for times, crossfade in ((3, 0.0), (4, 0.2), (3, 1.5), (3, 2.0), (2, 9.0)):
        joined = motion
        for _ in range(times - 1):
            joined = join(joined, motion, crossfade=crossfade)
        assert same(loop(motion, times, crossfade=crossfade), joined)
    done = []
    loop(motion, 5, progress=lambda turn, turns: done.append((turn, turns)))
    assert done == [(1, 5), (2, 5), (3, 5), (4, 5)]


def test_a_loop_can_be_stopped_and_one_without_room_is_refused(motion):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop(motion, 1000, progress=stop)
    with pytest.raises(ConfigError, match="GiB"):
        loop(motion, 10**9)


def test_a_hundred_thousand_frames_are_adjusted_in_a_moment():
    long = Motion(coefficients=torch.rand(1000, 58, generator=torch.Generator().manual_seed(0)), fps=Fraction(25))
    start = time.process_time()
    made = adjust_motion(long, MotionAdjustment(times=100, crossfade=0.1, smoothing=0.1, play="there and back"))
    made = retime(smooth(scale_motion(make_relative(made), pose=0.5), 0.2), 1.1)
    assert len(made) > 100_000
    assert time.process_time() - start < 10


def test_an_adjustment_is_its_parts_in_order(motion):
    change = MotionAdjustment(
        start=0.2, end=1.6, relative=True, neutral=3, expression=1.5, pose=0.5, smoothing=0.05, speed=2.0,
        play="there and back", times=2, crossfade=0.1,
    )  # fmt: skip
    expected = smooth(
        scale_motion(make_relative(trim(motion, 0.2, 1.6), 3), expression=1.5, pose=0.5), 0.05, ("expression", "pose")
    )
    expected = retime(expected, 2.0)
    expected = loop(join(expected, reverse(expected)), 2, crossfade=0.1)
    assert same(adjust_motion(motion, change), expected)
    assert same(adjust_motion(motion, MotionAdjustment()), motion)


def test_a_motion_that_is_too_short_goes_there_and_back_or_holds(motion):
    three = trim(motion, 0, 0.12)
    there = fit_length(three, 8, "there and back").coefficients
    assert torch.equal(there, three.coefficients[[0, 1, 2, 1, 0, 1, 2, 1]])
    assert torch.equal(fit_length(three, 5).coefficients, three.coefficients[[0, 1, 2, 2, 2]])
    assert len(lengthen(three, motion, "hold")) == 50
    assert len(lengthen(motion, three, "hold")) == 50
    assert "2.00 s and 0.12 s: the rest of it is cut" in describe_longer(three, motion, cut=True)
    assert describe_longer(motion, three, cut=True) == ""


def test_the_place_in_the_video_goes_along_and_never_glides_across_a_cut(motion):
    video = MeasuredVideo(size=(64, 48), stored=(64, 48), times=torch.arange(50).double() / 25, cuts=(20,))
    squares = torch.eye(3)[:2].repeat(50, 1, 1)
    squares[20:, 0, 2] = 100.0
    motion = replace(motion, squares=squares, sources=torch.arange(50), video=video)
    slow = retime(motion, 0.37)
    assert set(slow.squares[:, 0, 2].tolist()) == {0.0, 100.0}
    assert torch.equal((slow.squares[:, 0, 2] == 100), slow.shots == 1)
    assert reverse(motion).sources.tolist() == list(range(49, -1, -1))
    assert trim(motion, 0.4, 0.8).sources.tolist() == list(range(10, 20))
    assert loop(motion, 2).sources.tolist() == [*range(50), *range(50)]
    assert join(motion, reverse(motion)).video is video
    assert join(motion, replace(motion, sources=None, video=None)).sources is None


def test_who_is_not_found_in_the_video_is_not_found_in_a_mixture_that_takes_its_place(motion):
    spoken = replace(motion, found=None, squares=None)
    assert mix_regions(spoken, motion, ("pose",)).found.tolist() == motion.found.tolist()
    assert mix_regions(motion, spoken, ("lips", "jaw")).found.tolist() == motion.found.tolist()
