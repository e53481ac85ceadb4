"""The conditions of a drawn picture: pose, light, expression and camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npfacenet.samples.field_limits import check_fields, check_whole

LIMITS = {
    "yaw": (-40, 40), "pitch": (-25, 25), "roll": (-45, 45),
    "light_side": (-90, 90), "light_height": (-45, 80), "light": (0, 3), "ambient": (0, 2),
    "warmth": (-1, 1), "exposure": (-2, 2), "contrast": (0.4, 1.6), "saturation": (0, 2),
    "smile": (-1, 1), "mouth_open": (0, 1), "eyes_open": (0, 1.3), "brows_raised": (-1, 1),
    "gaze_x": (-1, 1), "gaze_y": (-1, 1),
    "distance": (0.6, 2), "shift_x": (-0.5, 0.5), "shift_y": (-0.5, 0.5),
    "glasses": (0, 1), "hair_tousled": (-1, 1), "make_up": (0, 1), "flush": (-1, 1),
    "clothes": (0, 2**31 - 1), "background": (0, 2**31 - 1),
    "blur": (0, 8), "noise": (0, 64), "noise_seed": (0, 2**63 - 1),
}  # fmt: skip
_SEEDS = {"clothes", "background", "noise_seed"}


@dataclass(frozen=True)
class Conditions:
    """What differs between two pictures of one person; the defaults make a plain portrait.

    - pose, degrees: yaw (to the picture's right), pitch (down), roll (clockwise)
    - light: light_side (degrees; to the picture's right) and light_height (degrees above the
      camera), its strength `light`, the `ambient` light about it, warmth (-1 blue to 1 yellow)
    - face: smile (-1 to 1), mouth_open, eyes_open (1 is awake), brows_raised, gaze_x and gaze_y
      (-1 to 1: to the picture's right, and down), flush, make_up
    - styling: glasses (0 none; the rim's thickness), hair_tousled (-1 flat to 1 full),
      clothes (a seed)
    - framing: distance (1 makes the pupils 0.28 of the picture apart, 2 half of that), shift_x
      and shift_y (of the face, as shares of the picture), background (a seed)
    - camera: exposure (stops), contrast and saturation (factors), blur (standard deviation, in
      pixels of a picture of 112), noise (standard deviation, in levels of 255), noise_seed

    Raises ArgumentError, naming the field and its value, unless every field is a finite number
    within `LIMITS`.

    >>> Conditions(yaw=12.5).yaw
    12.5
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light_side: float = 25.0
    light_height: float = 35.0
    light: float = 1.0
    ambient: float = 0.5
    warmth: float = 0.0
    exposure: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    smile: float = 0.1
    mouth_open: float = 0.0
    eyes_open: float = 1.0
    brows_raised: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    distance: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    glasses: float = 0.0
    hair_tousled: float = 0.0
    make_up: float = 0.0
    flush: float = 0.0
    clothes: int = 0
    background: int = 0
    blur: float = 0.3
    noise: float = 2.0
    noise_seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self, LIMITS, whole=_SEEDS)


def conditions(seed: int) -> Conditions:
    """Draw the conditions of this seed, 0 or above, as varied as press photographs of people.

    Raises ArgumentError for a seed that is not a whole number of 0 or above.

    >>> conditions(3) == conditions(3), conditions(3) == conditions(4)
    (True, False)
    """
    rng = np.random.default_rng([check_whole(seed, "seed"), 2])

    def near(name: str, mean: float, spread: float) -> float:
        low, high = LIMITS[name]
        drawn = mean + spread * float(np.clip(rng.standard_normal(), -2.2, 2.2))
        return float(np.clip(drawn, low, high))

    smiles = rng.random() < 0.55
    hard = rng.random()
    return Conditions(
        yaw=near("yaw", 0, 11.5),
        pitch=near("pitch", 0, 5.5),
        roll=near("roll", 0, 3.6),
        light_side=near("light_side", 0, 34),
        light_height=near("light_height", 32, 17),
        light=near("light", 0.6 + 0.7 * hard, 0.15),
        ambient=near("ambient", 0.85 - 0.5 * hard, 0.1),
        warmth=near("warmth", 0.1, 0.32),
        exposure=near("exposure", -0.3, 0.36),
        contrast=near("contrast", 1.06, 0.12),
        saturation=near("saturation", 1, 0.15),
        smile=near("smile", 0.65, 0.25) if smiles else near("smile", 0.1, 0.15),
        mouth_open=max(near("mouth_open", 0.3 if smiles else 0.0, 0.22), 0.0),
        eyes_open=near("eyes_open", 0.9 if smiles else 1.0, 0.12),
        brows_raised=near("brows_raised", 0, 0.35),
        gaze_x=near("gaze_x", 0, 0.35),
        gaze_y=near("gaze_y", 0.05, 0.2),
        distance=near("distance", 1.03, 0.055),
        shift_x=near("shift_x", 0, 0.016),
        shift_y=near("shift_y", 0, 0.016),
        glasses=float(rng.uniform(0.2, 1)) if rng.random() < 0.1 else 0.0,
        hair_tousled=near("hair_tousled", 0, 0.4),
        make_up=float(rng.uniform(0, 1)) if rng.random() < 0.3 else 0.0,
        flush=near("flush", 0, 0.35),
        clothes=int(rng.integers(2**31)),
        background=int(rng.integers(2**31)),
        blur=float(rng.uniform(0.0, 0.9)),
        noise=float(rng.uniform(0.5, 4.0)),
        noise_seed=int(rng.integers(2**62)),
    )
