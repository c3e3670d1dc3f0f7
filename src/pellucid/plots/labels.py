"""Every word on a picture, in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pellucid.core.errors import ParameterError, nearest

from . import theme
from .check_labels import CHINESE


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of one language; those in braces are filled in."""

    contribution: str
    contributions: str
    gradient_of: str
    gradient_per_target: str
    per_target: str
    pattern: str
    predicted: str
    other_predicted: str
    scored: str
    row: str
    rows: str
    several_targets: str
    layer: str
    more: str
    more_features: str
    base: str
    output: str
    residual: str
    whiskers: str
    caution: str
    clipped: str
    unclipped: str
    blank: str
    faint: str
    zeros: str
    cells: str
    summed: str
    stretched: str
    taller: str
    wider: str
    own_scale: str
    feature_value: str
    low: str
    high: str
    missing: str
    value: str
    unit: str
    more_channels: str
    total: str
    total_of: str
    underline: str
    importance: str
    intact: str
    repeats: str
    crosses: str
    crosses_note: str
    mean_output: str
    mean_outputs: str
    effect_on: str
    effects_on: str
    since_first: str
    change_of: str
    own_curves: str
    mean_size: str
    pair_map: str
    acts_with: str
    missing_one: str
    band: str
    per_interval: str
    per_category: str
    ticks: str
    points: str
    more_effects: str
    order_by: str
    agreement: str
    r2: str
    tree_row: str
    yes: str
    no: str
    of_rows: str
    and_also: str
    otherwise: str
    share_of_rows: str
    in_order: str
    share_of_model: str
    written_slope: str
    row_dots: str
    arrows: str
    network: str
    no_interaction: str
    measured_pairs: str
    nothing_found: str
    part_of_distance: str
    distance_of: str
    distance_bound: str
    fragile_bars: str
    more_changes: str
    slice_marks: str
    slice_sides: str
    slice_others: str
    row_as_it_is: str
    row_changed: str
    lead: str
    flips: str
    spaces: Mapping[str, str] = field(default_factory=dict[str, str])
    methods: Mapping[str, str] = field(default_factory=dict[str, str])
    checks: Mapping[str, str] = field(default_factory=dict[str, str])

    def method(self, name: str, title: str) -> str:
        """A method's name in this language, by its registered name; its own title where there is none."""
        return self.methods.get(name, title)

    def check(self, name: str) -> str:
        """A check's name in this language; the registered one where there is none."""
        return self.checks.get(name, name)

    def space(self, name: str) -> str:
        """What the explained number counts in, in this language."""
        return self.spaces.get(name, name)


EN = Words(
    contribution="contribution to {target} ({space})",
    contributions="contribution ({space})",
    gradient_of="gradient of {target} ({space} per unit of the input)",
    gradient_per_target="gradient of each row's target ({space} per unit of the input)",
    per_target="contribution to each row's target ({space})",
    pattern="part in the layer's main pattern (of no class)",
    predicted="{target} (predicted): {space} {value}",
    other_predicted="{target}: {space} {value}; predicted {name}: {score}",
    scored="{target}: {space} {value}",
    row="row {row}",
    rows="{n:,} rows",
    several_targets="each row's own target",
    layer="at layer {at}",
    more="and {n:,} more: sum",
    more_features="{n:,} more features are not shown",
    base="baseline",
    output="output",
    residual="residual (not attributed)",
    whiskers="whiskers: 95 % interval",
    caution="caution: {meaning}",
    clipped="colours end at ±{limit}: the top {share} % of total |attribution| is clipped",
    unclipped="colours end at ±{limit}, nothing is clipped",
    blank="Every value is zero: there is nothing to show.",
    faint="Every value is below a millionth of the largest in this result: nothing is drawn.",
    zeros="every value is zero",
    cells="{h}x{w} cells",
    summed="summed over {n:,} channels",
    stretched="pixels are drawn {times} times {way} than they are",
    taller="taller",
    wider="wider",
    own_scale="ends at ±{limit}",
    feature_value="feature value",
    low="low",
    high="high",
    missing="grey: missing",
    value="value",
    unit="step",
    more_channels="and {n} more channels with less attribution",
    total="sum of {n} tokens {total}",
    total_of="{base} (baseline) {total} (sum of {n} tokens) {residual} (residual) = {output} (output)",
    underline="orange, underlined: for; blue, dashed: against",
    importance="importance ({score})",
    intact="{score} before shuffling: {value}",
    repeats="bars: mean; dots: the {n} repeats",
    crosses="includes 0",
    crosses_note="pale: the 95 % interval includes 0",
    mean_output="mean output for {target} ({space})",
    mean_outputs="mean output ({space})",
    effects_on="effect ({space})",
    effect_on="effect on {target} ({space})",
    since_first="change from the first point ({space})",
    change_of="interaction effect on {target} ({space})",
    own_curves="thin: {n} single rows",
    mean_size="mean size of the {axis}",
    pair_map="off the diagonal: two columns together; on it: a column by itself",
    acts_with="colour: the column that acts most together with this one",
    missing_one="missing",
    band="band: 95 % interval",
    per_interval="bars at the bottom: rows per interval, {low:,} to {high:,}",
    per_category="bars at the bottom: where the rows are",
    ticks="ticks at the bottom: where the rows are",
    points="dots: where the rows are",
    more_effects="{n:,} columns with less effect are not shown",
    network="discs: share of the output's variance that is interaction; lines: width in units of the output, "
    "number and darkness the share of the pair's joint effect",
    no_interaction="no pair interacts",
    measured_pairs="{n} pairs measured, the {drawn} strongest drawn",
    order_by="widest effects first, one scale for all",
    agreement="agrees with the model on {value} ± {half} % of {n:,} rows held out",
    r2="R² {value} ± {half} against the model on {n:,} rows held out",
    tree_row="heavy: the way of row {row}",
    yes="yes",
    no="no",
    of_rows="{share} % of rows",
    and_also=" and ",
    otherwise="otherwise",
    share_of_rows="share of rows (%)",
    in_order="asked from top to bottom: the first rule that holds counts",
    share_of_model="share of the linear model for {target} (%), with the coefficient's sign",
    written_slope="written: coefficients per unit of the column; the model starts at {value}",
    row_dots="bars: mean; dots: the {n} rows",
    arrows="arrows: as the column grows, the output rises ↗, falls ↘, or neither →",
    nothing_found="Nothing was found.",
    part_of_distance="part of the distance",
    distance_of="distance ({metric}) {distance}; nearer to the data than {share} % of the real rows with this answer",
    distance_bound="no row within the constraints is nearer than {bound}",
    fragile_bars="pale: a change smaller than the column's noise or unit",
    more_changes="{n:,} more columns are different",
    slice_marks="ring: the row as it is; disc: the changed row",
    slice_sides="light ground: the wanted answer",
    slice_others="columns that are different too: {n}; they are set as in the changed row",
    row_as_it_is="as it is",
    row_changed="changed",
    lead="beyond the wanted answer",
    flips="dashed: where the answer turns round ({n})",
    spaces={"raw": "raw output"},
)

