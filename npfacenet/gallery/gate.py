"""The gate of enrolment: which pictures of a face are too poor to be kept, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from npfacenet.arguments import is_one_of, is_real, is_whole
from npfacenet.errors import ArgumentError, quoted
from npfacenet.gallery.quality import Quality
from npfacenet.models.json_ready import JsonReady
from npfacenet.recognition.distance import within

Kind: TypeAlias = Literal[
    "small", "blurred", "dark", "bright", "flat", "turned", "several", "elsewhere", "far", "denied"
]
"""What can be wrong with a picture."""
Policy: TypeAlias = Literal["warn", "refuse", "ignore"]
"""What follows from it."""
Policies: TypeAlias = "Policy | Mapping[Kind, Policy]"
"""One for all kinds, or that of each; kinds that are left out have that of `USUAL_POLICIES`."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""All of them, in the order of findings."""
USUAL_POLICIES: Final[Mapping[Kind, Policy]] = MappingProxyType(
    {
        "small": "refuse",
        "blurred": "refuse",
        "dark": "refuse",
        "bright": "refuse",
        "flat": "refuse",
        "turned": "refuse",
        "several": "warn",
        "elsewhere": "warn",
        "far": "warn",
        "denied": "refuse",
    }
)
"""Poor pictures are refused; who is shown is for people to decide."""
FAR: Final = 1.15
"""Times a card's threshold: farther than this from a person's other pictures is doubtful.

Of 953 good pictures of LFW none is farther than this from the nearest other one of their person,
and of pictures of others 87 % are; of npfacenet-small, by `gate_rates.py` (see `Limits`). At the
threshold itself, 2.5 % and 98.8 % are.
"""
SAME: Final = 0.75
"""Times a card's threshold: within this of somebody else, a face is probably theirs.

In the same measurement 69 % of pictures are that near to another one of their person. In a gallery
of 820 people, 4.8 % are that near to somebody else's, and proportionally more in a larger one; at
the threshold itself, 99.7 %.
"""


@dataclass(frozen=True)
class Limits(JsonReady):
    """What a picture must have to be enrolled without a finding; None switches a limit off.

    Each is a limit of the measure of `Quality` in its name; exactly at the limit is good. The
    defaults let pass what recognition can use, by these measurements:

        tools/experiments/gate_rates.py ../shared

    - least_size: LFW's pictures, whose eyes are 33 to 57 pixels apart, move an embedding by 0.73
      (median) when they are shrunk to a quarter, and by 1.11 when they are shrunk to a sixth
    - least_sharpness: 99.5 % of LFW's pictures have 0.578 or more, and 99 % of 1,033 crops of
      UTKFace 0.517. With a blur of radius 3, which moves an embedding by 0.92, pictures of
      different people match in 12 % of comparisons with each other instead of 1.2 %, with radius 5
      in 90 %
    - least_brightness: nobody is refused for their skin: the least of those crops, which mix skin
      colours on purpose, is 0.189. Darker pictures are mostly noise
    - most_brightness: 99.5 % of those crops have at most 0.771. Three times the light moves an
      embedding by 0.96
    - least_contrast: the least of those crops is 0.046
    - most_turn: 99.5 % of LFW's pictures are turned by less than 34.2 degrees, and the detectors'
      landmarks are hardly tested beyond
    - most_faces: who is meant is certain if there is only one

    They refuse 10 of 1,491 good pictures. What they do not see are covered faces.

    Raises ArgumentError for other numbers.
    """

    least_size: float | None = 16.0
    least_sharpness: float | None = 0.52
    least_brightness: float | None = 0.08
    most_brightness: float | None = 0.82
    least_contrast: float | None = 0.03
    most_turn: float | None = 35.0
    most_faces: int | None = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if field.name == "most_faces":
                if not is_whole(value, low=1):
                    raise ArgumentError(
                        f"most_faces is a whole number from 1, or None, not {quoted(value)}"
                    )
            elif not is_real(value, 0, 1e9):
                raise ArgumentError(
                    f"{field.name} is a number of at least 0, or None, not {quoted(value)}"
                )


@dataclass(frozen=True)
class Finding(JsonReady):
    """Something that is wrong with a picture: the measure, its limit, and a sentence with both."""

    kind: Kind
    measure: float
    limit: float
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Verdict(JsonReady):
    """Why a picture is refused, if it is, and what to warn of.

    Its truth value is whether the picture is accepted.
    """

    refused: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return not self.refused


