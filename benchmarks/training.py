"""The training loop beside its limit and a plain loop: ``python -m benchmarks.training [EXAMPLES [ROUNDS]]``.

A ResNet-18 on CIFAR-10. `fit` runs with everything on: augmentation, noise, surrogate, and a measurement of 2,000
training and 2,000 test examples with their information every ten epochs. Its limit is the bare step: forward, backward
and update of the same network, in the same precision and memory layout, on one batch that never changes. The plain
loop is what a tutorial writes: ``DataLoader`` with two workers, torchvision's transforms, float32. All take turns; the
medians count. Before that, peak memory beside its formula; on a GPU, also the time to 94 % and the throughput of 16
networks at once. Last line: how near the limit `fit` comes, and how many times as fast as the plain loop it is.
"""

import concurrent.futures
import copy
import functools
import multiprocessing
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torchvision import transforms

from ibteach.data.datasets import load
from ibteach.errors import Unavailable
from ibteach.networks.bottleneck import resnet
from ibteach.training.loop import Run, build, fit, grid
from ibteach.training.measuring import PHOTOGRAPHS, measure_networks

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"
WIDTH, BATCH, EXAMPLES = (64, 512, 50_000) if CUDA else (16, 128, 4096)
ROUNDS = 3
SUBSET, EVERY = 2000, 10  # examples measured of each split; epochs between measurements, `fit`'s own
SETTINGS = {"learning_rate": 0.1, "optimizer": "sgd", "weight_decay": 5e-4, "augment": ["flip", "shift"]}
QUIET = {"progress": False, "device": DEVICE}
RUN = Run.of("log-variance", gamma=0.01)


def main(examples=EXAMPLES, rounds=ROUNDS):
    data = genuine()
    model = build(functools.partial(resnet, data.shape, len(data.classes), width=WIDTH), RUN)
    name = torch.cuda.get_device_name() if CUDA else f"{torch.get_num_threads()} threads"
    print(f"{data.name}, resnet of width {WIDTH}, batches of {BATCH}, {name}, torch {torch.__version__}", flush=True)
    low = precision(data, model)
    memory(data, model, low)
    near, times = throughput(data, model, low, min(examples, len(data.train_labels)) // BATCH * BATCH, rounds)
    if CUDA:
        to_94(data)
        ensemble(data)
    wanted = 5 if CUDA else 1.5
    print(f"ratio: {near:.2f} of the bare step (wanted: 0.90), {times:.1f} times the plain loop (wanted: {wanted})")


def genuine():
    """CIFAR-10, or digits where it cannot be had."""
    try:
        return load("cifar10")
    except Unavailable as error:
        print(f"{error}\nCIFAR-10 is out of reach: digits take its place, which say little about a ResNet.")
        return load("digits")


def seconds(work) -> float:
    """How long `work` takes, until the device has done all of it."""
    if CUDA:
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if CUDA:
        torch.cuda.synchronize()
    return time.perf_counter() - started


# Throughput


class Bare:
    """Forward, backward and update on a fixed batch: what no training loop of this network can surpass."""

    def __init__(self, data, model, low):
        self.model = copy.deepcopy(model).to(DEVICE, memory_format=torch.channels_last).train()
        self.model.low_precision = low
        images = data.normalize(data.train_images[:BATCH]).to(DEVICE)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.labels = data.train_labels[:BATCH].to(DEVICE)
        self.noise = torch.zeros(BATCH, model.latent_dimension, device=DEVICE)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True
        )

    def steps(self, count):
        for _ in range(count):
            _, logits = self.model(self.images, self.noise)
            self.optimizer.zero_grad()
            F.cross_entropy(logits, self.labels).backward()
            self.optimizer.step()


class Pictures(torch.utils.data.Dataset):
    """Pictures and labels as torchvision's data sets give them."""

    def __init__(self, data, examples, transform):
        self.images = data.train_images[:examples].permute(0, 2, 3, 1).squeeze(-1).numpy()
        self.labels, self.transform = data.train_labels[:examples].tolist(), transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


