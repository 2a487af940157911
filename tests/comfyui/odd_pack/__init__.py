"""A pack for tests: hands out pictures and sounds that no sensible node makes, and says what came in."""

from fractions import Fraction

import torch
from comfy_api.latest import InputImpl, Types

VideoComponents = Types.VideoComponents
FRAMES = 6


def odd_image(kind: str, portrait: torch.Tensor) -> torch.Tensor:
    if kind == "alpha":
        return torch.cat((portrait, torch.rand_like(portrait[..., :1])), dim=-1)
    if kind == "grey":
        return portrait.mean(-1, keepdim=True)
    if kind == "one pixel":
        return portrait[:, :1, :1]
    if kind == "8k":
        large = torch.zeros(1, 4320, 7680, 3)
        large[:, 1000 : 1000 + portrait.shape[1], 3000 : 3000 + portrait.shape[2]] = portrait
        return large
    if kind == "12k":
        large = torch.zeros(1, 9000, 12000, 3)
        large[:, 4000:5024, 6000:7024] = portrait.repeat_interleave(2, 1).repeat_interleave(2, 2)
        return large
    if kind == "batch":
        return portrait.repeat(3, 1, 1, 1)
    if kind == "not a number":
        return portrait / 0 - portrait / 0
    if kind == "no face":
        return torch.full((1, 256, 256, 3), 0.5)
    if kind == "three axes":
        return portrait[0]
    return portrait


def takes(**inputs):
    """The inputs of a node of the old kind, all required."""
    return classmethod(lambda cls: {"required": inputs})


class OddImage:
    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("IMAGE",)

    INPUT_TYPES = takes(portrait=("IMAGE",), kind=("STRING", {"default": ""}))

    def make(self, portrait, kind):
        return (odd_image(kind, portrait),)


class OddSound:
    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("AUDIO",)

    INPUT_TYPES = takes(kind=("STRING", {"default": ""}))

    def make(self, kind):
        samples = {"empty": 0, "one sample": 1}.get(kind, 16000)
        waveform = torch.zeros(1, 1, samples)
        return ({"waveform": waveform / 0 if kind == "not a number" else waveform, "sample_rate": 16000},)


class OddFilm:
    """A film that is a part of its file, as Video Slice makes it (0.12 and newer), or whose pictures are odd."""

    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("VIDEO",)

    INPUT_TYPES = takes(clip=("VIDEO",), kind=("STRING", {"default": ""}))

    def make(self, clip, kind):
        parts = clip.get_components()
        if kind == "pictures":  # an odd number of rows, which H.264 cannot hold, at a rate that is no fraction
            images, rate = parts.images[:FRAMES, :-1], Fraction(29.97)
            return (InputImpl.VideoFromComponents(VideoComponents(images=images, audio=None, frame_rate=rate)),)
        whole = InputImpl.VideoFromFile(clip.get_stream_source())
        if kind == "part":
            part = VideoComponents(images=parts.images[:FRAMES], audio=None, frame_rate=parts.frame_rate)
            whole.get_duration = lambda: FRAMES / float(parts.frame_rate)
            whole.save_to = InputImpl.VideoFromComponents(part).save_to
        return (whole,)


class Shape:
    """Says in the history what came in."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "tell", (), True

    INPUT_TYPES = takes(image=("IMAGE",))

    def tell(self, image):
        numbers = image.double()
        return {"ui": {"shape": list(image.shape), "range": [float(numbers.min()), float(numbers.max())]}}


class Text:
    """Says in the history what a text input holds."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "tell", (), True

    INPUT_TYPES = takes(text=("STRING", {"forceInput": True}))

    def tell(self, text):
        return {"ui": {"text": [text]}}


class SameOutside:
    """Says in the history whether a picture kept its very numbers outside of a mask, and inside."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "tell", (), True

    INPUT_TYPES = takes(original=("IMAGE",), pasted=("IMAGE",), mask=("MASK",))

    def tell(self, original, pasted, mask):
        same = (original == pasted).all(-1)
        outside, inside = bool(same[mask == 0].all()), bool(same[mask > 0].all())
        return {"ui": {"outside": [outside], "inside": [inside]}}


NODE_CLASS_MAPPINGS = {
    "OddImage": OddImage,
    "OddSound": OddSound,
    "OddFilm": OddFilm,
    "OddShape": Shape,
    "OddText": Text,
    "OddSameOutside": SameOutside,
}
