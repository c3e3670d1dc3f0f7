"""Whatever happens, the caller's world is as before, bit for bit: after success and after every kind of error."""

from __future__ import annotations

import logging
import pickle
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid import Neuron
from pellucid.core.errors import DataError, ParameterError, ShapeError
from pellucid.methods.gradient.feature_maps import MapMethod
from pellucid.methods.registry import methods
from tests import nets

METHODS = {info.name: info.cls for info in methods()}
MAPS = {name for name, cls in METHODS.items() if issubclass(cls, MapMethod)}
SMALL: dict[str, Any] = {
    "kernel_shap": {"budget": 64},
    "noise_tunnel": {"samples": 3},
    "permutation_importance": {"repeats": 2},
}
HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
)
PICTURES = {"rise"}
"""Those for images alone."""
by_method = pytest.mark.parametrize("name", METHODS)
ROWWISE = ("gradient", "perturbation", "effects")
"""Families that explain any network; those of black boxes explain any function too."""
BLACK_BOX = ROWWISE[1:]


def method(name: str) -> Any:
    made = METHODS[name](**SMALL.get(name, {}))
    return BesideItself(made) if name == "deep_shap" else made


class BesideItself:
    """A method that cannot do without a background, given the rows themselves, twice, where it is given none."""

    def __init__(self, made: Any) -> None:
        self.made, self.family = made, made.family

    def __call__(self, model: Any, x: Any, *, background: Any = None, **rest: Any) -> Any:
        if background is None:
            twice = torch.cat if isinstance(x, torch.Tensor) else np.concatenate
            background = twice([x.detach() if isinstance(x, torch.Tensor) else x] * 2)
        return self.made(model, x, background=background, **rest)


# -- what is compared -----------------------------------------------------------------------------------------------


def bits(value: Any) -> Any:
    """A value as something that equals another only if no bit differs; NaN equals itself."""
    if isinstance(value, torch.Tensor):
        raw = value.detach().contiguous().clone().reshape(-1).view(torch.uint8)
        return value.dtype, tuple(value.shape), value.stride(), raw.numpy().tobytes()
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return value.dtype, value.shape, value.tobytes()
    return pickle.dumps(value)


def state(net: nn.Module) -> dict[str, Any]:
    """All there is to a module: the very objects, their values, modes, hooks, and what autograd knows of them."""
    out: dict[str, Any] = {}
    for name, m in net.named_modules():
        out[f"{name}.training"] = m.training
        out[f"{name}.hooks"] = [list(getattr(m, h)) for h in HOOKS]
        out[f"{name}.own"] = sorted(vars(m))
        out[f"{name}.forward"] = "forward" in vars(m)
        for kind in ("_parameters", "_buffers", "_modules"):
            held = getattr(m, kind)
            out[f"{name}.{kind}"] = [(key, id(v)) for key, v in held.items()]
            for key, v in held.items():
                if isinstance(v, torch.Tensor):
                    out[f"{name}.{key}"] = bits(v)
                    out[f"{name}.{key} flags"] = (
                        v.requires_grad,
                        v.is_leaf,
                        v._version if not v.is_inference() else 0,
                    )
                    out[f"{name}.{key} grad"] = None if v.grad is None else (id(v.grad), bits(v.grad))
                    out[f"{name}.{key} hooks"] = len(v._backward_hooks or ())
    return out


