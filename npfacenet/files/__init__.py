"""Files: opened only if regular and small enough, written whole or not at all."""

from npfacenet.files.reading import LARGEST_TEXT, open_regular, read_text

__all__ = ["LARGEST_TEXT", "open_regular", "read_text"]


def __dir__() -> list[str]:
    return sorted(__all__)
