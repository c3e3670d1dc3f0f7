"""The words on pictures of changed images: key -> (English, Chinese)."""

from __future__ import annotations

from collections.abc import Mapping

from .phrases import Phrases

TEXT: Mapping[str, tuple[str, str]] = {
    "before": ("before", "原图"),
    "after": ("after", "改变后"),
    "difference": ("difference", "差异"),
    "brighter": ("brighter (orange) or darker (blue)", "变亮（橙）或变暗（蓝）"),
    "summed": ("brighter (orange) or darker (blue), channels summed", "变亮（橙）或变暗（蓝），各通道之和"),
    "regions": (
        "{count} of {total} regions, {area} % of the pixels; distance ({metric}) {distance} a pixel",
        "{total} 个区域中的 {count} 个，占像素的 {area} %；每像素距离（{metric}）{distance}",
    ),
    "code": (
        "{count} of {total} numbers of the generator's code; distance ({metric}) {distance}",
        "生成器编码的 {total} 个数中的 {count} 个；距离（{metric}）{distance}",
    ),
}

say = Phrases(TEXT)
