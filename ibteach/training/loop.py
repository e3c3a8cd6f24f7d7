"""The training loop: one for a single network and for an ensemble, and a `Record` of what it measured.

Every network minimises H_q[Y|Z] + β′ · (a surrogate of H[Z|Y]) with fresh zero-entropy noise in each step
(Kirsch et al. 2020; `ibteach.objectives`). All chance comes from the seed of each `Run`: first parameters, order of
the examples, noise, each from a stream of its own (`ibteach.seeds`). A network trained alone is the one trained in an
ensemble up to rounding, which training amplifies, and except under dropout, whose draws the networks of an ensemble
take in turn, and measurements too. So a Record says which runs were trained together, and when they were measured.
"""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ibteach import checks, files, seeds
from ibteach.data.datasets import Dataset
from ibteach.errors import Diverged, Unavailable
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.networks.bottleneck import Bottleneck, use_running_statistics
from ibteach.networks.ensemble import Ensemble
from ibteach.networks.fingerprints import fingerprint
from ibteach.objectives import loss_terms
from ibteach.records.joining import joined_facts
from ibteach.records.provenance import commit, provenance
from ibteach.records.record import Record
from ibteach.training import resuming
from ibteach.training.batches import Batches
from ibteach.training.checkpoints import Checkpoint
from ibteach.training.devices import batch_that_fits, low_precision_for, memory_format, pick_device
from ibteach.training.forecast import Forecast
from ibteach.training.guard import Guard
from ibteach.training.interrupts import StopButton
from ibteach.training.measuring import encode, measure_networks
from ibteach.training.runs import Run, build, grid
from ibteach.training.scaling import Scale
from ibteach.training.settings import EVAL_EXAMPLES, OPTIMIZERS, Settings
from ibteach.training.suitable import check, check_images
from ibteach.training.threads import for_steps

SITTING = ("device", "device_name", "versions", "commit", "command", "precision")
"""What a provenance says of the process that trained, of which one that went on from a checkpoint had several."""

__all__ = ["Run", "build", "check", "fit", "grid", "pick_device"]


