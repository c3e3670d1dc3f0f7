"""Whatever words are absent, those that are left are the words that were there: none is glued to another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid.core.texts import Words, read_texts

texts = st.text(alphabet="ab很好3.,'- \n!？😀_é", min_size=1, max_size=24).filter(lambda t: Words().spans(t))


@settings(max_examples=300, deadline=None)
@given(text=texts, seed=st.integers(0, 10_000))
def test_the_words_left_are_the_words_that_were_there(text, seed):
    model, rows, tokens = read_texts(None, [text], None)
    words = [w for w in tokens.row(0) if w]
    present = np.random.default_rng(seed).random(len(words)) < 0.5
    variant = model.text(np.where(present, rows[0], -rows[0]).tolist())
    left = [variant[a:b] for a, b in Words().spans(variant)]
    assert left == [w for w, here in zip(words, present, strict=True) if here]


METHODS = [info.cls for info in pellucid.methods("text") if info.family == "perturbation"]


@pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
@pytest.mark.parametrize("text", ["the cat,sat 'on' mats", "非GPT大好人了", "a,b,c d"])
def test_no_method_asks_about_glued_words(method, text):
    """And the neutral-token probe passes: spaces between words say nothing to a model of words."""
    known = {text[a:b] for a, b in Words().spans(text)}

    def model(asked: list[str]) -> np.ndarray:
        cut = [[t[a:b] for a, b in Words().spans(t)] for t in asked]
        assert all(set(words) <= known for words in cut)
        return np.array([float(len(words)) for words in cut])

    e = method()(model, text)
    assert e.quality.check("neutral_token").status == "ok"
