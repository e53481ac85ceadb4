"""What a card says of photographs, in lines for people: their preparation, and thresholds."""

from __future__ import annotations

from npfacenet.cards import METRIC, Card, Threshold


def card_lines(card: Card) -> list[str]:
    """Return the preparation of pictures and every threshold that was measured, a line each.

    There are none for a network that is not for embedding.
    """
    if card.purpose != "embedding":
        return []
    lines = [f"preparation    {card.preparation}", f"threshold      {_said(card.threshold)}"]
    return lines + [
        f"and for {other.preparation}: {_said(other.threshold)}" for other in card.other_thresholds
    ]


def _said(known: Threshold | None) -> str:
    """Return a threshold with its evidence, and with its metric if that is unusual."""
    if known is None:
        return "none"
    metric = "" if known.metric == METRIC else f" ({known.metric})"
    return f"{known.value:g}{metric}: {known.evidence}"
