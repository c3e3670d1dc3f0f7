"""A result shows itself where it stands: in a prompt, in print, in a notebook."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

import pellucid

X = np.random.default_rng(0).normal(size=(80, 4))
FOREST = RandomForestClassifier(20, random_state=0).fit(X, X[:, 0] > 0)
RESULTS = {
    "attribution": lambda: pellucid.KernelShap()(FOREST, X[:3], background=X[:20]),
    "importance": lambda: pellucid.PermutationImportance(repeats=3)(FOREST, X, X[:, 0] > 0),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_result_shows_itself(make):
    e = make()
    assert repr(e).startswith(f"<{type(e).__name__} {e.provenance.title}, ")
    assert repr(e).endswith(f"{e.quality.verdict}>")
    assert len(repr(e)) < 100
    assert str(e) == e.narrate()
    html = e._repr_html_()
    start = html.index("base64,") + len("base64,")
    picture = base64.b64decode(html[start : html.index('"', start)])
    assert picture.startswith(b"\x89PNG")
    assert "http" not in html.split("<img")[0]


def test_the_sentence_is_escaped():
    names = ("<b>one</b>", 'two"', "three", "four")
    e = pellucid.KernelShap()(FOREST, X[:1], background=X[:20], features=pellucid.Columns(names))
    html = e._repr_html_()
    assert "<b>" not in html
    assert html.count("<img") == 1
