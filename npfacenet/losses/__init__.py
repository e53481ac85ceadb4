"""The losses: one file per concept, one contract (`loss.py`) for all."""

from npfacenet.losses.angular_margin import AngularMargin
from npfacenet.losses.binary_cross_entropy import BinaryCrossEntropy
from npfacenet.losses.complete_iou import CompleteIoU, intersection_over_union
from npfacenet.losses.cross_entropy import CrossEntropy
from npfacenet.losses.distillation import Distillation
from npfacenet.losses.loss import Loss, LossValue
from npfacenet.losses.mining import OnlineTripletLoss
from npfacenet.losses.quality_focal import QualityFocal
from npfacenet.losses.relations import Relations
from npfacenet.losses.smooth_l1 import SmoothL1
from npfacenet.losses.triplet import TripletLoss

__all__ = [
    "AngularMargin",
    "BinaryCrossEntropy",
    "CompleteIoU",
    "CrossEntropy",
    "Distillation",
    "Loss",
    "LossValue",
    "OnlineTripletLoss",
    "QualityFocal",
    "Relations",
    "SmoothL1",
    "TripletLoss",
    "intersection_over_union",
]


def __dir__() -> list[str]:
    return sorted(__all__)
