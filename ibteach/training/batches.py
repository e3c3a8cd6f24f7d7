"""Batches of a training epoch, with their noise: what a step sees depends on the seed of its runs and on nothing else.

The images stay on the device as bytes; each batch is chosen, augmented and normalised there, so no step waits for one.
"""

import hashlib

import torch

from ibteach.data.augmentation import augment
from ibteach.information.continuous import zero_entropy_noise


def stream(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose: two generators of one seed would draw the same numbers.

    >>> stream(0, "dropout") != stream(0, "augmentation")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{purpose} {seed}".encode()).digest()[:7], "big")


class Batches:
    """A stream of batches for each seed among the runs, which all networks of that seed share.

    `state` and `restore` are the positions of its generators between two epochs, as tensors of bytes.
    """

    def __init__(self, data, runs, batch_size, examples, latent_dimension, *, noise, augmentations, memory_format):
        seeds = list(dict.fromkeys(run.seed for run in runs))
        self.data, self.batch_size, self.examples, self.latent_dimension = data, batch_size, examples, latent_dimension
        self.noise, self.augmentations = noise, augmentations
        self.memory_format = memory_format
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.chance = [torch.Generator().manual_seed(stream(seed, "augmentation")) for seed in seeds]
        device, of = data.train_labels.device, torch.tensor([seeds.index(run.seed) for run in runs])
        self.members = [(of == seed).nonzero()[:, 0].to(device) for seed in range(len(seeds))]
        self.place = torch.cat(self.members).argsort()
        self.per_epoch = examples // batch_size

    @property
    def state(self):
        return torch.stack([generator.get_state() for generator in (*self.generators, *self.chance)])

    def restore(self, state):
        for generator, position in zip((*self.generators, *self.chance), state, strict=True):
            generator.set_state(position.clone())  # torch crashes on a view that does not begin its storage

    def epoch(self):
        """The streams of each step: a list of images (N, …), labels (N,) and noise (N, K), one for each seed."""
        streams = [self._stream(*generators) for generators in zip(self.generators, self.chance, strict=True)]
        return zip(*streams, strict=True)

    def _stream(self, generator, chance):
        size, data = self.per_epoch * self.batch_size, self.data
        order = torch.randperm(self.examples, generator=generator)[:size].to(data.train_labels.device)
        noise = zero_entropy_noise((size, self.latent_dimension), generator).to(order.device)
        noise = noise if self.noise else torch.zeros_like(noise)
        for index, drawn in zip(order.split(self.batch_size), noise.split(self.batch_size), strict=True):
            images = data.normalize(augment(data.train_images[index], self.augmentations, chance))
            yield images.contiguous(memory_format=self.memory_format), data.train_labels[index], drawn

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
