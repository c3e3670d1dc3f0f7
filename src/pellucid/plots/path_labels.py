"""The words on the picture of a row's way through a tree: key -> (English, Chinese)."""

from __future__ import annotations

from collections.abc import Mapping

from .phrases import Phrases

TEXT: Mapping[str, tuple[str, str]] = {
    "about": ("tree {tree} of {trees} (numbered from 0)", "第 {tree} 棵树，共 {trees} 棵（从 0 起编号）"),
    "missing": ("missing", "缺失"),
    "counts": ("{shown}, counts as missing", "{shown}，视为缺失"),
    "goes": ("missing goes where {taken}", "缺失值归入 {taken}"),
    "leaf": ("leaf {leaf}", "叶节点 {leaf}"),
    "one_leaf": ("1 leaf", "1 个叶节点"),
    "leaves": ("{n:,} leaves", "{n:,} 个叶节点"),
    "share": ("{share} %", "{share}%"),
    "adds": ("adds {amount}", "计入 {amount}"),
    "adds_to": ("{target}: {amount}", "{target}：{amount}"),
    "more": ("and {n:,} smaller", "另有 {n:,} 个较小"),
    "space": ("the leaf adds to the raw output, in {space}", "叶节点的值计入原始输出，单位：{space}"),
    "space_of": (
        "the leaf adds to the raw output of {target}, in {space}",
        "叶节点的值计入“{target}”的原始输出，单位：{space}",
    ),
    "shares": ("percentages: share of the training weight", "百分比：占训练权重的份额"),
    "another": ("one of {n:,} rows; row= draws another", "共 {n:,} 行，此为其一；用 row= 换一行"),
    "class": ("class {name}", "类别 {name}"),
}

say = Phrases(TEXT)
