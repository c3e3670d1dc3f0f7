"""Attention of 18 transformer shapes, recorded while they run as they do by default, equals that of eager twins."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.text import Text

from pellucid import Attention
from pellucid.core.errors import CapabilityError, ParameterError
from tests import nets

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")

IDS = torch.randint(3, 60, (3, 10), generator=torch.Generator().manual_seed(0))
MASK = torch.ones_like(IDS)
MASK[1, 7:] = 0
MASK[2, 4:] = 0
TEXT = {"input_ids": IDS, "attention_mask": MASK}
BOTH = {**TEXT, "decoder_input_ids": IDS[:, :6]}
IMAGES = {"pixel_values": nets.rows(2, 3, 32, 32)}
WIDE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}
WORDS = {**WIDE, "vocab_size": 60, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
GROUPED = {**WORDS, "num_key_value_heads": 2}
ENDS = {"vocab_size": 60, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
SEEN = {**WIDE, "image_size": 32, "patch_size": 8}

SHAPES: dict[str, tuple[dict[str, Any], dict[str, torch.Tensor]]] = {
    "Bert": (WORDS, TEXT),
    "Roberta": (WORDS, TEXT),
    "DistilBert": ({"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, **ENDS}, TEXT),
    "Electra": ({**WORDS, "embedding_size": 16}, TEXT),
    "Albert": ({**WORDS, "embedding_size": 16}, TEXT),
    "GPT2": ({"n_embd": 32, "n_layer": 2, "n_head": 4, **ENDS}, TEXT),
    "GPTNeoX": (WORDS, TEXT),
    "OPT": (
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "ffn_dim": 48,
            "word_embed_proj_dim": 32,
            **ENDS,
        },
        TEXT,
    ),
    "Llama": (GROUPED, TEXT),
    "Mistral": ({**GROUPED, "sliding_window": 4}, TEXT),
    "Qwen2": (GROUPED, TEXT),
    "Gemma2": ({**GROUPED, "head_dim": 8, "sliding_window": 4}, TEXT),
    "Gemma3Text": ({**GROUPED, "head_dim": 8, "sliding_window": 4}, TEXT),
    "T5": ({"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, **ENDS}, BOTH),
    "Bart": (
        {
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
            **ENDS,
        },
        BOTH,
    ),
    "ViT": (SEEN, IMAGES),
    "DeiT": (SEEN, IMAGES),
    "Swin": (
        {
            "embed_dim": 16,
            "depths": [2, 2],
            "num_heads": [2, 4],
            "image_size": 32,
            "patch_size": 4,
            "window_size": 4,
        },
        IMAGES,
    ),
}


def built(name: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The model as its configuration makes it, and the same with eager attention."""
    how = SHAPES[name][0]
    config, model = getattr(transformers, f"{name}Config"), getattr(transformers, f"{name}Model")
    net = nets.seeded(lambda: model(config(**how)))
    eager = model(config(**how)).eval()
    eager.load_state_dict(net.state_dict())
    eager.set_attn_implementation("eager")
    return net, eager


def expected(eager: torch.nn.Module, x: dict[str, torch.Tensor]) -> list[np.ndarray]:
    """Its eager attentions in the order they run: encoder, then in each decoder layer its own before the cross ones."""
    seen: list[torch.Tensor] = []
    if type(eager).__name__ == "SwinModel":  # its outputs hold one layer per stage: all of them are wanted
        for name, part in eager.named_modules():
            if name.endswith(".attention"):
                part.register_forward_hook(lambda m, args, out: seen.append(out[1]))
    with torch.no_grad():
        out = eager(**x, output_attentions=True)
    if seen:
        return [w.numpy() for w in seen]
    if "encoder_attentions" not in out:
        return [w.numpy() for w in out.attentions]
    pairs = zip(out.decoder_attentions, out.cross_attentions, strict=True)
    return [w.numpy() for w in (*out.encoder_attentions, *(w for pair in pairs for w in pair))]


@pytest.mark.parametrize("name", SHAPES)
def test_equal_to_the_eager_attentions(name):
    net, eager = built(name)
    x, outputs = SHAPES[name][1], []
    implementation = net.config._attn_implementation
    with torch.no_grad():
        alone = net(**x)[0]
    hook = net.register_forward_hook(lambda m, args, out: outputs.append(out[0]))
    e = Attention()(net, x if len(x) > 1 else x["pixel_values"], output="last_hidden_state")
    hook.remove()
    assert net.config._attn_implementation == implementation
    assert torch.equal(outputs[-1], alone)
    own = expected(eager, x)
    assert len(e.layers) == len(own)
    for i, weights in enumerate(own):
        found = e.layer(i).reshape(weights.shape)
        if "attention_mask" in x and found.shape[2] == MASK.shape[1]:  # a padded query may see nothing at all
            found, weights = (np.moveaxis(w, 1, 2)[MASK.numpy() > 0] for w in (found, weights))
        np.testing.assert_allclose(found, weights, rtol=0, atol=1e-6, err_msg=e.layers[i])


def test_layers_of_one_shape_lie_in_one_array_and_others_one_after_another():
    net, _ = built("Bart")
    e = Attention()(net, BOTH)
    assert e.values.ndim == 1
    assert [e.layer(n).shape[2:] for n in e.layers] == [(10, 10)] * 2 + [(6, 6), (6, 10)] * 2
    one = Attention()(net, BOTH, at="encoder*")
    assert one.values.shape == (2, 3, 4, 10, 10)
    np.testing.assert_array_equal(one.values[1], e.layer(1))


def test_windows_are_counted_apart_from_heads():
    net, _ = built("Swin")
    e = Attention()(net, IMAGES["pixel_values"])
    assert e.windows == (4, 4, 1, 1)
    assert [e.heads(i) for i in range(4)] == [2, 2, 4, 4]
    said = [t.get_text() for t in e.plot(window=3).figure.findobj(Text)]
    assert any("window 3 of 4" in text for text in said)
    with pytest.raises(ParameterError, match="window 4"):
        e.plot(window=4)
    with pytest.raises(CapabilityError, match="windows"):
        Attention(view="mean")(net, IMAGES["pixel_values"])