ZH = Words(
    contribution="对 {target} 的贡献（{space}）",
    contributions="贡献（{space}）",
    gradient_of="{target} 的梯度（输入每变化一个单位，{space}的变化）",
    gradient_per_target="各行目标的梯度（输入每变化一个单位，{space}的变化）",
    per_target="对各行目标的贡献（{space}）",
    pattern="在该层主要模式中的强度（与类别无关）",
    predicted="{target}（预测类别）：{space} {value}",
    other_predicted="{target}：{space} {value}；预测为 {name}：{score}",
    scored="{target}：{space} {value}",
    row="第 {row} 行",
    rows="{n:,} 行",
    several_targets="各行自己的目标",
    layer="位于层 {at}",
    more="其余 {n:,} 项之和",
    more_features="另有 {n:,} 个特征未画出",
    base="基线",
    output="输出",
    residual="残差（未归因）",
    whiskers="须线：95 % 区间",
    caution="注意：“{name}”检查未通过",
    clipped="颜色止于 ±{limit}：截去 |归因| 总量最高的 {share} %",
    unclipped="颜色止于 ±{limit}，未截断",
    blank="所有值均为零，无可显示。",
    faint="所有值都小于本结果最大值的百万分之一，故不绘制。",
    zeros="所有值均为零",
    cells="{h}x{w} 个单元格",
    summed="对 {n} 个通道求和",
    stretched="像素{way}画作实际的 {times} 倍",
    taller="高度",
    wider="宽度",
    own_scale="止于 ±{limit}",
    feature_value="特征取值",
    low="低",
    high="高",
    missing="灰色：缺失",
    value="取值",
    unit="步",
    more_channels="另有 {n} 个归因较小的通道",
    total="{n} 个词元之和 {total}",
    total_of="{base}（基线）{total}（{n} 个词元之和）{residual}（残差）= {output}（输出）",
    underline="橙色、实线：支持；蓝色、虚线：反对",
    importance="重要性（{score}）",
    intact="打乱前的 {score}：{value}",
    repeats="条：均值；点：{n} 次重复",
    crosses="含 0",
    crosses_note="浅色：95 % 区间含 0",
    mean_output="{target} 的平均输出（{space}）",
    mean_outputs="平均输出（{space}）",
    effects_on="效应（{space}）",
    effect_on="对 {target} 的效应（{space}）",
    since_first="相对第一个点的变化（{space}）",
    change_of="对 {target} 的交互效应（{space}）",
    own_curves="细线：{n} 行各自的曲线",
    mean_size="{axis}的平均大小",
    pair_map="对角线外：两列的共同作用；对角线上：单列自身的作用",
    acts_with="颜色：与该列共同作用最强的列",
    missing_one="缺失",
    band="色带：95 % 区间",
    per_interval="底部的条：每个区间的行数，{low:,} 至 {high:,}",
    per_category="底部的条：数据的分布",
    ticks="底部的刻度：数据的分布",
    points="圆点：数据的分布",
    more_effects="另有 {n:,} 列效应较小，未画出",
    network="圆点：输出方差中属于交互的比例；连线：宽度为以输出单位计的强度，数字和深浅为该对共同效应中交互的比例",
    no_interaction="没有任何一对存在交互",
    measured_pairs="共测量 {n} 对，画出最强的 {drawn} 对",
    order_by="按效应大小排列，纵轴相同",
    agreement="在 {n:,} 行留出数据上与模型一致：{value} ± {half} %",
    r2="在 {n:,} 行留出数据上相对模型的 R²：{value} ± {half}",
    tree_row="粗线：第 {row} 行的路径",
    yes="是",
    no="否",
    of_rows="{share} % 的行",
    and_also=" 且 ",
    otherwise="其余情况",
    share_of_rows="占行数的比例（%）",
    in_order="自上而下依次判断，以第一条成立的规则为准",
    share_of_model="在 {target} 的线性模型中的比例（%），符号为系数的符号",
    written_slope="数字：每单位的系数；截距为 {value}",
    row_dots="条：均值；点：{n} 行",
    arrows="箭头：该列增大时输出上升 ↗、下降 ↘ 或两者皆非 →",
    nothing_found="没有找到结果。",
    part_of_distance="在距离中的占比",
    distance_of="距离（{metric}）{distance}；比 {share} % 具有该答案的真实数据更靠近数据",
    distance_bound="约束之内的任何行，距离都不小于 {bound}",
    fragile_bars="浅色：变化小于该列的噪声或单位",
    more_changes="另有 {n} 列不同",
    slice_marks="圆圈：原来的行；圆点：变化后的行",
    slice_sides="浅色区域：想要的答案",
    slice_others="另有 {n} 列也不同，均取变化后的值",
    row_as_it_is="原来",
    row_changed="变化后",
    lead="超出想要的答案的程度",
    flips="虚线：答案改变之处（{n} 处）",
    spaces={"probability": "概率", "log-odds": "对数几率", "raw": "原始输出", "score": "得分"},
    methods={
        "counterfactual": "反事实",
        "boundary_instances": "边界实例",
        "saliency": "显著图",
        "input_x_gradient": "输入 × 梯度",
        "integrated_gradients": "积分梯度",
        "guided_backprop": "导向反向传播",
        "deconvolution": "反卷积",
        "lrp": "逐层相关性传播",
        "expected_gradients": "期望梯度",
        "conductance": "神经元传导度",
        "internal_influence": "内部影响",
        "ablation": "消融法",
        "sensitivity_analysis": "敏感性分析",
        "occlusion": "遮挡法",
        "shapley_interactions": "Shapley 交互值",
        "exact_shapley": "精确 Shapley 值",
        "permutation_shap": "排列 SHAP",
        "accumulated_local_effects": "累积局部效应",
        "decision_path": "决策路径",
        "global_surrogate": "全局代理模型",
        "local_surrogate_tree": "局部代理树",
        "shapley_importance": "Shapley 重要性",
        "h_statistic": "H 统计量",
        "partial_dependence": "部分依赖",
        "gaussian_shap": "高斯过程 SHAP",
        "partition_shap": "分组 SHAP",
        "sobol": "Sobol 指数",
        "morris": "Morris 筛选",
        "permutation_importance": "置换重要性",
        "attention": "注意力",
        "kernels": "卷积核",
        "linear_decomposition": "线性分解",
        "architecture": "网络结构",
        "projection": "投影",
        "activation_clusters": "激活聚类",
        "activation_maximization": "激活最大化",
        "gradient_flow": "各层的梯度",
        "gradients": "单元的梯度",
        "activations": "激活值",
        "feature_maps": "特征图",
        "weights": "权重",
    },
    checks=CHINESE,
)

LANGUAGES: Mapping[str, Words] = {"en": EN, "zh": ZH}


def known(lang: str) -> str:
    """The language, where there are labels in it; written text needs no font of ours.

    Raises:
        ParameterError: there are no labels in that language.
    """
    if lang not in LANGUAGES:
        raise ParameterError(f"There are no labels in {lang!r}.", fix=nearest(lang, LANGUAGES))
    return lang


def readable(lang: str) -> str:
    """The language the labels can be drawn in: `lang`, or English where no font has its characters.

    Raises:
        ParameterError: there are no labels in that language.
    """
    if known(lang) == "zh" and theme.cjk_font() is None:
        theme.missing_font()
        return "en"
    return lang


def words(lang: str) -> Words:
    """The words of a language that `readable` gave."""
    return LANGUAGES[lang]
