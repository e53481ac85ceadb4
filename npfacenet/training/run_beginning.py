"""Beginning a run: checking its choices, and the record of them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from npfacenet import __version__
from npfacenet.checkpoints.fingerprint import network_digest
from npfacenet.errors import ArgumentError, shortened
from npfacenet.models import Model
from npfacenet.recipes.preparation import CENTRAL_SQUARE
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration
from npfacenet.training.run_reports import Callbacks


def require_choices(
    model: object, configuration: object, about: object, callbacks: object, *, resume: object
) -> None:
    """Raise ArgumentError for arguments that no run can be made of."""
    require_kind("the model", model, Model)
    if isinstance(model, Model) and model.card.purpose != "embedding":
        raise ArgumentError(
            f"{shortened(model.card.architecture, 40)} is a network for {model.card.purpose}, and "
            "a run trains one for embedding"
        )
    require_kind("the configuration", configuration, Configuration)
    require_kind("resume", resume, bool)
    require_kind("callbacks", callbacks, Callbacks)
    try:
        json.dumps({} if about is None else about)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentError(f"about is written as JSON, which it cannot be: {error}") from error
    if about is not None:
        require_kind("about", about, Mapping)


def run_record(
    model: Model, choices: Configuration, about: Mapping[str, object]
) -> dict[str, object]:
    """Return what is written to the run's folder before it begins.

    The fingerprint is that of the model without a preparation: the card's need not be used.
    """
    return {
        "fingerprint": model.fingerprint_of(CENTRAL_SQUARE),
        "network": network_digest(model.network),
        "configuration": choices.as_json(),
        "about": dict(about),
        "npfacenet": __version__,
        "numpy": np.__version__,
    }
