"""Attention: the weights are those that ran, whoever computed them, and the model runs as it always does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.text import Text
from torch import nn

import pellucid
from pellucid import Attention, plots
from pellucid.core.errors import CapabilityError, LayerError, ParameterError
from pellucid.core.features import Tokens
from pellucid.core.model import wrap
from tests import nets
from tests.twins import attention as twin

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")


class Fused(nn.Module):
    """Calls `scaled_dot_product_attention` with whatever it is given: (n, 7, 24) -> (n, 7, 24)."""

    def __init__(self, keys: int = 4, **how: object) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(24, 24), nn.Linear(24, 6 * keys), nn.Linear(24, 6 * keys)
        self.keys, self.how = keys, how

    def split(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(f(x).unflatten(-1, (-1, 6)).transpose(1, 2) for f in (self.q, self.k, self.v))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(*self.split(x), **self.how).transpose(1, 2).flatten(2)


class ByHand(Fused):
    """The same attention as it is written out: softmax, dropout, product."""

    def __init__(self, product: str = "matmul") -> None:
        super().__init__()
        self.product, self.drop = product, nn.Dropout(0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.split(x)
        w = self.drop((q @ k.mT / 6**0.5).softmax(-1))
        if self.product == "bmm":
            return torch.bmm(w.flatten(0, 1), v.flatten(0, 1)).view_as(v).transpose(1, 2).flatten(2)
        out = torch.einsum("bhqk,bhkd->bhqd", w, v) if self.product == "einsum" else torch.matmul(w, v)
        return out.transpose(1, 2).flatten(2)


class Text2(nn.Module):
    """A classifier of tokens over PyTorch's own encoder, token 0 being padding: (n, 9) -> (n, 5)."""

    def __init__(self, norm_first: bool = False, causal: bool = False, layers: int = 3) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=norm_first)
        self.embed, self.encoder = nn.Embedding(60, 32), nn.TransformerEncoder(layer, layers)
        self.head, self.causal = nn.Linear(32, 5), causal

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1) if self.causal else None
        return self.head(self.encoder(self.embed(ids), mask, src_key_padding_mask=ids == 0)[:, 0])


def tokens(rows: int = 3, length: int = 9) -> torch.Tensor:
    ids = torch.randint(1, 60, (rows, length), generator=torch.Generator().manual_seed(0))
    ids[1, 6:] = 0
    return ids


def layer_by_layer(net: Text2, ids: torch.Tensor) -> list[np.ndarray]:
    """Each encoder layer's weights as its own attention gives them when it is asked."""
    x, found, pad = net.embed(ids), list[np.ndarray](), ids == 0
    mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1) if net.causal else None
    for layer in net.encoder.layers:
        h = layer.norm1(x) if layer.norm_first else x
        w = layer.self_attn(h, h, h, attn_mask=mask, key_padding_mask=pad, average_attn_weights=False)[1]
        found.append(w.numpy())
        x = layer(x, src_mask=mask, src_key_padding_mask=pad)
    return found


FLOAT_MASK = nets.rows(7, 7, seed=5)
BOOL_MASK = nets.rows(7, 7, seed=6) > -0.8
BOOL_MASK[2] = False
CASES = {
    "plain": {},
    "causal": {"is_causal": True},
    "a float mask": {"attn_mask": FLOAT_MASK},
    "a bool mask with a blind row": {"attn_mask": BOOL_MASK},
    "a scale": {"scale": 0.9},
    "grouped queries": {"keys": 2, "enable_gqa": True},
    "one key for all": {"keys": 1, "enable_gqa": True, "is_causal": True},
}


@pytest.mark.parametrize("case", CASES)
def test_fused_attention_equals_its_definition(case):
    how = CASES[case]
    net, x = nets.seeded(lambda: Fused(**how)), nets.rows(3, 7, 24)
    with torch.no_grad():
        q, k, _ = (t.numpy() for t in net.split(x))
    allowed, bias, shape = None, None, (3, 4, 7, 7)
    if how.get("is_causal"):
        allowed = np.broadcast_to(np.tril(np.ones((7, 7), bool)), shape)
    if "bool" in case:
        allowed = np.broadcast_to(BOOL_MASK.numpy(), shape)
    if "float" in case:
        bias = np.broadcast_to(FLOAT_MASK.numpy(), shape)
    e = Attention()(net, x)
    assert e.values.shape == (1, *shape)
    np.testing.assert_allclose(e.values[0], twin.weights(q, k, allowed, bias, how.get("scale")), atol=1e-6)


