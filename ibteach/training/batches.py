"""Batches of a training epoch, with their noise: what a step sees depends on the seed of its runs and on nothing else.

The images stay on the device as bytes; each batch is chosen, augmented and normalised there, so no step waits for one.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ibteach import seeds
from ibteach.data.augmentation import augment
from ibteach.information.continuous import zero_entropy_noise

PURPOSES: tuple[seeds.Purpose, ...] = ("order", "noise", "augmentation")

Stream: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Images (N, …), labels (N,) and noise (N, K) of a step."""


class Batches:
    """A stream of batches for each seed among the runs, which all networks of that seed share.

    `state` and `restore` are the positions of its generators between two epochs, as tensors of bytes.
    """

    def __init__(self, data, runs, batch_size, examples, latent_dimension, *, noise, augmentations, memory_format):
        given = list(dict.fromkeys(run.seed for run in runs))
        self.data, self.batch_size, self.examples, self.latent_dimension = data, batch_size, examples, latent_dimension
        self.noise, self.augmentations = noise, augmentations
        self.memory_format = memory_format
        self.generators = [[seeds.generator(seed, purpose) for purpose in PURPOSES] for seed in given]
        device, of = data.train_labels.device, torch.tensor([given.index(run.seed) for run in runs])
        self.members = [(of == number).nonzero()[:, 0].to(device) for number in range(len(given))]
        self.place = torch.cat(self.members).argsort()
        self.per_epoch = examples // batch_size

    @property
    def state(self) -> Tensor:
        return torch.stack([generator.get_state() for of_seed in self.generators for generator in of_seed])

    def restore(self, state: Tensor) -> None:
        for generator, position in zip(itertools.chain(*self.generators), state, strict=True):
            generator.set_state(position.clone())  # torch crashes on a view that does not begin its storage

    def epoch(self) -> Iterator[tuple[Stream, ...]]:
        """The streams of each step: a list of images (N, …), labels (N,) and noise (N, K), one for each seed."""
        return zip(*(self._stream(*of_seed) for of_seed in self.generators), strict=True)

    def _stream(self, of_order, of_noise, of_augmentation):
        size, data = self.per_epoch * self.batch_size, self.data
        order = torch.randperm(self.examples, generator=of_order)[:size].to(data.train_labels.device)
        noise = zero_entropy_noise((size, self.latent_dimension), of_noise).to(order.device)
        noise = noise if self.noise else torch.zeros_like(noise)
        for index, drawn in zip(order.split(self.batch_size), noise.split(self.batch_size), strict=True):
            images = data.normalize(augment(data.train_images[index], self.augmentations, of_augmentation))
            yield images.contiguous(memory_format=self.memory_format), data.train_labels[index], drawn

    def through(self, model: Callable[..., Any], streams: Sequence[Stream]) -> Sequence[Tensor]:
        """Latents and logits of every network on the batch of its own seed, its labels (N,) or (M, N), its noise."""
        if len(streams) == 1:
            images, labels, noise = streams[0]
            return *model(images, noise), labels, noise
        # Seed by seed: networks that share their images share one matrix product, which is three times as quick.
        parts = [
            (*model(images, noise, members), labels.expand(len(members), -1), noise.expand(len(members), -1, -1))
            for members, (images, labels, noise) in zip(self.members, streams, strict=True)
        ]
        return [torch.cat(of_streams)[self.place] for of_streams in zip(*parts, strict=True)]
