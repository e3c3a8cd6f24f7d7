"""The training loop: one for a single network and for an ensemble, and a `Record` of what it measured.

Every network minimises H_q[Y|Z] + β′ · (a surrogate of H[Z|Y]) with fresh zero-entropy noise in each step
(Kirsch et al. 2020; `ibteach.objectives`). All chance comes from the seed of each `Run`: first parameters, order of
the examples, noise. Runs with one seed see the same batches and the same noise, so that they differ in nothing but
their objective and its weight, and a network trained alone is the one trained in an ensemble.
"""

import functools
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from ibteach import checks
from ibteach.errors import Diverged, InvalidInput, Unavailable
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE, zero_entropy_noise
from ibteach.learning.data import Dataset
from ibteach.learning.ensemble import Ensemble
from ibteach.learning.measuring import encode, measure
from ibteach.learning.networks import Bottleneck
from ibteach.learning.records import Record, provenance
from ibteach.objectives import OBJECTIVES, Moments, decoder_log_likelihood, moments, weight

MEASURED = 2000
"""Most examples of each split that are measured where nothing else is said."""


@dataclass(frozen=True)
class Run:
    """What one network is to minimise, and the seed that all its randomness comes from.

    >>> Run.of("log-variance", gamma=0.1, seed=3)
    Run(objective='log-variance', gamma=0.1, beta_prime=0.2, seed=3)
    """

    objective: str
    gamma: float
    beta_prime: float
    seed: int = 0

    @classmethod
    def of(cls, objective: str, *, gamma: float | None = None, beta_prime: float | None = None, seed: int = 0) -> "Run":
        """A run whose weight is given in exactly one of the two conventions of `ibteach.objectives`."""
        beta_prime = weight(objective, beta_prime=beta_prime, gamma=gamma)
        gamma = OBJECTIVES[objective].gamma(beta_prime=beta_prime) if gamma is None else float(gamma)
        return cls(objective, gamma, beta_prime, checks.whole("seed", seed, minimum=0))


def grid(objectives: Iterable[str], *, gammas: Iterable[float], seeds: Iterable[int] = (0,)) -> list[Run]:
    """A run for each combination.

    >>> len(grid(["l2", "variance"], gammas=[0.01, 0.1, 1.0]))
    6
    """
    return [Run.of(name, gamma=gamma, seed=seed) for name, gamma, seed in itertools.product(objectives, gammas, seeds)]


def build(make: Callable[[], Bottleneck], runs: Run | Sequence[Run]) -> Bottleneck | Ensemble:
    """A network for each run, its first parameters drawn from the run's seed: one alone, or several as an ensemble.

    >>> from ibteach.learning.networks import mlp
    >>> len(build(lambda: mlp(64, classes=10), grid(["l2"], gammas=[0.01, 0.1])))
    2
    """
    if not isinstance(runs, Run):
        return Ensemble([build(make, run) for run in runs])
    with torch.random.fork_rng(devices=[]):  # the caller's random state is left alone
        torch.manual_seed(runs.seed)
        return make()


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or else the best there is: CUDA, then Apple's MPS, then the CPU.

    Raises `Unavailable` when the device asked for is not there.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device is None:
        return torch.device(next(kind for kind, available in there.items() if available))
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise InvalidInput(f"device: got {device!r}, expected 'cuda', 'mps' or 'cpu'.") from error
    if not there.get(device.type, False) or (
        device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    ):
        found = ", ".join(kind for kind, available in there.items() if available)
        raise Unavailable(f"device: got {str(device)!r}, which this machine does not have; it has {found}.")
    return device


