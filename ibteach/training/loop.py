"""The training loop: one for a single network and for an ensemble, and a `Record` of what it measured.

Every network minimises H_q[Y|Z] + β′ · (a surrogate of H[Z|Y]) with fresh zero-entropy noise in each step
(Kirsch et al. 2020; `ibteach.objectives`). All chance comes from the seed of each `Run`: first parameters, order of
the examples, noise. A network trained alone is the one trained in an ensemble, except under dropout, whose draws the
networks of an ensemble take in turn.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ibteach import checks
from ibteach.data.datasets import Dataset
from ibteach.errors import Diverged, InvalidInput, Unavailable
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.networks.bottleneck import Bottleneck, settle, settled
from ibteach.networks.ensemble import Ensemble
from ibteach.objectives import OBJECTIVES, loss_terms
from ibteach.records.provenance import provenance
from ibteach.records.record import Record
from ibteach.training.batches import Batches, stream
from ibteach.training.checkpoints import Checkpoint, optimizer_state, part, restore_optimizer
from ibteach.training.guard import Guard, refuse_infinite
from ibteach.training.measuring import encode, measure
from ibteach.training.runs import Run, build, grid
from ibteach.training.settings import EVAL_EXAMPLES, OPTIMIZERS, Settings

__all__ = ["Run", "build", "fit", "grid", "pick_device"]

WARM, TIMED = 5, 10  # steps
LONG = 60
"""From how many seconds on a training says beforehand how long it will take."""


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
    settings: Settings | None = None,
    *,
    checkpoint: str | os.PathLike | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
    **fields: Any,
) -> Record:
    """Train a network, or all networks of an ensemble at once, and return what was measured.

    The learning rate goes through one cycle. An interrupt (the stop button, Ctrl-C) ends training after the step in
    hand: what was trained until then is measured and returned, and the Record says so; a second one ends it at once.

    Args:
        model: from `build`; it is trained in place, and afterwards lies on the device that it came from.
        data: from `ibteach.data.datasets.load`.
        runs: a Run, or one for each network of the ensemble.
        settings, fields: a `Settings`, or its fields by name, such as ``epochs=20``; both, where they differ in these.
        checkpoint: a file that is written after epochs; where it is there already, training goes on from it and leaves
            what training without a break does, on a CPU bit for bit.
        device: as for `pick_device`.
        progress: show a bar with the time left, and beforehand what a long training will take.

    Returns a `Record`: quantities ``train/…`` and ``test/…`` of `ibteach.training.measuring`, the noiseless latents
    of the measured test examples, the decoders.
    Raises `InvalidInput` for arguments out of range, runs that do not fit the model or a checkpoint of another
    training, `Unavailable` for a device that is not there or whose memory is too small, `Diverged` when something
    measured is no longer finite, with the Record of what was measured before as its `record`; all but the last before
    any work.
    """
    runs = [runs] if isinstance(runs, Run) else list(checks.several("runs", runs))
    settings = Settings.of(settings, **fields)
    progress = checks.flag("progress", progress)
    check(model, data, runs, settings)
    device = pick_device(device)
    _try(model, data)
    home = next(model.parameters()).device
    training = _Training(model, data, runs, settings, device)
    saved = None if checkpoint is None else Checkpoint(checkpoint, training.told)
    forward = torch.compile(training.model) if settings.compile else training.model
    what = f"{len(runs)} network{'s' * (len(runs) > 1)} on {device.type}"
    with (
        _brought_back(model, home),
        _StopButton() as stop,
        _dropout_from(runs[0].seed, device),
        tqdm(total=settings.epochs, desc=what, unit="epoch", ncols=88, file=sys.stdout, disable=not progress) as bar,
    ):
        try:
            if saved and saved.content:
                training.restore(saved.tensors, saved.content)
                bar.update(training.epoch)
            else:
                training.measure()
            while training.epoch < settings.epochs and not stop.asked:
                training.epoch += 1
                for step, streams in enumerate(training.batches.epoch(), 1):
                    try:
                        training.step(forward, streams)
                    except torch.cuda.OutOfMemoryError as error:
                        raise Unavailable(training.what_fits(forward)) from error
                    if progress and training.epoch == 1:
                        _say_how_long(training, step, bar)
                    if stop.asked:
                        break
                training.check_finite()
                if training.epoch % settings.measure_every == 0 or training.epoch == settings.epochs or stop.asked:
                    training.measure()
                if saved and not stop.asked and (saved.due or training.epoch == settings.epochs):
                    saved.save(*training.state())
                bar.update()
        except Diverged as diverged:
            diverged.record = training.record() if training.found else None
            raise
        if stop.asked:
            tqdm.write(f"Stopped in epoch {training.epoch} of {settings.epochs}: what was trained until then is kept.")
        settle(model)
        return training.record(stopped=stop.asked, latents=True)


def check(model: Bottleneck | Ensemble, data: Dataset, runs: Sequence[Run], settings: Settings) -> None:
    """Raise `InvalidInput` for what `fit` would not train: a model that does not fit the runs, or settings the data."""
    if not isinstance(model, Bottleneck | Ensemble) or not isinstance(data, Dataset):
        came = f"{type(model).__name__} and {type(data).__name__}"
        raise InvalidInput(f"model, data: got {came}, expected what training.build and data.load return.")
    networks = len(model) if isinstance(model, Ensemble) else 1
    if len(runs) != networks or not all(isinstance(run, Run) for run in runs):
        raise InvalidInput(
            f"runs: got {len(runs)} for {networks} networks, expected one each; make the model with build."
        )
    there, test = len(data.train_labels), len(data.test_labels)
    there = checks.whole("train_examples", settings.train_examples or there, minimum=2, maximum=there)
    measured = settings.eval_examples or EVAL_EXAMPLES
    if settings.eval_examples is not None:
        checks.whole("eval_examples", measured, minimum=2, maximum=min(there, test))
    if settings.keep_latents is not None:
        checks.whole("keep_latents", settings.keep_latents, maximum=min(measured, test))
    if settings.batch_size > there:
        raise InvalidInput(f"batch_size: got {settings.batch_size}, expected at most the {there} examples.")
    if settings.information and model.stochastic:
        raise InvalidInput("information: got True for networks with dropout, expected none: it would not be exact.")
    needed = settings.information or any(OBJECTIVES[run.objective].needs_noise for run in runs)
    if not settings.noise and needed:
        raise InvalidInput("noise: got False, but information, and the objectives of VIB, CEB and log det, need it.")


class _Training:
    """A training under way: all that changes from step to step, and what was measured so far."""

    def __init__(self, model, data, runs, settings, device):
        order = _memory_format(model)
        model.low_precision = settings.low_precision and _has_bfloat16(device)
        self.model, self.data = model.to(device, memory_format=order).train(), data.to(device)
        self.runs, self.settings, self.device = runs, settings, device
        self.told = {
            "data": data.name,
            "runs": [asdict(run) for run in runs],
            "parameters": sum(p.numel() for p in model.parameters()),
            "configuration": {**model.architecture, **settings.as_dict()},
        }
        self.noise_variance = ZERO_ENTROPY_VARIANCE if settings.noise else 0.0
        self.examples = settings.train_examples or len(data.train_labels)
        self.batches = Batches(
            *(self.data, runs, settings.batch_size, self.examples, model.latent_dimension),
            **{"noise": settings.noise, "augmentations": settings.augment, "memory_format": order},
        )
        self.beta_primes, self.guard = _beta_primes(runs, device), Guard(runs, device)
        chosen = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
        self.optimizer = OPTIMIZERS[settings.optimizer](model.parameters(), **chosen, fused=device.type != "mps")
        steps = settings.epochs * self.batches.per_epoch
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, chosen["lr"], total_steps=steps)
        self.started, self.measuring, self.epoch, self.found = time.perf_counter(), 0.0, 0, {}

    def step(self, forward, streams):
        latents, logits, labels = self.batches.through(forward, streams)
        how = {"noise_variance": self.noise_variance, "label_smoothing": self.settings.label_smoothing}
        fit_term, surrogate = loss_terms(logits, latents, labels, self.beta_primes, **how)
        self.optimizer.zero_grad()
        (fit_term + surrogate).sum().backward()
        self.guard.look(fit_term, surrogate, self.model)
        self.optimizer.step()
        self.schedule.step()

    def what_fits(self, forward):
        """What to do about a batch that the device's memory does not hold, by trying halves of it."""
        batch, count = self.settings.batch_size, 0
        for halved in (batch >> power for power in range(1, batch.bit_length())):
            self.optimizer.zero_grad()
            torch.cuda.empty_cache()
            silence = torch.zeros(halved, self.model.latent_dimension, device=self.device)
            try:
                _, logits = forward(self.data.normalize(self.data.train_images[:halved]), silence)
                logits.sum().backward()
            except torch.cuda.OutOfMemoryError:
                continue
            count = halved
            break
        remedy = f"batch_size={count} fits" if count else "no batch fits: choose a narrower network"
        return f"{self.device}: has too little memory for batch_size={batch}; {remedy}."

    def check_finite(self):
        self.guard.check(self.epoch)

    def measure(self):
        began = time.perf_counter()
        examples = min(self.settings.eval_examples or EVAL_EXAMPLES, self.examples)
        information = self.settings.information
        values, errors = measure(self.model, self.data, examples, information, self.noise_variance)
        for name, value in values.items():
            refuse_infinite(name, value, self.runs, f"epoch {self.epoch}")
        self.found[self.epoch] = values, errors
        self.measuring = time.perf_counter() - began

    def tables(self):
        """Everything measured so far: quantities and errors, name → (M, E)."""
        return [
            {name: torch.stack([table[name] for table in of], -1) for name in of[0]}
            for of in zip(*self.found.values(), strict=True)
        ]

    def record(self, stopped=False, latents=False):
        kept, of = {}, self.told
        if latents:
            images, labels = self.data.test_images, self.data.test_labels
            count = self.settings.keep_latents or min(self.settings.eval_examples or EVAL_EXAMPLES, self.examples)
            weight, bias = self.model.decoders
            kept = {"latents": encode(self.model, self.data, images[:count]), "labels": labels[:count]}
            kept |= {"decoder_weight": weight, "decoder_bias": bias}
        quantities, errors = self.tables()
        return Record(
            runs=of["runs"],
            epochs=torch.tensor(list(self.found)),
            quantities=quantities,
            errors=errors,
            provenance=provenance(
                data=of["data"],
                device=self.device,
                wall_seconds=time.perf_counter() - self.started,
                stopped_in_epoch=self.epoch if stopped else None,
                configuration=of["configuration"],
                parameters=of["parameters"],
            ),
            **kept,
        )

    def state(self):
        """All that `restore` needs, after an epoch: tensors by name, and the rest as JSON can say it."""
        tensors, groups = optimizer_state(self.optimizer)
        tensors |= {f"model/{name}": tensor for name, tensor in self.model.state_dict().items()}
        for kind, table in zip(("quantities", "errors"), self.tables(), strict=True):
            tensors |= {f"{kind}/{name}": values for name, values in table.items()}
        tensors |= {"chance/batches": self.batches.state, "chance/dropout": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["chance/device"] = torch.cuda.get_rng_state(self.device)
        seconds = time.perf_counter() - self.started
        return tensors, {"epoch": self.epoch, "epochs": list(self.found), "groups": groups, "seconds": seconds}

    def restore(self, tensors, content):
        of = {kind: part(tensors, kind) for kind in ("model", "quantities", "errors", "chance")}
        self.model.load_state_dict(of["model"])
        restore_optimizer(self.optimizer, tensors, content["groups"])
        self.batches.restore(of["chance"]["batches"])
        torch.set_rng_state(of["chance"]["dropout"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(of["chance"]["device"], self.device)
        self.epoch, self.started = content["epoch"], self.started - content["seconds"]
        done = self.epoch * self.batches.per_epoch
        self.schedule.load_state_dict({**self.schedule.state_dict(), "last_epoch": done, "_step_count": done + 1})
        for place, epoch in enumerate(content["epochs"]):
            pair = ({name: of[kind][name][:, place] for name in of[kind]} for kind in ("quantities", "errors"))
            self.found[epoch] = tuple(pair)


def _has_bfloat16(device):
    """Whether the device multiplies in bfloat16 itself: a CPU that has to imitate it takes twenty times as long."""
    if device.type == "cpu":
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def _memory_format(model):
    """Channels last where a network of its own convolves: about a quarter faster on a CPU, more on a GPU.

    Only for channels in eights: of fewer, torch 2.15 without AVX-512 writes beyond its memory in the backward pass of a
    1×1 convolution with a stride.
    """
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    in_eights = all(module.out_channels % 8 == 0 for module in convolutions)
    return torch.channels_last if convolutions and in_eights else torch.preserve_format


def _say_how_long(training, step, bar):
    """After the first steps, what all of them will take; nothing for a training of less than `LONG` seconds."""
    if step != WARM and step != WARM + TIMED:
        return
    if training.device.type == "cuda":
        torch.cuda.synchronize(training.device)
    if step == WARM:
        training.warm = time.perf_counter()
        return
    settings, per_step = training.settings, (time.perf_counter() - training.warm) / TIMED
    measured = settings.epochs / settings.measure_every * training.measuring
    seconds = settings.epochs * training.batches.per_epoch * per_step + measured
    if seconds >= LONG:
        on = torch.cuda.get_device_name(training.device) if training.device.type == "cuda" else training.device.type
        ready = " `ibteach records list` names what was recorded already." if training.device.type == "cpu" else ""
        bar.write(
            f"About {_duration(seconds)} on this {on}, by its first {WARM + TIMED} steps; interrupt it, and what was "
            f"trained is kept.{ready}"
        )


def _duration(seconds):
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _try(model, data):
    """Two images through the model, so that what does not fit is said before any work."""
    wanted = f"images of shape {data.shape} in {len(data.classes)} classes"
    if model.classes != len(data.classes):
        raise InvalidInput(f"model: got one for {model.classes} classes, expected one for {wanted}.")
    where = next(model.parameters()).device
    images = data.normalize(data.train_images[:2]).to(where)
    try:
        with torch.no_grad(), settled(model):
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
def _brought_back(model, home):
    """However training ends, the model lies where it came from afterwards, as its data do."""
    try:
        yield
    finally:
        model.to(home)


@contextlib.contextmanager
def _dropout_from(seed, device):
    """Dropout is the one thing that draws from the global random state, which is put back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(stream(seed, "dropout"))
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(stream(seed, "dropout"))
        yield


def _beta_primes(runs, device) -> dict[str, Tensor]:
    """For each objective of the runs its β′ in each of them, (M,): 0 where a run minimises another."""
    return {
        name: torch.tensor([run.beta_prime if run.objective == name else 0.0 for run in runs], device=device)
        for name in dict.fromkeys(run.objective for run in runs)
    }
