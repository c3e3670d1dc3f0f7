"""Results reduced to facts."""

from __future__ import annotations

import numpy as np
import pytest

from pellucid.core.features import Columns, Features, Pixels, Tokens
from pellucid.narratives.facts import attribution_facts, importance_facts
from tests.narratives.builders import AMOUNTS, attribution, blob, failed, importance, picture, regression


def test_the_strongest_of_both_directions_are_named() -> None:
    values = np.array([[5.0, 4.0, 3.0, 2.0, 1.0, -0.5, -0.4]])
    f = attribution_facts(regression(values, Columns.numbered(7)), 0)
    assert [p.amount for p in f.up] == [5.0, 4.0, 3.0]
    assert [p.amount for p in f.down] == [-0.5]
    assert (f.rest.count, f.rest.total, f.rest.largest) == (3, pytest.approx(2.6), 2.0)


def test_many_equal_features_are_still_named() -> None:
    f = attribution_facts(regression(np.ones((1, 300)), Columns.numbered(300)), 0)
    assert len(f.up) == 4
    assert len(importance_facts(importance((0.1,) * 3)).top) == 3


def test_shares_are_of_all_amounts() -> None:
    f = attribution_facts(attribution(), 0)
    assert f.up[0].share == pytest.approx(0.213 / np.abs(AMOUNTS).sum())


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((0, 0), "upper_left"),
        ((0, 5), "upper"),
        ((5, 5), "centre"),
        ((5, 10), "right"),
        ((10, 10), "lower_right"),
    ],
)
def test_evidence_is_placed_in_nine_fields(place: tuple[int, int], name: str) -> None:
    seen = attribution_facts(picture(values=blob(place=place)), 0).picture
    assert seen and seen.positive and seen.positive.place == name
    assert seen.negative is None
    assert seen.strongest == 1.0


def test_evenly_spread_evidence_is_not_concentrated() -> None:
    seen = attribution_facts(picture(values=np.ones((1, 1, 10, 10))), 0).picture
    assert seen and seen.strongest == pytest.approx(0.1)


def test_channels_of_a_gradient_do_not_cancel() -> None:
    values = np.concatenate([blob(), -blob()], axis=1)
    assert attribution_facts(picture("integrated_gradients", values), 0).zero
    assert not attribution_facts(picture("saliency", values), 0).zero


def test_groups_are_told_whole() -> None:
    """Shared values add up to the group's, and so do the half-widths; means keep both."""
    features = Columns(("a", "b", "c"), groups={"both": ("a", "b")})
    for value, half in ((2.0, 0.4), (1.0, 0.2)):
        e = regression(
            np.array([[1.0, 1.0, 0.5]]),
            features,
            player_values=np.array([[value, 0.5]]),
            half_width=np.array([[0.2, 0.2, 0.1]]),
        )
        f = attribution_facts(e, 0)
        assert (f.kind, f.up[0].cell.name, f.up[0].cell.shown, f.up[0].amount) == (
            "groups",
            "both",
            "",
            value,
        )
        assert f.up[0].half_width == pytest.approx(half)
        assert (f.up[1].cell.name, f.up[1].cell.shown) == ("c", "0.5")


def test_tokens_are_summed_over_their_embedding_and_padding_left_out() -> None:
    values = np.array([[[1.0, 1.0], [-3.0, 0.0], [9.0, 9.0]]])
    f = attribution_facts(regression(values, Tokens((("good", "film", ""),)), at="emb"), 0)
    assert (f.count, f.up[0].amount, f.down[0].cell.name) == (2, 2.0, "film")


def test_several_inputs_are_named() -> None:
    e = regression(np.array([[0.0, 0.0, 3.0, 0.0, 2.0]]), Features(), parts={"image": (2, 2), "age": (1,)})
    assert [p.cell.name for p in attribution_facts(e, 0).up] == ["image[1, 0]", "age[0]"]


def test_a_dense_layer_below_an_image_has_units_not_pixels() -> None:
    f = attribution_facts(
        attribution(values=np.array([[1.0, -2.0]]), features=Pixels(), at="fc", x=blob()), 0
    )
    assert (f.kind, f.picture, f.down[0].cell.name) == ("units", None, "[1]")


def test_several_plain_outputs_are_no_classes() -> None:
    e = regression(np.ones((1, 2)), Columns.numbered(2), scores=np.array([[1.0, 152.3]]), target="1")
    f = attribution_facts(e, 0)
    assert f.said is None
    assert f.explained.label == "1"


def test_a_number_that_is_no_probability_is_not_told_as_one() -> None:
    assert (
        attribution_facts(attribution(output=3.2, scores=np.array([[0.1, 0.9]])), 0).explained.space == "raw"
    )


def test_numbers_made_of_outputs() -> None:
    margin = attribution_facts(attribution(target="malignant - benign"), 0).explained
    assert (margin.space, margin.counts) == ("value", "probability")
    logarithm = attribution_facts(attribution(target="log p(malignant)"), 0).explained
    assert (logarithm.space, logarithm.counts) == ("value", "value")


def test_checks_of_other_rows_are_not_held_against_this_one() -> None:
    e = attribution(values=np.repeat(AMOUNTS, 3, 0), checks=(failed("half_width", rows=(1,)),))
    here, there = attribution_facts(e, 1).doubt, attribution_facts(e, 0).doubt
    assert (here.verdict, here.elsewhere) == ("unreliable", False)
    assert (there.verdict, there.elsewhere) == ("ok", True)


def test_values_that_are_no_numbers_are_left_out() -> None:
    f = attribution_facts(regression(np.array([[np.nan, 2.0, 0.0]]), Columns.numbered(3)), 0)
    assert [p.amount for p in f.up] == [2.0]


def test_errors_are_told_relative_to_the_largest_value() -> None:
    doubt = attribution_facts(attribution(half_width=np.full((1, 5), 0.0213)), 0).doubt
    assert doubt.typical == pytest.approx(0.1)
    assert not doubt.drowned
    assert attribution_facts(attribution(half_width=np.full((1, 5), 0.3)), 0).doubt.drowned
    assert (
        attribution_facts(attribution(half_width=np.full((1, 5), 0.3), exact=True), 0).doubt.typical is None
    )


def test_importances_that_may_be_zero_are_counted() -> None:
    f = importance_facts(importance((0.12, 0.009, -0.001)))
    assert ([p.cell.name for p in f.top], f.still, f.rest.count) == (["age"], 2, 0)
    assert importance_facts(importance(half=None)).still is None
    assert importance_facts(importance(names=("age", "both", "noise"))).grouped