def world() -> dict[str, Any]:
    """The global state of the process that a method could disturb."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from sklearn import get_config

    return {
        "torch rng": bits(torch.get_rng_state()),
        "numpy rng": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        "python rng": random.getstate(),
        "rcParams": dict(mpl.rcParams),
        "figures": plt.get_fignums(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "float": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "numpy errors": np.geterr(),
        "print": np.get_printoptions(),
        "sklearn": get_config(),
        "logging": (logging.root.level, list(logging.root.handlers), logging.root.disabled),
        "filters": list(warnings.filters),
    }


def told(before: dict[str, Any], after: dict[str, Any], what: str) -> None:
    changed = [key for key in before if key not in after or before[key] != after[key]]
    changed += [key for key in after if key not in before]
    assert not changed, f"{what}: changed {changed}"


def word(result: Any) -> str:
    """A result in a word, for messages."""
    return f"{type(result).__name__}: {result!s:.100}" if isinstance(result, BaseException) else "success"


def attempt(do: Callable[[], Any]) -> Any:
    """The result, or the error."""
    try:
        return do()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # any error may come, none may leave a trace
        return error


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    for module in ("array_api_compat.torch", "scipy.ndimage", "scipy.stats", "sklearn.cluster"):
        import_module(module)  # what is imported at first use adds warning filters of its own
    leaf = torch.ones(1, requires_grad=True)
    torch.autograd.grad(leaf * 2, leaf, torch.ones(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# -- networks -------------------------------------------------------------------------------------------------------


class Failing(nn.Module):
    """Raises `error` in its `when`-th pass: (n, 6) -> (n, 3)."""

    def __init__(self, error: BaseException, when: int) -> None:
        super().__init__()
        self.norm, self.fc = nn.BatchNorm1d(6), nn.Linear(6, 3)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.error, self.when, self.seen = error, when, [0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.seen[0] += 1
        x = self.norm(x)
        if self.seen[0] >= self.when:
            raise self.error
        return torch.tanh(self.fc(x))


class SmallCNN(nn.Module):
    """A convolution with normalisation, dropout and an in-place activation: (n, 1, 8, 8) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu, self.drop, self.fc = nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(4 * 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.max_pool2d(self.relu(self.norm(self.conv(x))), 2)
        return self.fc(self.drop(x.flatten(1)))


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "gelu_mlp": (nets.TABLE_NETS["gelu_mlp"], (6,), "1"),
    "reused_relu": (nets.ReusedReLU, (6,), "relu#2"),
    "dict": (lambda: nets.Several("dict"), (6,), "fc1"),
    "normed": (nets.Normed, (6,), "norm"),
    "in_place": (nets.InPlace, (6,), "fc1"),
    "relu_first": (nets.ReLUFirst, (6,), "relu"),
    "counting": (nets.Counting, (6,), "fc"),
    "drawing": (nets.Drawing, (6,), "fc"),
    "hungry": (nets.Hungry, (6,), "fc1"),
    "cnn": (SmallCNN, (1, 8, 8), "conv"),
    "pooled": (nets.Pooled, (1, 8, 8), "relu2"),
    "transformer": (nets.Transformer, (1, 8, 8), "encoder.layers.0"),
    "lstm": (nets.Recurrent, (5, 4), "lstm[0]"),
}


