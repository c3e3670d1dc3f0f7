"""The sentences, word for word."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.errors import CapabilityError, ParameterError
from pellucid.core.features import Columns, Features, Pixels, Steps, Tokens, Units
from pellucid.narratives import tell
from pellucid.results import Explanation, Provenance, Quality
from tests.narratives.builders import (
    AMOUNTS,
    TUMOUR,
    attribution,
    blob,
    failed,
    importance,
    picture,
    regression,
)

SAID = {
    "en": "The model says malignant (probability 0.97, compared with the baseline of 0.37). According to "
    "Kernel SHAP, ",
    "zh": "模型判定为 malignant（概率 0.97，基线为 0.37）。根据 Kernel SHAP，",
}
UNKNOWN = {"en": " How accurate these numbers are is not known.", "zh": "以上数值的误差未知。"}
TUMOUR_TOLD = {
    "en": "the probability was raised most by worst radius = 25.4 mm (21.3 points), then by menopause = "
    "after (11.0 points) and stage = missing (5.2 points), and was lowered by mean texture = 14.1 (3.0 "
    "points). The remaining column adds 4.1 points.",
    "zh": "使概率升高最多的是 worst radius = 25.4 mm（21.3 个百分点），其次是 menopause = after（11.0 "
    "个百分点）和 stage = 缺失（5.2 个百分点）；使概率降低的是 mean texture = 14.1（3.0 个百分点）。"
    "其余一列使其升高 4.1 个百分点。",
}


def both(e: Explanation, en: str, zh: str, **how: Any) -> None:
    assert tell(e, "en", **how) == en
    assert tell(e, "zh", **how) == zh


def test_a_probability_of_a_table_with_errors() -> None:
    both(
        attribution(half_width=np.abs(AMOUNTS) / 10),
        SAID["en"] + "the probability was raised most by worst radius = 25.4 mm (21.3 ± 2.1 points), then "
        "by menopause = after (11.0 ± 1.1 points) and stage = missing (5.2 ± 0.5 points), and was lowered "
        "by mean texture = 14.1 (3.0 ± 0.3 points). The remaining column adds 4.1 points. ± marks the 95 % "
        "interval of each amount.",
        SAID["zh"]
        + "使概率升高最多的是 worst radius = 25.4 mm（21.3 ± 2.1 个百分点），其次是 menopause = after"
        "（11.0 ± 1.1 个百分点）和 stage = 缺失（5.2 ± 0.5 个百分点）；使概率降低的是 mean texture = "
        "14.1（3.0 ± 0.3 个百分点）。其余一列使其升高 4.1 个百分点。± 之后为 95% 置信区间的半宽。",
    )


def test_an_error_of_unknown_size() -> None:
    both(attribution(), *(SAID[lang] + TUMOUR_TOLD[lang] + UNKNOWN[lang] for lang in ("en", "zh")))


def test_a_regression_that_is_exact() -> None:
    e = regression(
        np.array([[40.0, -36.0, 0.3, 0.2]]), Columns.numbered(4), x=np.array([[1, 2, 3, 4]]), exact=True
    )
    both(
        e,
        "The model predicts 152, compared with the baseline of 148. According to integrated gradients, the "
        "output was raised most by x0 = 1 (40), and was lowered by x1 = 2 (36). The other 2 columns "
        "together add 0.5. These numbers are exact, up to rounding.",
        "模型的预测值为 152，基线为 148。根据积分梯度，使输出值升高最多的是 x0 = 1（40）；使输出值降低的是 "
        "x1 = 2（36）。其余 2 列合计使其升高 0.5。以上数值是精确的（仅有舍入误差）。",
    )


def test_one_feature_and_no_base() -> None:
    both(
        regression(np.array([[5.0]]), Columns(("年龄",)), x=np.array([[41.0]]), base=None, exact=True),
        "The model predicts 152. According to integrated gradients, the output was raised by 年龄 = 41 (5). "
        "These numbers are exact, up to rounding.",
        "模型的预测值为 152。根据积分梯度，使输出值升高的是年龄 = 41（5）。"
        "以上数值是精确的（仅有舍入误差）。",
    )


def test_nothing_had_any_effect() -> None:
    both(
        attribution(values=AMOUNTS * 0),
        SAID["en"] + "none of the 5 columns had any effect on the probability.",
        SAID["zh"] + "全部 5 列对概率都没有影响。",
    )


def test_another_class_than_the_predicted_one() -> None:
    e = attribution(target="benign", output=0.03, scores=np.array([[0.03, 0.97]]), exact=True)
    both(
        e,
        "The model says malignant (probability 0.97). What is explained here is benign (probability 0.03, "
        "compared with the baseline of 0.37). According to Kernel SHAP, the probability of benign was"
        + TUMOUR_TOLD["en"].removeprefix("the probability was")
        + " These numbers are exact, up to rounding.",
        "模型判定为 malignant（概率 0.97）。此处解释的是 benign（概率 0.03，基线为 0.37）。根据 Kernel SHAP，"
        + TUMOUR_TOLD["zh"].replace("使概率", "使 benign 的概率")
        + "以上数值是精确的（仅有舍入误差）。",
    )


def test_the_features_of_an_occlusion_are_hidden() -> None:
    both(
        attribution("occlusion", base=None, exact=True),
        "The model says malignant (probability 0.97). According to occlusion, the probability falls most on "
        "hiding worst radius = 25.4 mm (21.3 points), then on hiding menopause = after (11.0 points) and "
        "stage = missing (5.2 points), and rises on hiding mean texture = 14.1 (3.0 points). The remaining "
        "column accounts for 4.1 points. These numbers are exact, up to rounding.",
        "模型判定为 malignant（概率 0.97）。根据遮挡法，遮住后使概率下降最多的是 worst radius = 25.4 "
        "mm（21.3 个百分点），其次是 menopause = after（11.0 个百分点）和 stage = 缺失（5.2 个百分点）；"
        "遮住后使概率上升的是 mean texture = 14.1（3.0 个百分点）。其余一列的影响为 4.1 个百分点。"
        "以上数值是精确的（仅有舍入误差）。",
    )


def test_a_gradient_is_a_rate_and_no_contribution() -> None:
    values = np.array([[0.2, -0.03]])
    e = attribution(
        "saliency", values, Columns(("a", "b"), {"a": "mm"}), x=np.ones((1, 2)), base=None, exact=True
    )
    both(
        e,
        "The model says malignant (probability 0.97). According to saliency, the probability rises fastest "
        "with a = 1 mm (20.0 points per mm), and falls with b = 1 (3.0 points per unit). These numbers are "
        "exact, up to rounding.",
        "模型判定为 malignant（概率 0.97）。根据显著图，增大时使概率上升最快的是 a = 1 mm（每 mm 20.0 "
        "个百分点）；增大时使概率下降的是 b = 1（每单位 3.0 个百分点）。以上数值是精确的（仅有舍入误差）。",
    )
    assert "most sensitive to" in tell(attribution("saliency", np.abs(AMOUNTS)))


def test_an_image() -> None:
    both(
        picture(values=blob() + blob(-0.5, (9, 9)), half_width=np.full((1, 1, 12, 12), 0.03)),
        "The model says cat (logit 8.2, compared with the baseline of 1.3). According to integrated "
        "gradients, the pixels that raised the logit are centred in the upper left of the image (together 4 "
        "in logit units), those that lowered it in the lower right (together 2 in logit units); the "
        "strongest 10 % of the image carries 100 % of the total. The error (95 % interval) is typically 3 % "
        "of the largest value.",
        "模型判定为 cat（logit 为 8.2，基线为 1.3）。根据积分梯度，使 logit "
        "升高的像素重心位于图像左上部（合计 4 个 logit 单位），使其降低的像素重心位于右下部（合计 2 个 "
        "logit 单位）；最强的 10% 区域占总量的 100%。误差（95% 置信区间）通常为最大值的 3%。",
    )


@pytest.mark.parametrize("features", [Pixels(), Units("conv4")])
def test_a_class_activation_map(features: Features) -> None:
    values = blob(place=(5, 5))[:, 0]
    e = attribution(
        "grad_cam",
        values,
        features,
        output=8.2,
        base=None,
        space="logit",
        classes=(),
        target="1",
        at="conv4",
        exact=True,
    )
    both(
        e,
        "The model says class 1 (logit 8.2). According to Grad-CAM at layer conv4, the evidence for class 1 "
        "is centred in the middle of the image; the strongest 10 % of the image carries 100 % of the total. "
        "These numbers are exact, up to rounding.",
        "模型判定为类别 1（logit 为 8.2）。根据 Grad-CAM（“conv4”层），支持类别 1 的证据重心位于图像中央；"
        "最强的 10% 区域占总量的 100%。以上数值是精确的（仅有舍入误差）。",
    )


def test_an_importance() -> None:
    both(
        importance(),
        "The model's accuracy is 0.93 on 1,200 rows. According to permutation importance, it falls most "
        "when age (0.12 ± 0.01) is shuffled, then income (0.03 ± 0.01). 1 of the 3 columns cannot be told "
        "from zero. ± marks the 95 % interval of each amount.",
        "模型在 1,200 行数据上的准确率为 0.93。根据置换重要性，打乱后使其下降最多的是 age（0.12 ± 0.01），"
        "其次是 income（0.03 ± 0.01）。在 3 列中，有 1 列的重要性与零无法区分。± 之后为 95% 置信区间的半宽。",
    )


def test_an_importance_without_true_values() -> None:
    both(
        importance(score="squared change of the logit", intact=float("nan"), half=None),
        "According to permutation importance, the squared change of the logit is largest when age (0.12) is "
        "shuffled, then income (0.03). The remaining column moves it by 0.001. How accurate these numbers "
        "are is not known.",
        "根据置换重要性，打乱后使 logit 变化的平方最大的是 age（0.12），其次是 income（0.03）。"
        "其余一列的影响为 0.001。以上数值的误差未知。",
    )


def test_an_importance_of_nothing() -> None:
    both(
        importance(
            (0.001, 0.0, -0.002),
            quality=Quality("x", half_width=np.full(3, 0.01), checks=(failed("chance"),)),
        ),
        "The model's accuracy is 0.93 on 1,200 rows. According to permutation importance, no column lowers "
        "it measurably when shuffled. Do not rely on this: the model does no better than guessing, so "
        "importances mean nothing.",
        "模型在 1,200 行数据上的准确率为 0.93。根据置换重要性，单独打乱任何一列都不会使其明显下降。"
        "此结果不可靠：模型的表现不优于随机猜测，重要性没有意义。",
    )


def test_a_check_that_failed_and_one_we_do_not_know() -> None:
    checks = (failed("unheard_of", "warn", "Something odd happened."), failed("completeness"))
    en, zh = (tell(attribution(checks=checks), lang) for lang in ("en", "zh"))
    assert en.endswith(
        "Do not rely on this: the amounts do not add up to what the model said; something odd happened."
    )
    assert zh.endswith("此结果不可靠：各项数值之和与模型的输出不符；something odd happened。")


def test_many_caveats_are_counted() -> None:
    checks = tuple(
        failed(name, "warn") for name in ("off_manifold", "correlated", "finite", "window_size", "chance")
    )
    assert tell(attribution(checks=checks)).endswith("; 2 more checks did not pass.")


def test_an_error_that_drowns_everything() -> None:
    assert tell(attribution(half_width=AMOUNTS * 0 + 1)).endswith(
        "Even the largest of these values cannot be told from zero."
    )


def test_checks_of_other_rows_are_mentioned() -> None:
    e = attribution(values=np.repeat(AMOUNTS, 2, 0), checks=(failed("half_width", rows=(1,)),))
    assert tell(e, row=0).endswith("Checks did not pass for other rows, but did for this one.")
    assert "有检查在其他行上未通过" in tell(e, "zh", row=0)
    assert "Do not rely" in tell(e, row=1)


def test_the_first_of_many_rows() -> None:
    e = attribution(values=np.repeat(AMOUNTS, 3, 0))
    assert tell(e).endswith("This is the first of 3 rows.")
    assert tell(e, "zh").endswith("以上是 3 行数据中的第一行。")
    assert "of 3 rows" not in tell(e, row=2)


@pytest.mark.parametrize(
    ("features", "shape", "name"),
    [
        (Features(), (2, 3), "entry [1, 2] = 9"),
        (Units("fc1"), (6,), "unit [5]"),
        (Steps(("heat", "wind"), unit="day"), (2, 3), "wind @ day 2 = 9"),
        (Tokens((("not", "a", "good", "film", "not", "great"),)), (6,), "“great”"),
        (Tokens((("great", "a", "good", "film", "not", "great"),)), (6,), "token 6 “great”"),
        (Tokens(), (6,), "“token 5”"),
    ],
)
def test_other_kinds_of_features(features: Features, shape: tuple[int, ...], name: str) -> None:
    values = np.array([1.0, 0, 0, 0, 0, 9]).reshape(1, *shape)
    at = "fc1" if isinstance(features, Units) else ""
    assert f"was raised most by {name} (9)" in tell(regression(values, features, at=at))
    assert "升高最多的是" in tell(regression(values, features, at=at), "zh")


def test_smoothed_methods_say_what_they_smooth() -> None:
    def smoothed(inner: str, reduce: str = "mean") -> str:
        params = {"of": {"method": inner, "steps": 50}, "reduce": reduce}
        return tell(attribution("noise_tunnel", np.abs(AMOUNTS), params=params))

    assert (
        "SmoothGrad, the probability is most sensitive to worst radius = 25.4 mm (21.3 points per mm)"
        in smoothed("saliency")
    )
    assert "SmoothGrad over integrated gradients, the probability was raised" in smoothed(
        "integrated_gradients"
    )
    assert "VarGrad, the probability is most sensitive to worst radius = 25.4 mm (0.213)" in smoothed(
        "saliency", "variance"
    )


def test_a_method_without_a_name_goes_by_its_title() -> None:
    assert "According to Some method, " in tell(attribution("new_method"))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("space", ["probability", "logit", "log-odds", "raw", "score", "unheard-of"])
@pytest.mark.parametrize(
    "method",
    ["saliency", "integrated_gradients", "occlusion", "grad_cam", "noise_tunnel", "kernel_shap", "other"],
)
def test_no_field_is_left_open(method: str, space: str, lang: str) -> None:
    flip = blob() - blob(place=(9, 9))
    for e in (
        attribution(method, -AMOUNTS, space=space),
        attribution(method, AMOUNTS, space=space, scores=None, target="other", base=None),
        attribution(method, AMOUNTS, space=space, scores=None, target="output"),
        picture(method, flip, space=space),
        picture(method, -flip[:, 0], space=space, at="conv"),
        picture(method, flip * 0, space=space),
    ):
        told = tell(e, lang)
        assert not re.search(r"[{}]|  |\bNone\b|\bnan\b", told), told
        assert "-0 " not in told
        assert told.endswith("." if lang == "en" else "。")


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=9))
def test_the_largest_amount_is_always_told(values: list[float]) -> None:
    e = regression(np.array([values]), Columns(tuple(f"<{i}>" for i in range(len(values)))))
    largest = int(np.abs(values).argmax())
    if values[largest]:
        assert f"<{largest}>" in tell(e)
        assert f"<{largest}>" in tell(e, "zh")
    else:
        assert "effect" in tell(e)


def test_what_cannot_be_told() -> None:
    with pytest.raises(ParameterError, match='"en" or "zh"'):
        tell(attribution(), "fr")
    for row in (1, -1):
        with pytest.raises(ParameterError, match=r"Choose 0\.\.0"):
            tell(attribution(), row=row)
    with pytest.raises(ParameterError, match="no rows"):
        tell(importance(), row=0)
    with pytest.raises(ParameterError, match="no rows"):
        tell(attribution(values=AMOUNTS[:0]))
    bare = Explanation(values=AMOUNTS, features=TUMOUR, quality=Quality("x"), provenance=Provenance("m", "M"))
    with pytest.raises(CapabilityError, match="no narrative"):
        tell(bare)
