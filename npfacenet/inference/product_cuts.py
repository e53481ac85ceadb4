"""The pieces into which a product of matrices is cut, so that a BLAS multiplies them fastest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Cut(NamedTuple):
    """Pieces of a product: `parts` along the inner axis, each piece `height` rows by `width`."""

    parts: int
    height: int
    width: int


@dataclass(frozen=True)
class ProductCuts:
    """How products are cut for kernels of a BLAS that read a small product's matrices in place.

    All other kernels, and these for larger products, first copy both matrices into an order of
    their own. With few rows the copy takes longer than the multiplication, and with a short inner
    axis a tenth of the time.

    `small` is the most multiplications of a small product, `most_parts` the most parts along the
    inner axis. Pieces have all rows of a product with up to `few` rows, and one of `widths`
    columns; up to `summed` rows a sum of partial products is cheaper than copying. Of more rows,
    pieces have `strip` columns and at least `high` rows, in multiples of the `unit` that those
    kernels multiply at a time, if the right-hand matrix has at most `near` numbers and so stays in
    the cache meanwhile.
    """

    small: int = 1_000_000
    most_parts: int = 4
    few: int = 64
    widths: tuple[int, ...] = (128, 64)
    summed: int = 32
    strip: int = 32
    high: int = 48
    unit: int = 12
    near: int = 1 << 16

    def cut(self, rows: int, inner: int, columns: int, *, in_one_part: bool = False) -> Cut:
        """The best pieces of a product (rows, inner) by (inner, columns).

        >>> ProductCuts().cut(9, 1792, 384), ProductCuts().cut(1152, 147, 64)
        (Cut(parts=2, height=9, width=64), Cut(parts=1, height=192, width=32))
        """
        whole = Cut(1, rows, columns)
        if rows * inner * columns <= self.small or inner == 1:
            return whole
        if rows > self.few:
            width = min(self.strip, columns)
            most = self.small // (inner * width)
            near = inner * columns <= self.near
            return Cut(1, self._even(rows, most), width) if near and most >= self.high else whole
        several = rows <= self.summed and not in_one_part
        for parts in range(1, 1 + (self.most_parts if several else 1)):
            for width in self.widths:
                if inner % parts == 0 and rows * inner * width <= parts * self.small:
                    return Cut(parts, rows, min(width, columns))
        return whole

    def _even(self, rows: int, most: int) -> int:
        """Return the rows of each piece, at most `most`: nearly equal, in multiples of `unit`."""
        if rows <= most:
            return rows
        most -= most % self.unit
        count = -(-rows // most)
        return -(-rows // (count * self.unit)) * self.unit
