"""Training: losses and optimizers at work on a network, and the records of a run."""

from npfacenet.training.augmentation import Augmentation
from npfacenet.training.configuration import Configuration, configuration_from_json
from npfacenet.training.identity_folder import IdentityFolder
from npfacenet.training.loop import train
from npfacenet.training.pair_fitting import fit_pair_head
from npfacenet.training.run_reports import Callbacks, StepReport, Trained

__all__ = [
    "Augmentation",
    "Callbacks",
    "Configuration",
    "IdentityFolder",
    "StepReport",
    "Trained",
    "configuration_from_json",
    "fit_pair_head",
    "train",
]


def __dir__() -> list[str]:
    return sorted(__all__)
