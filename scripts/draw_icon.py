"""Draws docs/icon.png: a head whose features follow a flow."""

import math
from pathlib import Path

from PIL import Image, ImageDraw

SIZE, FINER = 256, 4  # pixels; drawn larger and made smaller, for smooth edges
NIGHT, SKIN, SHADE, INK = (24, 28, 52), (246, 205, 170), (222, 160, 128), (40, 30, 50)
STREAM = ((94, 234, 212), (96, 165, 250), (192, 132, 252))


def main() -> None:
    side = SIZE * FINER
    picture = Image.new("RGB", (side, side), NIGHT)
    brush = ImageDraw.Draw(picture)

    def at(x: float, y: float) -> tuple[float, float]:
        return x * side, y * side

    def ellipse(x: float, y: float, across: float, down: float, colour) -> None:
        brush.ellipse((*at(x - across, y - down), *at(x + across, y + down)), fill=colour)

    for row, colour in enumerate(STREAM):  # the flow, behind and beside the head
        height = 0.3 + 0.2 * row
        points = [at(x / 60, height + 0.045 * math.sin(x / 6 + row)) for x in range(61)]
        brush.line(points, fill=colour, width=round(0.022 * side), joint="curve")
        tip = at(0.97, height + 0.045 * math.sin(58 / 6 + row))
        wing = 0.04 * side
        brush.polygon([tip, (tip[0] - wing, tip[1] - wing), (tip[0] - wing, tip[1] + wing)], fill=colour)
    ellipse(0.5, 0.52, 0.27, 0.35, SKIN)
    brush.chord((*at(0.21, 0.12), *at(0.79, 0.72)), 190, 350, fill=INK)  # hair
    for x in (0.4, 0.6):
        ellipse(x, 0.5, 0.05, 0.032, (255, 255, 255))
        ellipse(x + 0.012, 0.5, 0.024, 0.028, INK)
        brush.arc((*at(x - 0.065, 0.405), *at(x + 0.065, 0.47)), 200, 340, fill=INK, width=round(0.014 * side))
    brush.arc((*at(0.46, 0.52), *at(0.54, 0.62)), 20, 160, fill=SHADE, width=round(0.014 * side))
    brush.chord((*at(0.39, 0.62), *at(0.61, 0.78)), 0, 180, fill=(150, 40, 60))  # a mouth that speaks
    brush.rectangle((*at(0.42, 0.7), *at(0.58, 0.715)), fill=(255, 255, 255))
    target = Path(__file__).resolve().parents[1] / "docs" / "icon.png"
    picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(target, optimize=True)


if __name__ == "__main__":
    main()
