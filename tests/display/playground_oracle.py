"""The playground's engine and PyTorch, given the same weights, batches and noise: what is sent, what must come back."""

import math

import torch
from torch.nn.functional import cross_entropy

from ibteach import data, networks, seeds
from ibteach.information import mixture
from ibteach.information.continuous import ZERO_ENTROPY_VARIANCE
from ibteach.objectives import OBJECTIVES, moments

STEPS, BATCH, RATE = 100, 64, 0.01

# Run by Node and by a page: the module and what was sent, to what came back.
PROGRAM = """(engine, { network: { hidden, parameters }, images, batches, trained, measured }) => {
  const fresh = (given = parameters) => {
    const network = new engine.Network(64, hidden, 10);
    network.parameters.set(given);
    return network;
  };
  const typed = (batch) => ({
    ...batch,
    count: batch.labels.length,
    images: Float32Array.from(batch.rows.flatMap((row) => images[row])),
    noise: Float32Array.from(batch.noise),
    masks: batch.masks?.map((mask) => Float32Array.from(mask)) ?? null,
  });
  return {
    batches: batches.map((batch) => {
      const network = fresh();
      return { ...network.learn(typed(batch)), gradient: [...network.gradient] };
    }),
    trained: trained.map(({ objective, betaPrime, learningRate, noiseVariance, batches }) => {
      const network = fresh();
      const losses = batches.map((batch) => {
        const { fit, surrogate } = network.learn({ ...typed(batch), objective, betaPrime, noiseVariance });
        network.update(learningRate);
        return fit + betaPrime * surrogate;
      });
      return { losses, parameters: [...network.parameters] };
    }),
    measured: measured.map(({ latents, labels, draws, noiseVariance }) =>
      engine.measureMixture(latents, labels, draws, noiseVariance),
    ),
  };
}"""


def surrogate(name, latents, noise, labels, noise_variance):
    if name == "none":
        return torch.zeros(())
    return OBJECTIVES[name].of_moments(moments(latents, labels, 10, noise_variance, noise))


