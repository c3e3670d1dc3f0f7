"""Places in a network as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.core.errors import LayerError
from pellucid.core.place import Place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("conv1", Place("conv1")),
        ("encoder.layers.0.norm", Place("encoder.layers.0.norm")),
        ("relu#2", Place("relu", call=2)),
        ("lstm[1]", Place("lstm", item=1)),
        ("lstm[0]", Place("lstm", item=0)),
        ("fc:input", Place("fc", input=True)),
        ("fc:output", Place("fc")),
        ("block#3[2]:input", Place("block", 3, 2, True)),
        ("with space", Place("with space")),
    ],
)
def test_read(text, place):
    assert Place.parse(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#2",
        "conv#",
        "conv#x",
        "conv[]",
        "conv[-1]",
        "conv:side",
        "conv:",
        ":input",
        "a[0]#1",
        "a:input[0]",
    ],
)
def test_refused(text):
    with pytest.raises(LayerError, match=r"This is no place in a network") as caught:
        Place.parse(text)
    assert repr(text) in str(caught.value)
    assert "'relu#2'" in str(caught.value)


def test_calls_are_counted_from_one():
    with pytest.raises(LayerError, match=r"counted from 1"):
        Place.parse("relu#0")
    with pytest.raises(LayerError):
        Place.parse("relu#00")


@settings(deadline=None)
@given(
    st.text("abcxyz0189._- ", min_size=1),
    st.none() | st.integers(1, 99),
    st.none() | st.integers(0, 99),
    st.booleans(),
)
def test_written_and_read_again(layer, call, item, side):
    place = Place(layer, call, item, side)
    assert Place.parse(str(place)) == place
