"""Beginning a run: checking its choices, and the record of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from npfacenet import __version__
from npfacenet.errors import ArgumentError
from npfacenet.models import Model
from npfacenet.networks import Network, Outputs
from npfacenet.networks.graph import graph_of
from npfacenet.training.checks import require_kind
from npfacenet.training.configuration import Configuration
from npfacenet.training.run_reports import Callbacks


def require_choices(
    model: object, configuration: object, about: object, callbacks: object, *, resume: object
) -> None:
    """Raise ArgumentError for arguments that no run can be made of."""
    require_kind("the model", model, Model)
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
    """Return what is written to the run's folder before it begins."""
    return {
        "fingerprint": model.fingerprint,
        "network": _digest(model.network),
        "configuration": choices.as_json(),
        "about": dict(about),
        "npfacenet": __version__,
        "numpy": np.__version__,
    }


def _digest(network: Network[Outputs]) -> str | None:
    """Return 64 hexadecimal digits that identify a network's layers and their hyperparameters.

    None for a network with layers that cannot be written down (`npfacenet.layers.register_layer`).
    """
    try:
        graph = json.dumps(graph_of(network), sort_keys=True)
    except ArgumentError:
        return None
    return hashlib.sha256(graph.encode()).hexdigest()