class Both:
    """One network, its batches, and what PyTorch makes of them."""

    def __init__(self):
        torch.manual_seed(3)
        self.digits = data.load("digits")
        self.images = self.digits.normalize(self.digits.train_images).flatten(1)
        self.network = networks.mlp(64, classes=10, latent_dimension=2, hidden=(32, 32))
        with torch.no_grad():  # latents that are as far apart as those of a trained network
            self.network.encoder[-1].weight.mul_(4)
        self.start = self.flat([p.detach().clone() for p in self.network.parameters()])
        self.scale = ZERO_ENTROPY_VARIANCE**0.5

    def flat(self, tensors):
        return torch.cat([tensor.flatten() for tensor in tensors])

    def batch(self, count, noise_variance=ZERO_ENTROPY_VARIANCE, classes=10):
        """Rows of the training set, of some classes only, and noise."""
        rows = torch.randperm(len(self.images))
        rows = rows[self.digits.train_labels[rows] < classes][:count]
        noise = torch.randn(count, 2) * noise_variance**0.5
        return {"rows": rows, "images": self.images[rows], "labels": self.digits.train_labels[rows], "noise": noise}

    def cases(self):
        """Objective, weight, noise, dropout and batch, of which every objective sees several."""
        for name in ["none", *OBJECTIVES]:
            yield name, 0.3, ZERO_ENTROPY_VARIANCE, self.batch(64), 0.0
            yield name, 2.0, ZERO_ENTROPY_VARIANCE, self.batch(13, classes=7), 0.0  # absent classes, single examples
            yield name, 0.3, ZERO_ENTROPY_VARIANCE, self.batch(64), 0.4
            if name == "none" or not OBJECTIVES[name].needs_noise:
                yield name, 0.3, 0.0, self.batch(64, 0.0), 0.0
                yield name, 0.3, 0.0, self.batch(13, 0.0, classes=7), 0.0

    def loss(self, objective, beta_prime, noise_variance, batch, masks=None):
        values, hidden = batch["images"], 0
        for layer in self.network.encoder[1:]:
            values = layer(values)
            if masks is not None and isinstance(layer, torch.nn.ReLU):
                values, hidden = values * masks[hidden], hidden + 1
        logits = self.network.decoder(values + batch["noise"])
        fit = cross_entropy(logits, batch["labels"])
        return fit, surrogate(objective, values, batch["noise"], batch["labels"], noise_variance)

    def restart(self):
        torch.nn.utils.vector_to_parameters(self.start.clone(), self.network.parameters())

    def question(self):
        """What is sent to the engine, as JSON can say it; `expected` are PyTorch's own answers to the same."""
        self.expected = {"batches": [], "trained": [], "measured": []}
        sent = {"network": {"hidden": [32, 32], "parameters": self.start.tolist()}}
        sent |= {"images": self.images.tolist()}
        sent |= {"batches": list(self.single()), "trained": list(self.trained()), "measured": list(self.measured())}
        return sent

    def single(self):
        for objective, beta_prime, noise_variance, batch, rate in self.cases():
            masks = [(torch.rand(len(batch["labels"]), 32) > rate) / (1 - rate) for _ in range(2)] if rate else None
            self.restart()
            fit, bound = self.loss(objective, beta_prime, noise_variance, batch, masks)
            gradient = self.flat(torch.autograd.grad(fit + beta_prime * bound, list(self.network.parameters())))
            name = f"{objective}, {len(batch['labels'])} examples, noise {noise_variance:.3f}, dropout {rate}"
            self.expected["batches"].append((name, fit.item(), bound.item(), gradient))
            told = {"objective": objective, "betaPrime": beta_prime, "noiseVariance": noise_variance}
            yield said(batch) | told | ({"masks": [mask.flatten().tolist() for mask in masks]} if masks else {})

    def trained(self):
        for objective in ["none", *OBJECTIVES]:
            self.restart()
            optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE)
            batches, losses = [self.batch(BATCH) for _ in range(STEPS)], []
            for batch in batches:
                fit, bound = self.loss(objective, 0.1, ZERO_ENTROPY_VARIANCE, batch)
                optimizer.zero_grad()
                (fit + 0.1 * bound).backward()
                optimizer.step()
                losses.append((fit + 0.1 * bound).item())
            self.expected["trained"].append(
                (objective, torch.tensor(losses), self.flat([p.detach().clone() for p in self.network.parameters()]))
            )
            told = {"objective": objective, "betaPrime": 0.1, "noiseVariance": ZERO_ENTROPY_VARIANCE}
            yield told | {"learningRate": RATE, "batches": [said(batch) for batch in batches]}

    def measured(self):
        """The library's own noise, so that both average over the same draws: Gaussians of three reaches, one far."""
        for reach, noise_variance in [(0.2, ZERO_ENTROPY_VARIANCE), (5.0, ZERO_ENTROPY_VARIANCE), (40.0, 0.3)]:
            latents = torch.randn(500, 2, dtype=torch.float64) * reach
            labels = self.digits.test_labels
            found = mixture.measure(latents, labels, noise_variance)
            generator = seeds.generator(0, "mixture noise")
            draws = []
            for _ in range(2):
                draw = torch.empty(500, 2, dtype=torch.float64)
                noise = torch.randn(500, 2, dtype=torch.float64, generator=generator)
                draw[labels.argsort(stable=True)] = noise * noise_variance**0.5
                draws.append(draw.flatten().tolist())
            self.expected["measured"].append(found)
            told = {"latents": latents.flatten().tolist(), "labels": labels.tolist(), "draws": draws}
            yield told | {"noiseVariance": noise_variance}

    def agrees(self, answer):
        """Every loss and gradient to 1e-4, 100 steps to 1e-3, the mixture to 1e-6."""
        for (name, fit, bound, gradient), found in zip(self.expected["batches"], answer["batches"], strict=True):
            assert math.isclose(found["fit"], fit, rel_tol=1e-4), name
            assert math.isclose(found["surrogate"], bound, rel_tol=1e-4, abs_tol=1e-6), name
            off = (torch.tensor(found["gradient"]) - gradient).norm() / gradient.norm()
            assert off < 1e-4, (name, off)
        for (name, losses, parameters), found in zip(self.expected["trained"], answer["trained"], strict=True):
            torch.testing.assert_close(torch.tensor(found["losses"]), losses, rtol=1e-3, atol=1e-3, msg=name)
            off = (torch.tensor(found["parameters"]) - parameters).norm() / parameters.norm()
            assert off < 1e-3, (name, off)
        for wanted, found in zip(self.expected["measured"], answer["measured"], strict=True):
            assert math.isclose(found["ceiling"], wanted.ceiling)
            for name in ("latent_entropy", "reverse_decoder_uncertainty", "preserved_information",
                         "preserved_relevant_information", "decoder_uncertainty", "redundant_information"):  # fmt: skip
                assert abs(found[name] - getattr(wanted, name).value.item()) < 1e-6, name


def said(batch):
    return {name: batch[name].flatten().tolist() for name in ("rows", "labels", "noise")}