def judge(quality: Quality, limits: Limits | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with a picture, in the order of `KINDS`; what is unknown is not wrong.

    Without limits, those of `Limits()` count. Raises ArgumentError for anything but these.

    >>> small = Quality(sharpness=0.7, brightness=0.4, contrast=0.2, size=11, turn=-3, faces=1)
    >>> [str(finding) for finding in judge(small)]
    ['the eyes are 11 pixels apart; at least 16 are needed']
    """
    limits = Limits() if limits is None else limits
    for given, kind in ((quality, Quality), (limits, Limits)):
        if not isinstance(given, kind):
            raise ArgumentError(f"a gate judges a Quality by Limits, not {quoted(given)}")
    return (
        *_below("small", quality.size, limits.least_size,
                "the eyes are {} pixels apart; at least {} are needed", 1),
        *_below("blurred", quality.sharpness, limits.least_sharpness,
                "the face is blurred: its sharpness is {}; at least {} is needed"),
        *_below("dark", quality.brightness, limits.least_brightness,
                "the face is dark: its brightness is {} of 1; at least {} is needed"),
        *_above("bright", quality.brightness, limits.most_brightness,
                "the face is overexposed: its brightness is {} of 1; at most {} is allowed"),
        *_below("flat", quality.contrast, limits.least_contrast,
                "the face has little contrast: {}; at least {} is needed", 3),
        *_turned(quality.turn, limits.most_turn),
        *_above("several", quality.faces, limits.most_faces,
                "the picture shows {} faces; the most allowed is {}", 0),
    )  # fmt: skip


def same_face_elsewhere(name: str, distance: float, threshold: float) -> tuple[Finding, ...]:
    """Return what is wrong if a picture is as near to another person as pictures of one person are.

    `distance` is that to the nearest picture of anybody else, who is called `name`; a picture at
    exactly the threshold is near. `SAME` times that of the model's card is a sensible one. Raises
    ArgumentError for distances that are not finite numbers of at least 0.

    >>> same_face_elsewhere("bert", 0.8312, 1.071)[0].sentence
    "the face is at a distance of 0.831 from 'bert', another person; more than 1.071 is expected"
    """
    if not isinstance(name, str):
        raise ArgumentError(f"a person's name is text, not {quoted(name)}")
    if not within(distance, threshold):
        return ()
    shown = _down(distance, 3)
    return (
        Finding(
            "elsewhere", float(distance), float(threshold),
            f"the face is at a distance of {shown} from {quoted(name, 60)}, another person; more "
            f"than {threshold:g} is expected",
        ),
    )  # fmt: skip


def far_from_own(distance: float | None, threshold: float) -> tuple[Finding, ...]:
    """Return what is wrong if a picture is farther than the threshold from the person's others.

    `distance` is that to the nearest of them, None if there are none yet. `FAR` times the threshold
    of the model's card is a sensible one. Raises ArgumentError for distances that are not finite
    numbers of at least 0.

    >>> far_from_own(1.4, 1.28)[0].sentence
    "the face is at a distance of 1.4 from the person's other pictures; at most 1.28 is expected"
    """
    if distance is None or within(distance, threshold):
        return ()
    sentence = (
        "the face is at a distance of {} from the person's other pictures; at most {} is expected"
    )
    return _above("far", distance, threshold, sentence, 3)


def decide(findings: Sequence[Finding], policies: Policies = USUAL_POLICIES) -> Verdict:
    """Sort findings into those for which a picture is refused, and those to warn of.

    Raises ArgumentError for policies that are not known, of kinds that are not, and for anything
    but findings.

    >>> findings = judge(Quality(0.7, 0.4, 0.2, size=11, turn=-3, faces=2))
    >>> verdict = decide(findings)
    >>> bool(verdict), [f.kind for f in verdict.refused], [f.kind for f in verdict.warnings]
    (False, ['small'], ['several'])
    >>> bool(decide(findings, "warn"))
    True
    """
    chosen = _policies(policies)
    for finding in findings:
        if not isinstance(finding, Finding):
            raise ArgumentError(f"findings are of the class Finding, not {quoted(finding)}")
    by = {
        policy: tuple(finding for finding in findings if chosen[finding.kind] == policy)
        for policy in get_args(Policy)
    }
    return Verdict(by["refuse"], by["warn"])


def _policies(policies: Policies) -> Mapping[Kind, Policy]:
    if is_one_of(policies, *get_args(Policy)):
        return dict.fromkeys(KINDS, policies)  # type: ignore[arg-type]
    known = ", ".join(get_args(Policy))
    if not isinstance(policies, Mapping):
        raise ArgumentError(
            f"a policy is one of {known}, or one for each kind, not {quoted(policies)}"
        )
    for kind, policy in policies.items():
        if not is_one_of(kind, *KINDS):
            raise ArgumentError(f"findings are {', '.join(KINDS)}, not {quoted(kind)}")
        if not is_one_of(policy, *get_args(Policy)):
            raise ArgumentError(f"the policy of {kind} is one of {known}, not {quoted(policy)}")
    return {**USUAL_POLICIES, **policies}


def _below(
    kind: Kind, measure: float | None, least: float | None, sentence: str, digits: int = 2
) -> tuple[Finding, ...]:
    """Return a finding unless the measure is at least this."""
    if measure is None or least is None or measure >= least:
        return ()
    shown = sentence.format(_down(measure, digits), f"{least:g}")
    return (Finding(kind, float(measure), float(least), shown),)


def _above(
    kind: Kind, measure: float | None, most: float | None, sentence: str, digits: int = 2
) -> tuple[Finding, ...]:
    """Return a finding unless the measure is at most this."""
    if measure is None or most is None or measure <= most:
        return ()
    shown = sentence.format(_up(measure, digits), f"{most:g}")
    return (Finding(kind, float(measure), float(most), shown),)


def _turned(turn: float | None, most: float | None) -> tuple[Finding, ...]:
    if turn is None:
        return ()
    side = "right" if turn > 0 else "left"
    sentence = (
        f"the face is turned by about {{}} degrees to the picture's {side}; at most {{}} are "
        "allowed"
    )
    return _above("turned", abs(turn), most, sentence, 0)


def _down(measure: float, digits: int) -> str:
    """Round towards 0, so that what is below a limit is also shown below it."""
    return f"{math.floor(measure * 10**digits) / 10**digits:g}"


def _up(measure: float, digits: int) -> str:
    """Round away from 0, so that what is above a limit is also shown above it."""
    return f"{math.ceil(measure * 10**digits) / 10**digits:g}"
