"""Texts: how they are cut, what an absent word leaves, and words with known effects found again."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import pellucid
from pellucid.core.errors import CapabilityError, DataError, ParameterError
from pellucid.core.texts import Words, read_texts

METHODS = [
    pellucid.ExactShapley(),
    pellucid.PermutationShap(),
    pellucid.KernelShap(),
    pellucid.Occlusion(),
]
every = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)


def points(texts: list[str]) -> np.ndarray:
    """2 for "good", -1 for each "bad", 1 for 很."""
    words = [t.replace("很", " 很 ").replace(",", " ").replace("!", " ").split() for t in texts]
    return np.array([2.0 * ("good" in w) - w.count("bad") + w.count("很") for w in words])


def cut(text: str, words: Words | None = None) -> list[str]:
    return [text[a:b] for a, b in (words or Words()).spans(text)]


# -- cutting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A good film, bad and bad!", ["A", "good", "film", "bad", "and", "bad"]),
        ("It's the users' choice", ["It's", "the", "users", "choice"]),
        ("这部电影很好。", ["这", "部", "电", "影", "很", "好"]),
        ("GPT很好 indeed", ["GPT", "很", "好", "indeed"]),
        ("pi is 3.14, or 1,000", ["pi", "is", "3.14", "or", "1,000"]),
        ("great 😀😀 stuff", ["great", "😀😀", "stuff"]),
        ("naïve Übung «café»", ["naïve", "Übung", "«", "café", "»"]),
        (" \n ...", []),
    ],
)
def test_the_default_splitter(text, words):
    assert cut(text) == words


def test_a_function_of_the_users():
    assert cut("这部电影很好", Words(split=lambda t: ["这", "部", "电影", "很好"])) == [
        "这",
        "部",
        "电影",
        "很好",
    ]
    assert cut("a  b", Words(split=lambda t: t.split(" "))) == ["a", "b"]


def test_a_tokenizers_pieces_are_put_together_to_words():
    class Tokenizer:
        """Pieces of at most three letters, as offsets, as fast tokenizers give them."""

        def convert_ids_to_tokens(self) -> None: ...

        def __call__(self, text: str, **how: Any) -> dict[str, list[tuple[int, int]]]:
            return {"offset_mapping": [m.span() for m in re.finditer(r"\w{1,3}|[^\w\s]", text)] + [(0, 0)]}

    assert cut("abcdef ghi, jk", Words(split=Tokenizer())) == ["abcdef", "ghi", ",", "jk"]


@pytest.mark.parametrize(
    ("split", "word"),
    [(lambda t: ["not there"], "not in the text"), (lambda t: t, "list of words")],
)
def test_a_splitter_that_changes_the_text_is_refused(split, word):
    with pytest.raises(ParameterError, match=word):
        cut("some text", Words(split=split))


@pytest.mark.parametrize(("knobs", "word"), [({"absent": 3}, "absent"), ({"split": "words"}, "split")])
def test_words_are_checked(knobs, word):
    with pytest.raises(ParameterError, match=word):
        Words(**knobs)


# -- hiding ---------------------------------------------------------------------------------------------------------


def variants(text: str, kept: list[list[bool]], words: Words | None = None) -> list[str]:
    model, rows, _ = read_texts(None, [text], words)
    return [model.text(np.where(k, rows[0], -rows[0]).tolist()) for k in kept]


def test_absent_words_never_glue_their_neighbours():
    assert variants("a b, c", [[True, False, True]]) == ["a , c"]
    assert variants("很大好", [[True, False, True], [True, True, True], [False, True, True]]) == [
        "很 好",
        "很大好",
        "大好",
    ]
    assert variants("非GPT好", [[True, False, True]]) == ["非 好"]
    assert variants("(a) b", [[False, False], [True, True]]) == ["() ", "(a) b"]


def test_absent_words_may_leave_a_mask():
    assert variants("a b, c", [[True, False, True]], Words(absent="[MASK]")) == ["a [MASK], c"]


def test_all_there_is_the_text_itself():
    for text in ("  A good film, bad and bad!\n", "这部电影很好。", "x"):
        model, rows, _ = read_texts(None, text, None)
        assert model.text(rows[0].tolist()) == text


# -- known effects --------------------------------------------------------------------------------------------------


@every
def test_words_with_known_effects(method):
    """A word without effect gets exactly 0, and two occurrences of a word get their own values."""
    e = method(points, ["A good film, bad and bad!", "很 good"])
    np.testing.assert_array_equal(e.values[0, [0, 2, 4]], 0)
    np.testing.assert_allclose(e.values[0, [1, 3, 5]], [2, -1, -1], atol=1e-9)
    np.testing.assert_allclose(e.values[1, :2], [1, 2], atol=1e-9)
    np.testing.assert_array_equal(e.values[1, 2:], 0)
    assert e.features.row(1) == ("很", "good", "", "", "", "")
    assert e.quality.check("neutral_token").status == "ok"
    assert "left out" in e.quality.estimand


def test_the_first_of_two_occurrences_may_be_the_one_that_counts():
    """The model reads the first word alone, so the second "yes" is worth nothing."""
    first = lambda texts: np.array([float(t.split()[:1] == ["yes"]) for t in texts])  # noqa: E731
    e = pellucid.Occlusion()(first, ["yes no yes"])
    np.testing.assert_array_equal(e.values, [[1, 0, 0]])


def test_a_planted_word_is_found_in_long_texts():
    rng = np.random.default_rng(0)
    filler = "the of and to in is it you that he was for on are with as his they be at".split()  # noqa: SIM905
    texts = []
    for place in rng.integers(0, 40, 5).tolist():
        words = rng.choice(filler, 40).tolist()
        texts.append(" ".join([*words[:place], "planted", *words[place:]]))
    f = lambda many: np.array([3.0 * ("planted" in t.split()) + 0.01 * len(t.split()) for t in many])  # noqa: E731
    e = pellucid.PermutationShap()(f, texts)
    for row, text in enumerate(texts):
        assert int(np.argmax(np.abs(e.values[row]))) == text.split().index("planted")


def test_a_pipeline_is_explained_as_it_is():
    good, bad = (
        ["good great fine film", "fine great plot", "good story"],
        ["bad awful film", "awful boring plot", "bad story"],
    )
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100)).fit(good + bad, [1, 1, 1, 0, 0, 0])
    e = pellucid.ExactShapley()(pipeline, "a great film but awful plot", target=1)
    words = dict(zip(e.features.row(0), e.values[0], strict=True))
    assert words["great"] > 0.1
    assert words["awful"] < -0.1
    assert words["a"] == words["but"] == 0
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)
    assert e.plot().has_data() or e.plot().patches
    assert "awful" in e.narrate()
    assert "great" in e.narrate("zh")


def test_series_and_arrays_of_texts_keep_their_index(tmp_path):
    pandas = pytest.importorskip("pandas")
    texts = pandas.Series(["good", "bad film"], index=["x", "y"])
    e = pellucid.ExactShapley()(points, texts)
    assert e.index == ("x", "y")
    np.testing.assert_array_equal(pellucid.ExactShapley()(points, texts.to_numpy()).values, e.values)
    back = pellucid.load(e.save(tmp_path / "texts"))
    assert back.features == e.features


def test_a_model_that_reads_spaces_is_found_out():
    with pytest.warns(pellucid.PellucidWarning, match=r"reads spaces"):
        e = pellucid.Occlusion()(lambda texts: np.array([float(len(t)) for t in texts]), "one two three")
    assert e.quality.check("neutral_token").status in ("warn", "fail")


# -- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", ["", "  ", ["fine", "..."]])
def test_an_empty_text_is_refused(x):
    with pytest.raises(DataError, match=r"Text \d holds no words"):
        pellucid.Occlusion()(points, x)


@pytest.mark.parametrize(
    "more", [{"baseline": 0.0}, {"background": ["good"]}], ids=["baseline", "background"]
)
def test_a_baseline_for_texts_is_refused(more):
    with pytest.raises(ParameterError, match=r"absent"):
        pellucid.Occlusion()(points, ["good film"], **more)


def test_words_for_what_is_no_text_are_refused():
    with pytest.raises(ParameterError, match=r"how texts are cut"):
        pellucid.Occlusion()(lambda r: r.sum(1), np.ones((1, 3)), features=Words())


def test_gradients_of_texts_are_refused():
    with pytest.raises(CapabilityError, match=r"no gradients|Use a perturbation method"):
        pellucid.Saliency()(points, ["good film"])