def fit(
    model: Bottleneck | Ensemble,
    data: Dataset,
    runs: Run | Sequence[Run],
    *,
    epochs: int = 40,
    batch_size: int = 64,
    learning_rate: float = 0.01,
    measure_every: int = 10,
    subset: int | None = None,
    keep_latents: int | None = None,
    information: bool = False,
    noise: bool = True,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Record:
    """Train a network, or all networks of an ensemble at once, and return what was measured.

    Adam with a one-cycle learning rate. A KeyboardInterrupt (the stop button) ends training after the step in hand:
    what was trained until then is measured and returned, and the Record says so.

    Args:
        model: from `build`; it is trained in place.
        data: from `ibteach.learning.data.load`.
        runs: a Run, or one for each network of the ensemble.
        epochs, batch_size, learning_rate: how long and how fast; the last batch of an epoch is dropped if short.
        measure_every: epochs between measurements (before training and after it are always measured).
        subset: how many train and test examples are measured, the first of the data set's fixed order; by default up
            to 2000 of each.
        keep_latents: how many test latents the Record keeps, all measured ones by default.
        information: also measure H[Z], H[Z|Y], I[X;Z] and the other quantities of the information diagram.
        noise: add zero-entropy noise to the latent. Without it no entropy has a floor, and no surrogate is a bound.
        device: as for `pick_device`.
        progress: show a bar with the time left.

    Returns a `Record`: quantities ``train/…`` and ``test/…`` of `ibteach.learning.measuring`, the noiseless latents
    of the measured test examples, the decoders.
    Raises `InvalidInput` for arguments out of range or runs that do not fit the model, `Unavailable` for a device
    that is not there, `Diverged` when a loss is no longer finite; all but the last before any work.
    """
    runs = [runs] if isinstance(runs, Run) else list(runs)
    members = len(model) if isinstance(model, Ensemble) else 1
    if len(runs) != members:
        raise InvalidInput(
            f"runs: got {len(runs)} for {members} networks, expected one each; make the model with build."
        )
    sizes = {"epochs": epochs, "batch_size": batch_size, "measure_every": measure_every}
    sizes = {name: checks.whole(name, size) for name, size in sizes.items()}
    fewest = min(len(data.train_labels), len(data.test_labels))
    measured = MEASURED if subset is None else checks.whole("subset", subset, maximum=fewest)
    kept = measured if keep_latents is None else checks.whole("keep_latents", keep_latents, maximum=measured)
    learning_rate = checks.number("learning_rate", learning_rate, above=0)
    if information and model.stochastic:
        raise InvalidInput("information: got True for networks with dropout, expected none: it would not be exact.")
    if not noise and (information or any(OBJECTIVES[run.objective].needs_noise for run in runs)):
        raise InvalidInput("noise: got False, but information, and the objectives of VIB, CEB and log det, need it.")
    if batch_size > len(data.train_labels):
        raise InvalidInput(f"batch_size: got {batch_size}, expected at most the {len(data.train_labels)} examples.")
    device = pick_device(device)

    model, data = model.to(device), data.to(device)
    variance = ZERO_ENTROPY_VARIANCE if noise else 0.0
    batches = _Batches(data, runs, batch_size, model.latent_dimension, noise)
    compression = _Compression(runs, device)
    steps = epochs * batches.per_epoch
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=device.type != "mps")
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)

    measure_now = functools.partial(measure, model, data, measured, information, variance)
    started, epoch, stopped, found = time.perf_counter(), 0, False, {}
    what = f"{members} network{'s' * (members > 1)} on {device.type}"
    with (
        tqdm(total=epochs, desc=what, unit="epoch", ncols=88, file=sys.stdout, disable=not progress) as bar,
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
    ):
        torch.manual_seed(runs[0].seed)  # for dropout: all other chance comes from generators of its own
        try:
            found[0] = measure_now()
            for epoch in range(1, epochs + 1):
                for streams in batches.epoch():
                    latents, logits, labels = batches.through(model, streams)
                    terms = {
                        "decoder cross-entropy": -decoder_log_likelihood(logits, labels).mean(-1),
                        "surrogate": compression(moments(latents, labels, len(data.classes), variance)),
                    }
                    optimizer.zero_grad()
                    sum(terms.values()).sum().backward()
                    optimizer.step()
                    schedule.step()
                _check_finite(terms, runs, epoch)
                if epoch % measure_every == 0 or epoch == epochs:
                    found[epoch] = measure_now()
                bar.update()
        except KeyboardInterrupt:
            stopped = True
            tqdm.write(f"Stopped in epoch {epoch} of {epochs}: what was trained until then is kept and measured.")
            found[epoch] = measure_now()
        latents = encode(model, data, data.test_images[:kept])

    configuration = {
        **model.architecture,
        **sizes,
        "learning_rate": learning_rate,
        "subset": subset,
        "keep_latents": keep_latents,
        "information": information,
        "noise": noise,
    }
    weights, biases = model.decoders
    return Record(
        runs=[asdict(run) for run in runs],
        epochs=torch.tensor(list(found)),
        quantities=_over_epochs([values for values, _ in found.values()]),
        errors=_over_epochs([errors for _, errors in found.values()]),
        latents=latents,
        labels=data.test_labels[:kept],
        decoder_weight=weights,
        decoder_bias=biases,
        provenance=provenance(
            data=data.name,
            device=device,
            wall_seconds=time.perf_counter() - started,
            stopped_in_epoch=epoch if stopped else None,
            configuration=configuration,
            parameters=sum(p.numel() for p in model.parameters()),
        ),
    )


