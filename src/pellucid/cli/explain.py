"""`pellucid explain`: a model from a file, rows from a file, and why the model says what it says of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from . import knobs, wording
from .options import debug, lang

if TYPE_CHECKING:
    from pellucid.methods.base import Method
    from pellucid.results import Explanation

    from .loading.data import Look, Rows
    from .loading.models import Loaded


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What stands on the command line, as it was written."""

    model: str
    weights: str | None
    backend: str | None
    data: tuple[str, ...]
    method: str | None
    settings: tuple[str, ...]
    row: str | None
    target: str | None
    classes: str | None
    output: str | None
    at: str | None
    baseline: str | None
    background: str | None
    y: str | None
    drop: tuple[str, ...]
    size: str | None
    gray: bool
    mean: str | None
    std: str | None
    out: str
    lang: str
    seed: int
    batch_size: int | None
    strict: bool
    trust: bool


class _WithKnobs(click.Command):
    """A command whose help ends with the knobs of every method, read off their fields when it is asked for."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from pellucid.methods.registry import methods

        with formatter.section("Knobs of the methods, for --set"):
            for m in methods():
                lines = [(f"{p.name}={_default(p.default)}", p.doc) for p in m.params]
                formatter.write_text(f"{m.name}: {'' if lines else 'none'}")
                with formatter.indentation():
                    formatter.write_dl(lines) if lines else None


def _default(value: Any) -> str:
    return str(getattr(type(value), "name", value)) if hasattr(type(value), "paper") else str(value).lower()


@click.command(cls=_WithKnobs)
@click.option(
    "--model",
    required=True,
    metavar="FILE|MODULE:NAME",
    help="A .pt2 program, .keras, .h5, .onnx, a .skops estimator, a booster's own file (.json, .ubj, .txt, .cbm), "
    "app:VGG16, torchvision:NAME, timm:NAME, module:factory with --weights, or with --trust a pickle.",
)
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "jax", "torch"]),
    help="What a Keras model runs on, whatever it was saved on.",
)
@click.option("--weights", metavar="FILE", help="A .safetensors (or .pt) file for the factory's model.")
@click.option(
    "--data",
    required=True,
    multiple=True,
    metavar="FILE",
    help="A csv, parquet, npy or npz file (file.npz:name picks an array), pictures, or a folder of pictures.",
)
@click.option("--method", metavar="NAME", help="As `pellucid methods` lists it; without, the one that fits.")
@click.option(
    "--set", "settings", multiple=True, metavar="KNOB=VALUE", help="Turn a knob of the method; see below."
)
@click.option("--row", metavar="ROWS", help="Which rows: 3, 0:8 or 1,4; all of them without.")
@click.option(
    "--target", metavar="CLASS", help="A class by number or name; without, the predicted one of each row."
)
@click.option("--classes", metavar="A,B,...", help="Names of the model's outputs.")
@click.option("--output", metavar="KEY", help="Which of several outputs, by key or position.")
@click.option("--at", metavar="LAYER", help="The layer where the attribution lands; the input without.")
@click.option(
    "--baseline",
    metavar="NAME|NUMBER|FILE",
    help="The reference point: zeros, mean, blur, ..., a number, an array.",
)
@click.option(
    "--background",
    metavar="FILE",
    help="Rows that stand in for hidden features; the data's own rows for tables.",
)
@click.option(
    "--y", metavar="COLUMN", help="The column of true values: asks what the model relies on over all rows."
)
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column that is no input of the model.")
@click.option("--size", metavar="HxW", help="Resize pictures, as the model was trained.")
@click.option("--gray", is_flag=True, help="Read pictures with a single channel.")
@click.option("--mean", metavar="M,...", help="Taken off each channel of pictures, whose values are 0..1.")
@click.option("--std", metavar="S,...", help="What each channel is divided by after that.")
@click.option("--out", default="pellucid-out", show_default=True, metavar="DIR", help="Where the results go.")
@lang
@click.option("--seed", default=0, show_default=True, help="Same seed, same values.")
@click.option("--batch-size", type=int, help="Rows per call of the model; chosen by memory without.")
@click.option("--strict", is_flag=True, help="Stop with an error where a check of the result fails.")
@click.option("--trust", is_flag=True, help="Open files that could run code of their own: pickles.")
@debug
def explain(**given: Any) -> None:
    r"""Explain what a model says of some rows: a sentence, pictures, and a file with all numbers.

    \b
    pellucid explain --model forest.skops --data rows.csv --row 3
    pellucid explain --model net.pt2 --data cat.png --size 224 --method grad_cam --at layer4
    pellucid explain --model nets:make --weights net.safetensors --data images.npy
    """
    _answer(Asked(**given))


def _answer(a: Asked) -> None:
    from pellucid import options

    from .loading import data as files
    from .loading import models
    from .terminal import show
    from .writing import folder, write

    method = knobs.method(a.method, a.settings)
    look = _look(a)
    with folder(a.out) as out:
        loaded = models.load(a.model, a.weights, trust=a.trust, backend=a.backend)
        if not look.asked and loaded.look is not None and files.are_pictures(a.data):
            look = loaded.look  # as the network was trained
        rows = files.read(a.data, look)
        with options(seed=a.seed, batch_size=a.batch_size or loaded.batch_size, strict=a.strict or None):
            e, notes = _explained(a, method, loaded, rows, look)
        show(e, write(e, out, a.lang), a.lang, notes)


def _explained(
    a: Asked, method: Method | None, loaded: Loaded, everything: Rows, look: Look
) -> tuple[Explanation, list[str]]:
    """The result, and what was chosen for the user that no option says."""
    from pellucid.explain import explain as front_door

    y = None if a.y is None else everything.column(a.y, "--y")
    rows = everything.without((*a.drop, *((a.y,) if a.y else ())))
    asked = _Prepared(a, method, loaded, rows.fitted_to(_columns(loaded.model)), look)
    kept = wording.rows(a.row, len(rows))
    call = asked.call(kept)
    if y is not None:
        call["y"] = y[kept]
    chosen = asked.rows.take(kept).checked(asked.model.facts.missing)
    e = front_door(loaded.model, asked.readable(chosen), method=method, **call)
    if hasattr(e, "index"):
        e = replace(e, index=chosen.labels)  # type: ignore[call-arg]  # attributions have one
    return e, asked.notes


def _columns(model: Any) -> tuple[str, ...]:
    from pellucid import wrap

    return wrap(model).facts.columns


class _Prepared:
    """The arguments of the call, out of the options."""

    def __init__(self, a: Asked, method: Method | None, loaded: Loaded, rows: Rows, look: Look) -> None:
        from pellucid import wrap

        self.a, self.method, self.rows, self.look = a, method, rows, look
        self.model = wrap(loaded.model, output=wording.output(a.output))
        self.notes = [loaded.note] if loaded.note else list[str]()
        self.classes = wording.listed(a.classes) or loaded.classes

    def call(self, kept: list[int]) -> dict[str, Any]:
        """Everything that is asked for; what the method does not take is refused by the library."""
        a = self.a
        classes = self.classes
        call: dict[str, Any] = {
            "target": wording.target(a.target, classes or self.model.facts.classes),
            "classes": classes or None,
            "output": wording.output(a.output),
            "at": a.at,
            "baseline": wording.baseline(a.baseline),
            "background": self._background(kept),
            "features": self._features(),
        }
        return {name: value for name, value in call.items() if value is not None}

    def readable(self, rows: Rows) -> Any:
        """The rows as the library reads them: pictures that are to be normalised become an array."""
        from .loading.data import normalised

        if isinstance(rows.x, list) and (self.look.mean or self.look.std):
            return normalised(rows.x, self.look, self.model.facts.channels)
        return rows.x

    def _features(self) -> Any:
        from pellucid import Pixels

        if not isinstance(self.rows.x, list) or not (self.look.mean or self.look.std):
            return None
        return Pixels(self.model.facts.channels, mean=self.look.mean, std=self.look.std)

    def _background(self, kept: list[int]) -> Any:
        from .loading.data import read

        if self.a.background is not None:
            dropped = (*self.a.drop, *((self.a.y,) if self.a.y else ()))
            given = read([self.a.background], self.look if isinstance(self.rows.x, list) else None)
            given = given.without(dropped, missing_ok=True)
            return self.readable(given.fitted_to(self.model.facts.columns))
        if not self._hides() or not self.rows.is_table or len(self.rows) < 2:
            return None
        self.notes.append(f"background: the {len(self.rows)} rows of {self.rows.source}")
        return self.rows.x

    def _hides(self) -> bool:
        """Whether features are about to be hidden and nothing says behind what."""
        from pellucid.core.model import differentiable

        if self.a.baseline is not None or self.a.y is not None:
            return False
        if self.method is None:
            return not differentiable(self.model)
        return self.method.family == "perturbation"


def _look(a: Asked) -> Look:
    from .loading.data import Look

    return Look(
        wording.size(a.size), a.gray, wording.numbers("--mean", a.mean), wording.numbers("--std", a.std)
    )
