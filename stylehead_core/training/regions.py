"""Rings of the 478 landmarks: where a stage looks more closely."""

__all__ = ["EYES", "FACE", "MOUTH"]

MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)  # the lips' outline
EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
FACE = (70, 300, 17, 61, 291)  # from the brows to the lower lip
