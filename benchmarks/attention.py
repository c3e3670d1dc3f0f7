"""What recording attention costs beside a plain forward pass, at the size of BERT-base and under PyTorch's own encoder.

Run: python benchmarks/attention.py
"""

from __future__ import annotations

import os

from measure import interleaved, one_thread, ratio, table

one_thread()
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import warnings

import torch
import transformers
from torch import nn
from transformers import BertConfig, BertModel

import pellucid
from pellucid.core.model import wrap

warnings.simplefilter("ignore")

ROWS, TOKENS = 2, 128


class Encoder(nn.Module):
    """PyTorch's own encoder at the size of BERT-base."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(768, 12, 3072, activation="gelu", batch_first=True)
        self.embed, self.encoder = nn.Embedding(30522, 768), nn.TransformerEncoder(layer, 12)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.encoder(self.embed(ids))


def compared(net: nn.Module) -> dict[str, object]:
    """A plain pass, the recording alone, and the whole call."""
    ids, model = torch.randint(5, 30000, (ROWS, TOKENS)), wrap(net)

    def plain() -> None:
        with torch.no_grad():
            net(ids)

    def recorded() -> None:
        with model.at_rest():
            model.attentions((ids,))

    return {"plain": plain, "recording": recorded, "Attention": lambda: pellucid.Attention()(net, ids)}


def main() -> None:
    torch.manual_seed(0)
    rows = []
    for name, net in (
        ("BertModel, 12 layers x 12 heads", BertModel(BertConfig())),
        ("nn.TransformerEncoder", Encoder()),
    ):
        times = interleaved(compared(net.eval()), rounds=7)
        for who in ("recording", "Attention"):
            middle, low, high = ratio(times[who], times["plain"])
            rows.append([name, who, f"{times[who].min():.2f} s", f"{middle:.2f} ({low:.2f}-{high:.2f})"])
    head = ["network", "what", "CPU time", "times a plain pass"]
    title = f"{ROWS} x {TOKENS} tokens; torch {torch.__version__}, transformers {transformers.__version__}"
    print(table(title, head, rows))


if __name__ == "__main__":
    main()
