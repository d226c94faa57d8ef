"""The network: an encoder shared by all classes, and a head that lets each class look for its own words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sca_nlp.classify.beside import read_rows
from sca_nlp.classify.tokens import Beside, Window


class ByteDropout(nn.Module):
    """Dropout whose masks come eight random bytes a draw: on a CPU `nn.Dropout` takes a tenth of a step to draw them.

    The share that falls is `p` rounded to 1/256; what stays is divided by its exact share, so means are kept.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p  # attention layers ask for it
        self.falls = round(256 * p)

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` with a random share of its values at 0, or as it is outside training."""
        if not self.training or not self.falls:
            return x
        n = x.numel()
        draws = torch.empty(-(-n // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        stays = draws.view(torch.uint8)[:n].view(x.shape) >= self.falls
        return x * (stays.to(x.dtype) * (256 / (256 - self.falls)))


def quicken(model: nn.Module) -> None:
    """Exchange every `nn.Dropout` below `model` for a `ByteDropout`."""
    for name, child in model.named_children():
        if isinstance(child, nn.Dropout) and child.p:
            setattr(model, name, ByteDropout(child.p))
        else:
            quicken(child)


class SentenceClassifier(nn.Module):
    """Encoder, then per class: a perceptron on [mean of tokens, first token] plus attention of the class's own.

    With `beside`, some of the encoder's layers look at the neighbours of a passage (`sca_nlp.classify.beside`); the
    head looks at the passage's tokens alone. Logits have shape [n, n_classes]; `probabilities` makes a softmax over
    each indicator's values and 'absent', so that 'affirmed' and 'denied' compete and cannot both be likely.
    """

    def __init__(
        self,
        encoder: nn.Module,
        width: int,
        groups: Sequence[Sequence[int]],
        hidden: int,
        dropout: float,
        beside: Beside | None = None,
    ) -> None:
        super().__init__()
        n = sum(len(g) for g in groups)
        self.encoder = encoder
        self.beside = beside or Beside()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(2 * width, hidden)
        self.out = nn.Linear(hidden, n)
        self.query = nn.Linear(width, n)  # which token a class attends to
        self.value = nn.Linear(width, n, bias=False)  # what that token says for the class
        # Added to the states of the sentence before and of the one after, which tell nothing of where they stand.
        self.kinds = nn.Parameter(torch.zeros(2, width)) if self.beside else None
        member = torch.zeros(n, n)
        for g in groups:
            for a in g:
                for b in g:
                    member[a, b] = 1
        self.register_buffer("member", member, persistent=False)

    def forward(self, rows: Sequence[Window]) -> Tensor:
        """Return logits [n, n_classes] of windows of like length."""
        h, mask = read_rows(self.encoder, rows, self.beside, self.kinds, STRIDE)
        m = mask.unsqueeze(-1).to(h.dtype)
        mean = (h * m).sum(1) / m.sum(1)
        scores = self.query(h).masked_fill(m == 0, torch.finfo(h.dtype).min)
        attended = (scores.float().softmax(1).to(h.dtype) * self.value(self.dropout(h))).sum(1)
        joint = self.dropout(torch.cat([mean, h[:, 0]], 1))
        logits: Tensor = self.out(self.dropout(nn.functional.gelu(self.hidden(joint)))) + attended
        return logits.float()

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return [n, n_classes]: softmax over each indicator's values and absent (whose logit is 0)."""
        shift = logits.max(1, keepdim=True).values.clamp(min=0)
        e = torch.exp(logits - shift)
        total: Tensor = torch.exp(-shift) + e @ self.get_buffer("member").to(e.dtype)
        out: Tensor = e / total
        return out


#: Sentences whose lengths round up to one multiple of so many tokens share batches, padded to that multiple. Every new
#: shape of a product costs the CPU's library a kernel and the allocator new blocks: with any length and number long
#: fits grew, and ran at half the speed.
STRIDE = 8


def batches(
    lengths: Sequence[int] | NDArray[np.int64], budget: int, rng: np.random.Generator | None = None
) -> list[NDArray[np.int64]]:
    """Cut a set into batches of like length: at most `budget` tokens each, padding included.

    Args:
        lengths: tokens of each sentence.
        budget: most tokens of a batch; a longer sentence is a batch of its own.
        rng: shuffles the sentences of like length and the order of batches; None keeps their order.
    """
    size = -(-np.asarray(lengths, np.int64) // STRIDE) * STRIDE
    out = []
    for width in np.unique(size):
        of = np.flatnonzero(size == width)
        n = max(1, budget // int(width))
        of = of if rng is None else rng.permutation(of)
        out += [of[k : k + n] for k in range(0, len(of), n)]
    if rng is not None:
        rng.shuffle(out)
    return out


def predict(model: SentenceClassifier, rows: Sequence[Window], budget: int = 2048) -> NDArray[np.float32]:
    """Return logits [n, n_classes] in the order of `rows`."""
    was = model.training
    model.eval()
    out: NDArray[np.float32] | None = None
    with torch.inference_mode():
        for index in batches([len(r) for r in rows], budget):
            z = model([rows[int(i)] for i in index]).cpu().numpy()
            if out is None:
                out = np.zeros((len(rows), z.shape[1]), np.float32)
            out[index] = z
    model.train(was)
    return out if out is not None else np.zeros((0, 0), np.float32)