def _over_epochs(tables: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([table[name] for table in tables], -1) for name in tables[0]}


class _Batches:
    """A stream of batches for each seed, which all its networks share: it depends on the seed alone."""

    def __init__(self, data, runs, batch_size, latent_dimension, noise=True):
        seeds = list(dict.fromkeys(run.seed for run in runs))
        self.data, self.batch_size, self.latent_dimension, self.noise = data, batch_size, latent_dimension, noise
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        device, of = data.train_labels.device, torch.tensor([seeds.index(run.seed) for run in runs])
        self.members = [(of == stream).nonzero()[:, 0].to(device) for stream in range(len(seeds))]
        self.place = torch.cat(self.members).argsort()
        self.per_epoch = len(data.train_labels) // batch_size

    def epoch(self):
        """The streams of each step: a list of images (N, …), labels (N,) and noise (N, K), one for each seed."""
        streams = [self._stream(generator) for generator in self.generators]
        return zip(*streams, strict=True)

    def _stream(self, generator):
        size, data = self.per_epoch * self.batch_size, self.data
        order = torch.randperm(len(data.train_labels), generator=generator)[:size].to(data.train_labels.device)
        noise = zero_entropy_noise((size, self.latent_dimension), generator).to(order.device)
        noise = noise if self.noise else torch.zeros_like(noise)
        for index, drawn in zip(order.split(self.batch_size), noise.split(self.batch_size), strict=True):
            yield data.normalize(data.train_images[index]), data.train_labels[index], drawn

    def through(self, model, streams):
        """Latents and logits of every network on the batch of its own seed, and the labels, (N,) or (M, N)."""
        if len(streams) == 1:
            images, labels, noise = streams[0]
            return *model(images, noise), labels
        # Seed by seed: networks that share their images share one matrix product, which is three times as quick.
        parts = [
            (*model(images, noise, members), labels.expand(len(members), -1))
            for members, (images, labels, noise) in zip(self.members, streams, strict=True)
        ]
        return [torch.cat(of_streams)[self.place] for of_streams in zip(*parts, strict=True)]


class _Compression:
    """β′ times its surrogate for each network: (M,), from the moments of all."""

    def __init__(self, runs, device):
        self.names = list(dict.fromkeys(run.objective for run in runs))
        weights = [[run.beta_prime if run.objective == name else 0.0 for run in runs] for name in self.names]
        self.weights = torch.tensor(weights, device=device)

    def __call__(self, m: Moments) -> Tensor:
        return (self.weights * torch.stack([OBJECTIVES[name].nats(m) for name in self.names])).sum(0)


def _check_finite(terms, runs, epoch):
    for name, values in terms.items():
        for run, value in zip(runs, values.reshape(-1).tolist(), strict=True):
            if not math.isfinite(value):
                raise Diverged(f"epoch {epoch}: the {name} of {run} is {value}; lower learning_rate or gamma.")