@torch.inference_mode(False)  # which gives gradients, too, whatever the caller is under
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
    of the measured test examples, the decoders, and in its provenance the precision that was used.
    Raises `InvalidInput` for arguments out of range, runs that do not fit the model or a checkpoint of another
    training, `Unavailable` for a device that is not there or whose memory is too small, and for a checkpoint that
    cannot be written: all before any work. Then `Diverged`, when something of a network is no longer finite: at the
    end, with the Record of the networks that went on as its `record`; or at once where none is left, with what was
    measured before.
    """
    runs = [runs] if isinstance(runs, Run) else list(checks.several("runs", runs))
    settings = Settings.of(settings, **fields)
    progress = checks.flag("progress", progress)
    check(model, data, runs, settings)
    device = pick_device(device)
    check_images(model, data, settings)
    home = next(model.parameters()).device
    if checkpoint is not None:
        files.check_writable(checkpoint, resuming.size(model))
    identity = _identity(model, data, runs, settings)
    known = {name: value for name, value in identity.items() if name != "data"}  # which is only what it is called
    saved = None if checkpoint is None else Checkpoint(checkpoint, known)
    with _brought_back(model, home), _enough_memory(device):
        return _run(_Training(model, data, runs, settings, device, identity), saved, progress)


def _identity(model: Bottleneck | Ensemble, data: Dataset, runs: Sequence[Run], settings: Settings) -> dict[str, Any]:
    """What a training is, as JSON can say it: by this a checkpoint is known, and the Record is made again."""
    fingerprints = {"data": data.fingerprint, "network": fingerprint(model)}
    if frozen := {name: one.detach().cpu() for name, one in model.named_parameters() if not one.requires_grad}:
        fingerprints["frozen"] = files.digest(frozen)
    return {
        "data": data.name,
        "fingerprints": fingerprints,
        "runs": [asdict(run) for run in runs],
        "parameters": sum(p.numel() for p in model.parameters()),
        "configuration": {**model.architecture, **settings.as_dict()},
    }


def _run(training: "_Training", saved: Checkpoint | None, progress: bool) -> Record:
    """A training from its beginning, or from where its checkpoint is, to its end or to an interrupt."""
    runs, settings = training.runs, training.settings
    what = f"{len(runs)} network{'s' * (len(runs) > 1)} on {training.device.type}"
    with (
        StopButton() as stop,
        seeds.drawing(runs[0].seed, "dropout", training.device),
        tqdm(total=settings.epochs, desc=what, unit="epoch", ncols=88, file=sys.stdout, disable=not progress) as bar,
    ):
        if saved and saved.content:
            resuming.restore(training, *saved.taken())
            bar.initial = bar.n = bar.last_print_n = training.epoch  # of which no time was spent here
            bar.refresh()
        else:
            training.measure()
        while training.epoch < settings.epochs and not stop.asked:
            with training.threads:
                training.train_epoch(stop, bar)
            asked, finished = stop.asked, training.done == training.steps
            due = training.epoch % settings.measure_every == 0 or training.done in settings.measure_steps
            if finished or due:
                training.measure()
            if saved and (finished or (saved.due and not asked)):
                _save(saved, *resuming.state(training))
            bar.update()
        if training.done not in {steps for _, steps in training.found}:  # stopped, whenever the button was pressed
            training.measure()
        if stopped := training.done < training.steps:
            tqdm.write(f"Stopped in epoch {training.epoch} of {settings.epochs}: what was trained until then is kept.")
        use_running_statistics(training.model)
        record = training.record(stopped=stopped, latents=True)
    if training.guard.lost:
        raise training.diverged(record)
    return record


class _Training:
    """A training under way: all that changes from step to step, and what was measured so far."""

    def __init__(
        self,
        model: Bottleneck | Ensemble,
        data: Dataset,
        runs: Sequence[Run],
        settings: Settings,
        device: torch.device,
        identity: dict[str, Any],
    ) -> None:
        self.started = time.perf_counter()
        self.identity = identity
        self.threads = for_steps(model, data, settings.batch_size)
        order = memory_format(model)
        model.low_precision = low_precision_for(model, device) if settings.low_precision else None
        self.scale = Scale(device, model.low_precision)
        precision = str(model.low_precision or torch.float32).removeprefix("torch.")
        here = provenance(data=identity["data"], device=device, commit=commit(), precision=precision)
        self.sittings = [{name: here[name] for name in SITTING}]
        model.to(device=device, memory_format=order)  # pyright: ignore[reportCallIssue]  # torch takes both, its stub one
        self.model, self.data = model.train(), data.to(device)
        self.forward = torch.compile(self.model) if settings.compile else self.model
        self.runs, self.settings, self.device = runs, settings, device
        self.noise_variance = ZERO_ENTROPY_VARIANCE if settings.noise else 0.0
        self.train_examples = settings.train_examples or len(data.train_labels)
        self.eval_examples = min(settings.eval_examples or EVAL_EXAMPLES, self.train_examples)
        self.batches = Batches(
            self.data,
            runs,
            settings.batch_size,
            self.train_examples,
            model.latent_dimension,
            noise=settings.noise,
            augmentations=settings.augment,
            memory_format=order,
        )
        self.steps = settings.epochs * self.batches.per_epoch
        objectives = dict.fromkeys(run.objective for run in runs)
        self.beta_primes = {  # of each objective in each network, (M,): 0 where that one minimises another
            name: torch.tensor([run.beta_prime if run.objective == name else 0.0 for run in runs], device=device)
            for name in objectives
        }
        rate, decay = settings.learning_rate, settings.weight_decay
        optimizer, fused = OPTIMIZERS[settings.optimizer], device.type != "mps"
        self.optimizer = optimizer(model.parameters(), lr=rate, weight_decay=decay, fused=fused)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, rate, total_steps=self.steps)
        self.guard, self.forecast = Guard(runs, model, device), Forecast(device)
        self.epoch, self.done = 0, 0  # the last epoch begun, and all steps done
        self.measuring = 0.0  # seconds that the last measurement took
        self.found: dict[tuple[int, int], tuple[dict[str, Tensor], dict[str, Tensor]]] = {}
        """(Epochs, steps behind it) -> quantities and errors."""
        self.whole = 0  # so many measurements were made before any network was lost

    def step(self, streams: Sequence[tuple[Tensor, Tensor, Tensor]]) -> None:
        """H_q[Y|Z] + β′ · a surrogate of H[Z|Y] of every network, on the batch of its seed, and a step down it."""
        latents, logits, labels, noise = self.batches.through(self.forward, streams)
        fit_term, surrogate = loss_terms(
            logits,
            latents,
            labels,
            self.beta_primes,
            noise_variance=self.noise_variance,
            noise=noise,
            label_smoothing=self.settings.label_smoothing,
        )
        self.optimizer.zero_grad()
        self.scale.backward((fit_term + surrogate).sum())
        self.guard.look(self.done + 1, fit_term, surrogate, scaled=self.scale.used)
        self.scale.step(self.optimizer)
        self.schedule.step()
        self.done += 1

    def train_epoch(self, stop: StopButton, bar: tqdm) -> None:
        """All steps of the next epoch, or those until the stop button is pressed."""
        self.epoch += 1
        told = bar.disable or bar.initial > 0  # by whoever wrote the checkpoint
        for step, streams in enumerate(self.batches.epoch(), 1):
            try:
                self.step(streams)
            except torch.cuda.OutOfMemoryError as error:
                raise Unavailable(self.what_fits()) from error
            if not told and (said := self.forecast.after(self.done, self.steps, self.measurements * self.measuring)):
                bar.write(said)
            if stop.asked:
                break
            if self.done in self.settings.measure_steps and step < self.batches.per_epoch:
                self.guard.after_epoch(self.epoch)
                self.measure()
        self.guard.after_epoch(self.epoch)
        if self.scale.exhausted:
            self.guard.exhausted(self.epoch)
        self.rest()

    @property
    def measurements(self) -> int:
        """How many measurements all of training has, but the one before it."""
        epochs, often = self.settings.epochs, self.settings.measure_every
        return -(-epochs // often) + sum(step <= self.steps for step in self.settings.measure_steps)

    def rest(self) -> None:
        """What follows from networks that were lost: where none is left, the end; else they are laid to rest."""
        if not self.guard.left:
            self.found = dict(itertools.islice(self.found.items(), self.whole))
            raise self.diverged(self.record() if self.found else None)
        self.guard.lay_to_rest(self.optimizer)

    def measure(self) -> None:
        """Measure all networks now: at the end of an epoch, or within one."""
        began = time.perf_counter()
        values, errors = measure_networks(
            self.model, self.data, self.eval_examples, self.settings.information, self.noise_variance
        )
        self.guard.after_measuring(self.epoch, values)
        if self.guard.lost:
            self.rest()
            values, errors = ({name: value.nan_to_num() for name, value in of.items()} for of in (values, errors))
        values, errors = ({name: value.cpu() for name, value in of.items()} for of in (values, errors))
        within = self.done < self.epoch * self.batches.per_epoch  # the epoch that was begun
        self.found[self.epoch - within, self.done] = values, errors
        self.whole = self.whole if self.guard.lost else len(self.found)
        self.measuring = time.perf_counter() - began
        self.forecast.leave_out(self.measuring)

    def tables(self) -> list[dict[str, Tensor]]:
        """Everything measured so far: quantities and errors, name → (M, E)."""
        return [
            {name: torch.stack([table[name] for table in of], -1) for name in of[0]}
            for of in zip(*self.found.values(), strict=True)
        ]

    def record(self, stopped: bool = False, latents: bool = False) -> Record:
        """What was measured of the networks that are left, or of all where none is."""
        kept = {}
        if latents:
            count = self.settings.keep_latents or self.eval_examples
            weight, bias = self.model.decoders
            kept = {"latents": encode(self.model, self.data, self.data.test_images[:count])}
            kept |= {"labels": self.data.test_labels[:count], "decoder_weight": weight, "decoder_bias": bias}
        quantities, errors = self.tables()
        trained = joined_facts(self.sittings)
        facts = provenance(
            data=self.identity["data"],
            device=self.device,
            wall_seconds=time.perf_counter() - self.started,
            stopped_in_epoch=self.epoch if stopped else None,
            configuration=self.identity["configuration"],
            parameters=self.identity["parameters"],
            steps_per_epoch=self.batches.per_epoch,
            trained_together=[self.identity["runs"]],
            fingerprints=self.identity["fingerprints"],
            threads=self.threads.count if self.device.type == "cpu" else None,
        ) | {name: trained.get(name) for name in SITTING}
        epochs, steps = map(torch.tensor, zip(*self.found, strict=True))
        record = Record(self.identity["runs"], epochs, quantities, errors, steps=steps, provenance=facts, **kept)
        return record.take(self.guard.left) if self.guard.lost and self.guard.left else record

    def diverged(self, record: Record | None) -> Diverged:
        """What to raise for the networks that were lost."""
        said = "\n".join(why for _, why in self.guard.lost.values())
        if left := len(self.guard.left):
            said += f"\nThe other {left} of {len(self.runs)} networks went on: they are in the `record` of this error."
        error = Diverged(said)
        error.record = record
        return error

    def what_fits(self) -> str:
        """What to do about a batch that the device's memory does not hold, by trying halves of it."""

        def attempt(size):
            self.optimizer.zero_grad()
            silence = torch.zeros(size, self.model.latent_dimension, device=self.device)
            _, logits = self.forward(self.data.normalize(self.data.train_images[:size]), silence)
            logits.sum().backward()

        batch = self.settings.batch_size
        count = batch_that_fits(batch, attempt)
        remedy = f"batch_size={count} fits" if count else "no batch fits: choose a narrower network"
        return f"{self.device}: has too little memory for batch_size={batch}; {remedy}."


def _save(saved: Checkpoint, tensors: dict[str, Tensor], content: dict[str, Any]) -> None:
    """Write the checkpoint; where the disk is full by now, training is worth more than its checkpoint."""
    try:
        saved.save(tensors, content)
    except Unavailable as error:
        tqdm.write(f"{error} Training goes on without it.", file=sys.stderr)


@contextlib.contextmanager
def _enough_memory(device: torch.device) -> Iterator[None]:
    """Where networks and data do not fit on the device, or what is encoded at once: steps say which batch does."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise Unavailable(
            f"{device}: has too little memory for these networks, their data and what is measured of them at once; "
            "choose narrower networks, fewer of them, or fewer eval_examples."
        ) from error


@contextlib.contextmanager
def _brought_back(model: Bottleneck | Ensemble, home: torch.device) -> Iterator[None]:
    """However training ends, the model lies where it came from afterwards, as its data do."""
    try:
        yield
    finally:
        model.to(home)
