"""Drawn people: coloured shapes on a face-like oval, one arrangement an identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from npfacenet.cards import Card
from npfacenet.layers import (
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    GlobalAveragePool,
    L2Normalize,
    ReLU,
)
from npfacenet.models import Model
from npfacenet.networks import Builder, Network

SIDE = 40


def draw_person(identity: int, picture: int) -> Image.Image:
    """A picture of somebody: the same features each time, moved, lit and noised otherwise."""
    own, now = np.random.default_rng([identity, 0]), np.random.default_rng([identity, picture, 1])
    skin, eyes, mouth = (tuple(int(c) for c in own.integers(40, 216, 3)) for _ in range(3))
    apart, high, wide = own.uniform(5, 10), own.uniform(12, 20), own.uniform(4, 11)
    x, y = SIDE / 2 + now.uniform(-3, 3), now.uniform(-3, 3)
    image = Image.new("RGB", (SIDE, SIDE), tuple(int(c) for c in now.integers(0, 256, 3)))
    draw = ImageDraw.Draw(image)
    draw.ellipse((x - 15, 2 + y, x + 15, 38 + y), fill=skin)
    for side in (-1, 1):
        at = x + side * apart
        draw.ellipse((at - 3, high + y - 3, at + 3, high + y + 3), fill=eyes)
    draw.rectangle((x - wide, 28 + y, x + wide, 31 + y), fill=mouth)
    pixels = np.asarray(image, np.float64) * now.uniform(0.7, 1.2) + now.normal(
        0, 8, (SIDE, SIDE, 3)
    )
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_people(folder: Path, people: int = 6, pictures: int = 4) -> Path:
    """FOLDER/person_0/0.png and so on; returns the folder."""
    for identity in range(people):
        home = folder / f"person_{identity}"
        home.mkdir(parents=True)
        for picture in range(pictures):
            draw_person(identity, picture).save(home / f"{picture}.png")
    return folder


def small_network() -> Network:
    """(24, 24, 3) to 16 numbers of unit length; everything that has a state is in it."""
    build = Builder("small", (24, 24, 3))
    x = build.input
    for i, filters in enumerate((8, 16, 24)):
        with build.block(f"block{i}"):
            x = build.add(f"conv{i}", Convolution(filters, 3, 2, "same", bias=False), x)
            x = build.add(f"bn{i}", BatchNorm(1e-3, momentum=0.8), x)
            x = build.add(f"relu{i}", ReLU(), x)
    x = build.add("average", GlobalAveragePool(), x)
    x = build.add("dropout", Dropout(0.1), x)
    x = build.add("dense", Dense(16), x)
    build.add("embedding", L2Normalize(), x)
    return build.network()


def small_model(seed: int = 0) -> Model:
    network = small_network()
    card = Card("small", None, 16, 24, "fixed", None, "drawn weights", "none")
    return Model(network, network.initialise(seed), card)