def lived_in(made: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A module in the middle of its life: some parts training, some frozen, gradients there, hooks of its owner."""
    net = nets.seeded(made, seed)
    net.train()
    list(net.modules())[-1].eval()
    parameters = list(net.parameters())
    parameters[0].requires_grad_(False)
    parameters[-1].grad = torch.full_like(parameters[-1], 7.0)
    net.register_forward_hook(lambda *_: None)
    next(net.children()).register_forward_pre_hook(lambda *_: None)
    return net


def calls(m: Any, net: nn.Module, x: Any, at: str) -> dict[str, Callable[[], Any]]:
    """A success, and every kind of error that this method and network can meet."""
    broken, nan = x[:, :-1], x.clone()
    nan.view(len(nan), -1)[1, 0] = torch.nan
    cancel = iter([False] * 3 + [True] * 10_000)
    out = {
        "success": lambda: m(net, x, target=1),
        "success without a target": lambda: m(net, x),
        "success on an array": lambda: m(net, x.numpy(), target=0),
        "one row": lambda: m(net, x[:1], target=0),
        "target out of range": lambda: m(net, x, target=12),
        "unknown class": lambda: m(net, x, target="dog", classes=("cat", "cow", "hen")),
        "wrong number of targets": lambda: m(net, x, target=[0, 1]),
        "no target at all": lambda: m(net, x, target={"a": 1}),
        "a failing target": lambda: m(net, x, target=lambda y: 1 / 0),
        "wrong shape": lambda: m(net, broken, target=1),
        "too many axes": lambda: m(net, x[..., None, None], target=1),
        "NaN in a row": lambda: m(net, nan, target=1),
        "no rows": lambda: m(net, x[:0], target=1),
        "unknown output": lambda: m(net, x, target=1, output="no such"),
        "cancelled": lambda: _within(lambda: m(net, x, target=1), cancel=lambda: True),
        "cancelled midway": lambda: _within(lambda: m(net, x, target=1), cancel=lambda: next(cancel)),
        "strict": lambda: _within(lambda: m(net, x, target=1), strict=True),
        "failing progress": lambda: _within(lambda: m(net, x, target=1), progress=_fail),
        "no such argument": lambda: pellucid.explain(net, x, method=m, no_such=1),
    }
    if m.family != "effects":
        out["baseline of another shape"] = lambda: m(net, x, target=1, baseline=np.zeros(99))
        out["unknown baseline"] = lambda: m(net, x, target=1, baseline="zero")
        out["background"] = lambda: m(net, x, target=1, background=x, baseline=None)
        out["background of another shape"] = lambda: m(net, x, target=1, background=x[..., :1])
        out["neuron"] = lambda: m(net, x, target=Neuron(at))
        out["unknown neuron"] = lambda: m(net, x, target=Neuron("no such", 0))
        out["neuron out of range"] = lambda: m(net, x, target=Neuron(at, (99,)))
    if m.family == "gradient":
        out["at a layer"] = lambda: m(net, x, target=1, at=at)
        out["neuron at a layer"] = lambda: m(net, x, target=Neuron(at), at=at)
        out["unknown layer"] = lambda: m(net, x, target=1, at="no such")
        out["a layer's call too many"] = lambda: m(net, x, target=1, at=f"{at.partition('#')[0]}#9")
    return out


def _within(do: Callable[[], Any], **options: Any) -> Any:
    with pellucid.options(**options):
        return do()


def _fail(*_: Any) -> None:
    raise RuntimeError("no progress")


ERRORS = {
    "target out of range",
    "unknown class",
    "wrong number of targets",
    "no target at all",
    "a failing target",
    "NaN in a row",
    "no rows",
    "cancelled",
    "no such argument",
    "baseline of another shape",
    "unknown baseline",
    "unknown neuron",
    "neuron out of range",
    "unknown layer",
    "a layer's call too many",
}
"""Calls that must not succeed."""


@by_method
@pytest.mark.parametrize("kind", NETS)
def test_networks(name, kind):
    """Every call leaves the network, the rows and the process as they were."""
    made, shape, at = NETS[kind]
    net, x = lived_in(made), nets.rows(5, *shape)
    m = method(name)
    before, rows, outside = state(net), bits(x), world()
    for what, do in calls(m, net, x, at).items():
        result = attempt(do)
        told(before, state(net), f"{what} ({word(result)})")
        told(outside, world(), what)
        assert bits(x) == rows, what
        # Targets of these are units, as many as one likes: a layer of the transformer has more than there are classes.
        free = ("wrong number of targets", *(["target out of range"] if kind == "transformer" else []))
        units = name in ("gradients", "activation_maximization") and what in free
        assert what not in ERRORS or units or isinstance(result, Exception), f"{what} went through"


@by_method
def test_success_is_success(name):
    """The calls above that should work do: or the test above would prove little."""
    if METHODS[name].family not in ROWWISE:
        return
    kind = "pooled" if name == "cam" else "cnn" if name in MAPS | PICTURES else "normed"
    made, shape, at = NETS[kind]
    net, x = lived_in(made), nets.rows(5, *shape)
    for what, do in calls(method(name), net, x, at).items():
        if what == "background" and (name in PICTURES or not getattr(method(name), "compares", True)):
            continue
        if what.startswith(("success", "one row", "at a layer", "background")) and "another" not in what:
            result = attempt(do)
            spread = METHODS[name].family == "effects" or name == "sensitivity_analysis"
            refused = DataError | ShapeError | ParameterError  # one row has no spread to see
            few = spread and what.startswith("one row")
            wanted = pellucid.Explanation | refused if few else pellucid.Explanation
            assert isinstance(result, wanted), what


@by_method
@pytest.mark.parametrize("when", [1, 2, 3])
@pytest.mark.parametrize(
    "error", [KeyError("boom"), KeyboardInterrupt(), torch.OutOfMemoryError("full"), StopIteration()]
)
def test_a_network_that_fails_midway(name, error, when):
    net, x = lived_in(lambda: Failing(error, when)), nets.rows(5, 6)
    before, outside = state(net), world()
    result = attempt(lambda: method(name)(net, x, target=1))
    told(before, state(net), f"{error!r} ({word(result)})")
    told(outside, world(), repr(error))


@by_method
@pytest.mark.parametrize("made", [nets.Broken, nets.Detached, nets.Dead, lambda: nets.Normed(running=False)])
def test_networks_that_cannot_be_explained(name, made):
    """NaN from the model, no gradients, zero gradients, rows mixed by the batch."""
    net, x = lived_in(made), nets.rows(5, 6)
    x[3, 0] = 10.0
    before, outside, rows = state(net), world(), bits(x)
    result = attempt(lambda: method(name)(net, x, target=1))
    told(before, state(net), word(result))
    told(outside, world(), word(result))
    assert bits(x) == rows
    if made is nets.Broken and name != "gradients":  # which looks at a layer in front of what breaks
        assert isinstance(result, pellucid.PellucidError)


@by_method
def test_token_ids_are_not_written_to(name):
    """A network that works in place on its ids works on a copy, of a tensor and of an array."""
    net = lived_in(nets.InPlaceIds)
    ids = torch.tensor([[1, 19, 3, 12, 5], [7, 7, 0, 19, 2]])
    array = ids.numpy().copy()
    before = state(net)
    for given in (ids, array):
        kept = bits(given)
        how = {"at": "embedding"} if METHODS[name].family == "gradient" else {}
        result = attempt(lambda given=given, how=how: method(name)(net, given, target=1, **how))
        assert bits(given) == kept, word(result)
        told(before, state(net), word(result))


@by_method
def test_several_inputs_are_not_written_to(name):
    net = lived_in(nets.TwoInputs)
    left, right = nets.rows(4, 4), nets.rows(4, 1, 3, 3, seed=1)
    before, kept = state(net), (bits(left), bits(right))
    for x in (
        (left, right),
        {"left": left, "right": right},
        (left, right[:2]),
        (left * torch.nan, right),
        (),
    ):
        result = attempt(lambda x=x: method(name)(net, x, target=1))
        told(before, state(net), word(result))
        assert (bits(left), bits(right)) == kept


@by_method
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(name, dtype):
    net, x = lived_in(nets.Normed).to(dtype), nets.rows(4, 6, dtype=dtype)
    before, rows, outside = state(net), x.clone(), world()
    for target in (1, 12):
        result = attempt(lambda target=target: method(name)(net, x, target=target))
        told(before, state(net), word(result))
        told(outside, world(), word(result))
        assert torch.equal(x, rows)


@by_method
def test_parameters_born_in_inference_mode(name):
    net, x = nets.inference_born(), nets.rows(4, 6)
    before = state(net)
    for target in (1, 12):
        result = attempt(lambda target=target: method(name)(net, x, target=target))
        told(before, state(net), word(result))
        if target == 1 and name not in MAPS | PICTURES and METHODS[name].family in ROWWISE:
            assert not isinstance(result, Exception), word(result)


@by_method
@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode])
def test_the_callers_gradient_mode(name, guard):
    net, x = lived_in(nets.Normed), nets.rows(4, 6)
    with guard():
        before, outside = state(net), world()
        for target in (1, 12):
            result = attempt(lambda target=target: method(name)(net, x, target=target))
            told(before, state(net), word(result))
            told(outside, world(), word(result))


@by_method
def test_functions_of_tensors(name):
    """The networks that a function calls are left as found, too."""
    net, x = lived_in(nets.Normed), nets.rows(4, 6)
    before, outside = state(net), world()
    for target in (1, 12):
        result = attempt(lambda target=target: method(name)(lambda z: net(z) * 2, x, target=target))
        told(before, state(net), word(result))
        told(outside, world(), word(result))


class Drawing(nn.Linear):
    """A layer that draws from every global stream, an odd number of normal numbers among them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        draw()
        return super().forward(x)


drawn: list[int] = []


def draw(*_: Any) -> None:
    drawn.append(1)
    np.random.standard_normal(3)  # noqa: NPY002
    random.gauss(0, 1)
    torch.rand(2)


def drawing(where: str) -> tuple[nn.Module, Any]:
    """A network of torch's layers, and a target, one of which draws."""
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), Drawing(5, 3) if where == "layer" else nn.Linear(5, 3))
    if where == "hook":
        net[1].register_forward_hook(draw)
    if where == "own forward":
        relu = net[1].forward
        net[1].forward = lambda x: draw() or relu(x)
    if where == "activation":
        layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, activation=lambda x: draw() or x.relu())
        net = nn.Sequential(nn.Unflatten(1, (1, 6)), layer, nn.Flatten(), nn.Linear(6, 3))
    return net.eval(), (lambda y: draw() or y[:, 1]) if where == "target" else 1


