"""One embedding for each person: the mean of theirs, scaled to unit length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npfacenet.gallery.blocks import NOBODY, Block

TOGETHER = 4096  # people in a block


def mean_blocks(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks in which everybody has one embedding, in the order of their numbers.

    The embeddings of somebody that cancel out have no mean direction; theirs is zero, and so
    nobody's match unless the threshold is the length of a probe.

    >>> block = Block(np.array([[1, 0], [0, 1], [0, -1]], np.float32), np.array([4, 4, 9]))
    >>> (mean,) = mean_blocks([block])
    >>> mean.people, mean.vectors.round(2)
    (array([4, 9]), array([[ 0.71,  0.71],
           [ 0.  , -1.  ]], dtype=float32))
    """
    people = np.unique(np.concatenate([block.people for block in blocks]))
    people = people[people != NOBODY]
    if not len(people):
        return []
    sums = np.zeros((len(people), blocks[0].vectors.shape[1]))  # float64: float32 may overflow
    for block in blocks:
        occupied = block.people != NOBODY
        whose = np.searchsorted(people, block.people[occupied])
        np.add.at(sums, whose, block.vectors[occupied])
    lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums, dtype=np.float64))
    sums /= np.where(lengths > 0, lengths, 1)[:, None]
    parts = [slice(start, start + TOGETHER) for start in range(0, len(people), TOGETHER)]
    return [Block(sums[part].astype(np.float32), people[part]) for part in parts]
