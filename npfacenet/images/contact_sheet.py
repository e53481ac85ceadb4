"""Contact sheets: small pictures with captions, and with the faces in them marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from npfacenet.images.face_marks import FaceMark, with_marks
from npfacenet.images.pillow import import_pillow

if TYPE_CHECKING:
    from PIL import ImageFont

SIDE = 112
MARGIN = 8
TITLE, CAPTION = 18, 36
BACKGROUND = (250, 250, 250)
INK = (40, 40, 40)
FRAMES = {"plain": (190, 190, 190), "yes": (30, 140, 60), "no": (190, 40, 40)}


@dataclass(frozen=True)
class Tile:
    """A picture, uint8 (H, W, 3), with up to two lines of text and the colour of its frame.

    `faces` are marked on it. Lines that are wider than the tile are shortened.
    """

    picture: npt.NDArray[np.uint8]
    caption: str
    frame: Literal["plain", "yes", "no"] = "plain"
    faces: tuple[FaceMark, ...] = ()


@dataclass(frozen=True)
class Row:
    """A title, "" for none, and the tiles below it, of `width` x `height` pixels each.

    Pictures are shown whole, with a margin where they have another shape.
    """

    title: str
    tiles: Sequence[Tile]
    width: int = SIDE
    height: int = SIDE

    def size(self) -> tuple[int, int]:
        """Return the width and height of the row on a sheet."""
        wide = len(self.tiles) * (self.width + MARGIN)
        return wide, self.head() + self.height + CAPTION + MARGIN

    def head(self) -> int:
        """Return the height of the title, with a margin."""
        return TITLE + MARGIN if self.title else 0


def write_contact_sheet(rows: Sequence[Row], file: IO[bytes]) -> None:
    """Write a PNG with the rows one below the other."""
    import_pillow("ImageDraw", "ImageFont")
    from PIL import Image, ImageDraw

    sizes = [row.size() for row in rows]
    size = (max(wide for wide, _ in sizes) + MARGIN, sum(high for _, high in sizes) + MARGIN)
    sheet = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    title_font, caption_font = _font(15), _font(12)
    top = MARGIN
    for row, (_, high) in zip(rows, sizes, strict=True):
        draw.text((MARGIN, top), row.title, fill=INK, font=title_font)
        y = top + row.head()
        for column, tile in enumerate(row.tiles):
            x = MARGIN + column * (row.width + MARGIN)
            sheet.paste(Image.fromarray(_shown(tile, row)), (x, y))
            frame = (x - 2, y - 2, x + row.width + 1, y + row.height + 1)
            draw.rectangle(frame, outline=FRAMES[tile.frame], width=3)
            caption = _fitting(tile.caption, caption_font, row.width)
            draw.text((x, y + row.height + 3), caption, fill=INK, font=caption_font)
        top += high
    sheet.save(file, format="PNG")


def _shown(tile: Tile, row: Row) -> npt.NDArray[np.uint8]:
    """Return the whole picture scaled into a tile, with its faces marked."""
    from PIL import Image

    height, width = tile.picture.shape[:2]
    scale = min(row.width / width, row.height / height)
    size = max(round(scale * width), 1), max(round(scale * height), 1)
    small = Image.fromarray(tile.picture).resize(size, Image.Resampling.BILINEAR)
    marked = with_marks(np.asarray(small), [face.scaled(scale) for face in tile.faces])
    shown = np.full((row.height, row.width, 3), BACKGROUND, np.uint8)
    left, top = (row.width - size[0]) // 2, (row.height - size[1]) // 2
    shown[top : top + size[1], left : left + size[0]] = marked
    return shown


def _fitting(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Shorten lines that would run into the next tile's."""
    lines = []
    for line in caption.splitlines():
        kept = line
        while len(kept) > 1 and font.getlength(kept if kept == line else f"{kept}...") > width:
            kept = kept[:-1]
        lines.append(kept if kept == line else f"{kept}...")
    return "\n".join(lines)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)
