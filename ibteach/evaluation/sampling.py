"""Draws of dropout and noise, kept: what S of them say about each example, from decoder to prediction cross-entropy.

A network with dropout answers the same input differently each time: its latent Z is random given X. One draw per
example estimates the decoder cross-entropy H_q[Y|Z], the usual training loss; averaging the probabilities of S draws
leads down to the prediction cross-entropy H_q[Y|X], the usual loss at test time (Kirsch et al. 2020). Everything about
the two, and about all S between them, follows from ln q(y|z_s) of each draw, which is what is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach import checks, seeds
from ibteach.data.datasets import Dataset, check_data, check_images
from ibteach.errors import InvalidInput
from ibteach.information.continuous import zero_entropy_noise
from ibteach.networks.bottleneck import Bottleneck, running_statistics
from ibteach.networks.ensemble import Ensemble
from ibteach.objectives import decoder_log_likelihood, log_mean_likelihood
from ibteach.precision import exactly
from ibteach.records.record import Record

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Integer, UInt8


@dataclass(frozen=True, eq=False)
class Draws:
    """ln q(y|z_s) of the true label, for R dropout rates, M networks of each, S draws and N examples.

    - `records`: dropout rate -> the `Record` that its training left
    - `log_likelihood`: ``"train"``, ``"test"`` -> (R, M, S, N), nats
    - `images` (N, …), `labels` (N,): the test examples, as bytes and class numbers
    """

    records: dict[float, Record]
    log_likelihood: dict[str, Float[Tensor, "R M S N"]]
    images: UInt8[Tensor, "N channels height width"]
    labels: Int[Tensor, " N"]

    @property
    def rates(self) -> tuple[float, ...]:
        return tuple(self.records)

    @property
    def samples(self) -> tuple[int, ...]:
        """The numbers of samples S that divide the draws into groups without rest: 1, 2, 4, … all of them."""
        return tuple(2**power for power in range(self.log_likelihood["test"].shape[2].bit_length()))

    def cross_entropy(self, split: str, samples: int) -> Float[Tensor, "R M"]:
        """E −ln (1/S) Σ_s q(y|z_s), (R, M), nats: H_q[Y|Z] for S = 1, falling in S towards H_q[Y|X].

        The draws are cut into groups of S, and groups of 2S are pairs of groups of S. So by Jensen's inequality it
        falls in S without exception, not only in expectation.
        """
        return -grouped(self.log_likelihood[checks.known("split", split, self.log_likelihood)], samples).mean((-2, -1))


def grouped(log_likelihood: Float[Tensor, "*batch draws N"], samples: int) -> Float[Tensor, "*batch groups N"]:
    """ln (1/S) Σ_s q(y|z_s) of each group of S draws: (…, draws, N) → (…, draws / S, N), nats.

    Raises `InvalidInput` unless S divides the number of draws.

    >>> draws = torch.tensor([[0.9], [0.1]]).log()  # one example, two draws
    >>> grouped(draws, 2).exp()  # the mean probability
    tensor([[0.5000]])
    """
    checks.real("log_likelihood", log_likelihood, "... S N")
    draws, samples = log_likelihood.shape[-2], checks.whole("samples", samples)
    if draws % samples:
        raise InvalidInput(f"samples: got {samples}, expected a divisor of the {draws} draws.")
    return log_mean_likelihood(log_likelihood.unflatten(-2, (-1, samples)), -2)


@torch.no_grad()
def log_likelihoods(
    model: Bottleneck | Ensemble,
    data: Dataset,
    images: UInt8[Tensor, "N channels height width"],
    labels: Integer[Tensor, " N"],
    samples: int = 64,
    seed: int = 0,
) -> Float[Tensor, "M S N"]:
    """ln q(y|z_s) of the true label under draws of dropout and of the noise, (M, S, N), nats.

    Dropout draws where the model is in training mode, as `fit` leaves it; after ``model.eval()`` only the noise does.
    Batch normalisation uses its own statistics, and the model is left as it is.

    >>> from ibteach.data.datasets import load
    >>> from ibteach.networks.bottleneck import mlp
    >>> digits = load("digits")
    >>> network = mlp(digits.shape, classes=10, dropout=0.5)
    >>> log_likelihoods(network, digits, digits.test_images[:5], digits.test_labels[:5], samples=8).shape
    torch.Size([1, 8, 5])
    """
    samples, seed = checks.whole("samples", samples), checks.seed("seed", seed)
    check_data("data", data)
    if not isinstance(model, Bottleneck | Ensemble):
        raise InvalidInput(f"model: got {type(model).__name__}, expected what training.build returns.")
    checks.finite_parameters("model", model)
    check_images("images", images)
    checks.labels("labels", labels, "N", model.classes)
    if len(labels) != len(images):
        raise InvalidInput(f"labels: got {len(labels)} for {len(images)} images, expected one each.")
    checks.memory("samples", samples * len(images) * model.classes * 8)
    weight = model.decoders[0]
    inputs, drawn = data.normalize(images.to(weight.device)).to(weight.dtype), []
    of_noise = seeds.generator(seed, "sampled noise")
    with running_statistics(model), seeds.drawing(seed, "sampled dropout", weight.device):
        for _ in range(samples):
            noise = zero_entropy_noise((len(images), model.latent_dimension), of_noise).to(inputs)
            _, logits = model(inputs, noise)
            drawn.append(decoder_log_likelihood(exactly(logits).cpu(), labels.cpu().long()))
    drawn = torch.stack(drawn, -2)
    return drawn if drawn.ndim == 3 else drawn[None]


def draw(
    trained: Mapping[float, tuple[Bottleneck | Ensemble, Record]],
    data: Dataset,
    samples: int = 64,
    eval_examples: int = 500,
) -> Draws:
    """Draws of trained networks by their dropout rate, on the first `eval_examples` train and test examples.

    Args:
        trained: dropout rate -> the networks, as many for each rate, and the Record that `fit` returned.
        data: what they were trained on.
        samples: how many draws, a power of two, so that they can be grouped by 1, 2, 4, ….
        eval_examples: how many examples of each split, or all where there are fewer.

    Raises `InvalidInput` for arguments out of range, before any draw.
    """
    check_data("data", data)
    eval_examples = checks.whole("eval_examples", eval_examples)
    if checks.whole("samples", samples) & (samples - 1):
        raise InvalidInput(f"samples: got {samples}, expected a power of two, such as 64.")
    pairs = isinstance(trained, Mapping) and all(isinstance(one, tuple) and len(one) == 2 for one in trained.values())
    if not pairs or not all(isinstance(record, Record) for _, record in trained.values()):
        raise InvalidInput(
            "trained: expected a dict from each dropout rate to the networks and the Record of their training."
        )
    rates = sorted(checks.number("dropout rate", rate, minimum=0, below=1) for rate in trained)
    networks = {len(record.runs) for _, record in trained.values()}
    if len(networks) != 1:
        raise InvalidInput(
            f"trained: got {sorted(networks)} networks by rate, expected at least one, as many for each."
        )
    split = {
        "train": (data.train_images[:eval_examples], data.train_labels[:eval_examples]),
        "test": (data.test_images[:eval_examples], data.test_labels[:eval_examples]),
    }
    return Draws(
        records={rate: trained[rate][1] for rate in rates},
        log_likelihood={
            name: torch.stack([log_likelihoods(trained[rate][0], data, *examples, samples) for rate in rates])
            for name, examples in split.items()
        },
        images=split["test"][0],
        labels=split["test"][1],
    )
