"""Contact sheets: small pictures with captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from npfacenet.images.crop import central_square
from npfacenet.images.pillow import import_pillow
from npfacenet.images.resize import resize

if TYPE_CHECKING:
    from PIL import ImageFont

SIDE = 112
MARGIN = 8
CAPTION = 36
BACKGROUND = (250, 250, 250)
INK = (40, 40, 40)
FRAMES = {"plain": (190, 190, 190), "yes": (30, 140, 60), "no": (190, 40, 40)}


@dataclass(frozen=True)
class Tile:
    """A picture, uint8 (H, W, 3), with up to two lines of text and the colour of its frame.

    Lines that are wider than the tile are shortened.
    """

    picture: npt.NDArray[np.uint8]
    caption: str
    frame: Literal["plain", "yes", "no"] = "plain"


def write_contact_sheet(rows: Sequence[tuple[str, Sequence[Tile]]], file: IO[bytes]) -> None:
    """Write a PNG with one row of tiles under each title."""
    import_pillow("ImageDraw", "ImageFont")
    from PIL import Image, ImageDraw

    columns = max(len(tiles) for _, tiles in rows)
    height = sum(CAPTION // 2 + SIDE + CAPTION + 2 * MARGIN for _ in rows) + MARGIN
    size = (columns * (SIDE + MARGIN) + MARGIN, height)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    title_font, caption_font = _font(15), _font(12)
    top = MARGIN
    for title, tiles in rows:
        draw.text((MARGIN, top), title, fill=INK, font=title_font)
        top += CAPTION // 2 + MARGIN
        for column, tile in enumerate(tiles):
            left = MARGIN + column * (SIDE + MARGIN)
            picture = resize(central_square(tile.picture), SIDE, "bilinear")
            sheet.paste(Image.fromarray(picture), (left, top))
            frame = (left - 2, top - 2, left + SIDE + 1, top + SIDE + 1)
            draw.rectangle(frame, outline=FRAMES[tile.frame], width=3)
            caption = _fitting(tile.caption, caption_font)
            draw.text((left, top + SIDE + 3), caption, fill=INK, font=caption_font)
        top += SIDE + CAPTION + MARGIN
    sheet.save(file, format="PNG")


def _fitting(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Shorten lines that would run into the next tile's."""
    lines = []
    for line in caption.splitlines():
        kept = line
        while len(kept) > 1 and font.getlength(kept if kept == line else f"{kept}...") > SIDE:
            kept = kept[:-1]
        lines.append(kept if kept == line else f"{kept}...")
    return "\n".join(lines)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)