class Plain:
    """The same network in an ordinary loop."""

    def __init__(self, data, model, examples):
        side = data.shape[-1]
        transform = transforms.Compose(
            [
                transforms.RandomCrop(side, side // 8),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((data.mean / 255).tolist(), (data.std / 255).tolist()),
            ]
        )
        # Workers that live on: with few examples, starting them would cost the plain loop more than it does in earnest.
        how = {"shuffle": True, "drop_last": True, "num_workers": 2, "persistent_workers": True, "pin_memory": CUDA}
        self.loader = torch.utils.data.DataLoader(Pictures(data, examples, transform), batch_size=BATCH, **how)
        self.model = copy.deepcopy(model).to(DEVICE).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
        self.noise = torch.zeros(BATCH, model.latent_dimension, device=DEVICE)

    def epoch(self):
        for images, labels in self.loader:
            _, logits = self.model(images.to(DEVICE), self.noise)
            loss = F.cross_entropy(logits, labels.to(DEVICE))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def precision(data, model) -> bool:
    """Whether this device takes a bare step faster in bfloat16 than in float32."""
    rate = {}
    for low in (False, True):
        bare = Bare(data, model, low)
        bare.steps(5)
        rate[low] = 10 * BATCH / min(seconds(functools.partial(bare.steps, 10)) for _ in range(3))
    print(f"bare step in float32 {rate[False]:,.0f} images/s, in bfloat16 {rate[True]:,.0f}", flush=True)
    return rate[True] > rate[False]


def throughput(data, model, low, examples, rounds):
    """How near `fit` comes to the bare step, and how many times as fast as the plain loop it is."""
    ours, bare, plain = copy.deepcopy(model), Bare(data, model, low), Plain(data, model, examples)
    options = {"epochs": 1, "batch_size": BATCH, "train_examples": examples, "low_precision": low}
    # With next to nothing measured; what measuring costs is added below, as often as it is done in earnest.
    train = functools.partial(fit, ours, data, RUN, **options, **SETTINGS, eval_examples=2, **QUIET)
    here = data.to(DEVICE)
    contenders = {
        "loop": train,
        "bare": functools.partial(bare.steps, examples // BATCH),
        "plain": plain.epoch,
        "measurement": lambda: measure_networks(ours, here, min(SUBSET, len(data.test_labels)), information=True),
    }
    spent = {name: [] for name in contenders}
    for each in range(1 + rounds):
        for name, work in contenders.items():
            taken = seconds(work)
            if each > 0:  # the first warms up
                spent[name].append(taken)
    spent = {name: statistics.median(taken) for name, taken in spent.items()}
    epoch = len(data.train_labels)
    per_image = {name: spent[name] / examples for name in ("loop", "bare", "plain")}
    rate = {name: 1 / each for name, each in per_image.items()}
    every = {n: 1 / (per_image["loop"] + spent["measurement"] / (n * epoch)) for n in (1, EVERY)}
    print(f"plain loop                         {rate['plain']:10,.0f} images/s")
    print(f"fit, nothing measured              {rate['loop']:10,.0f} images/s")
    print(f"fit, measured every epoch          {every[1]:10,.0f} images/s")
    print(f"fit, measured every {EVERY} epochs      {every[EVERY]:10,.0f} images/s")
    print(f"bare step                          {rate['bare']:10,.0f} images/s")
    print(
        f"one measurement: {spent['measurement']:.2f} s, as long as {spent['measurement'] * rate['loop']:,.0f} images"
    )
    return every[EVERY] / rate["bare"], every[EVERY] / rate["plain"]


# Memory


def memory(data, model, low):
    """Peak memory of training and of measuring, each in a process of its own, beside what it should be."""
    channels, height, _ = data.shape
    side = height // max(1, round(height / 32))
    maps = WIDTH * side**2  # values of one image in the first stage; each later stage has half as many
    values = 17 * maps  # kept for the backward pass: 8 + 5 + 2.5 + 1.25 maps of the stages, 0.25 of the last layers
    parameters = sum(parameter.numel() for parameter in model.parameters())
    size = 2 if low else 4
    subset = min(SUBSET, len(data.test_labels))
    block = min(subset, PHOTOGRAPHS)
    formulas = {
        "training": (
            BATCH * values * size + 8 * parameters,
            f"{BATCH} images × 17 maps × {WIDTH}·{side}·{side} × {size} bytes + {parameters:,} × 8 bytes",
        ),
        "measurement": (
            block * (4 * maps * size + 4 * channels * height**2),
            f"{block} images × (4 maps × {WIDTH}·{side}·{side} × {size} bytes + {channels}·{height}² × 4 bytes)",
        ),
    }
    for what, (formula, words) in formulas.items():
        found = alone(what, low, data.name)
        print(f"peak memory of {what:11} {found / 2**20:6,.0f} MiB; {words} = {formula / 2**20:,.0f} MiB", flush=True)


def alone(what, low, name):
    """`peak` in a fresh process, where nothing that was freed before is used again."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(peak, what, low, name).result()


def peak(what, low, name) -> float:
    """Bytes held at most beyond those held before: of the device's memory, or else resident (Linux counts them)."""
    data = load(name)
    model = build(functools.partial(resnet, data.shape, len(data.classes), width=WIDTH), RUN)
    options = {"epochs": 1, "low_precision": low, "eval_examples": 2, **SETTINGS, **QUIET}
    fit(model, data, RUN, train_examples=4, batch_size=2, **options)  # loads what is loaded once
    here = data.to(DEVICE)

    def work():
        if what == "training":
            fit(model, here, RUN, train_examples=2 * BATCH, batch_size=BATCH, **options)
        else:
            measure_networks(model, here, min(SUBSET, len(data.test_labels)), information=True)

    if CUDA:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return torch.cuda.max_memory_allocated() - before
    if sys.platform != "linux":
        return float("nan")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak until now
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def resident(name) -> int:
    line = next(
        line for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if line.startswith(name)
    )
    return 1024 * int(line.split()[1])


# On a GPU


def to_94(data):
    """The shortest of three trainings that ends at 94 % of all test images: its seconds, and images per second."""
    run = Run.of("log-variance", gamma=1e-3)
    for epochs in (15, 30, 60):
        model = build(functools.partial(resnet, data.shape, len(data.classes), width=WIDTH), run)
        options = {
            "batch_size": BATCH,
            "low_precision": True,
            "measure_every": epochs,
            "eval_examples": len(data.test_labels),
        }
        options |= {**SETTINGS, "learning_rate": 0.2, "keep_latents": 100, **QUIET}
        record = fit(model, data, run, epochs=epochs, **options)
        taken, accuracy = record.provenance["wall_seconds"], 1 - record.value("test/argmax_error").item()
        rate = epochs * len(data.train_labels) / taken
        print(f"{epochs} epochs: {taken:.0f} s, measuring included, {rate:,.0f} images/s, accuracy {accuracy:.2%}")
        if accuracy >= 0.94:
            print(f"94 % after {taken:.0f} s")
            return
    print("94 % was not reached")


def ensemble(data, networks=16, width=8, batch_size=128, examples=6400):
    """Sixteen small ResNets at once, and one after another."""
    make = functools.partial(resnet, data.shape, len(data.classes), latent_dimension=16, width=width, norm="group")
    runs = grid(["log-variance"], gammas=torch.logspace(-3, 1, networks).tolist())
    options = {"epochs": 1, "batch_size": batch_size, "eval_examples": 100, "low_precision": True, **SETTINGS, **QUIET}
    train = functools.partial(fit, data=data, **options)
    for some in (runs, runs[0]):
        train(build(make, some), runs=some, train_examples=batch_size)  # warm up
    together, each = build(make, runs), [build(make, run) for run in runs]
    at_once = seconds(lambda: train(together, runs=runs, train_examples=examples))
    in_turn = seconds(
        lambda: [train(one, runs=run, train_examples=examples) for one, run in zip(each, runs, strict=True)]
    )
    images = networks * examples
    print(f"{networks} resnets of width {width} at once: {images / at_once:,.0f} images/s of all networks,", end=" ")
    print(f"one after another {images / in_turn:,.0f}; {in_turn / at_once:.1f} times")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
