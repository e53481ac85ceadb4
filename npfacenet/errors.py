"""Every error that this library raises on purpose.

Each one is also a `ValueError` or an `OSError` (or both), so that code which does not
know this library may catch those:

>>> issubclass(ShapeError, ValueError), issubclass(ImageError, OSError)
(True, True)
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence

MOST_QUOTED = 200
"""Characters of anything given that a message repeats: pictures and secrets end up in logs."""
MOST_SAID = 2000

_LONG_WORD = re.compile(rf"\S{{{MOST_QUOTED + 1},}}")


class NpfacenetError(Exception):
    """The base of all errors of this library: `except NpfacenetError` catches every one.

    A message repeats at most 200 characters of a path or another word, and is one line of at
    most 2,000 characters that steers no terminal.
    """

    def __init__(self, message: str = "") -> None:
        text = _LONG_WORD.sub(lambda word: shortened(word[0]), printable(message))
        super().__init__(shortened(text, MOST_SAID))


class ArgumentError(NpfacenetError, ValueError):
    """An option or a hyperparameter has a value that it cannot have."""


class ShapeError(NpfacenetError, ValueError):
    """An array has the wrong shape or dtype; the message names what was expected and received."""


class ImageError(NpfacenetError, OSError, ValueError):
    """A picture is missing, damaged, too large, or not a picture; the message names it."""


class FaceError(ImageError):
    """A picture is sound, but shows no face that can be used."""


class NoFaceError(FaceError):
    """A detector finds no face in a picture; the message says what it looked for."""


class SeveralFacesError(FaceError):
    """A picture shows several faces, and only one was expected."""


class WeightsError(NpfacenetError, OSError, ValueError):
    """A weight file cannot be used; the message names the file, the fault and the remedy."""


class WeightsNotFoundError(WeightsError, FileNotFoundError):
    """No weight file of that name; the message lists where it was looked for."""


class FetchError(NpfacenetError, OSError):
    """A weight file could not be fetched or is not the file that the manifest describes."""


class OutputError(NpfacenetError, OSError):
    """A file could not be written; the message names its folder, and what was there stays."""


class EmbeddingError(NpfacenetError, ValueError):
    """An embedding cannot be compared: not finite, of another length, or without a threshold."""


class FingerprintError(EmbeddingError):
    """Two sets of embeddings were made by different models, so their distance means nothing."""


class GalleryError(NpfacenetError, ValueError):
    """A gallery or its folder cannot be used."""


class EvaluationError(NpfacenetError, ValueError):
    """Labelled pairs that cannot be evaluated: too few, malformed, or without their pictures."""


class TrainingError(NpfacenetError, ValueError):
    """Training cannot begin, or cannot go on; the message says what is kept, and the remedy."""


def printable(text: str) -> str:
    r"""The text in one line, without what would steer a terminal.

    >>> print(printable("two\nlines"))
    two\nlines
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shortened(text: str, most: int = MOST_QUOTED) -> str:
    """The text, or its beginning and its end with "..." between them: at most `most` characters.

    >>> shortened("abcdefghij", 7), shortened("short", 7)
    ('ab...ij', 'short')
    """
    if len(text) <= most:
        return text
    kept = most - 3
    return f"{text[: (kept + 1) // 2]}...{text[len(text) - kept // 2 :]}"


def quoted(value: object, most: int = MOST_QUOTED) -> str:
    """How a message repeats a value that was given: its `repr`, at most `most` characters of it.

    >>> quoted("dan"), quoted("x" * 1000, 13), quoted(list(range(100)))
    ("'dan'", "'xxxx...xxxx'", '[0, 1, 2, 3, 4, 5, ...]')
    """
    if isinstance(value, bytes) and len(value) > 2 * most:
        value = value[:most] + value[-most:]  # the repr of a whole picture costs memory
    return shortened(_REPR.repr(value), most)


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few of several names, and how many more there are.

    >>> listed(["ada", "ben", "cy", "dan"], most=2)
    'ada, ben and 2 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


class _Repr(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        """Python refuses to write integers of more than 4,300 digits in full."""
        if x.bit_length() > 10_000:
            return f"an integer of {x.bit_length():,} bits"
        return super().repr_int(x, level)


_REPR = _Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 2 * MOST_QUOTED
