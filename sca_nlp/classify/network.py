"""The network in torch, as training makes it and as a GPU, other encoders than BERT and a hub's users run it.

`bert_graph` writes the same for ONNX Runtime, without torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sca_nlp.classify.beside import Layer, read_rows
from sca_nlp.classify.contract import Array
from sca_nlp.classify.tokens import Beside, Window


class Network(nn.Module):
    """Encoder, then per class: a perceptron on [mean of tokens, first token] plus attention of the class's own.

    With `beside`, some of the encoder's layers look at the neighbours of a passage (`sca_nlp.classify.beside`); the
    head looks at the passage's tokens alone.

    Args:
        encoder: any of the transformers library.
        width: size of its vectors.
        n_classes: of the codebook.
        hidden: inner size of the perceptron.
        beside: what is looked at beside a passage; None: nothing.
        dropout: share of what the head reads that falls in training.
    """

    def __init__(
        self,
        encoder: nn.Module,
        width: int,
        n_classes: int,
        hidden: int,
        beside: Beside | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.beside = beside or Beside()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(2 * width, hidden)
        self.out = nn.Linear(hidden, n_classes)
        self.query = nn.Linear(width, n_classes)  # which token a class attends to
        self.value = nn.Linear(width, n_classes, bias=False)  # what that token says for the class
        # Added to the states of the sentence before and of the one after, which tell nothing of where they stand.
        self.kinds = nn.Parameter(torch.zeros(2, width)) if self.beside else None

    def read(self, rows: Sequence[Window], step: int = 1, layer: Layer | None = None) -> Tensor:
        """Return logits [n, n_classes] of windows of like length; `step` and `layer` are those of `read_rows`."""
        return self.logits(*read_rows(self.encoder, rows, self.beside, self.kinds, step, layer))

    def logits(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return logits [n, n_classes] of the vectors of tokens [n, length, width] and their mask [n, length]."""
        h = h.to(self.out.weight.dtype)
        m = mask.unsqueeze(-1).to(h.dtype)
        mean = (h * m).sum(1) / m.sum(1)
        looks = self.query(h).masked_fill(m == 0, torch.finfo(h.dtype).min)
        attended = (looks.float().softmax(1).to(h.dtype) * self.value(self.dropout(h))).sum(1)
        joint = self.dropout(torch.cat([mean, h[:, 0]], 1))
        found: Tensor = self.out(self.dropout(nn.functional.gelu(self.hidden(joint)))) + attended
        return found.float()


def probabilities(logits: Tensor, member: Tensor | Array | None) -> Tensor:
    """Return probabilities [n, n_classes].

    Args:
        logits: [n, n_classes].
        member: of `contract.membership`: a softmax over each indicator's values and absent, whose logit is 0, so that
            'affirmed' and 'denied' compete and cannot both be likely. None: each class apart, by a sigmoid.
    """
    if member is None:
        return logits.sigmoid()
    # One shift for all of a row's indicators; the clamp keeps one that lies far below the others from falling to 0 / 0.
    logits = logits.clamp(-40, 40)
    shift = logits.max(1, keepdim=True).values.clamp(min=0)
    e = torch.exp(logits - shift)
    total: Tensor = torch.exp(-shift) + e @ torch.as_tensor(member).to(e)
    out: Tensor = e / total
    return out
