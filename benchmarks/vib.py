"""VIB on MNIST against a plain loop of the same network: ``python -m benchmarks.vib [EPOCHS [THREADS]]``.

The network of Alemi et al. 2017: 784-1024-1024-2K, K = 256, a linear decoder, β = 1e-3 (both terms in nats), batches of
100, Adam at 1e-4. The plain loop is what a tutorial writes: ``DataLoader``, torchvision's ``ToTensor`` and
``Normalize``, Adam as it comes. Ours keeps the images in memory as bytes, multiplies in bfloat16 and steps with fused
Adam. Both train in turn, epoch by epoch, from the same first parameters. Last line: how many times faster ours is, by
the median epoch of each.
"""

import copy
import math
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
import torchvision

from ibteach import data
from ibteach.training import variational

BETA = 1e-3


class Plain:
    """The same network in an ordinary loop."""

    def __init__(self, model, folder):
        transforms = torchvision.transforms
        normalize = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
        images = torchvision.datasets.MNIST(folder, train=True, transform=normalize, download=True)
        self.loader = torch.utils.data.DataLoader(images, batch_size=100, shuffle=True)
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.5, 0.999))
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 2, 0.97)

    def epoch(self):
        for images, labels in self.loader:
            mean, raw = self.model.encoder(images).chunk(2, dim=1)
            std = F.softplus(raw - 5)
            logits = self.model.decoder(mean + std * torch.randn_like(std))
            rate = 0.5 * (mean**2 + std**2 - 2 * std.log() - 1).sum(1).mean()
            loss = F.cross_entropy(logits, labels) + BETA * rate
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.schedule.step()


def main(epochs=5, threads=2):
    torch.set_num_threads(threads)
    mnist = data.load("mnist")
    torch.manual_seed(0)
    ours = variational.Variational(784, classes=10, latent_dimension=256, hidden=(1024, 1024))
    theirs = Plain(copy.deepcopy(ours), os.environ.get("IBTEACH_DATA", "data"))
    print(f"MNIST, epochs of 60,000 examples, {threads} threads, torch {torch.__version__}", flush=True)
    seconds = {"ibteach": [], "plain": []}

    def in_turn(number, epoch):
        started = time.perf_counter()
        theirs.epoch()
        seconds["ibteach"].append(epoch.seconds)
        seconds["plain"].append(time.perf_counter() - started)
        print(f"epoch {number}: ibteach {epoch.seconds:6.1f} s, plain {seconds['plain'][-1]:6.1f} s", flush=True)

    variational.fit_vib(ours, mnist, beta=BETA, epochs=epochs, low_precision=True, report=in_turn)
    for name, model in (("ibteach", ours), ("plain", theirs.model)):
        found = variational.evaluate(model, mnist, samples=12)
        print(
            f"{name:8} after {epochs} epochs: test accuracy {1 - found.one_sample_error:.2%} with one sample,", end=" "
        )
        print(f"{1 - found.argmax_error:.2%} with twelve; I[X;Z] <= {found.rate / math.log(2):.1f} bits")
    print(f"ratio: {statistics.median(seconds['plain']) / statistics.median(seconds['ibteach']):.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