@by_method
@pytest.mark.parametrize("where", ["layer", "hook", "global hook", "own forward", "activation", "target"])
def test_random_numbers_drawn_on_the_way(name, where):
    """Wherever numbers are drawn, the caller's streams go on where they were; half a pair of normal ones is kept."""
    (net, target), x = drawing(where), nets.rows(4, 6)
    np.random.standard_normal(1)  # noqa: NPY002  # the second of the pair waits
    drawn.clear()
    outside = world()
    hook = nn.modules.module.register_module_forward_hook(draw) if where == "global hook" else None
    result = attempt(lambda: method(name)(net, x, target=target))
    if hook is not None:
        hook.remove()
    told(outside, world(), word(result))
    assert drawn or isinstance(result, Exception), "nothing was drawn"


@by_method
def test_rows_that_know_gradients(name):
    """Rows that require gradients keep theirs, and no graph is tied to them."""
    net, x = lived_in(nets.InPlace), nets.rows(4, 6).requires_grad_(True)
    x.grad = torch.ones_like(x)
    kept, rows = x.grad, bits(x)
    attempt(lambda: method(name)(net, x, target=1))
    assert x.grad is kept
    assert torch.equal(kept, torch.ones_like(x))
    assert bits(x) == rows
    assert x.requires_grad


