"""Images that are hunted: those of every network that are still read right, all networks at once.

An attack need not go on where it has won, and attacks of many networks are many times faster together than one after
another. The two pull in different directions, because networks resist on different images. So what is left of every
network is gathered, as many images of each as the one has that has most left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach.evaluation.prediction import Prediction

if TYPE_CHECKING:
    from jaxtyping import Float

Loss = Callable[[Tensor, Tensor], Tensor]
"""ln q(y|x) (…, C) and the true labels (…) to what an attacker climbs (…)."""


class Hunt:
    """N images under attack by each of M networks, within one ε: who is wrong by now, and about which image.

    - `judge`: what is right or wrong; `attacker`: what is climbed, the same or with fewer draws of the noise
    - `start` (M, N, C, H, W), pixels in [0, 1], and their `labels` (N,)
    - `wrong` (M, N): about which images a network errs already; these are left alone
    - `found` (M, N, C, H, W): an image about which the network errs, where one was found
    """

    def __init__(self, judge: Prediction, start: Tensor, labels: Tensor, wrong: Tensor, eot_samples: int):
        self.judge, self.start, self.labels = judge, start, labels.to(start.device)
        self.attacker = judge if eot_samples >= len(judge.draws) else judge.of_first(eot_samples)
        self.wrong, self.found = wrong.to(start.device).clone(), start.clone()

    def left(self) -> Party | None:
        """Those images of every network that are still read right, or None if there are none."""
        most = int((~self.wrong).sum(1).max())
        return Party(self, self.wrong.int().argsort(dim=1, stable=True)[:, :most]) if most else None


class Party:
    """The part of a `Hunt` that an attack goes on with: n images of each network, (M, n, …).

    A network that has fewer left is given some about which it errs already: nothing is kept of these.
    """

    def __init__(self, hunt: Hunt, chosen: Tensor):
        self.hunt, self.chosen = hunt, chosen
        self.rows = torch.arange(len(chosen), device=chosen.device)[:, None]
        self.start, self.labels = hunt.start[self.rows, chosen], hunt.labels[chosen]

    def left(self, *values: Float[Tensor, "M n ..."]) -> tuple | None:
        """Those of them that are still read right, and the values of these, or None if there are none.

        Whoever attacks asks now and then, and does not go on where it has won.
        """
        if (party := self.hunt.left()) is None:
            return None
        place = torch.zeros(self.hunt.wrong.shape, dtype=torch.long, device=self.chosen.device)
        place[self.rows, self.chosen] = torch.arange(self.chosen.shape[1], device=place.device).expand_as(self.chosen)
        return party, *(value[party.rows, place[party.rows, party.chosen]] for value in values)

    def drawn(self, numbers: Float[Tensor, "N ..."]) -> Float[Tensor, "M n ..."]:
        """Numbers drawn for each of the N images (N, …), for those that are left: chance is of images, not networks."""
        return numbers.to(self.start.device)[self.chosen]

    @torch.no_grad()
    def judged(self, images: Float[Tensor, "M n c h w"]) -> Float[Tensor, "M n C"]:
        """ln q(y|x) of the attacker, (M, n, C), and whoever is wrong by now is kept."""
        log_q = self.hunt.attacker(images)
        self._keep(images, log_q)
        return log_q

    def climb(
        self, images: Float[Tensor, "M n c h w"], loss: Loss
    ) -> tuple[Float[Tensor, "M n"], Float[Tensor, "M n c h w"]]:
        """The loss of each image and its gradient, (M, n) and (M, n, C, H, W), and whoever is wrong by now is kept."""
        images = images.detach().requires_grad_()
        log_q = self.hunt.attacker(images)
        losses = loss(log_q, self.labels)
        (gradient,) = torch.autograd.grad(losses.sum(), images)
        self._keep(images.detach(), log_q.detach())
        return losses.detach(), gradient

    @torch.no_grad()
    def _keep(self, images: Tensor, log_q: Tensor) -> None:
        hunt = self.hunt
        wrong = log_q.argmax(-1) != self.labels
        if hunt.attacker is not hunt.judge and wrong.any():
            wrong &= hunt.judge(images).argmax(-1) != self.labels
        new = wrong & ~hunt.wrong[self.rows, self.chosen]
        networks, places = new.nonzero(as_tuple=True)
        numbers = self.chosen[networks, places]
        hunt.wrong[networks, numbers] = True
        hunt.found[networks, numbers] = images[networks, places]
