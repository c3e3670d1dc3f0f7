"""Changed images told in sentences."""

from __future__ import annotations

from pellucid.core.errors import ParameterError
from pellucid.results import ChangedImages

from .amounts import number, percent, worth
from .facts import SPACES, Doubt
from .tell import doubts, sentences, told
from .words import Words


@told.register
def _(e: ChangedImages, w: Words, row: int | None) -> str:
    """The changed images of one image, or of the first that has any and how many others there are."""
    chosen = row if row is not None else next((r for r, s in enumerate(e.status) if s == "found"), 0)
    if not 0 <= chosen < len(e.x):
        raise ParameterError(f"There is no row {row}.", fix=f"Choose 0..{len(e.x) - 1}.")
    said = [_answer(e, e.said[chosen], float(e.before[chosen]), w, "says", "predicts"), *_row(e, chosen, w)]
    if row is None and len(e.x) > 1:
        said.append(w.say("change", "images", row=chosen, rows=len(e.x), found=e.status.count("found")))
    q = e.quality
    doubt = Doubt(
        False, None, False, q.verdict, tuple(c for c in q.caveats if not c.rows or chosen in c.rows)
    )
    return sentences(w, [*said, *(doubts(doubt, w) if doubt.caveats else [])])


def _row(e: ChangedImages, row: int, w: Words) -> list[str]:
    if e.status[row] != "found":
        return [w.say("change", f"image_{e.status[row]}", of=_wanted(e, row, w))]
    said = list[str]()
    for k, m in enumerate(e.of_row(row)):
        kind = ("code" if e.is_drawn else "region") if k == 0 else "image_also"
        said.append(
            w.say(
                "change",
                kind,
                count=int(e.counts[m]),
                total=int(e.columns[m]),
                area=percent(e.area(m)),
                answer=_answer(e, e.label[m], float(e.after[m]), w, "would_say", "would_predict"),
            )
        )
    return [*said, w.say("change", "image_advice")]


def _answer(e: ChangedImages, label: str, value: float, w: Words, says: str, predicts: str) -> str:
    if not label:
        return w.say("change", predicts, value=number(value))
    if e.space == "probability":
        score = w.say("change", "percent", share=percent(value))
    else:
        space = e.space if e.space in SPACES else "raw"
        score = w.say("worth", space, value=worth(value, space))
    return w.say("change", says, label=_class(label, w), score=score)


def _wanted(e: ChangedImages, row: int, w: Words) -> str:
    wanted = e.wanted[row]
    if not wanted:
        return w.say("change", "any")
    return w.say("change", "answer", label=_class(wanted, w))


def _class(label: str, w: Words) -> str:
    return w.say("said", "number", label=label) if label.isdigit() else w.say("change", "class", label=label)
