"""The facts of embeddings that their file states as JSON: threshold, preparation, what was skipped.

`version` is that of the file's format. The other fields are those of the classes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from npfacenet.cards import Preparation, Threshold
from npfacenet.errors import EmbeddingError, quoted
from npfacenet.models.made_by import require_threshold
from npfacenet.models.skipped import Skipped

VERSION: Final = 1
LONGEST: Final = 1 << 26  # characters: a million skipped pictures, if they have short names


@dataclass(frozen=True)
class Facts:
    """What a file states as JSON."""

    threshold: Threshold | None
    preparation: Preparation | None
    skipped: tuple[Skipped, ...]

    def text(self) -> str:
        """Return them as JSON."""
        threshold = self.threshold
        if threshold is not None:  # NumPy's numbers serve, and JSON has none
            threshold = Threshold(float(threshold.value), threshold.evidence, threshold.metric)
        facts = {
            "version": VERSION,
            "threshold": None if threshold is None else asdict(threshold),
            "preparation": None if self.preparation is None else asdict(self.preparation),
            "skipped": [each.as_json() for each in self.skipped],
        }
        return json.dumps(facts, ensure_ascii=False)

    @classmethod
    def of(cls, stated: dict[str, object]) -> Facts:
        """Return the facts of a JSON object; raise EmbeddingError or ArgumentError for others."""
        match stated:
            case {"skipped": [*skipped], "threshold": threshold, "preparation": preparation}:
                return cls(
                    _threshold(threshold), _preparation(preparation), tuple(map(_skipped, skipped))
                )
        raise EmbeddingError("its 'facts' lack threshold, preparation or skipped")


def parsed(text: str) -> dict[str, object]:
    """Return the JSON object of a text, which states a version; raise EmbeddingError for others."""
    if len(text) > LONGEST:
        raise EmbeddingError(f"its 'facts' have over {LONGEST:,} characters")
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise EmbeddingError(f"its 'facts' are not JSON ({fault})") from fault
    match facts:
        case {"version": int(version)} if type(version) is int and version > 0:
            return dict(facts)
    raise EmbeddingError("its 'facts' state no version")


def _threshold(stated: object) -> Threshold | None:
    match stated:
        case None:
            return None
        case {"value": float() | int() as value, "evidence": str(evidence), "metric": str(metric)}:
            threshold = Threshold(value, evidence, metric)
            require_threshold(threshold)
            return threshold
    raise EmbeddingError(f"its threshold cannot be {quoted(stated)}")


def _preparation(stated: object) -> Preparation | None:
    match stated:
        case None:
            return None
        case {
            "detector": None | str() as detector,
            "alignment": None | str() as alignment,
            "crop": None | int() as crop,
        }:
            return Preparation(detector, alignment, crop)
    raise EmbeddingError(f"its preparation cannot be {quoted(stated)}")


def _skipped(stated: object) -> Skipped:
    match stated:
        case {
            "source": str(source),
            "reason": str(reason),
            "position": None | int() as position,
            "no_face": bool(no_face),
        }:
            return Skipped(source, reason, position, no_face)
    raise EmbeddingError(f"it cannot have skipped {quoted(stated)}")
