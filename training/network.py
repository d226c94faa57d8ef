"""The network in training: quick dropout, batches of like length, logits of many rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sca_nlp.classify.contract import membership
from sca_nlp.classify.network import Network
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


class SentenceClassifier(Network):
    """The network with what its training needs: a call reads a batch, and its loss knows which classes belong together.

    `member` is `sca_nlp.classify.contract.membership` of the codebook.
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
        member = membership(groups)
        super().__init__(encoder, width, len(member), hidden, beside, dropout)
        self.register_buffer("member", torch.from_numpy(member), persistent=False)

    def forward(self, rows: Sequence[Window]) -> Tensor:
        """Return logits [n, n_classes] of windows of like length."""
        return self.read(rows, STRIDE)


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