# -- scikit-learn and functions -------------------------------------------------------------------------------------


def estimators() -> dict[str, tuple[Any, Any]]:
    """Fitted estimators, and rows for them: arrays, and a frame with words and missing values."""
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.svm import SVC

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
    holes = X.copy()
    holes[rng.random(X.shape) < 0.1] = np.nan
    frame = pd.DataFrame({"age": holes[:, 0], "kind": np.where(X[:, 1] > 0, "a", "b"), "size": X[:, 2]})
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "size"]), (OneHotEncoder(), ["kind"])
    )
    return {
        "forest": (RandomForestClassifier(8, random_state=0).fit(X, y), X[:5]),
        "regressor": (
            HistGradientBoostingRegressor(max_iter=8, random_state=0).fit(holes, X[:, 0]),
            holes[:5],
        ),
        "support vectors": (SVC().fit(X, y), X[:5]),
        "in place": (
            make_pipeline(StandardScaler(copy=False), LogisticRegression()).fit(X.copy(), y),
            X[:5].copy(),
        ),
        "pipeline": (make_pipeline(columns, LogisticRegression()).fit(frame, y), frame.iloc[:5]),
    }


ESTIMATORS = estimators()


def unlike(x: Any) -> dict[str, Any]:
    """The rows, and rows that are wrong in some way."""
    if hasattr(x, "iloc"):
        return {
            "success": x,
            "no rows": x.iloc[:0],
            "a column too few": x.iloc[:, :2],
            "an array": x.to_numpy(),
        }
    infinite = x.copy()
    infinite[2, 1] = np.inf
    nan = x.copy()
    nan[2, 1] = np.nan
    return {
        "success": x,
        "no rows": x[:0],
        "a column too few": x[:, :-1],
        "infinity": infinite,
        "NaN": nan,
        "words": x.astype(object).astype(str),
        "a list": x.tolist(),
    }


