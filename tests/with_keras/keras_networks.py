"""The networks in Keras' own words, for any Keras from 2 on: what people load our files into.

Written from the papers and from the names in the public files; all end before the division by
the norm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

Built = Any  # a Keras model or tensor, of whichever Keras


def nn4_small2(keras: ModuleType) -> Built:
    """The assignment's network, but channels last, as CPUs want it."""
    layers = keras.layers

    def convolved(
        x: Built, names: tuple[str, str], filters: int, size: int, stride: int = 1,
        padding: int = 0, epsilon: float = 1e-5,
    ) -> Built:  # fmt: skip
        if padding:
            x = layers.ZeroPadding2D(padding)(x)
        x = layers.Conv2D(filters, size, strides=stride, name=names[0])(x)
        x = layers.BatchNormalization(epsilon=epsilon, name=names[1])(x)
        return layers.Activation("relu")(x)

    def twice(x: Built, name: str, size: int, few: int, many: int, stride: int = 1) -> Built:
        x = convolved(x, (f"{name}_{size}x{size}_conv1", f"{name}_{size}x{size}_bn1"), few, 1)
        second = (f"{name}_{size}x{size}_conv2", f"{name}_{size}x{size}_bn2")
        return convolved(x, second, many, size, stride, size // 2)

    def pooled(x: Built, name: str, kind: str, filters: int, sides: tuple[int, int]) -> Built:
        pool = layers.MaxPooling2D(3, 2) if kind == "max" else layers.AveragePooling2D(3, 3)
        x = pool(x)
        if filters:
            x = convolved(x, (f"{name}_pool_conv", f"{name}_pool_bn"), filters, 1)
        return layers.ZeroPadding2D((sides, sides))(x)

    def once(x: Built, name: str, filters: int) -> Built:
        return convolved(x, (f"{name}_1x1_conv", f"{name}_1x1_bn"), filters, 1)

    def joined(*branches: Built) -> Built:
        return layers.Concatenate()(list(branches))

    image = layers.Input((96, 96, 3))
    x = convolved(image, ("conv1", "bn1"), 64, 7, 2, 3, epsilon=1e-3)
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    x = convolved(x, ("conv2", "bn2"), 64, 1)
    x = convolved(x, ("conv3", "bn3"), 192, 3, 1, 1)
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    n = "inception_3a"
    x = joined(twice(x, n, 3, 96, 128), twice(x, n, 5, 16, 32),
               pooled(x, n, "max", 32, (3, 4)), once(x, n, 64))  # fmt: skip
    n = "inception_3b"
    x = joined(twice(x, n, 3, 96, 128), twice(x, n, 5, 32, 64),
               pooled(x, n, "average", 64, (4, 4)), once(x, n, 64))  # fmt: skip
    n = "inception_3c"
    x = joined(twice(x, n, 3, 128, 256, 2), twice(x, n, 5, 32, 64, 2),
               pooled(x, n, "max", 0, (0, 1)))  # fmt: skip
    n = "inception_4a"
    x = joined(twice(x, n, 3, 96, 192), twice(x, n, 5, 32, 64),
               pooled(x, n, "average", 128, (2, 2)), once(x, n, 256))  # fmt: skip
    n = "inception_4e"
    x = joined(twice(x, n, 3, 160, 256, 2), twice(x, n, 5, 64, 128, 2),
               pooled(x, n, "max", 0, (0, 1)))  # fmt: skip
    n = "inception_5a"
    x = joined(twice(x, n, 3, 96, 384), pooled(x, n, "average", 96, (1, 1)), once(x, n, 256))
    n = "inception_5b"
    x = joined(twice(x, n, 3, 96, 384), pooled(x, n, "max", 96, (1, 1)), once(x, n, 256))
    x = layers.Flatten()(layers.AveragePooling2D(3)(x))
    return keras.Model(image, layers.Dense(128, name="dense_layer")(x))


def inception_resnet_v1(keras: ModuleType, outputs: int, second: str = "1") -> Built:
    """Keras FaceNet; `second` is what the second branch of the blocks 17 and 8 is called.

    "N" is the block's own number, as in deepface, whose last block has "1" nevertheless.
    """
    layers = keras.layers

    def convolved(
        x: Built, name: str, filters: int, size: int | tuple[int, int], stride: int = 1,
        padding: str = "same",
    ) -> Built:  # fmt: skip
        x = layers.Conv2D(filters, size, stride, padding, use_bias=False, name=name)(x)
        batch_norm = layers.BatchNormalization(
            epsilon=1e-3, momentum=0.995, scale=False, name=f"{name}_BatchNorm"
        )
        return layers.Activation("relu", name=f"{name}_Activation")(batch_norm(x))

    def rows(x: Built, name: str, *steps: tuple[str, int, int | tuple[int, int]]) -> Built:
        for step, filters, size in steps:
            halving = (2, "valid") if step.startswith("1a") else (1, "same")
            x = convolved(x, f"{name}_Conv2d_{step}", filters, size, *halving)
        return x

    def added(x: Built, name: str, branches: Sequence[Built], scale: float, last: bool) -> Built:
        mixed = layers.Concatenate(name=f"{name}_Concatenate")(branches)
        up = layers.Conv2D(x.shape[-1], 1, padding="same", name=f"{name}_Conv2d_1x1")(mixed)
        x = layers.Add()([x, layers.Rescaling(scale)(up)])
        return x if last else layers.Activation("relu", name=f"{name}_Activation")(x)

    def narrow(
        x: Built, name: str, branch: str, filters: int, n: int, scale: float, last: bool = False
    ) -> Built:
        first = rows(x, f"{name}_Branch_0", ("1x1", filters, 1))
        steps = (("0a_1x1", filters, 1), (f"0b_1x{n}", filters, (1, n)))
        other = rows(x, f"{name}_Branch_{branch}", *steps, (f"0c_{n}x1", filters, (n, 1)))
        return added(x, name, [first, other], scale, last)

    image = layers.Input((160, 160, 3))
    x = convolved(image, "Conv2d_1a_3x3", 32, 3, 2, "valid")
    x = convolved(x, "Conv2d_2a_3x3", 32, 3, 1, "valid")
    x = convolved(x, "Conv2d_2b_3x3", 64, 3)
    x = layers.MaxPooling2D(3, 2, name="MaxPool_3a_3x3")(x)
    x = convolved(x, "Conv2d_3b_1x1", 80, 1, 1, "valid")
    x = convolved(x, "Conv2d_4a_3x3", 192, 3, 1, "valid")
    x = convolved(x, "Conv2d_4b_3x3", 256, 3, 2, "valid")
    for i in range(1, 6):
        name = f"Block35_{i}"
        branches = [
            rows(x, f"{name}_Branch_0", ("1x1", 32, 1)),
            rows(x, f"{name}_Branch_1", ("0a_1x1", 32, 1), ("0b_3x3", 32, 3)),
            rows(x, f"{name}_Branch_2", ("0a_1x1", 32, 1), ("0b_3x3", 32, 3), ("0c_3x3", 32, 3)),
        ]
        x = added(x, name, branches, 0.17, last=False)
    first = rows(x, "Mixed_6a_Branch_0", ("1a_3x3", 384, 3))
    steps = (("0a_1x1", 192, 1), ("0b_3x3", 192, 3), ("1a_3x3", 256, 3))
    other = rows(x, "Mixed_6a_Branch_1", *steps)
    pool = layers.MaxPooling2D(3, 2, name="Mixed_6a_Branch_2_MaxPool_1a_3x3")(x)
    x = layers.Concatenate(name="Mixed_6a")([first, other, pool])
    for i in range(1, 11):
        x = narrow(x, f"Block17_{i}", second.replace("N", str(i)), 128, 7, 0.1)
    first = rows(x, "Mixed_7a_Branch_0", ("0a_1x1", 256, 1), ("1a_3x3", 384, 3))
    other = rows(x, "Mixed_7a_Branch_1", ("0a_1x1", 256, 1), ("1a_3x3", 256, 3))
    steps = (("0a_1x1", 256, 1), ("0b_3x3", 256, 3), ("1a_3x3", 256, 3))
    third = rows(x, "Mixed_7a_Branch_2", *steps)
    pool = layers.MaxPooling2D(3, 2, name="Mixed_7a_Branch_3_MaxPool_1a_3x3")(x)
    x = layers.Concatenate(name="Mixed_7a")([first, other, third, pool])
    for i in range(1, 6):
        x = narrow(x, f"Block8_{i}", second.replace("N", str(i)), 192, 3, 0.2)
    x = narrow(x, "Block8_6", "1", 192, 3, 1.0, last=True)
    x = layers.Dropout(0.2, name="Dropout")(layers.GlobalAveragePooling2D(name="AvgPool")(x))
    x = layers.Dense(outputs, use_bias=False, name="Bottleneck")(x)
    name = "Bottleneck_BatchNorm"
    x = layers.BatchNormalization(epsilon=1e-3, momentum=0.995, scale=False, name=name)(x)
    return keras.Model(image, x, name="inception_resnet_v1")


def npfacenet_small(keras: ModuleType) -> Built:
    """This library's own network."""
    layers = keras.layers

    def normalised(x: Built, name: str, filters: int, size: int, **options: object) -> Built:
        x = layers.Conv2D(filters, size, use_bias=False, name=name, **options)(x)
        return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)

    def convolved(x: Built, name: str, filters: int, size: int, stride: int = 1) -> Built:
        x = normalised(x, name, filters, size, strides=stride, padding="same")
        return layers.Activation("relu")(x)

    image = layers.Input((96, 96, 3))
    x = convolved(image, "stem", 24, 3, 2)
    for number, channels in enumerate((32, 80, 160), start=1):
        x = convolved(x, f"stage{number}_halving", channels, 3, 2)
        branch = convolved(x, f"stage{number}_first", channels, 3)
        branch = normalised(branch, f"stage{number}_second", channels, 3, padding="same")
        x = layers.Activation("relu")(layers.Add()([x, branch]))
    x = convolved(x, "reduced", 48, 1)
    x = normalised(x, "whole_face", 128, 6)
    return keras.Model(image, layers.GlobalAveragePooling2D()(x))


NETWORKS: dict[str, tuple[str, int, Callable[[ModuleType], Built]]] = {
    "nn4.small2": ("nn4.small2", 128, nn4_small2),
    "Keras FaceNet": ("inception-resnet-v1", 128, lambda k: inception_resnet_v1(k, 128)),
    "deepface Facenet512": ("inception-resnet-v1", 512, lambda k: inception_resnet_v1(k, 512, "N")),
    "npfacenet-small": ("npfacenet-small", 128, npfacenet_small),
}
