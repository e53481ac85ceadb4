"""Everything that is decided about a training run before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Literal

from npfacenet.errors import ArgumentError, quoted
from npfacenet.training.augmentation import Augmentation
from npfacenet.training.checks import require_kind
from npfacenet.training.objectives import parse
from npfacenet.training.optimizers import SGD, Adam, Optimizer
from npfacenet.training.schedules import Constant, Cosine, Schedule, Steps, WarmUp

OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "steps")


@dataclass(frozen=True)
class Configuration:
    """The choices of a training run. Defaults fine-tune a pretrained network by triplets.

    - loss: names of `npfacenet.training.objectives.LOSSES`, each with a weight if it is not 1:
      ("distillation", "angular-margin:0.1"); margin (None: the loss's own)
    - identities, pictures: P identities with up to K pictures each make a batch
    - steps: how many batches; optimizer, learning_rate, momentum, weight_decay (decoupled),
      schedule with warm_up steps, of the run a fifth at most (for "steps": a tenth of the rate at
      60 and 85 % of the run)
    - clip: the largest norm of a gradient, 0 for none
    - statistics: "batch" trains batch norm with the statistics of each batch, "moving" keeps
      those that the network came with, and drops nothing out
    - learn_from: the first layer or block that learns; what lies before it stays (None: all)
    - average: decay of a moving average of the weights, which is then what is validated and
      kept (0: none); it begins faster, with done / (done + 10), and leaves the moving
      statistics as they are, which are averages already
    - crop: pixels a side from the centre of each picture (None: the whole central square)
    - held_out: the share of identities on whose pairs the run is validated every `validate`
      steps; after `patience` validations without a better one it ends (0: never)
    - shards: a batch is worked on in so many parts at a time, each with batch statistics of its
      own ("ghost batches", Hoffer et al. 2017); results depend on it, not on the threads
    - save: a checkpoint every so many steps
    - seed: of all that is drawn

    Raises ArgumentError that names a field and what it can be.
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
    crop: int | None = None
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
        """The optimizer that is asked for."""
        if self.optimizer == "sgd":
            return SGD(self.weight_decay, self.momentum)
        return Adam(self.weight_decay, beta1=self.momentum)

    def build_schedule(self) -> Schedule:
        """The schedule that is asked for, over the steps of this run."""
        warm_up = min(self.warm_up, self.steps // 5)
        rest = max(1, self.steps - warm_up)
        then: Schedule = {
            "constant": Constant(),
            "cosine": Cosine(rest),
            "steps": Steps((int(0.6 * rest), int(0.85 * rest))),
        }[self.schedule]
        return WarmUp(warm_up, then)

    def as_json(self) -> dict[str, object]:
        """All fields, for a file."""
        return asdict(self)


def configuration_from_json(value: Mapping[str, object]) -> Configuration:
    """The configuration that a file holds; ArgumentError for fields that there are not."""
    require_kind("a training configuration", value, Mapping)
    known = {each.name for each in fields(Configuration)}
    if unknown := value.keys() - known:
        raise ArgumentError(f"a training configuration has no {quoted(min(unknown))}")
    return Configuration(**value)  # type: ignore[arg-type]  # the constructor checks every value


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
_OPTIONAL = ("margin", "crop")
_LIMITS: Mapping[str, tuple[float, float]] = {
    "margin": (0, 10), "identities": (2, 10_000), "pictures": (1, 1000), "steps": (1, _LARGE),
    "learning_rate": (0, 10), "momentum": (0, 0.9999), "weight_decay": (0, 0.9999),
    "warm_up": (0, _LARGE), "clip": (0, 1e9), "average": (0, 0.999999), "crop": (1, 100_000),
    "held_out": (0, 0.9), "validate": (1, _LARGE), "patience": (0, _LARGE), "shards": (1, 64),
    "save": (1, _LARGE), "seed": (0, 2**32 - 1),
}  # fmt: skip
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "optimizer": OPTIMIZERS, "schedule": SCHEDULES, "statistics": ("batch", "moving"),
}  # fmt: skip
