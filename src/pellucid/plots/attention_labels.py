"""The words on pictures of attention: key -> (English, Chinese)."""

from __future__ import annotations

from collections.abc import Mapping

from .phrases import Phrases

TEXT: Mapping[str, tuple[str, str]] = {
    "weight": ("attention weight (square-root scale)", "注意力权重（平方根刻度）"),
    "carried": ("share of the input reached (square-root scale)", "到达的输入所占份额（平方根刻度）"),
    "relevance": ("relevance (square-root scale)", "相关度（平方根刻度）"),
    "heads": ("{layers} layers, {heads} heads", "{layers} 层，{heads} 个头"),
    "view_mean": ("mean over heads", "各头的平均"),
    "view_rollout": ("rollout: all layers up to each", "逐层展开：累积到每一层"),
    "view_gradient": ("gradient-weighted, up to each layer", "梯度加权，累积到每一层"),
    "of_number": ("for output {target}", "针对第 {target} 个输出"),
    "of": ("for {target}", "针对{target}"),
    "row": ("row {row}", "第 {row} 行"),
    "window": ("window {k} of {n}; window= draws another", "{n} 个窗口中的第 {k} 个；用 window= 画其他窗口"),
    "lines": ("in each square: queries downwards, keys to the right", "每个方格中：向下为查询，向右为键"),
    "sizes": ("{q} queries, {k} keys", "{q} 个查询，{k} 个键"),
    "pooled": ("each cell shows the largest of its weights", "每格显示其中最大的权重"),
    "head": ("head", "头"),
    "head_n": ("head {k}", "第 {k} 头"),
    "layer": ("layer", "层"),
    "query": ("query (what reads)", "查询（读取者）"),
    "key": ("key (what is read)", "键（被读取者）"),
    "page": ("page {page} of {pages}", "第 {page} / {pages} 页"),
    "another": (
        "layer {i} of {n}, head {k} of {m}; layer= and head= draw others",
        "{n} 层中的第 {i} 层，{m} 个头中的第 {k} 个；用 layer= 和 head= 画其他",
    ),
    "from_patch": ("from the framed patch: {place}", "从加框的图块出发：{place}"),
    "from_token": ("from token {place}, in front of the patches", "从图块之前的第 {place} 个词元出发"),
    "image": ("the image", "原图"),
    "aside": (
        "number beside the head: weight on what stands in front of the patches ({n})",
        "头号旁的数：落在图块之前的词元（{n} 个）上的权重",
    ),
    "patches": ("{h}x{w} patches", "{h}x{w} 个图块"),
}

say = Phrases(TEXT)
