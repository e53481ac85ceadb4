"""What operations cost: a static rule that chooses algorithms and shares work between cores.

Nanoseconds on one core of an AMD EPYC with OpenBLAS's kernels for AVX-512. Mostly their relation
counts: on kernels of half that speed the same algorithms are best, except for a few where it makes
a difference of some percent. Nothing is timed, so that results repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from npfacenet.inference.batching import Batching
from npfacenet.inference.product_cuts import ProductCuts


@dataclass(frozen=True)
class Costs:
    """The constants of a plan: sizes of caches, times of calls, and what they imply.

    Sizes count numbers of float32, times are nanoseconds.

    - `cache`: what an operation works on at a time, 1 MB: a core's cache of the second level.
    - `run`: an inner loop's length; two such runs fill a core's cache of the first level.
    - `wait`: from a signal of one core to the next call of the other.
    - `worth_sharing`: what a batch must cost for two cores to share its operations: a cheaper one
      is done before the other core is awake.
    - `worth_halving`: costs from which two cores share one operation; the best of them is taken.
    - `flop`: a multiplication or an addition in a product.
    - `copied`: a number of a product's right-hand matrix, which is read from memory and copied;
      `read`: the same where it is multiplied in place.
    - `elementwise`: a number that an elementwise call reads and writes; `far`: the same outside
      the cache.
    - `summed`: a number multiplied by another and added to a third.
    - `gathered`: a number copied in runs of a few hundred; `scattered`: a number copied to its
      place in short runs, with bias and activation.
    - `call`: one call.
    - `kept_bytes`: the memory of all bound plans that wait for the next call (256 MB);
      `kept_largest`: of those for one size of pictures, as a multiple of the largest of them.
    - `cuts`: how products are cut; `batching`: how batches are.
    """

    cache: int = 1 << 18
    run: int = 1 << 12
    wait: float = 50_000.0
    worth_sharing: float = 1_500_000.0
    worth_halving: tuple[float, ...] = (50_000.0, 75_000.0, 150_000.0, 400_000.0, float("inf"))
    flop: float = 0.0042
    copied: float = 0.4
    read: float = 0.25
    elementwise: float = 0.12
    far: float = 0.2
    summed: float = 0.17
    gathered: float = 0.16
    scattered: float = 0.28
    call: float = 300.0
    kept_bytes: int = 1 << 28
    kept_largest: int = 3
    cuts: ProductCuts = field(default_factory=ProductCuts)
    batching: Batching = field(default_factory=Batching)

    def product(self, rows: int, inner: int, columns: int, *, in_one_part: bool = False) -> float:
        """A product (rows, inner) by (inner, columns)."""
        parts, height, width = self.cuts.cut(rows, inner, columns, in_one_part=in_one_part)
        small = height * inner * width <= parts * self.cuts.small
        reading = self.read if small else self.copied
        adding = self.elementwise * parts * rows * columns if parts > 1 else 0
        return inner * columns * (2 * self.flop * rows + reading) + adding + self.call

    def epilogue(self, numbers: int) -> float:
        """Bias, activation and the way to its place."""
        return self.calls(3, numbers)

    def gathering(self, numbers: int) -> float:
        """Patches as the rows of a matrix."""
        return self.gathered * numbers + self.call

    def pooling(self, numbers: float, taps: int) -> float:
        """A window over `numbers`, with as many rows and columns together as `taps`."""
        return self.elementwise * numbers * taps + taps * self.call

    def depthwise(self, numbers: int, taps: int) -> float:
        """`taps` products added up for each of `numbers`."""
        return self.summed * numbers * taps + self.call

    def calls(self, count: int, numbers: int) -> float:
        """`count` elementwise calls over `numbers`."""
        return count * (self.elementwise * numbers + self.call)

    def winograd(self, tiles: int, points: int, outputs: int, channels: int, filters: int) -> float:
        """Tiles to `points`, products there, and back to `outputs`."""
        kernel = points * channels * filters
        each = self.elementwise if kernel <= self.cache else self.far
        forth = tiles * points * channels * (self.gathered + 2 * each)
        product = self.product(tiles, channels, filters, in_one_part=True)
        products = points * (product - self.call / 2)
        back = tiles * filters * (2 * each * points + self.scattered * outputs)
        return forth + products + back + 7 * self.call