@by_method
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_estimators(name, kind):
    """To the last byte of their pickle."""
    model, x = ESTIMATORS[kind]
    m, before, outside, rows = method(name), pickle.dumps(model), world(), pickle.dumps(x)
    for what, given in unlike(x).items():
        for target in (None, 0, 12, "no such", lambda y: 1 / 0):
            kept = pickle.dumps(given)
            result = attempt(lambda given=given, target=target: m(model, given, target=target))
            assert pickle.dumps(model) == before, what
            assert pickle.dumps(given) == kept, what
            told(outside, world(), f"{what}, target {target} ({word(result)})")
            trees = METHODS[name].family == "trees" and kind in ("forest", "regressor")
            trees = trees and name != "decision_path"  # which has no target
            if (
                what == "success"
                and target == 0
                and ((METHODS[name].family in BLACK_BOX and name not in PICTURES) or trees)
            ):
                assert isinstance(result, pellucid.Explanation), word(result)
    assert pickle.dumps(x) == rows


@by_method
def test_functions_of_arrays(name):
    """A function may write into what it is given, draw random numbers, or fail: the caller sees none of it.

    Nor do the values: they are those of a function that writes to a copy.
    """

    def tidy(X: np.ndarray) -> np.ndarray:
        return np.tanh(X[:, :3])

    def greedy(X: np.ndarray) -> np.ndarray:
        np.random.rand()  # noqa: NPY002
        y = np.tanh(X[:, :3])
        X[:] = 0
        return y

    def failing(X: np.ndarray) -> np.ndarray:
        np.random.rand()  # noqa: NPY002
        raise KeyError("boom")

    x = np.random.default_rng(0).normal(size=(5, 6))
    rows, outside = bits(x), world()
    for function in (greedy, failing, lambda X: np.full(len(X), np.nan), lambda X: 1.0):
        result = attempt(lambda function=function: method(name)(function, x))
        assert bits(x) == rows, word(result)
        told(outside, world(), word(result))
    if METHODS[name].family in BLACK_BOX and name not in PICTURES:
        ours, theirs = (method(name)(f, x, target=1).values for f in (greedy, tidy))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-8)


# -- pellucid's own names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "pellucid.Saliency; pellucid.methods()",
        "import pellucid.methods.registry; pellucid.methods()",
        "from pellucid.explain import named; pellucid.explain(lambda X: X[:, 0], [[1.0, 2.0]])",
    ],
)
def test_names_mean_the_same_in_any_order(code):
    """`pellucid.methods` and `pellucid.explain` are functions, also once the modules of that name are loaded."""
    done = subprocess.run(
        [sys.executable, "-c", f"import pellucid; {code}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
