"""Networks of detectors, kept in the library's own layout: written once, and checked afterwards.

Other people's files of detectors are ONNX. What is kept has a card, which states source and
licence, and a checksum for every tensor; the bytes of such a file depend on the version of HDF5, so
its numbers are compared instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from npfacenet.checkpoints.conversion import write_checkpoint
from npfacenet.checkpoints.fingerprint import weights_digest
from npfacenet.checkpoints.native import Native
from npfacenet.checkpoints.reading import Checkpoint, read_checkpoint
from npfacenet.errors import WeightsError
from npfacenet.files.atomic import atomic_file, writing_in
from npfacenet.recipes import Recipe, recipes
from npfacenet.zoo.provenance import with_known_origin
from npfacenet.zoo.public import PublicDetector, PublicNetwork

Reading: TypeAlias = Callable[[Path, Sequence[Recipe]], Checkpoint]


def write_own(checkpoint: Checkpoint, target: Path) -> None:
    """Write what was read from a file in the library's own layout, whole or not at all.

    The card states source and licence if the manifest knows the weights. Raises OutputError if the
    file cannot be written.
    """
    card = with_known_origin(checkpoint.card, weights_digest(checkpoint.parameters))
    write_checkpoint(target, checkpoint.network, checkpoint.parameters, card)


def read_network(
    path: Path, network: PublicNetwork, reading: Reading = read_checkpoint
) -> Checkpoint:
    """Read a file that must hold the weights of a network of the manifest, in any layout.

    `reading` reads a file, given the recipes that it may be of. Raises WeightsError if the file
    holds anything else.
    """
    recipe = recipes(network.architecture, outputs=network.outputs)[0]
    checkpoint = reading(path, (recipe,))
    if weights_digest(checkpoint.parameters) not in network.weights:
        raise WeightsError(f"{path} holds other weights than the public ones of {recipe}")
    return checkpoint


def fault_of(target: Path, detector: PublicDetector) -> str | None:
    """Say why a detector's file or folder is not what fetching it leaves; None if it is.

    >>> from npfacenet.zoo.manifest import manifest
    >>> fault_of(Path(__file__).parent, manifest()["mtcnn"])
    'lacks pnet.h5'
    """
    for path, network in kept_files(target, detector).items():
        if not path.is_file():
            return f"lacks {path.name}" if target.is_dir() else "is not a folder of its networks"
        try:
            checkpoint = read_network(path, network)
        except WeightsError as error:
            return f"is damaged or holds others ({error})"
        if checkpoint.layout != Native.name or not checkpoint.own_card:
            return f"holds {path.name} in another layout"
    return None


def kept_files(target: Path, detector: PublicDetector) -> Mapping[Path, PublicNetwork]:
    """Return where each network of a detector is kept, `target` being its file or its folder."""
    if len(detector.networks) == 1:
        return {target: detector.networks[0]}
    return {target / network.file_name: network for network in detector.networks}


def place_together(files: Iterable[tuple[Path, Path]]) -> None:
    """Copy each (source, target), so that after an error no target is there that was not before.

    Each target appears whole; folders are made as needed. Raises OutputError if one cannot be
    written.
    """
    new: list[Path] = []
    try:
        for source, target in files:
            new += [path for path in (target.parent, target) if not os.path.lexists(path)]
            with writing_in(target.parent):
                target.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as content, atomic_file(target) as file:
                shutil.copyfileobj(content, file)
    except BaseException:
        for path in reversed(new):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise
