"""The numbers that make a drawn person, and drawing plausible ones at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.samples.field_limits import check_fields, check_whole

LIMITS = {
    "head_width": (0.8, 1.35), "chin": (1.4, 2.3), "crown": (1.3, 2.1), "jaw": (1.5, 4.5),
    "cheekbones": (-1, 3), "cheeks": (-2, 3), "chin_size": (-1, 3), "brow_ridge": (-1, 3),
    "eye_distance": (0.75, 1.25), "eye_width": (0.16, 0.32), "eye_height": (0.03, 0.14),
    "eye_slant": (-0.4, 0.4), "eye_depth": (-1, 3), "lid_crease": (0, 1),
    "brow_height": (0.14, 0.5), "brow_thickness": (0.01, 0.12), "brow_arch": (-1, 2),
    "brow_slant": (-0.4, 0.4), "brow_density": (0, 1),
    "nose_length": (0.4, 0.9), "nose_width": (0.12, 0.36), "nose_bridge": (0, 3),
    "nose_tip": (0, 3), "nose_hump": (-1.5, 2),
    "mouth_height": (0.8, 1.4), "mouth_width": (0.25, 0.5), "upper_lip": (0.02, 0.2),
    "lower_lip": (0.03, 0.26), "lip_redness": (0, 1), "ear_size": (0.5, 1.5), "neck": (0.5, 1.2),
    "melanin": (0, 1), "ruddiness": (-1, 1), "sallowness": (-1, 1), "iris": (0, 1),
    "hair_melanin": (0, 1), "hair_red": (0, 1), "grey": (0, 1),
    "hair_length": (0, 1), "hair_volume": (0, 1), "hairline": (0.6, 1.4), "recession": (0, 1),
    "baldness": (0, 1), "parting": (-1, 1), "fringe": (0, 1), "curl": (0, 1), "sideburns": (0, 1),
    "stubble": (0, 1), "beard": (0, 1), "moustache": (0, 1),
    "wrinkles": (0, 1), "eye_bags": (0, 1), "freckles": (0, 1), "blotches": (0, 1),
    "lopsidedness": (-1, 1), "texture": (0, 2**63 - 1),
}  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """The numbers that make a drawn person; the defaults make an average one.

    Lengths are in units of the average distance between two pupils (about 63 mm), measured from
    the middle between the eyes. Strengths say how much of something there is: 0 to 1, or, where
    a negative one makes a hollow of a bump, with 1 as the average.

    - skull: head_width (half of it), chin and crown (how far below and above the eyes), jaw
      (1.5 pointed to 4.5 square), cheekbones, cheeks (fullness), chin_size, brow_ridge, ear_size,
      neck (half its width), lopsidedness (-1 to 1)
    - eyes: eye_distance (between the pupils), eye_width and eye_height (half of them), eye_slant
      (radians, outer corners up), eye_depth, lid_crease (0: none, 1: deep), iris (0 dark brown,
      through hazel and green, to 1 blue)
    - brows: brow_height (above the eyes), brow_thickness, brow_arch, brow_slant (radians),
      brow_density
    - nose: nose_length, nose_width (half of it), nose_bridge, nose_tip, nose_hump
    - mouth: mouth_height (below the eyes), mouth_width (half of it), upper_lip, lower_lip
      (heights), lip_redness
    - skin: melanin (0 palest to 1 darkest), ruddiness, sallowness (-1 to 1)
    - hair: hair_melanin (0 fair to 1 black), hair_red, grey, hair_length (0 shaved to 1 below the
      shoulders), hair_volume, hairline (above the eyes), recession (of the temples), baldness,
      parting (-1 to 1, from the picture's left to its right), fringe, curl, sideburns
    - beard: stubble, beard, moustache
    - age: wrinkles, eye_bags; freckles, blotches
    - texture: the seed of what is irregular: strands, moles, blotches

    Raises ArgumentError, naming the field and its value, unless every field is a finite number
    within `LIMITS`.

    >>> Identity(nose_width=0.2).nose_width
    0.2
    """

    head_width: float = 1.06
    chin: float = 1.85
    crown: float = 1.6
    jaw: float = 2.7
    cheekbones: float = 1.0
    cheeks: float = 0.5
    chin_size: float = 1.0
    brow_ridge: float = 0.8
    eye_distance: float = 1.0
    eye_width: float = 0.24
    eye_height: float = 0.085
    eye_slant: float = 0.05
    eye_depth: float = 1.0
    lid_crease: float = 0.7
    brow_height: float = 0.27
    brow_thickness: float = 0.06
    brow_arch: float = 0.6
    brow_slant: float = 0.05
    brow_density: float = 0.7
    nose_length: float = 0.64
    nose_width: float = 0.205
    nose_bridge: float = 1.0
    nose_tip: float = 1.0
    nose_hump: float = 0.0
    mouth_height: float = 1.1
    mouth_width: float = 0.4
    upper_lip: float = 0.09
    lower_lip: float = 0.13
    lip_redness: float = 0.5
    ear_size: float = 1.0
    neck: float = 0.82
    melanin: float = 0.3
    ruddiness: float = 0.0
    sallowness: float = 0.0
    iris: float = 0.2
    hair_melanin: float = 0.7
    hair_red: float = 0.2
    grey: float = 0.0
    hair_length: float = 0.3
    hair_volume: float = 0.4
    hairline: float = 1.02
    recession: float = 0.2
    baldness: float = 0.0
    parting: float = 0.0
    fringe: float = 0.0
    curl: float = 0.1
    sideburns: float = 0.4
    stubble: float = 0.0
    beard: float = 0.0
    moustache: float = 0.0
    wrinkles: float = 0.15
    eye_bags: float = 0.2
    freckles: float = 0.0
    blotches: float = 0.4
    lopsidedness: float = 0.0
    texture: int = 0

    def __post_init__(self) -> None:
        check_fields(self, LIMITS, whole={"texture"})


def identity(seed: int) -> Identity:
    """Draw the person of this seed, 0 or above; neighbouring seeds are independent.

    Sex, age and descent are drawn first and shift the means of all other numbers, so that hair
    goes with skin, baldness with age, and beards with broad jaws. They are not kept: a person here
    is only what can be seen. Raises ArgumentError unless the seed is a whole number of 0 or above.

    >>> identity(7) == identity(7), identity(7) == identity(8)
    (True, False)
    """
    return _Person(np.random.default_rng([check_whole(seed, "seed"), 1])).identity()


class _Person:
    """Correlated draws: sex, age and descent first, and the other numbers given those."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.male = rng.random() < 0.5
        self.age = float(np.clip(18 + 57 * rng.beta(1.4, 1.9), 18, 75))
        self.old = float(np.clip((self.age - 30) / 40, 0, 1))
        # Melanin, and the strength of traits that are more common in East Asia or in Africa.
        descent = rng.choice(5, p=[0.42, 0.2, 0.16, 0.12, 0.1])
        self.melanin = (0.12, 0.22, 0.75, 0.42, 0.32)[descent]
        self.eastern = (0.0, 1.0, 0.0, 0.1, 0.3)[descent]
        self.african = (0.0, 0.0, 1.0, 0.2, 0.2)[descent]
        self.fair = (1.0, 0.0, 0.0, 0.0, 0.2)[descent]

    def near(self, name: str, mean: float, spread: float) -> float:
        """Draw a number from a normal distribution, clipped to the field's limits."""
        low, high = LIMITS[name]
        return float(np.clip(mean + spread * self.rng.standard_normal(), low, high))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def identity(self) -> Identity:
        every = {**self._skull(), **self._eyes(), **self._nose_and_mouth()}
        every |= {**self._colours(), **self._hair(), **self._age_marks()}
        return Identity(**every, texture=int(self.rng.integers(2**62)))

    def _skull(self) -> dict[str, float]:
        male, near = self.male, self.near
        weight = float(self.rng.standard_normal())
        return {
            "head_width": near("head_width", 1.06 + 0.02 * male + 0.035 * weight, 0.05),
            "chin": near("chin", 1.80 + 0.07 * male, 0.1),
            "crown": near("crown", 1.6, 0.07),
            "jaw": near("jaw", 2.6 + 0.45 * male + 0.15 * weight, 0.4),
            "cheekbones": near("cheekbones", 1 + 0.3 * self.eastern - 0.2 * weight, 0.5),
            "cheeks": near("cheeks", 0.5 + 0.7 * weight - 0.3 * self.old, 0.4),
            "chin_size": near("chin_size", 0.9 + 0.3 * male, 0.5),
            "brow_ridge": near("brow_ridge", 0.4 + 0.7 * male - 0.4 * self.eastern, 0.4),
            "ear_size": near("ear_size", 0.95 + 0.1 * male + 0.15 * self.old, 0.12),
            "neck": near("neck", 0.72 + 0.14 * male + 0.05 * weight, 0.04),
            "lopsidedness": near("lopsidedness", 0, 0.4),
        }

    def _eyes(self) -> dict[str, float]:
        male, near = self.male, self.near
        return {
            "eye_distance": near("eye_distance", 1.0, 0.06),
            "eye_width": near("eye_width", 0.235, 0.016),
            "eye_height": near(
                "eye_height", 0.09 - 0.01 * male - 0.015 * self.eastern - 0.012 * self.old, 0.011
            ),
            "eye_slant": near("eye_slant", 0.04 + 0.07 * self.eastern - 0.06 * self.old, 0.07),
            "eye_depth": near("eye_depth", 1 - 0.6 * self.eastern + 0.3 * male, 0.4),
            "lid_crease": near("lid_crease", 0.8 - 0.6 * self.eastern, 0.2),
            "brow_height": near("brow_height", 0.29 - 0.03 * male, 0.035),
            "brow_thickness": near("brow_thickness", 0.052 + 0.018 * male, 0.013),
            "brow_arch": near("brow_arch", 0.8 - 0.35 * male, 0.4),
            "brow_slant": near("brow_slant", 0.06, 0.06),
            "brow_density": near("brow_density", 0.8 + 0.08 * male - 0.2 * self.old, 0.15),
        }

    def _nose_and_mouth(self) -> dict[str, float]:
        male, near, african = self.male, self.near, self.african
        full = float(self.rng.standard_normal())
        nose = near("nose_length", 0.63 + 0.02 * male + 0.03 * self.old, 0.055)
        return {
            "nose_length": nose,
            "nose_width": near(
                "nose_width", 0.19 + 0.012 * male + 0.045 * african + 0.015 * self.eastern, 0.022
            ),
            "nose_bridge": near("nose_bridge", 1.1 - 0.5 * max(african, self.eastern), 0.35),
            "nose_tip": near("nose_tip", 1.0 + 0.2 * self.old, 0.35),
            "nose_hump": near("nose_hump", 0.1 + 0.1 * male, 0.4),
            "mouth_height": near("mouth_height", nose + 0.46 + 0.02 * male, 0.035),
            "mouth_width": near("mouth_width", 0.4 + 0.01 * male + 0.02 * african, 0.03),
            "upper_lip": near(
                "upper_lip", 0.1 - 0.012 * male + 0.03 * african - 0.02 * self.old + 0.01 * full,
                0.012,
            ),
            "lower_lip": near(
                "lower_lip", 0.14 - 0.012 * male + 0.035 * african - 0.02 * self.old + 0.013 * full,
                0.014,
            ),
            "lip_redness": near("lip_redness", 0.65 - 0.35 * male, 0.18),
        }  # fmt: skip

    def _colours(self) -> dict[str, float]:
        near, fair = self.near, self.fair
        melanin = near("melanin", self.melanin, 0.09)
        dark = 0.92 if not fair else float(self.rng.beta(1.6, 1.3))
        return {
            "melanin": melanin,
            "ruddiness": near("ruddiness", 0.25 * fair, 0.35),
            "sallowness": near("sallowness", 0.3 * self.eastern, 0.35),
            "iris": near("iris", fair * (0.85 - 0.6 * dark), 0.2 * fair + 0.06),
            "hair_melanin": near("hair_melanin", dark, 0.05),
            "hair_red": near("hair_red", fair * 0.9 if self.chance(0.12) else 0.15, 0.12),
            "grey": near("grey", max(0.0, (self.age - 46) / 28), 0.2) if self.age > 38 else 0.0,
        }

    def _hair(self) -> dict[str, float]:
        male, near, old = self.male, self.near, self.old
        long = self.rng.random() < (0.06 if male else 0.72 - 0.3 * old)
        length = near("hair_length", 0.75, 0.13) if long else near("hair_length", 0.28, 0.09)
        curl = near("curl", 0.9 if self.african else 0.15, 0.08 if self.african else 0.2)
        bald = male and self.chance(0.1 + 0.4 * old)
        fringe = self.chance(0.4 - 0.25 * old - 0.15 * male)
        beard = self.chance(0.22) if male else False
        return {
            "hair_length": length if long or not male else min(length, 0.45),
            "hair_volume": near("hair_volume", 0.4 + 0.25 * (curl > 0.6) + 0.1 * (not male), 0.2),
            "hairline": near("hairline", 1.0 + 0.04 * male, 0.08),
            "recession": near("recession", (0.25 + 0.5 * old) if male else 0.1, 0.15),
            "baldness": near("baldness", 0.75, 0.25) if bald else 0.0,
            "parting": near("parting", self.rng.choice([-0.45, 0.45]), 0.25),
            "fringe": near("fringe", 0.7, 0.2) if fringe and curl < 0.7 else 0.0,
            "curl": curl,
            "sideburns": near("sideburns", 0.45, 0.25) if male else near("sideburns", 0.15, 0.1),
            "stubble": near("stubble", 0.35 - 0.2 * self.eastern, 0.25) if male else 0.0,
            "beard": near("beard", 0.8, 0.15) if beard else 0.0,
            "moustache": near("moustache", 0.85, 0.15)
            if beard or (male and self.chance(0.1))
            else 0.0,
        }

    def _age_marks(self) -> dict[str, float]:
        near, old = self.near, self.old
        return {
            "wrinkles": near("wrinkles", 0.08 + 0.8 * old, 0.1),
            "eye_bags": near("eye_bags", 0.2 + 0.5 * old, 0.18),
            "freckles": near("freckles", 0.7, 0.2) if self.chance(0.25 * self.fair) else 0.0,
            "blotches": near("blotches", 0.4 + 0.2 * old, 0.15),
        }
