"""Activation maximisation: the input that a unit wants to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.features import Features
from pellucid.core.network import Network
from pellucid.methods.params import param
from pellucid.results import Optima

from .ascent import Ascent, Pull
from .climb import Climb, fitted_to
from .family import InternalsMethod
from .findings import note
from .lying import Lying
from .objectives import Answers, wanted
from .prior_of import climbable, prior_of
from .warps import Moves


class ActivationMaximization(InternalsMethod):
    r"""The input that makes a unit, a direction or a sum of these as large as it can be, among inputs like the data.

    .. math:: x^* = g(z^*), \qquad z^* = \arg\max_z \; \mathbb{E}_t \, \frac{f(t(g(z)))}{\sigma_f}
              - \lambda_2 \frac{\lVert g(z) - \mu \rVert^2}{\sigma^2} - \lambda_1 \frac{TV(g(z))}{TV_{data}}
              - \lambda_d \sum_{r<s} \cos(g(z_r), g(z_s))

    Adam climbs the objective f over the parameters z of a prior g, seen under small moves t. The prior is what makes
    the result recognisable: `fourier` waves as large as those of the data, with its mean and colours (pictures and
    series), `components` inside the ball where the data lie (tables and all else), or a `generator` of the caller's.
    Plain `values` climb higher and show noise that the network alone finds convincing. What comes out is a local
    optimum, and a strong prior paints itself: hold it against the best example of the data, and look at its numbers.
    Columns of a table keep their range, categories stay categories. A unit that is silent on noise begins at its best
    examples, or climbs what goes into its activation function.

    `target` names a unit (a channel counts by its mean), a place (as many numbers as the layer has axes), a direction
    (real numbers, one per unit), a class, an `Objective`, or several in a list; without it every unit is asked.

    Shapes: ``values: (objectives, pictures, *features)``.
    Cost: one gradient per step and picture for each layer in an objective, nine passes per picture, and one per row.
    Raises: `TargetError` where the layer has no such unit, `CapabilityError` where there are no gradients, `DataError`
    where the data are too few for the prior.

    >>> ActivationMaximization(steps=4)(net, images, target=3).values.shape
    (1, 3, 1, 32, 32)
    """

    paper = (
        "Erhan, Bengio, Courville, Vincent (2009). Visualizing Higher-Layer Features of a Deep Network; Olah, "
        "Mordvintsev, Schubert (2017). Feature Visualization. Distill. doi:10.23915/distill.00007"
    )
    title = "Activation maximisation"
    takes = ("target",)

    prior: str = param(
        default="auto",
        doc="where inputs are sought; auto takes fourier for pictures and series, components for the rest",
        choices=("auto", "fourier", "components", "values"),
    )
    pictures: int = param(default=3, doc="inputs found for each objective", min=1)
    steps: int = param(default=160, doc="steps of the climb", min=1)
    rate: float = param(default=0.05, doc="how far a step goes", min=0)
    jitter: float = param(default=0.1, doc="shifts while climbing, as a share of each side", min=0, max=1)
    turn: float = param(default=10.0, doc="degrees of turns while climbing", min=0, max=180)
    scale: float = param(default=0.2, doc="by how much larger or smaller while climbing", min=0, max=0.9)
    crop: float = param(default=0.0, doc="share of each side that is cut off while climbing", min=0, max=0.9)
    noise: float = param(default=0.1, doc="noise while climbing, as a share of the data's spread", min=0)
    l2: float = param(default=0.0, doc="weight of the squared distance from the data's mean", min=0)
    tv: float = param(default=0.0, doc="weight of squared differences between neighbouring pixels", min=0)
    diversity: float = param(default=0.0, doc="weight that keeps the pictures of a unit apart", min=0)
    start: str = param(default="noise", doc="where the climb begins", choices=("noise", "example"))

    def __call__(  # noqa: PLR0913  # the family's call, and a generator
        self,
        model: Any,
        x: Any = None,
        *,
        at: str | Sequence[str] | None = None,
        target: Any = None,
        y: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
        generator: Any = None,
        codes: Any = None,
    ) -> Optima:
        """Find the inputs that excite units of `model` most; the rest as `InternalsMethod` says.

        Args:
            model: a network with layers and gradients.
            x: (n, *features) rows of data: what the prior is fitted to, and inputs are held against.
            at: the layer whose units are meant; None is the output.
            target: what is to be made large.
            y: nothing takes it here.
            features: what the rows are made of.
            classes: names of the outputs.
            output: which of several outputs.
            generator: a network that gives inputs, where they are to be sought among what it makes.
            codes: (m, ...) typical inputs of the generator.
        """
        given = {"generator": generator, "codes": codes}
        how = {"at": at, "target": target, "y": y, "features": features, "classes": classes, "output": output}
        return self._call(model, x, given, **how)

    def places(self, n: Network) -> tuple[str, ...]:
        return ("",)

    def look(self, n: Network) -> Optima:
        self.need_gradients(n)
        climbable(n)
        asked, lying, few = wanted(n), Lying.of(n), fitted_to(n)
        data = lying.first(n.x[few])
        excited = Answers(n, asked).values(n.x)
        climb = Climb(
            n, asked, lying, few, data, excited, prior_of(n, self.prior, data, lying), self.pictures
        )
        moves = Moves(self.jitter, self.turn, self.scale, self.crop)
        unit = np.repeat(np.where(excited.std(1) > 0, excited.std(1), 1.0), self.pictures)
        ascent = Ascent(
            self.steps, self.rate, moves, self.noise, Pull(self.l2, self.tv, self.diversity), data, unit
        )
        z, climbed, started = climb.begin(self.start)
        x = climb.walk(ascent, z, climbed)
        found = {
            **climb.judge(x, ascent),
            "best": excited.max(1),
            "typical": excited.mean(1),
            "objectives": tuple(a.label for a in asked),
            "started": started,
        }
        note(n, found, self)
        values = lying.back(x)
        return self.result(
            n,
            Optima,
            f"Inputs that make {n.place or 'the output'} large, one local optimum each",
            values=values.reshape(len(asked), self.pictures, *values.shape[1:]),
            best_row=excited.argmax(1),
            examples=n.x[excited.argmax(1)],
            low=n.x.min(0),
            middle=n.x.mean(0),
            high=n.x.max(0),
            at=n.place,
            rows=n.n,
            **found,
        )
