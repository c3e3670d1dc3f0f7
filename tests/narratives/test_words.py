"""Both languages have the same texts, whole and in their own punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

import pytest

from pellucid.core.errors import ParameterError
from pellucid.narratives.facts import READINGS, SPACES
from pellucid.narratives.picture import FIELDS
from pellucid.narratives.words import LANGUAGES, join, words

CHECKS = (
    "completeness",
    "discretisation",
    "saturation",
    "finite",
    "half_width",
    "efficiency",
    "off_manifold",
    "negative_evidence",
    "resolution",
    "chance",
    "correlated",
    "row_independence",
    "background_size",
    "window_size",
    "conservation",
    "operations",
    "outside_box",
)
METHODS = (
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "noise_tunnel",
    "grad_cam",
    "lrp",
    "occlusion",
    "kernel_shap",
    "permutation_importance",
)


def leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def fields(text: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys() -> None:
    en, zh = (dict(leaves(words(lang).tree)) for lang in LANGUAGES)
    assert en.keys() == zh.keys()


def test_a_text_uses_the_fields_of_its_twin() -> None:
    """Chinese may leave out what it need not repeat ("it"); it may not ask for what is not given."""
    en, zh = (dict(leaves(words(lang).tree)) for lang in LANGUAGES)
    odd = {key: fields(zh[key]) ^ fields(en[key]) for key in en if fields(zh[key]) != fields(en[key])}
    assert all(key[:2] == ("importance", "intact") or gap <= {"noun"} for key, gap in odd.items()), odd


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_method_check_space_and_place_has_a_name(lang: str) -> None:
    w = words(lang)
    assert all(w.find("methods", name) for name in METHODS)
    assert all(w.find("checks", name) for name in CHECKS)
    assert all(w.find("place", place) for row in FIELDS for place in row)
    for space in (*SPACES, "value"):
        assert all(w.find(table, space) for table in ("single", "worth", "noun", "noun_of", "unit"))
    for reading in {*READINGS.values(), "contribution", "sensitivity"}:
        assert all(w.find(reading, way, "most") for way in ("up", "down"))


def test_chinese_is_punctuated_in_full_width() -> None:
    texts = [re.sub(r"\{\w*\}", "", text) for path, text in leaves(words("zh").tree)]
    assert not [t for t in texts if re.search(r"[,;:!?()]|\.(?!\d)", t)]


def test_chinese_and_latin_are_set_apart() -> None:
    assert join(["判定为", "malignant", "（", "概率", "0.97", "）"]) == "判定为 malignant（概率 0.97）"
    assert join(["判定为", "恶性"]) == "判定为恶性"
    assert join(["a", "", "b"]) == "ab"


def test_an_unknown_language_lists_the_known_ones() -> None:
    with pytest.raises(ParameterError, match='"en" or "zh"'):
        words("de")
