"""A pack for tests: hands out pictures and sounds that no sensible node makes, and says what came in."""

import torch


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
    if kind == "batch":
        return portrait.repeat(3, 1, 1, 1)
    if kind == "not a number":
        return portrait / 0 - portrait / 0
    if kind == "no face":
        return torch.full((1, 256, 256, 3), 0.5)
    if kind == "three axes":
        return portrait[0]
    return portrait


class OddImage:
    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"portrait": ("IMAGE",), "kind": ("STRING", {"default": ""})}}

    def make(self, portrait, kind):
        return (odd_image(kind, portrait),)


class OddSound:
    CATEGORY, FUNCTION, RETURN_TYPES = "test", "make", ("AUDIO",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"kind": ("STRING", {"default": ""})}}

    def make(self, kind):
        samples = {"empty": 0, "one sample": 1}.get(kind, 16000)
        waveform = torch.zeros(1, 1, samples)
        return ({"waveform": waveform / 0 if kind == "not a number" else waveform, "sample_rate": 16000},)


class Shape:
    """Says in the history what came in."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "tell", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"image": ("IMAGE",)}}

    def tell(self, image):
        numbers = image.double()
        return {"ui": {"shape": list(image.shape), "range": [float(numbers.min()), float(numbers.max())]}}


class Text:
    """Says in the history what a text input holds."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "tell", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {"forceInput": True})}}

    def tell(self, text):
        return {"ui": {"text": [text]}}


class SameOutside:
    """Says in the history whether a picture kept its very numbers outside of a mask, and inside."""

    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "test", "tell", (), True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"original": ("IMAGE",), "pasted": ("IMAGE",), "mask": ("MASK",)}}

    def tell(self, original, pasted, mask):
        same = (original == pasted).all(-1)
        outside, inside = bool(same[mask == 0].all()), bool(same[mask > 0].all())
        return {"ui": {"outside": [outside], "inside": [inside]}}


NODE_CLASS_MAPPINGS = {
    "OddImage": OddImage,
    "OddSound": OddSound,
    "OddShape": Shape,
    "OddText": Text,
    "OddSameOutside": SameOutside,
}
