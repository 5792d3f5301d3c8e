"""Drawn animals: each from a seed, no two alike, in varied pose, scale, light and surroundings."""

import io
import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

Colour = tuple[int, int, int]
CANVAS_SIDE = 480
"""Pixels of the square that animals are drawn on; they are shrunk afterwards, which smooths their edges."""
INK = (38, 30, 26)


def jpeg(animal: str, seed: object, quality: int = 88) -> bytes:
    """Return a drawing of a `tiger` or a `cat` as JPEG bytes; the same seed draws the same picture."""
    return encoded(drawing(animal, seed), "JPEG", quality=quality, optimize=False)


def encoded(picture: Image.Image, picture_format: str, **options: object) -> bytes:
    """Return a picture as the bytes of a file; `options` go to Pillow's encoder."""
    file = io.BytesIO()
    picture.save(file, picture_format, **options)
    return file.getvalue()


def drawing(animal: str, seed: object) -> Image.Image:
    """Return an RGB drawing of 240 to 420 pixels a side."""
    dice = random.Random(f"{animal}/{seed}")
    width, height = dice.randint(280, 420), dice.randint(240, 360)
    picture = _surroundings(dice, width, height)
    subject, share = DRAWN_BY[animal](dice), dice.uniform(*SIZE_SHARES[animal])
    side = int(share * min(width, height) * 1.25)
    subject = subject.resize((side, side), Image.Resampling.BOX).rotate(dice.uniform(-9, 9), Image.Resampling.BILINEAR)
    if dice.random() < 0.5:
        subject = subject.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    left = int((width - side) * dice.uniform(0.25, 0.75))
    top = int(height * dice.uniform(0.86, 0.98) - side * 0.86)
    shadow = Image.new("L", (width, height))
    ImageDraw.Draw(shadow).ellipse(
        (left + side * 0.15, top + side * 0.78, left + side * 0.9, top + side * 0.9), fill=110
    )
    picture.paste((20, 24, 20), mask=shadow.filter(ImageFilter.GaussianBlur(5)))
    picture.paste(subject, (left, top), subject)
    return _lit(picture, dice)


def _surroundings(dice: random.Random, width: int, height: int) -> Image.Image:
    """A background: sky or wall over ground, with some clutter and grain."""
    sky, ground = dice.choice(SCENES)
    sky, ground = _varied(sky, dice, 22), _varied(ground, dice, 22)
    horizon = int(height * dice.uniform(0.35, 0.7))
    rows = np.linspace(0, 1, height)[:, None]
    above = np.array(sky) + (np.array([255, 250, 240]) - np.array(sky)) * rows * dice.uniform(0, 0.6)
    below = np.array(ground) * (1.1 - 0.4 * rows)
    column = np.where(np.arange(height)[:, None] < horizon, above, below)
    pixels = np.repeat(column[:, None, :], width, axis=1)
    grain = np.random.default_rng(dice.getrandbits(32)).normal(0, dice.uniform(3, 9), (height, width, 1))
    picture = Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(dice.randint(6, 26)):
        x, y = dice.uniform(0, width), dice.uniform(horizon * 0.7, height)
        size = dice.uniform(4, 38)
        colour = _varied(ground, dice, 40)
        if dice.random() < 0.5:
            draw.ellipse((x - size, y - size / 2, x + size, y + size / 2), fill=colour)
        else:
            draw.line((x, y, x + dice.uniform(-8, 8), y - size * 1.5), fill=colour, width=dice.randint(1, 4))
    return picture.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 2.2)))


SCENES: list[tuple[Colour, Colour]] = [
    ((150, 190, 225), (110, 140, 70)),
    ((205, 190, 150), (150, 120, 80)),
    ((60, 90, 60), (70, 95, 45)),
    ((225, 215, 205), (160, 130, 105)),
    ((170, 175, 185), (120, 120, 125)),
    ((90, 70, 60), (130, 100, 75)),
    ((235, 205, 160), (190, 160, 110)),
    ((120, 150, 140), (90, 110, 60)),
]
"""Colours of sky or wall, and of the ground."""


