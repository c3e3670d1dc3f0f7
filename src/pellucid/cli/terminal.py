"""What stands on the terminal: the list of methods; of a result the sentence, bars for tables, where the files are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pellucid.results import Attribution, Explanation, Importance

from .texts import texts

if TYPE_CHECKING:
    from pellucid.methods.registry import MethodInfo
    from pellucid.narratives.words import Words

    from .writing import Written

TOP = 10
"""Features with a bar of their own."""
HALF = 16
"""Characters of the longest bar, to either side."""
WIDE = 120
"""Characters across from which every column has its place."""
EIGHTHS = " ▏▎▍▌▋▊▉█"


def show_methods(found: Sequence[MethodInfo]) -> None:
    """One line per method where there is room for a column each, else a few lines."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    wide = console.width >= WIDE
    table.add_column("name", no_wrap=True, style="bold")
    for column in ("title", "what it shows", "data", "family") if wide else ("what it shows",):
        table.add_column(column)
    for m in found:
        data = ", ".join(m.data)
        shown = Text.assemble(m.summary, *(["\n", (m.caution, "italic")] if m.caution else []))
        if wide:
            table.add_row(m.name, m.title, shown, data, m.family)
        else:
            below = Text(f"{m.title} · {data} · {m.family}", style="dim")
            table.add_row(m.name, Text.assemble(shown, "\n", below))
    console.print(table)


def show(e: Explanation, written: Written, lang: str, notes: Sequence[str] = ()) -> None:
    """Tell a result: the sentence, a chart for a table, what was chosen, the files."""
    console, w = Console(highlight=False), texts(lang)
    console.print(Text(f"{e.provenance.title} · {e.provenance.model}", style="bold"))
    console.print(Text(e.narrate(lang)))
    if (chart := _chart(e, w, lang)) is not None:
        console.print(Padding(chart, (1, 0)))
    for note in (*notes, *_choice(e)):
        console.print(Text(note, style="dim"))
    console.print(Text(_files(written, w)), soft_wrap=True)


def _choice(e: Explanation) -> tuple[str, ...]:
    return tuple(n for n in e.provenance.notes if n.endswith((".", "。")))


def _files(written: Written, w: Words) -> str:
    what = [w.say("terminal", "numbers"), w.say("terminal", "sentences")]
    if written.pictures:
        many = "picture" if len(written.pictures) == 1 else "pictures"
        what.append(w.say("terminal", many, count=len(written.pictures)))
    told = w.say("terminal", "files", folder=f"{written.folder}/", what=w.say("terminal", "and").join(what))
    if written.rows > written.drawn > 0:
        told += " " + w.say("terminal", "limit", drawn=written.drawn, rows=written.rows)
    return told


# -- bars ---------------------------------------------------------------------------------------------------


def _chart(e: Explanation, w: Words, lang: str) -> Table | None:
    if isinstance(e, Importance):
        return _importances(e, w)
    if isinstance(e, Attribution) and e.features.kind == "table" and e.values.ndim == 2:
        return _row(e, 0, lang)
    return None


def _grid() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))


def _row(e: Attribution, row: int, lang: str) -> Table:
    """Signed bars of one row's largest values, orange for the target and blue against it, the others as a sum."""
    from pellucid.plots import labels
    from pellucid.plots.terms import terms

    found = terms(e, row, TOP, labels.words(lang))
    largest = max((abs(float(v)) for v in found.values), default=0.0)
    table = _grid()
    for name, value, half in zip(found.labels, found.values, found.half, strict=True):
        table.add_row(Text(" ".join(name.split())), *_signed(float(value), largest), _error(float(half)))
    return table


def _signed(value: float, largest: float) -> tuple[Text, Text]:
    """A bar to the left or to the right of the middle, and the number."""
    from pellucid.plots import theme

    colour = theme.FOR if value > 0 else theme.AGAINST
    length = min(HALF, HALF * abs(value) / largest) if largest > 0 else 0.0
    if value < 0:
        filled = round(length)
        bar = Text(" " * (HALF - filled) + "█" * filled + "│" + " " * HALF)
        bar.stylize(colour, HALF - filled, HALF)
    else:
        drawn = _bar(length)
        bar = Text(" " * HALF + "│" + drawn.ljust(HALF))
        bar.stylize(colour, HALF + 1)
    return bar, Text(_number(value), style=colour, justify="right")


def _bar(length: float) -> str:
    """A bar as long as so many characters, to an eighth of one."""
    eighths = round(length * 8)
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def _importances(e: Importance, w: Words) -> Table:
    from pellucid.plots import theme

    order = [int(i) for i in e.order]
    largest = max(float(e.values[order[0]]), 0.0) if order else 0.0
    half = e.quality.half_width
    table = _grid()
    for i in order[:TOP]:
        value = float(e.values[i])
        length = 2 * HALF * value / largest if largest > 0 and value > 0 else 0.0
        error = "" if half is None else _error(float(half[i]))
        bar = Text(_bar(length), style=theme.RELIED)
        table.add_row(Text(e.names[i]), bar, Text(_number(value, ""), justify="right"), error)
    if left := order[TOP:]:
        most = _number(max(abs(float(e.values[i])) for i in left), "")
        table.add_row(Text(w.say("terminal", "fewer", count=len(left), most=most), style="dim"), "", "", "")
    return table


def _number(value: float, sign: str = "+") -> str:
    return format(value, f"{sign}.3g").replace("-", "−")


def _error(half: float) -> Text:
    known = half == half and half > 0
    return Text(f"± {half:.1g}" if known else "", style="dim")
