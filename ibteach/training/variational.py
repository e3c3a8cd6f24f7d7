"""Training of the variational bottleneck with a learned noise (`ibteach.networks.variational`; Alemi et al. 2017).

`fit_vib` minimises H_q[Y|Z] + β · rate, in nats, on bytes that stay in memory; `record` does so with the settings of
the original and leaves a Record.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ibteach import checks, seeds
from ibteach.data.datasets import Dataset, check_data
from ibteach.errors import Diverged, InvalidInput
from ibteach.networks.fingerprints import fingerprint
from ibteach.networks.variational import Variational, rates
from ibteach.objectives import fits
from ibteach.records.provenance import commit, provenance
from ibteach.records.record import Record
from ibteach.training.devices import low_precision_of, pick_device
from ibteach.training.suitable import check_test_images


class Epoch(NamedTuple):
    """What a training epoch came to, means over its steps in nats, and how long it took."""

    decoder_cross_entropy: float
    rate: float
    seconds: float


@torch.inference_mode(False)  # which gives gradients, too, whatever the caller is under
def fit_vib(
    model: Variational,
    data: Dataset,
    *,
    beta: float,
    epochs: int,
    batch_size: int = 100,
    learning_rate: float = 1e-4,
    decay: float = 0.97,
    seed: int = 0,
    low_precision: bool = False,
    ema: AveragedModel | None = None,
    report: Callable[[int, Epoch], None] | None = None,
) -> list[Epoch]:
    """Minimise H_q[Y|Z] + β · rate, both in nats, with one draw of z for each example of a step.

    Adam, its learning rate times `decay` after every second epoch. The model is trained in place on its device.

    Args:
        beta: the weight of the rate in nats, ≥ 0.
        epochs, batch_size, learning_rate, decay: how long and how fast; a short last batch is dropped.
        seed: of the order of the examples and of the noise.
        low_precision: matrix products in bfloat16, all else in float32: about twice as quick where the device has it.
        ema: an average of the parameters, told of them after every step.
        report: called with the number of each epoch and what it came to.

    Raises `InvalidInput` for arguments out of range before any work, `Diverged` when the loss is no longer finite.
    """
    _check(model, data)
    beta = checks.number("beta", beta, minimum=0)
    epochs, seed = checks.whole("epochs", epochs), checks.seed("seed", seed)
    low_precision = checks.flag("low_precision", low_precision)
    _check_listeners(ema, report)
    batch_size = checks.whole("batch_size", batch_size, maximum=len(data.train_labels))
    learning_rate = checks.number("learning_rate", learning_rate, above=0)
    decay = checks.number("decay", decay, above=0, maximum=1)
    device = next(model.parameters()).device
    low_precision = low_precision and low_precision_of(device) is torch.bfloat16
    data, steps = data.to(device), len(data.train_labels) // batch_size
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, betas=(0.5, 0.999), fused=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, decay)
    history = []
    of_order = seeds.generator(seed, "order")
    with seeds.drawing(seed, "noise", device):
        for epoch in range(1, epochs + 1):
            started, sums = time.perf_counter(), torch.zeros(2, device=device)
            order = torch.randperm(len(data.train_labels), generator=of_order)[: steps * batch_size].to(device)
            for index in order.split(batch_size):
                with torch.autocast(device.type, torch.bfloat16, enabled=low_precision):
                    encoding, logits = model(data.normalize(data.train_images[index]))
                terms = torch.stack(
                    [F.cross_entropy(logits.float(), data.train_labels[index]), rates(*encoding).mean()]
                )
                optimizer.zero_grad()
                (terms[0] + beta * terms[1]).backward()
                optimizer.step()
                if ema is not None:
                    ema.update_parameters(model)
                sums += terms.detach()
            schedule.step()
            fitted, paid = (sums / steps).tolist()
            if not math.isfinite(fitted + paid):
                raise Diverged(f"epoch {epoch}: cross-entropy {fitted}, rate {paid}; lower learning_rate or beta.")
            history.append(Epoch(fitted, paid, time.perf_counter() - started))
            if report:
                report(epoch, history[-1])
    return history


def _check(model, data):
    check_data("data", data)
    if not isinstance(model, Variational) or model.decoder.weight.dtype != torch.float32:
        raise InvalidInput(f"model: got {type(model).__name__}, expected a Variational, in float32.")
    wanted = math.prod(data.shape), len(data.classes)
    came = next(one.in_features for one in model.encoder if isinstance(one, nn.Linear)), model.decoder.out_features
    if came != wanted:
        raise InvalidInput(f"model: got one of {came[0]} values in {came[1]} classes, expected {wanted} of {data}.")
    checks.finite_parameters("model", model)


def _check_listeners(ema, report):
    if ema is not None and not isinstance(ema, AveragedModel):
        raise InvalidInput(f"ema: got {type(ema).__name__}, expected a torch.optim.swa_utils.AveragedModel or None.")
    if report is not None and not callable(report):
        raise InvalidInput(f"report: got {report!r}, expected a function or None.")


class Evaluation(NamedTuple):
    """Averages over the test set, of S draws of z for each image; in nats what is not an error."""

    decoder_cross_entropy: float  # H_q[Y|Z]
    prediction_cross_entropy: float  # H_q[Y|X], of the mean prediction
    one_sample_error: float  # of the likeliest label of one draw
    argmax_error: float  # of the likeliest label of the mean prediction
    rate: float


def evaluate(model: Variational, data: Dataset, *, samples: int = 12, seed: int = 0) -> Evaluation:
    """How well the test set is predicted from `samples` draws of z, and the rate.

    Raises `InvalidInput` for fewer than one sample.
    """
    return Evaluation(*_each(model, data, samples, seed).mean(-1).tolist())


@torch.no_grad()
def _each(model, data, samples, seed, block=1000):
    """The fields of an `Evaluation` of each test example, (5, N)."""
    samples, seed = checks.whole("samples", samples), checks.seed("seed", seed)
    _check(model, data)
    device = next(model.parameters()).device
    data, parts = data.to(device), []
    with seeds.drawing(seed, "measured noise", device):
        for images, labels in zip(data.test_images.split(block), data.test_labels.split(block), strict=True):
            encoding = model.encode(data.normalize(images))
            found = fits((model.decode(encoding) for _ in range(samples)), labels)
            cross_entropies = found.decoder_cross_entropy, found.prediction_cross_entropy
            each = torch.stack([*cross_entropies, found.one_draw_error, found.argmax_error, rates(*encoding)])
            parts.append(each.cpu().double())
    return torch.cat(parts, -1)


@torch.inference_mode(False)
def record(
    data: Dataset,
    *,
    beta: float = 1e-3,
    seed: int = 0,
    latent_dimension: int = 256,
    hidden: tuple[int, ...] = (1024, 1024),
    epochs: int = 200,
    batch_size: int = 100,
    learning_rate: float = 1e-4,
    decay: float = 0.97,
    low_precision: bool = False,
    ema_decay: float = 0.999,
    measure_every: int = 10,
    samples: int = 12,
    device: str | torch.device | None = "cpu",
    report: Callable[[Record], None] | None = None,
) -> Record:
    """Train a `Variational` and return a Record of it; the defaults are those of Alemi et al. 2017 on MNIST.

    What is measured is not the parameters of the last step but their exponential moving average.

    Args:
        beta, epochs, batch_size, learning_rate, decay, low_precision: as for `fit_vib`.
        seed: of the first parameters too.
        latent_dimension, hidden: as for `Variational`.
        ema_decay: the share of the old average in the new one at each step, from 0 (no average) to below 1.
        measure_every: epochs between measurements (after training is always measured).
        samples: draws of z for each test example.
        report: called with the Record so far after every measurement, such as to save it.

    Returns a `Record`: ``train/decoder_cross_entropy`` and ``train/rate``, means over the steps of the epoch, and
    ``test/…`` the fields of an `Evaluation`, with their standard errors as means over examples.
    Raises what `fit_vib`, `evaluate` and `Variational` raise; a `Diverged`, also of what is measured, has as its
    `record` what was measured before.
    """
    check_data("data", data)
    check_test_images(data)
    ema_decay = checks.number("ema_decay", ema_decay, minimum=0, below=1)
    samples, measure_every = checks.whole("samples", samples), checks.whole("measure_every", measure_every)
    beta, seed = checks.number("beta", beta, minimum=0), checks.seed("seed", seed)
    epochs, batch_size = checks.whole("epochs", epochs), checks.whole("batch_size", batch_size)
    learning_rate = checks.number("learning_rate", learning_rate, above=0)
    decay = checks.number("decay", decay, above=0, maximum=1)
    low_precision, device = checks.flag("low_precision", low_precision), pick_device(device)
    latent_dimension = checks.whole("latent_dimension", latent_dimension)
    hidden = tuple(checks.whole("hidden", width) for width in checks.several("hidden", hidden))
    _check_listeners(None, report)
    begun = commit()
    with seeds.drawing(seed, "first parameters"):
        shape = {"latent_dimension": latent_dimension, "hidden": hidden}
        model = Variational(math.prod(data.shape), len(data.classes), **shape).to(device)
    ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema_decay))
    settings = {
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "decay": decay,
        "low_precision": low_precision,
    }
    measuring = {"ema_decay": ema_decay, "measure_every": measure_every, "samples": samples}
    names = ["train/decoder_cross_entropy", "train/rate", *(f"test/{field}" for field in Evaluation._fields)]
    fingerprints = {"data": data.fingerprint, "network": fingerprint(model)}
    started, measured, values, errors = time.perf_counter(), [], [], []

    def so_far():
        return Record(
            runs=({"objective": "vib", "beta": beta, "seed": seed},),
            epochs=torch.tensor(measured),
            quantities=dict(zip(names, torch.stack(values, -1)[:, None], strict=True)),
            errors=dict(zip(names[2:], torch.stack(errors, -1)[:, None], strict=True)),
            provenance=provenance(
                data=data.name,
                device=device,
                commit=begun,
                precision="bfloat16" if low_precision and low_precision_of(device) is torch.bfloat16 else "float32",
                wall_seconds=time.perf_counter() - started,
                configuration={"network": "variational", **shape, "epochs": epochs, **settings, **measuring},
                parameters=sum(p.numel() for p in model.parameters()),
                fingerprints=fingerprints,
            ),
        )

    def measure(number, epoch):
        if number % measure_every == 0 or number == epochs:
            each = _each(ema.module, data, samples, seed)
            if bad := [name for name, value in zip(names[2:], each.mean(-1), strict=True) if not value.isfinite()]:
                raise Diverged(f"epoch {number}: {bad[0]} is no finite number; lower learning_rate or beta.")
            measured.append(number)
            values.append(torch.cat([torch.tensor(epoch[:2], dtype=torch.float64), each.mean(-1)]))
            errors.append(each.std(-1) / each.shape[-1] ** 0.5)
            if report:
                report(so_far())

    try:
        fit_vib(model, data, beta=beta, epochs=epochs, seed=seed, ema=ema, report=measure, **settings)
    except Diverged as diverged:
        diverged.record = so_far() if measured else None
        raise
    return so_far()