def _tiger(dice: random.Random) -> Image.Image:
    """A tiger: long and low, orange, striped, round-eared; it walks."""
    coat = _varied((226, 130, 40), dice, 20)
    layer, draw = _layer()
    stretch, step = dice.uniform(0.92, 1.08), dice.uniform(-26, 26)
    for foot, swing in ((130, step), (170, -step), (300, -step), (338, step)):
        _leg(draw, foot * stretch, 290, 410, swing, 34, _shade(coat, 0.86))
    sway = dice.uniform(-60, 40)
    _curve(draw, [(110, 250), (50, 235 + sway / 2), (30, 160 + sway), (62, 120 + sway)], 22, coat)
    draw.ellipse((85 * stretch, 205, 375 * stretch, 335), fill=coat)
    draw.ellipse((120 * stretch, 285, 340 * stretch, 338), fill=(244, 226, 200))
    _stripes(layer, dice)
    draw = ImageDraw.Draw(layer)
    x, y = 385 * stretch, 205 + dice.uniform(-25, 30)
    for side in (-1, 1):
        draw.ellipse((x + side * 44 - 20, y - 66, x + side * 44 + 20, y - 26), fill=_shade(coat, 0.8))
        draw.ellipse((x + side * 44 - 9, y - 56, x + side * 44 + 9, y - 36), fill=(245, 225, 205))
    draw.ellipse((x - 66, y - 58, x + 66, y + 62), fill=coat)
    draw.ellipse((x - 38, y + 4, x + 38, y + 60), fill=(248, 238, 224))
    for i in (-1, 0, 1):
        draw.line((x + i * 16, y - 54, x + i * 10, y - 28), fill=INK, width=7)
    for side in (-1, 1):
        for i in range(3):
            draw.line((x + side * 62, y - 14 + i * 18, x + side * 38, y - 8 + i * 14), fill=INK, width=6)
    _face(draw, x, y, 12, (214, 170, 60), dice)
    return layer


def _cat(dice: random.Random) -> Image.Image:
    """A cat: small and upright, grey, brown, black or white, with pointed ears; it sits."""
    coat = _varied(
        dice.choice([(120, 120, 126), (64, 58, 56), (190, 180, 170), (128, 98, 74), (226, 222, 214)]), dice, 14
    )
    layer, draw = _layer()
    lean = dice.uniform(-22, 22)
    curl = dice.uniform(0, 60)
    _curve(draw, [(300, 392), (385, 400), (412, 340 - curl), (380, 290 - curl)], 24, _shade(coat, 0.88))
    draw.ellipse((150, 300, 330, 420), fill=_shade(coat, 0.92))
    draw.ellipse((165 + lean / 2, 190, 310 + lean / 2, 405), fill=coat)
    draw.ellipse((200 + lean / 2, 250, 275 + lean / 2, 400), fill=_shade(coat, 1.18))
    for foot in (205, 262):
        _leg(draw, foot, 320, 412, 0, 30, coat)
    x, y = 240 + lean, 160 + dice.uniform(-12, 12)
    for side in (-1, 1):
        ear = [(x + side * 18, y - 40), (x + side * 74, y - 100 + dice.uniform(-6, 6)), (x + side * 70, y - 6)]
        draw.polygon(ear, fill=_shade(coat, 0.85))
        middle = (sum(p[0] for p in ear) / 3, sum(p[1] for p in ear) / 3)
        draw.polygon([((p[0] + middle[0]) / 2, (p[1] + middle[1]) / 2) for p in ear], fill=(226, 170, 160))
    draw.ellipse((x - 76, y - 62, x + 76, y + 62), fill=coat)
    draw.ellipse((x - 34, y + 6, x + 34, y + 56), fill=_shade(coat, 1.2))
    for side in (-1, 1):
        for i in (-1, 0, 1):
            draw.line((x + side * 30, y + 28 + i * 5, x + side * 112, y + 24 + i * 16), fill=(240, 240, 240), width=3)
    _face(draw, x, y, 17, dice.choice([(110, 170, 80), (200, 170, 60), (90, 140, 190)]), dice)
    return layer


