"""Every error that this library raises on purpose.

Each one is also a `ValueError` or an `OSError` (or both), so that code which does not
know this library may catch those:

>>> issubclass(ShapeError, ValueError), issubclass(ImageError, OSError)
(True, True)
"""

from __future__ import annotations


class NpfacenetError(Exception):
    """The base of all errors of this library: `except NpfacenetError` catches every one."""


class ArgumentError(NpfacenetError, ValueError):
    """An option or a hyperparameter has a value that it cannot have."""


class ShapeError(NpfacenetError, ValueError):
    """An array has the wrong shape or dtype; the message names what was expected and received."""


class ImageError(NpfacenetError, OSError, ValueError):
    """A picture is missing, damaged, too large, or is no picture; the message names it."""


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
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
