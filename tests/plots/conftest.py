"""A drawing and a result it is made for, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pellucid.plots import theme
from tests.plots.builders import RESULTS


@pytest.fixture(params=sorted(RESULTS))
def drawn(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """A drawing's name and a result for it."""
    return request.param, RESULTS[request.param]()


@pytest.fixture
def chinese() -> None:
    """Only where a font has Chinese."""
    if theme.cjk_font() is None:
        pytest.skip("no Chinese font is installed")


@pytest.fixture
def no_chinese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if no font had Chinese, and nothing had been said yet."""
    monkeypatch.setattr(theme, "cjk_font", lambda: None)
    theme.missing_font.cache_clear()
    yield
    theme.missing_font.cache_clear()
