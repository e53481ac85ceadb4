"""People whom a network does not learn from, and what they say about it."""

from __future__ import annotations

from dataclasses import replace

from npfacenet.checkpoints.card import Threshold
from npfacenet.inference.blas import single_threaded
from npfacenet.models import Model
from npfacenet.networks import NetworkParameters
from npfacenet.recognition.calibration import calibrate
from npfacenet.training.configuration import Configuration
from npfacenet.training.pictures import IdentityFolder, PictureStore
from npfacenet.training.validation import Validation, distances_of_pairs, draw_pairs, validated

FALSE_MATCH_RATE = 0.01


class HeldOut:
    """The pictures of held-out people, and the pairs drawn from them; perhaps none."""

    def __init__(
        self, model: Model, folder: IdentityFolder, learnt: IdentityFolder, choices: Configuration
    ) -> None:
        self._model, self._folder, self._learnt = model, folder, learnt
        self.store = PictureStore(folder.paths, choices.crop, model.card.input_size)
        self._crop = "whole pictures" if choices.crop is None else f"centre crop {choices.crop}"
        self._pairs = draw_pairs(folder.labels, choices.seed) if folder.paths else None

    def measure(self, parameters: NetworkParameters) -> tuple[Validation | None, Model]:
        """The rates with these parameters, and a model of them whose card says so.

        Its threshold allows one false match in a hundred on these pairs, where they carry that.
        """
        old = self._model.card
        card = replace(
            old,
            threshold=None,
            source=f"trained by npfacenet from: {old.source}"[:500],
            trained_on=tuple(sorted({*old.trained_on, *self._learnt.names})),
        )
        model = Model(self._model.network, parameters, card)
        if self._pairs is None:
            return None, model
        faces = (self.store.plain(i) for i in range(len(self._folder.paths)))
        with single_threaded():  # or the bits depend on whether the teacher is at work
            embeddings = model.embed(faces)
        distances = distances_of_pairs(embeddings, self._pairs)
        genuine, impostors = distances[self._pairs.genuine], distances[~self._pairs.genuine]
        if len(impostors) * FALSE_MATCH_RATE >= 3:
            chosen = calibrate(genuine, impostors, FALSE_MATCH_RATE)
            people = f"{len(self._folder.names)} held-out people, {self._crop}"
            evidence = f"chosen on pairs of {people}: {chosen}"
            card = replace(card, threshold=Threshold(chosen.threshold, evidence))
        return validated(genuine, impostors), replace(model, card=card)
