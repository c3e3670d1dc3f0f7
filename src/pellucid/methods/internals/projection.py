"""Projection: the rows of a data set as points of a plane, by their inputs or by a layer's activations."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import DataError, ParameterError
from pellucid.core.extras import need
from pellucid.core.network import Network
from pellucid.core.types import NpArray
from pellucid.methods.params import param
from pellucid.results import Projected

from .family import InternalsMethod
from .vectors import INPUT, last_hidden, truth_of, vectors

JUDGED = 1000
"""Rows that neighbourhoods are compared on."""


class Projection(InternalsMethod):
    r"""Rows as points of a plane: principal components, t-SNE or UMAP of the inputs or of a layer's activations.

    .. math:: z_i = V^\top \bigl(a(x_i) - \bar a\bigr), \qquad
              V = \text{leading eigenvectors of } \operatorname{cov}(a)

    Principal components are a shadow: distances in it are never larger than in the layer, and the share of variance
    says how much of it is seen. t-SNE and UMAP keep neighbours together and nothing else: sizes of groups, gaps between
    them and their order mean nothing there, and other seeds give other pictures. Name the place `"input"` for the
    inputs themselves. Points carry their predicted class, and their true one where y is given.

    Shapes: ``values: (n, components)``.
    Cost: two passes of the model.
    Raises: `DataError` with fewer than three rows.

    >>> Projection()(net, images, at="conv3").values.shape
    (4, 2)
    """

    paper = (
        "Pearson (1901). On Lines and Planes of Closest Fit. doi:10.1080/14786440109462720; van der Maaten, Hinton "
        "(2008). Visualizing Data using t-SNE. JMLR 9. https://jmlr.org/papers/v9/vandermaaten08a.html"
    )
    takes = ("y",)

    by: str = param(default="pca", doc="how points are laid out", choices=("pca", "tsne", "umap"))
    components: int = param(default=2, doc="dimensions of the picture", min=1)
    perplexity: float = param(default=30.0, doc="neighbours that t-SNE looks at, about", min=1)

    def places(self, n: Network) -> tuple[str, ...]:
        return last_hidden(n)

    def _matching(self, n: Network, text: str) -> tuple[str, ...]:
        return (INPUT,) if text == INPUT else super()._matching(n, text)

    def look(self, n: Network) -> Projected:
        place = n.place
        a = vectors(n, place)
        if n.n < 3:
            raise DataError("A projection needs three rows or more.", got=f"{n.n} rows")
        most = min(n.n - 1, a.shape[1])
        if self.by == "pca" and self.components > most:
            raise ParameterError(
                f"{n.n} rows of {a.shape[1]} numbers have {most} components at most.", got=self.components
            )
        explained, axes = np.empty(0), np.empty((0, 0))
        if self.by == "pca":
            points, explained, axes = _principal(a, self.components)
            n.notes.certify(kind="exact", exact=True)
            lost = 1 - float(explained.sum())
            n.notes.check(
                "variance",
                lost,
                warn=0.5,
                fail=np.inf,
                meaning=f"It shows {100 * (1 - lost):.0f} % of the variance; neighbours in it may be far off.",
                advice="Ask for more components.",
            )
        else:
            points = self._neighbours(n, a)
            _judge(n, a, points)
        return self.result(
            n,
            Projected,
            f"{self.by} of {place}",
            values=points,
            explained=explained,
            axes=axes,
            centre=a.mean(0) if self.by == "pca" else np.empty(0),
            predicted=_predicted(n),
            truth=truth_of(n),
            at=place,
        )

    def _neighbours(self, n: Network, a: NpArray) -> NpArray:
        state = int(n.run.generator().integers(2**31))
        if self.by == "umap":
            umap = need("umap", what="by='umap'", extra="all")
            return np.asarray(
                umap.UMAP(n_components=self.components, random_state=state).fit_transform(a), float
            )
        from sklearn.manifold import TSNE

        perplexity = min(self.perplexity, (n.n - 1) / 3)
        model = TSNE(self.components, perplexity=perplexity, init="pca", random_state=state)
        return np.asarray(model.fit_transform(a.astype(np.float32)), float)


def _principal(a: NpArray, count: int) -> tuple[NpArray, NpArray, NpArray]:
    """Points, shares of the variance, and axes, each axis with its largest entry positive."""
    centred = a - a.mean(0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:count]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    total = float((sizes**2).sum())
    return centred @ axes.T, sizes[:count] ** 2 / (total or 1.0), axes


def _judge(n: Network, a: NpArray, points: NpArray) -> None:
    """Whether neighbours in the picture are neighbours in the layer."""
    from sklearn.manifold import trustworthiness

    rows = np.arange(n.n)
    if n.n > JUDGED:
        rows = np.sort(n.run.generator(1).choice(n.n, JUDGED, replace=False))
    near = min(5, (len(rows) - 1) // 2)
    lost = 1 - float(trustworthiness(a[rows], points[rows], n_neighbors=near)) if near else 0.0
    n.notes.check(
        "neighbours",
        lost,
        warn=0.1,
        fail=np.inf,
        meaning=f"Neighbours in the picture are neighbours in the layer to {100 * (1 - lost):.0f} % only.",
        advice="Look at the principal components as well.",
    )


def _predicted(n: Network) -> tuple[str, ...]:
    """The class predicted for each row; () where the outputs are no classes."""
    y = n.outputs()
    if y.ndim != 2 or y.shape[1] < 2 or n.model.facts.classifier is False:
        return ()
    names = n.aim.classes
    return tuple(names[k] if k < len(names) else str(k) for k in y.argmax(1).tolist())
