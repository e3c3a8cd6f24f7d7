"""The training loop: one for a single network and for an ensemble, and a `Record` of what it measured.

Every network minimises H_q[Y|Z] + β′ · (a surrogate of H[Z|Y]) with fresh zero-entropy noise in each step
(Kirsch et al. 2020; `ibteach.objectives`). All chance comes from the seed of each `Run`: first parameters, order of
the examples, noise. A network trained alone is the one trained in an ensemble, except under dropout, whose draws the
networks of an ensemble take in turn.
"""

import contextlib
import functools
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict

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
from ibteach.learning.runs import Run, build, grid
from ibteach.objectives import OBJECTIVES, Moments, decoder_log_likelihood, moments

__all__ = ["Run", "build", "fit", "grid", "pick_device"]

MEASURED = 2000
"""Most examples of each split that are measured where nothing else is said."""


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

    Adam with a one-cycle learning rate. An interrupt (the stop button, Ctrl-C) ends training after the step in hand:
    what was trained until then is measured and returned, and the Record says so; a second one ends it at once.

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
    that is not there, `Diverged` when something measured is no longer finite, with the Record of what was measured
    before as its `record`; all but the last before any work.
    """
    if not isinstance(model, Bottleneck | Ensemble) or not isinstance(data, Dataset):
        came = f"{type(model).__name__} and {type(data).__name__}"
        raise InvalidInput(f"model, data: got {came}, expected what training.build and data.load return.")
    runs = [runs] if isinstance(runs, Run) else list(checks.several("runs", runs))
    members = len(model) if isinstance(model, Ensemble) else 1
    if len(runs) != members or not all(isinstance(run, Run) for run in runs):
        raise InvalidInput(
            f"runs: got {len(runs)} for {members} networks, expected one each; make the model with build."
        )
    sizes = {"epochs": epochs, "batch_size": batch_size, "measure_every": measure_every}
    sizes = {name: checks.whole(name, size) for name, size in sizes.items()}
    fewest = min(len(data.train_labels), len(data.test_labels))
    measured = MEASURED if subset is None else checks.whole("subset", subset, minimum=2, maximum=fewest)
    kept = measured if keep_latents is None else checks.whole("keep_latents", keep_latents, maximum=measured)
    learning_rate = checks.number("learning_rate", learning_rate, above=0)
    if information and model.stochastic:
        raise InvalidInput("information: got True for networks with dropout, expected none: it would not be exact.")
    if not noise and (information or any(OBJECTIVES[run.objective].needs_noise for run in runs)):
        raise InvalidInput("noise: got False, but information, and the objectives of VIB, CEB and log det, need it.")
    if batch_size > len(data.train_labels):
        raise InvalidInput(f"batch_size: got {batch_size}, expected at most the {len(data.train_labels)} examples.")
    device = pick_device(device)
    _try(model, data)

    model, data = model.to(device).train(), data.to(device)
    variance = ZERO_ENTROPY_VARIANCE if noise else 0.0
    batches = _Batches(data, runs, batch_size, model.latent_dimension, noise)
    compression = _Compression(runs, device)
    steps = epochs * batches.per_epoch
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=device.type != "mps")
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)

    measure_now = functools.partial(_measured, runs, model, data, measured, information, variance)
    started, epoch, found = time.perf_counter(), 0, {}

    def record(**latents):
        names = {"subset": subset, "keep_latents": keep_latents, "information": information, "noise": noise}
        return Record(
            runs=[asdict(run) for run in runs],
            epochs=torch.tensor(list(found)),
            quantities=_over_epochs([values for values, _ in found.values()]),
            errors=_over_epochs([errors for _, errors in found.values()]),
            provenance=provenance(
                data=data.name,
                device=device,
                wall_seconds=time.perf_counter() - started,
                stopped_in_epoch=epoch if stop.asked else None,
                configuration={**model.architecture, **sizes, "learning_rate": learning_rate, **names},
                parameters=sum(p.numel() for p in model.parameters()),
            ),
            **latents,
        )

    what = f"{members} network{'s' * (members > 1)} on {device.type}"
    with (
        _StopButton() as stop,
        _dropout_from(runs[0].seed, device),
        tqdm(total=epochs, desc=what, unit="epoch", ncols=88, file=sys.stdout, disable=not progress) as bar,
    ):
        try:
            found[0] = measure_now(epoch)
            for epoch in range(1, epochs + 1):
                for streams in batches.epoch():
                    latents, logits, labels = batches.through(model, streams)
                    fit_term = -decoder_log_likelihood(logits, labels).mean(-1)
                    surrogate = compression(moments(latents, labels, len(data.classes), variance))
                    optimizer.zero_grad()
                    (fit_term + surrogate).sum().backward()
                    optimizer.step()
                    schedule.step()
                    if stop.asked:
                        break
                _check_finite({"decoder cross-entropy": fit_term, "surrogate": surrogate}, runs, epoch)
                if epoch % measure_every == 0 or epoch == epochs or stop.asked:
                    found[epoch] = measure_now(epoch)
                bar.update()
                if stop.asked:
                    tqdm.write(f"Stopped in epoch {epoch} of {epochs}: what was trained until then is kept.")
                    break
        except Diverged as diverged:
            diverged.record = record() if found else None
            raise
        weights, biases = model.decoders
        return record(
            latents=encode(model, data, data.test_images[:kept]),
            labels=data.test_labels[:kept],
            decoder_weight=weights,
            decoder_bias=biases,
        )


def _try(model, data):
    """Two images through the model, so that what does not fit is said before any work."""
    wanted = f"images of shape {data.shape} in {len(data.classes)} classes"
    if model.classes != len(data.classes):
        raise InvalidInput(f"model: got one for {model.classes} classes, expected one for {wanted}.")
    where = next(model.parameters()).device
    images = data.normalize(data.train_images[:2]).to(where)
    try:
        with torch.no_grad():
            latents, _ = model(images, torch.zeros(2, model.latent_dimension, device=where))
    except RuntimeError as error:
        raise InvalidInput(f"model: does not take {wanted} ({error}); build it for data.shape.") from error
    if latents.shape[-2:] != (2, model.latent_dimension):
        came = tuple(latents.shape[-2:])
        raise InvalidInput(f"model: its encoder makes {came} of 2 images, expected (2, {model.latent_dimension}).")


class _StopButton:
    """Within it the first interrupt is a wish, read after each step; a second one interrupts at once."""

    def __init__(self):
        self.asked, self._before = False, None

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # signals reach no other
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_):
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, *_):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextlib.contextmanager
def _dropout_from(seed, device):
    """Dropout is the one thing that draws from the global random state, which is put back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _measured(runs, model, data, subset, information, variance, epoch):
    values, errors = measure(model, data, subset, information, variance)
    _check_finite(values, runs, epoch)
    return values, errors


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
        if not torch.isfinite(values).all():
            worst = int((~torch.isfinite(values.reshape(-1))).nonzero()[0])
            raise Diverged(
                f"epoch {epoch}: the {name} of {runs[worst]} is {values.reshape(-1)[worst].item()}; "
                "lower learning_rate or gamma."
            )