DRAWN_BY: dict[str, Callable[[random.Random], Image.Image]] = {"tiger": _tiger, "cat": _cat}
SIZE_SHARES = {"tiger": (0.7, 1.0), "cat": (0.42, 0.72)}
"""The smallest and the largest share of the picture that an animal takes."""


def _layer() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    layer = Image.new("RGBA", (CANVAS_SIDE, CANVAS_SIDE))
    return layer, ImageDraw.Draw(layer)


def _leg(
    draw: ImageDraw.ImageDraw, x: float, top: float, foot: float, swing: float, width: int, colour: Colour
) -> None:
    draw.line((x, top, x + swing, foot - 8), fill=colour, width=width)
    draw.ellipse((x + swing - width * 0.6, foot - 26, x + swing + width * 0.75, foot), fill=colour)


def _curve(draw: ImageDraw.ImageDraw, corners: list[tuple[float, float]], width: int, colour: Colour) -> None:
    """A Bezier curve through the first and the last of four corners, drawn with a round pen."""
    for i in range(41):
        t = i / 40
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        x = sum(w * p[0] for w, p in zip(weights, corners, strict=True))
        y = sum(w * p[1] for w, p in zip(weights, corners, strict=True))
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=colour)


def _stripes(layer: Image.Image, dice: random.Random) -> None:
    """Dark bands over whatever is drawn so far."""
    bands = Image.new("L", layer.size)
    draw = ImageDraw.Draw(bands)
    x = 30.0
    while x < 400:
        bend, wide = dice.uniform(-22, 22), dice.randint(7, 15)
        length = dice.uniform(70, 125)
        draw.line([(x + bend * math.sin(t / 3), 195 + t * length / 10) for t in range(11)], fill=255, width=wide)
        x += dice.uniform(22, 40)
    mask = ImageChops.multiply(bands, layer.getchannel("A"))
    layer.paste((*INK, 255), mask=mask)


def _face(draw: ImageDraw.ImageDraw, x: float, y: float, eye: float, iris: Colour, dice: random.Random) -> None:
    look = dice.uniform(-3, 3)
    for side in (-1, 1):
        cx, cy = x + side * 30, y - 8
        draw.ellipse((cx - eye, cy - eye, cx + eye, cy + eye), fill=iris)
        draw.ellipse(
            (cx + look - eye * 0.4, cy - eye * 0.85, cx + look + eye * 0.4, cy + eye * 0.85), fill=(16, 14, 12)
        )
    draw.polygon([(x - 11, y + 18), (x + 11, y + 18), (x, y + 32)], fill=(196, 110, 110))
    draw.line((x, y + 32, x, y + 42), fill=INK, width=4)
    for side in (-1, 1):
        draw.arc((x + side * 11 - 11, y + 32, x + side * 11 + 11, y + 50), 0, 180, fill=INK, width=4)


def _lit(picture: Image.Image, dice: random.Random) -> Image.Image:
    picture = ImageEnhance.Brightness(picture).enhance(dice.uniform(0.72, 1.2))
    picture = ImageEnhance.Contrast(picture).enhance(dice.uniform(0.8, 1.2))
    return ImageEnhance.Color(picture).enhance(dice.uniform(0.6, 1.25))


def _varied(colour: Colour, dice: random.Random, spread: int) -> Colour:
    red, green, blue = (min(255, max(0, c + dice.randint(-spread, spread))) for c in colour)
    return red, green, blue


def _shade(colour: Colour, by: float) -> Colour:
    red, green, blue = (min(255, int(c * by)) for c in colour)
    return red, green, blue
