"""The functions of the deeplearning.ai assignment, for notebooks that only change their imports.

    from npfacenet.course import img_to_encoding, triplet_loss, verify, who_is_it

imports those of the 2021 edition (Inception-ResNet-v1, 160x160); `edition_2017` has the same names
for the first edition (nn4.small2, 96x96). Signatures, return values and printed sentences are
those of the notebook, defects included; `npfacenet.verify` and `npfacenet.identify` are correct.
Distances differ by about 1 % from those that the notebook printed, because JPEG decoders differ.

| the notebook | `npfacenet` |
| --- | --- |
| `verify` opens the door below 0.7, `who_is_it` accepts up to 0.7 | one comparison, `<=`, in both |
| `who_is_it` returns a name even after it printed "Not in the database." | `match` is None |
| `who_is_it` fails on an empty database | `match` is None, no candidates |
| 0.7, whatever the model | the threshold of the model's card, with its evidence |
| 2017: a picture must be 96x96 | cropped to its central square and resized |
| 2021: a picture that is not square is distorted | cropped to its central square |
"""

from npfacenet.course.edition import Edition, edition_2017, edition_2021

__all__ = [
    "Edition",
    "edition_2017",
    "edition_2021",
    "img_to_encoding",
    "triplet_loss",
    "verify",
    "who_is_it",
]

triplet_loss = edition_2021.triplet_loss
img_to_encoding = edition_2021.img_to_encoding
verify = edition_2021.verify
who_is_it = edition_2021.who_is_it


def __dir__() -> list[str]:
    return sorted(__all__)
