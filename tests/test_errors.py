"""Messages repeat little of what was given, in one line."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npfacenet import errors
from npfacenet.errors import MOST_QUOTED, MOST_SAID, NpfacenetError, listed, quoted, shortened

ERRORS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, NpfacenetError)
]


@pytest.mark.parametrize("error", ERRORS)
@given(secret=st.text("abcXYZ0123456789+/=\x1b\n", min_size=1, max_size=400))
def test_a_message_is_one_line_and_repeats_little_of_a_word(
    error: type[NpfacenetError], secret: str
) -> None:
    message = str(error(f"before {secret * 3} after"))
    assert message.isprintable()
    assert max(map(len, message.split())) <= MOST_QUOTED
    assert message.startswith("before ")
    assert message.endswith(" after")


@pytest.mark.parametrize("error", ERRORS)
def test_short_messages_stay_as_they_are(error: type[NpfacenetError]) -> None:
    raised = error("photo.jpg is empty; obtain it again")
    assert str(raised) == "photo.jpg is empty; obtain it again"
    assert str(pickle.loads(pickle.dumps(raised))) == str(raised)  # noqa: S301
    assert isinstance(raised, (ValueError, OSError)) or error is NpfacenetError


def test_a_message_of_many_words_ends() -> None:
    assert len(str(NpfacenetError("many words " * 10_000))) == MOST_SAID


@given(st.text() | st.binary() | st.lists(st.integers()), st.integers(8, 300))
def test_quoted_is_short_and_one_line(value: object, most: int) -> None:
    text = quoted(value, most)
    assert len(text) <= most
    assert text.isprintable()


def test_quoted_does_not_write_out_what_is_large() -> None:
    assert len(quoted(b"\xff" * 50_000_000)) == MOST_QUOTED
    assert len(quoted(10**4000)) <= MOST_QUOTED
    # Python writes no integer of more than 4,300 digits.
    assert quoted(10**5000) == "an integer of 16,610 bits"
    assert quoted([1, -(10**5000)]) == "[1, an integer of 16,610 bits]"


@given(st.text(), st.integers(5, 50))
def test_shortened_keeps_beginning_and_end(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) == min(len(text), most)
    assert (short[0], short[-1]) == (text[0], text[-1]) if text else not short


def test_listed_counts_what_it_leaves_out() -> None:
    assert listed(["a"]) == "a"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
