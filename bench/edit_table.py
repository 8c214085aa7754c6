"""The edits people make to pictures before they pass them on: names, parameters, and Pillow doing them."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Edit = Callable[[Image.Image], Image.Image]

#: JPEG quality of every edited copy, unless the edit is about that.
QUALITY = 90


class Case(NamedTuple):
    """One edit: the group it is reported under, its name, what it does, the JPEG quality it is saved with."""

    group: str
    name: str
    edit: Edit
    quality: int = QUALITY

    def copy(self, picture: Image.Image) -> bytes:
        """The edited copy of an RGB picture as a JPEG file."""
        return jpeg(self.edit(picture), self.quality)


def jpeg(picture: Image.Image, quality: int = QUALITY) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def resize(picture: Image.Image, factor: float, filter_: Image.Resampling) -> Image.Image:
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, filter_)


def crop(picture: Image.Image, share: float, across: float, down: float) -> Image.Image:
    """Take ``share`` of width and height away; 0..1 across and down say from which ends."""
    width, height = round(picture.width * (1 - share)), round(picture.height * (1 - share))
    left, top = round((picture.width - width) * across), round((picture.height - height) * down)
    return picture.crop((left, top, left + width, top + height))


def square(picture: Image.Image, across: float) -> Image.Image:
    side = min(picture.size)
    left, top = round((picture.width - side) * across), round((picture.height - side) * across)
    return picture.crop((left, top, left + side, top + side))


def text(picture: Image.Image, words: str, height: float, down: float, fill: str, edge: str) -> Image.Image:
    """Write words in the middle, letters ``height`` of the picture high, with an outline; ``\\n`` breaks."""
    copy = picture.copy()
    font = ImageFont.load_default(max(8, round(height * picture.height)))
    at = (picture.width / 2, picture.height * down)
    stroke = max(1, round(picture.height * height / 16)) if edge else 0
    draw = ImageDraw.Draw(copy)
    draw.multiline_text(
        at, words, fill, font, anchor="mm", align="center", stroke_width=stroke, stroke_fill=edge
    )
    return copy


def watermark(picture: Image.Image, words: str, strength: int, angle: float) -> Image.Image:
    """Pale words all over the picture, slanted."""
    side = max(picture.size)
    layer = Image.new("L", (2 * side, 2 * side))
    font, draw = ImageFont.load_default(side / 14), ImageDraw.Draw(layer)
    for down in range(0, 2 * side, side // 4):
        draw.text((0, down), f"{words}     " * 8, strength, font)
    layer = layer.rotate(angle)
    left, top = side - picture.width // 2, side - picture.height // 2
    layer = layer.crop((left, top, left + picture.width, top + picture.height))
    return Image.composite(Image.new("RGB", picture.size, "white"), picture, layer)


def border(picture: Image.Image, share: float, colour: str) -> Image.Image:
    return ImageOps.expand(picture, max(1, round(share * min(picture.size))), colour)


def letterbox(picture: Image.Image, shape: float, colour: str) -> Image.Image:
    """Bars above and below, or left and right, until the picture is ``shape`` times as wide as high."""
    width, height = picture.size
    if width < shape * height:
        width = round(shape * height)
    else:
        height = round(width / shape)
    canvas = Image.new("RGB", (width, height), colour)
    canvas.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return canvas


def screenshot(picture: Image.Image, ground: str, ink: str, margin: float, bars: float) -> Image.Image:
    """The picture as a viewer on a telephone shows it: a bar with a clock above, one with buttons below."""
    side, bar = round(margin * picture.width), round(bars * picture.height)
    canvas = Image.new("RGB", (picture.width + 2 * side, picture.height + 3 * bar), ground)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(bar / 2)
    draw.text((bar / 2, bar / 2), "12:34", ink, font, anchor="lm")
    draw.text((canvas.width - bar / 2, bar / 2), "LTE 87%", ink, font, anchor="rm")
    draw.text((bar / 2, canvas.height - bar), "someone: look at this", ink, font, anchor="lm")
    for place in (0.2, 0.5, 0.8):
        at = canvas.width * place
        draw.ellipse((at - bar / 6, canvas.height - bar * 0.6, at + bar / 6, canvas.height - bar * 0.27), ink)
    canvas.paste(picture, (side, bar))
    return canvas


def turn(picture: Image.Image, degrees: float, fill: str) -> Image.Image:
    return picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=fill)


def _enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance], factor: float) -> Edit:
    return lambda picture: kind(picture).enhance(factor)


def _transpose(method: Image.Transpose) -> Edit:
    return lambda picture: picture.transpose(method)


_LANCZOS = Image.Resampling.LANCZOS

#: What the recall is measured on. No parameter of the variants was chosen by looking at these.
CASES: tuple[Case, ...] = (
    *(
        Case("resize", f"resize {f}x", partial(resize, factor=f, filter_=_LANCZOS))
        for f in (0.25, 0.5, 0.75, 1.5, 2)
    ),
    *(Case("JPEG", f"JPEG q{q}", lambda picture: picture, q) for q in (10, 30, 50, 70)),
    Case("colour", "grey", lambda picture: picture.convert("L").convert("RGB")),
    *(Case("colour", f"brightness {f}", _enhance(ImageEnhance.Brightness, f)) for f in (0.7, 1.2, 1.4)),
    *(Case("colour", f"contrast {f}", _enhance(ImageEnhance.Contrast, f)) for f in (0.7, 1.2, 1.4)),
    *(
        Case("crop", f"crop centre {s:.0%}", partial(crop, share=s, across=0.5, down=0.5))
        for s in (0.02, 0.05, 0.1)
    ),
    *(
        Case("crop", f"crop corner {s:.0%}", partial(crop, share=s, across=0, down=0))
        for s in (0.02, 0.05, 0.1)
    ),
    Case("crop", "crop square", partial(square, across=0.5)),
    Case(
        "overlay",
        "text small",
        partial(text, words="found on the web", height=0.06, down=0.9, fill="white", edge=""),
    ),
    Case(
        "overlay",
        "text big",
        partial(text, words="WHEN YOU SEE\nTHIS PICTURE", height=0.13, down=0.5, fill="white", edge="black"),
    ),
    Case("overlay", "watermark", partial(watermark, words="SAMPLE", strength=80, angle=30)),
    *(
        Case("border", f"border {s:.0%} {colour}", partial(border, share=s, colour=colour))
        for s in (0.02, 0.05)
        for colour in ("white", "black")
    ),
    Case("border", "letterbox 16:9", partial(letterbox, shape=16 / 9, colour="black")),
    Case(
        "border", "screenshot frame", partial(screenshot, ground="white", ink="black", margin=0.03, bars=0.08)
    ),
    *(Case("turn", f"turn {d} degrees", partial(turn, degrees=d, fill="black")) for d in (1, 3)),
    Case("flip", "flip left-right", _transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    Case("flip", "flip top-bottom", _transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
    *(Case("flip", f"turn {d} degrees", _transpose(Image.Transpose[f"ROTATE_{d}"])) for d in (90, 180, 270)),
)
