"""The words on pictures of hidden and moved parts: key -> (English, Chinese)."""

from __future__ import annotations

from collections.abc import Mapping

from .phrases import Phrases

TEXT: Mapping[str, tuple[str, str]] = {
    "moved_disc": ("disc: the row as it is", "圆点：该行原来的取值"),
    "turns": (
        "dashed: where the model first decides otherwise, and how",
        "虚线：模型最先改变判断之处及其新判断",
    ),
    "more_still": ("{n:,} more features move the output less", "另有 {n:,} 个特征对输出影响更小，未画出"),
    "output_for": (
        "output for {target} ({space}) as one feature moves",
        "单个特征变动时 {target} 的输出（{space}）",
    ),
    "share_hidden": ("share hidden", "隐去的比例"),
    "pair_parts": (
        "off the diagonal: two parts together; on it: a part by itself",
        "对角线外：两个部分的共同作用；对角线上：单个部分自身的作用",
    ),
    "signs": ("[+] for, [-] against; three signs at the limit", "[+] 支持，[-] 反对；三个符号表示达到上限"),
    "regions": ("{n:,} regions; numbered: the strongest", "{n:,} 个区域；编号者最强"),
}

say = Phrases(TEXT)
