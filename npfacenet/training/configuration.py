"""The configuration of a training run: all choices that are made before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Literal

from npfacenet.errors import ArgumentError, quoted
from npfacenet.faces.choice import ONE_OF, OneOf
from npfacenet.faces.detector import LEAST_FACE
from npfacenet.training.augmentation import Augmentation
from npfacenet.training.checks import require_kind
from npfacenet.training.descent import Rule
from npfacenet.training.objectives import parse
from npfacenet.training.optimizers import SGD, Adam, Optimizer
from npfacenet.training.schedules import Constant, Cosine, Schedule, Steps, WarmUp

OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "steps")


@dataclass(frozen=True)
class Configuration:
    """The choices of a training run; the defaults fine-tune a pretrained network with triplets.

    - loss: names of `npfacenet.training.objectives.LOSSES`, each with its weight unless that is 1:
      ("distillation", "angular-margin:0.1"); margin (None: the loss's own)
    - identities, pictures: a batch holds P identities with up to K pictures each
    - steps: number of batches; optimizer, learning_rate, momentum, weight_decay (decoupled);
      schedule, after warm_up steps (at most a fifth of the run); "steps" multiplies the rate by
      0.1 after 60 and 85 % of the run
    - clip: largest norm of a gradient, 0 for no limit
    - statistics: "batch" trains batch norm with the statistics of each batch; "moving" uses and
      keeps those of the initial network, and switches dropout off
    - learn_from: the first layer or block that learns; those before it do not change (None: all
      learn)
    - average: decay of a moving average of the weights, which is then validated and kept instead
      of them (0: none); the decay is done / (done + 10) while that is smaller. Moving statistics
      are averages already, and are not averaged again
    - detect: the detector, by its name or path, that finds the face in each picture, which is then
      aligned as the network needs it (None: what the model's card says, unless `crop` is given;
      False: no detector, the pictures are cropped to the face)
    - crop: pixels a side from the centre of each picture, without a detector (None: the whole
      central square, or what the card says)
    - choose: of several faces the "largest", the most "central" or the "only" one; smallest_face,
      least_score: which faces count, as in `Model.embed`
    - held_out: share of identities who are held out for validation, every `validate` steps; the
      run ends after `patience` validations without improvement (0: never)
    - shards: number of parts of a batch, each with its own batch statistics ("ghost batches",
      Hoffer et al. 2017); results depend on it, but not on the number of threads
    - save: number of steps between checkpoints
    - seed: seed of all random numbers

    Raises ArgumentError, naming a field and its possible values.
    """

    loss: tuple[str, ...] = ("semi-hard",)
    margin: float | None = None
    identities: int = 16
    pictures: int = 3
    steps: int = 500
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-4
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine", "steps"] = "cosine"
    warm_up: int = 20
    clip: float = 0.0
    statistics: Literal["batch", "moving"] = "batch"
    learn_from: str | None = None
    average: float = 0.0
    detect: str | Literal[False] | None = None
    crop: int | None = None
    choose: OneOf = "largest"
    smallest_face: float | None = None
    least_score: float | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    held_out: float = 0.1
    validate: int = 100
    patience: int = 0
    shards: int = 2
    save: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "augmentation", _augmentation(self.augmentation))
        object.__setattr__(self, "loss", _loss(self.loss))
        if self.learn_from is not None and not isinstance(self.learn_from, str):
            raise ArgumentError(f"learn_from is a name or None, not {quoted(self.learn_from)}")
        _require_detect(self.detect, self.crop)
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            whole = name == "crop" or isinstance(getattr(type(self), name), int)
            right = type(value) is int or (type(value) is float and not whole)
            if name in _OPTIONAL and value is None:
                continue
            if not right or not low <= value <= high:
                limits = f"{low:,} to {high:,}" if whole else f"{low:g} to {high:g}"
                kind = "a whole number" if whole else "a number"
                raise ArgumentError(f"{name} is {kind} from {limits}, not {quoted(value)}")
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if not isinstance(value, str) or value not in choices:
                raise ArgumentError(
                    f"{name} is one of {', '.join(choices)}, not {quoted(getattr(self, name))}"
                )

    def build_optimizer(self) -> Optimizer:
        """Return the optimizer of this configuration."""
        if self.optimizer == "sgd":
            return SGD(self.weight_decay, self.momentum)
        return Adam(self.weight_decay, beta1=self.momentum)

    def build_schedule(self) -> Schedule:
        """Return the schedule of this configuration over the steps of the run."""
        warm_up = min(self.warm_up, self.steps // 5)
        rest = max(1, self.steps - warm_up)
        then: Schedule = {
            "constant": Constant(),
            "cosine": Cosine(rest),
            "steps": Steps((int(0.6 * rest), int(0.85 * rest))),
        }[self.schedule]
        return WarmUp(warm_up, then)

    def build_rule(self) -> Rule:
        """Return how the gradients of this configuration change the parameters."""
        return Rule(
            self.build_optimizer(), self.build_schedule(), self.learning_rate, self.clip,
            self.average,
        )  # fmt: skip

    def as_json(self) -> dict[str, object]:
        """Return all fields, for a file."""
        return asdict(self)


def configuration_from_json(value: Mapping[str, object]) -> Configuration:
    """Return the configuration that a file holds; raise ArgumentError for an unknown field."""
    require_kind("a training configuration", value, Mapping)
    known = {each.name for each in fields(Configuration)}
    if unknown := value.keys() - known:
        raise ArgumentError(f"a training configuration has no {quoted(min(unknown))}")
    return Configuration(**value)  # type: ignore[arg-type]  # the constructor checks every value


def changed_fields(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Return the names of the fields in which two stored configurations differ.

    A field that older versions did not know, and `before` lacks, is no difference: what they did
    with pictures is compared as the preparation of the run.
    """
    return [
        name
        for name in {**before, **now}
        if before.get(name) != now.get(name) and not (name in _OF_FACES and name not in before)
    ]


def _require_detect(detect: object, crop: object) -> None:
    if detect is None or detect is False:
        return
    if not isinstance(detect, str) or not detect:
        raise ArgumentError(
            "detect is the name of a detector, such as 'finder', the path of its weights, False or "
            f"None, not {quoted(detect)}"
        )
    if crop is not None:
        raise ArgumentError("detect finds a face and crop cuts the centre out: choose one of them")


def _augmentation(value: object) -> Augmentation:
    if isinstance(value, Augmentation):
        return value
    if not isinstance(value, dict) or value.keys() - {f.name for f in fields(Augmentation)}:
        raise ArgumentError(f"augmentation is an Augmentation or its fields, not {quoted(value)}")
    return Augmentation(**value)


def _loss(value: object) -> tuple[str, ...]:
    if isinstance(value, (tuple, list)) and value and all(isinstance(n, str) for n in value):
        for name in value:
            parse(name)
        return tuple(value)
    raise ArgumentError(f"loss is a list of one or more names, not {quoted(value)}")


_LARGE = 10**9
_OPTIONAL = ("margin", "crop", "smallest_face", "least_score")
_OF_FACES = ("detect", "choose", "smallest_face", "least_score")
_LIMITS: Mapping[str, tuple[float, float]] = {
    "margin": (0, 10), "identities": (2, 10_000), "pictures": (1, 1000), "steps": (1, _LARGE),
    "learning_rate": (0, 10), "momentum": (0, 0.9999), "weight_decay": (0, 0.9999),
    "warm_up": (0, _LARGE), "clip": (0, 1e9), "average": (0, 0.999999), "crop": (1, 100_000),
    "smallest_face": (LEAST_FACE, 100_000), "least_score": (0, 1),
    "held_out": (0, 0.9), "validate": (1, _LARGE), "patience": (0, _LARGE), "shards": (1, 64),
    "save": (1, _LARGE), "seed": (0, 2**32 - 1),
}  # fmt: skip
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "optimizer": OPTIMIZERS, "schedule": SCHEDULES, "statistics": ("batch", "moving"),
    "choose": ONE_OF,
}  # fmt: skip