@pytest.mark.parametrize("product", ["matmul", "bmm", "einsum"])
def test_attention_written_by_hand_is_seen(product):
    net, x = nets.seeded(lambda: ByHand(product)), nets.rows(3, 7, 24)
    with torch.no_grad():
        q, k, _ = (t.numpy() for t in net.split(x))
    np.testing.assert_allclose(Attention()(net, x).values[0], twin.weights(q, k), atol=1e-6)


@pytest.mark.parametrize(
    "how", [{}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"kdim": 24, "vdim": 24}]
)
@pytest.mark.parametrize("asked", [True, False])
def test_a_multi_head_attention_equals_what_it_gives_itself(how, asked):
    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(24, 4, batch_first=True, **how)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attend(x, x, x, **masks(x), need_weights=asked)[0]

    def masks(x: torch.Tensor) -> dict[str, torch.Tensor]:
        pad = torch.zeros(x.shape[:2]).masked_fill(x[:, :, 0] > 0.7, -torch.inf)
        return {"attn_mask": FLOAT_MASK, "key_padding_mask": pad}

    net, x = nets.seeded(Alone), nets.rows(3, 7, 24)
    assert masks(x)["key_padding_mask"].isinf().any()
    with torch.no_grad():
        _, own = net.attend(x, x, x, **masks(x), average_attn_weights=False)
    np.testing.assert_allclose(Attention()(net, x).values[0], own.numpy(), atol=1e-6)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_an_encoder_on_its_fast_path_equals_its_layers_asked_one_by_one(norm_first, causal):
    net, ids = nets.seeded(lambda: Text2(norm_first, causal)), tokens()
    e = Attention()(net, ids)
    assert e.layers == tuple(f"encoder.layers.{i}.self_attn" for i in range(3))
    assert e.values.shape == (3, 3, 4, 9, 9)
    with torch.no_grad():
        own = layer_by_layer(net, ids)
    for found, expected in zip(e.values, own, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (e.values[:, 1, :, :, 6:] == 0).all()


@pytest.mark.parametrize("make", [Fused, ByHand, lambda: Fused(is_causal=True)])
def test_the_output_is_the_same_to_the_bit_while_recording(make):
    net, x, outputs = nets.seeded(make), nets.rows(3, 7, 24), []
    with torch.no_grad():
        alone = net(x)
    net.register_forward_hook(lambda m, args, out: outputs.append(out))
    Attention()(net, x)
    assert torch.equal(outputs[-1], alone)


def test_the_output_of_a_fast_path_agrees_while_recording():
    net, ids, outputs = nets.seeded(Text2), tokens(), []
    with torch.no_grad():
        alone = net(ids)
    net.register_forward_hook(lambda m, args, out: outputs.append(out))
    Attention()(net, ids)
    assert torch.allclose(outputs[-1], alone, atol=1e-6)


# -- views ----------------------------------------------------------------------------------------------------------


def test_an_encoder_runs_the_products_that_it_runs_for_its_caller():
    """To the bit: frozen weights would make PyTorch take another product for each position, at 1.7 times the cost."""
    net, ids = nets.seeded(Text2), tokens()
    learning = [p.requires_grad for p in net.parameters()]
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            expected = net(ids)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    model = wrap(net)
    with model.at_rest():
        assert torch.equal(model.predict(ids), expected)
        assert not any(p.requires_grad for p in net.parameters())
    assert [p.requires_grad for p in net.parameters()] == learning == [True] * len(learning)


def test_the_mean_and_the_rollout_follow_their_definitions():
    net, ids = nets.seeded(Text2), tokens()
    heads = Attention()(net, ids).values
    np.testing.assert_allclose(Attention(view="mean")(net, ids).values[:, :, 0], heads.mean(2), atol=1e-7)
    e = Attention(view="rollout")(net, ids)
    assert e.values.shape == (3, 3, 1, 9, 9)
    for row in range(3):
        for k in range(3):
            expected = twin.rollout([layer[row] for layer in heads[: k + 1]])
            np.testing.assert_allclose(e.values[k, row, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    "make", [lambda: Text2(layers=2), lambda: nn.Sequential(ByHand(), nn.Flatten(), nn.Linear(168, 4))]
)
@pytest.mark.parametrize("target", [None, 2])
def test_gradient_weighted_attention_follows_its_definition(make, target):
    net = nets.seeded(make).double()
    x = tokens()[:, 3:8] if isinstance(net, Text2) else nets.rows(3, 7, 24).double()
    heads, e = Attention()(net, x).values, Attention(view="gradient")(net, x, target=target)
    with torch.no_grad():
        chosen = int(net(x)[1].argmax()) if target is None else target
    slopes = [numeric(net, x, chosen, 1, k, heads) for k in range(len(heads))]
    expected = twin.relevance([layer[1] for layer in heads], slopes)
    np.testing.assert_allclose(e.values[-1, 1, 0], expected, atol=1e-6)


def numeric(net, x, target, row, layer, heads):
    """(heads, queries, keys) the slope of an output in one layer's weights, by differences: weights are replaced."""
    out = np.zeros(heads.shape[2:])
    for h, q in np.ndindex(*out.shape[:2]):
        for k in range(out.shape[2]):
            ends = [swapped(net, x, target, row, layer, heads, (h, q, k), s * 1e-5) for s in (1, -1)]
            out[h, q, k] = (ends[0] - ends[1]) / 2e-5
    return out


def swapped(net, x, target, row, layer, heads, where, by):
    """The output when one weight of a layer is moved."""
    count, real = [0], torch.Tensor.softmax

    def moved(weights):
        count[0] += 1
        if count[0] - 1 != layer:
            return weights
        weights = weights.clone()
        weights.view(1, *heads.shape[2:])[(0, *where)] += by
        return weights

    class Moving(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            return moved(out) if func in (real, torch.softmax, F.softmax) else out

    with torch.no_grad(), Moving():
        y = by_parts(net, x[row : row + 1]) if isinstance(net, Text2) else net(x[row : row + 1])
    return float(y[0, target])


def by_parts(net, ids):
    """Text2 with its attention written out, so that the weights can be reached."""
    x, pad = net.embed(ids), torch.zeros(ids.shape, dtype=torch.float64).masked_fill(ids == 0, -torch.inf)
    for m in net.encoder.layers:
        a = m.self_attn
        q, k, v = F.linear(x, a.in_proj_weight, a.in_proj_bias).chunk(3, -1)
        q, k, v = (t.unflatten(-1, (4, 8)).transpose(1, 2) for t in (q, k, v))
        w = (q @ k.mT / 8**0.5 + pad[:, None, None]).softmax(-1)
        x = m.norm1(x + a.out_proj((w @ v).transpose(1, 2).flatten(2)))
        x = m.norm2(x + m.linear2(m.linear1(x).relu()))
    return net.head(x[:, 0])


# -- places, errors -------------------------------------------------------------------------------------------------


def test_layers_are_chosen_by_name_by_block_and_by_pattern():
    net, ids = nets.seeded(Text2), tokens()
    whole = Attention()(net, ids)
    for at in ("encoder.layers.1.self_attn", "encoder.layers.1", "*1*", ["encoder.layers.1"]):
        e = Attention()(net, ids, at=at)
        assert e.layers == ("encoder.layers.1.self_attn",)
        np.testing.assert_allclose(e.values, whole.values[1:2], atol=1e-6)
    one = whole["encoder.layers.1.self_attn"]
    assert one.values.shape == (1, 3, 4, 9, 9)
    np.testing.assert_array_equal(one.layer(), whole.layer(1))


def test_calls_of_one_layer_are_numbered():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = Fused()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attend(self.attend(x))

    net, x = nets.seeded(Twice), nets.rows(2, 7, 24)
    e = Attention()(net, x)
    assert e.layers == ("attend#1", "attend#2")
    np.testing.assert_array_equal(Attention()(net, x, at="attend#2").values[0], e.values[1])


def test_errors_are_clear():
    net, ids = nets.seeded(Text2), tokens()
    with pytest.raises(CapabilityError, match="shows no attention"):
        Attention()(nets.seeded(nets.PoolCNN), nets.rows(2, 1, 8, 8))
    with pytest.raises(CapabilityError, match="no layers"):
        Attention()(lambda x: x, np.ones((2, 3)))
    with pytest.raises(LayerError, match="has no attention"):
        Attention()(net, ids, at="head")
    with pytest.raises(LayerError, match="fits"):
        Attention()(net, ids, at="conv*")
    with pytest.raises(ParameterError, match="target"):
        Attention()(net, ids, target=1)
    with pytest.raises(ParameterError, match="Pass rows"):
        Attention()(net)
    with pytest.raises(ParameterError, match="view"):
        Attention(view="everything")


def test_the_model_is_left_as_it_was_after_success_and_error():
    net, ids = nets.seeded(Text2).train(), tokens()
    before = {k: v.clone() for k, v in net.state_dict().items()}

    def untouched() -> None:
        assert net.training and all(m.training for m in net.modules())
        assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
        assert all(p.requires_grad and p.grad is None for p in net.parameters())
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
        assert torch.backends.mha.get_fastpath_enabled()
        assert torch.is_grad_enabled()

    for view in ("heads", "gradient"):
        Attention(view=view)(net, ids)
        untouched()
    net.head.forward = lambda x: 1 / 0
    for view in ("heads", "gradient"):
        with pytest.raises(ZeroDivisionError):
            Attention(view=view)(net, ids)
        untouched()


def test_half_precision_is_averaged_in_float32():
    net, x = nets.seeded(Fused).bfloat16(), nets.rows(2, 7, 24)
    e = Attention()(net, x)
    assert e.values.dtype == np.float32
    np.testing.assert_allclose(e.values.sum(-1), 1, atol=1e-6)


def test_adapters_are_asked_by_what_they_can():
    from pellucid.core.attending import Attentive

    assert isinstance(wrap(nets.seeded(Text2)), Attentive)


# -- pictures, pages, words ----------------------------------------------------------------------------------------


def named() -> pellucid.Explanation:
    words = ("[CLS]", "the", "cat", "sat", "on", "a", "mat", "</script>", "[SEP]")
    texts = Tokens((words, (*words[:6], "", "", ""), words))
    return Attention()(nets.seeded(Text2), tokens(), features=texts)


def said(figure):
    return "\n".join(t.get_text() for t in figure.findobj(Text)).replace("\n", " ")


@pytest.mark.parametrize(("lang", "key"), [("en", "key (what is read)"), ("zh", "键（被读取者）")])
def test_a_head_is_drawn_on_its_words_without_padding(lang, key):
    figure = plots.figure(named(), "head", lang=lang, layer=1, head=2, row=1)
    image = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(image, named().layer(1)[1, 2, :6, :6])
    assert key in said(figure)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == [
        "[CLS]",
        "the",
        "cat",
        "sat",
        "on",
        "a",
    ]
    with pytest.raises(ParameterError, match="head"):
        named().plot("head", head=4)
    with pytest.raises(ParameterError, match="row"):
        named().plot(row=3)


def test_patches_of_an_image_are_drawn_from_the_class_token_and_from_a_patch():
    e = Attention()(nets.seeded(nets.Patches), nets.rows(2, 1, 8, 12))
    assert e.grid == (2, 3)
    assert e.extra(7) == 1
    assert "patches" in plots.kinds(e)
    assert "(0, 2)" in said(plots.figure(e, "patches", query=3))
    assert "token 0" in said(plots.figure(e, "patches"))
    assert "patches" not in plots.kinds(named())


def test_many_layers_and_heads_take_pages():
    e = named()
    e = replace(
        e,
        values=np.tile(e.values, (6, 1, 7, 1, 1)),
        layers=tuple(f"b.{i}.attn" for i in range(18)),
        kinds=("A",) * 18,
        shapes=((3, 28, 9, 9),) * 18,
        windows=(1,) * 18,
    )
    assert len(list(plots.pages(e, "attention"))) == 4
    with pytest.raises(ParameterError, match="page"):
        e.plot(page=5)


def test_a_page_of_144_heads_over_128_tokens_is_one_small_file(tmp_path):
    rng = np.random.default_rng(0)
    values = np.exp(3 * rng.normal(size=(12, 1, 12, 128, 128)))
    e = replace(
        named(),
        values=(values / values.sum(-1, keepdims=True)).astype(np.float32),
        features=Tokens((tuple(f"token{i}" for i in range(128)),)),
        layers=tuple(f"encoder.layer.{i}.attention.self" for i in range(12)),
        kinds=("A",) * 12,
        shapes=((1, 12, 128, 128),) * 12,
        windows=(1,) * 12,
    )
    path = e.save(tmp_path / "attention.html")
    text = path.read_text("utf-8")
    assert path.stat().st_size < 1e6
    assert "token127" in text
    assert "src=" not in text and text.count("http") == text.count("http://www.w3.org/2000/svg")


def test_words_cannot_break_out_of_a_page(tmp_path):
    text = named().save(tmp_path / "a.html", lang="zh").read_text("utf-8")
    assert text.count("</script>") == 1
    assert "注意力" in text


def test_any_result_can_be_a_page(tmp_path):
    e = pellucid.Kernels()(nets.seeded(nets.PoolCNN))
    text = e.save(tmp_path / "kernels.html").read_text("utf-8")
    assert "data:image/png;base64," in text
    with pytest.raises(pellucid.core.errors.FileError, match="cannot be written"):
        e.save(tmp_path / "no" / "such.html")
