"""White-box attacks: ascent along the gradient of a loss, within reach of the image.

Two things make a network look robust that is not, and are seen to in what is climbed. *Saturation*: where the network
is very sure, the gradient of the cross-entropy −ln q(y|x) underflows to zero and the attack stands still; the log-odds
ln (1 − q)/q have a gradient of the same direction that never vanishes. *Randomness*: the gradient of one draw of the
noise leads astray; what is climbed here is the mean over draws, `ibteach.evaluation.prediction.Prediction`, and so the
exact gradient of what the attack is judged by, of which expectation over transformation (Athalye, Carlini & Wagner
2018) draws an estimate at every step.

All networks and images climb at once, each with its own step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ibteach.evaluation.attacks.ball import Ball
from ibteach.evaluation.attacks.hunt import Hunt, Loss, Party
from ibteach.evaluation.prediction import Prediction

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def log_odds(log_q: Float[Tensor, "*batch C"], labels: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """ln (1 − q(y|x)) / q(y|x): the cross-entropy by a monotone function that does not saturate.

    >>> log_odds(torch.tensor([[0.75, 0.25]]).log(), torch.tensor([0]))  # ln ⅓
    tensor([-1.0986])
    """
    others, true = _apart(log_q, labels)
    return others.logsumexp(-1) - true


def difference(log_q: Float[Tensor, "*batch C"], labels: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """ln q of the likeliest wrong class less that of the true one: above 0 where the network errs.

    >>> difference(torch.tensor([[0.5, 0.25, 0.25]]).log(), torch.tensor([0]))  # ln ½
    tensor([-0.6931])
    """
    others, true = _apart(log_q, labels)
    return others.amax(-1) - true


def ratio(log_q: Float[Tensor, "*batch C"], labels: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """The difference of logits as a ratio (DLR; Croce & Hein 2020): `difference`, over that of the first and third.

    It is the same for logits that are shifted or scaled, so that no scale of them can hide a gradient. With two classes
    there is no third, and it is the difference.

    >>> ratio(torch.tensor([[4.0, 2.0, 0.0]]).log_softmax(-1), torch.tensor([0]))
    tensor([-0.5000])
    """
    if log_q.shape[-1] < 3:
        return difference(log_q, labels)
    first, _, third = log_q.topk(3, dim=-1).values.unbind(-1)
    return difference(log_q, labels) / (first - third + 1e-12)


def _apart(log_q, labels):
    true = nn.functional.one_hot(labels, log_q.shape[-1]).bool()
    return log_q.masked_fill(true, -math.inf), log_q.where(true, 0.0).sum(-1)


LOSSES = {"log-odds": log_odds, "ratio": ratio}


def pgd(hunt: Hunt, ball: Ball, generator: torch.Generator, *, steps: int, restarts: int) -> None:
    """Projected gradient ascent on the log-odds (Madry et al. 2018), first from the image, then from anywhere in reach.

    A step is 2.5 ε/steps long, so that half of them cross the ball.
    """
    for restart in range(restarts):
        if (party := hunt.left()) is None:
            return
        images = party.start
        if restart:
            images = images + party.drawn(ball.anywhere(tuple(hunt.start.shape[1:]), generator))
        images = ball.nearest(party.start, images)
        for step in range(1, steps + 1):
            images = _climb(party, ball, images, steps)
            if step % 10 == 0:  # go on with those that are left
                if (left := party.left(images)) is None:
                    return
                party, images = left
        party.judged(images)


def climbed(
    judge: Prediction, start: Float[Tensor, "M N c h w"], labels: Int[Tensor, " N"], ball: Ball, steps: int = 50
) -> Float[Tensor, "M N c h w"]:
    """Where PGD from the images (M, N, C, H, W) is after its last step, whether they deceive on the way or not.

    What lies far beyond the border deceives other networks, too.
    """
    nobody = torch.zeros(start.shape[:2], dtype=torch.bool)
    party = Hunt(judge, start, labels, nobody, len(judge.draws)).left()
    assert party is not None
    images = party.start
    for _ in range(steps):
        images = _climb(party, ball, images, steps)
    return images


def _climb(party: Party, ball: Ball, images: Tensor, steps: int) -> Tensor:
    """One of so many steps."""
    _, gradient = party.climb(images, log_odds)
    return ball.nearest(party.start, images + 2.5 * ball.epsilon / steps * ball.steepest(gradient))


def apgd(hunt: Hunt, ball: Ball, generator: torch.Generator, *, loss: str, steps: int, restarts: int) -> None:
    """Auto-PGD (Croce & Hein 2020): ascent with momentum whose step halves itself where it no longer climbs.

    It has no step size to be chosen, and goes back to the best place whenever the step is halved.
    """
    for _ in range(restarts):
        if (party := hunt.left()) is None:
            return
        begin = party.drawn(ball.anywhere(tuple(hunt.start.shape[1:]), generator))
        _ascend(party, ball, ball.nearest(party.start, party.start + begin), LOSSES[loss], steps)


def _ascend(party: Party, ball: Ball, images: Tensor, loss: Loss, steps: int) -> None:
    checkpoints = _checkpoints(steps)
    value, gradient = party.climb(images, loss)
    best, best_gradient, highest = images, gradient, value
    last = images
    step = torch.full_like(value, 2 * ball.epsilon)
    rises = torch.zeros_like(value)
    halved, before = torch.ones_like(value, dtype=torch.bool), highest  # at the last checkpoint
    for number in range(1, steps + 1):
        ahead = ball.nearest(party.start, images + _of_images(step) * ball.steepest(gradient))
        momentum = 0.75 if number > 1 else 1.0
        ahead = ball.nearest(party.start, images + momentum * (ahead - images) + (1 - momentum) * (images - last))
        images, last = ahead, images
        new, gradient = party.climb(images, loss)
        rises += new > value
        value, better = new, new > highest
        best = torch.where(_of_images(better), images, best)
        best_gradient = torch.where(_of_images(better), gradient, best_gradient)
        highest = torch.maximum(highest, new)
        if number in checkpoints:
            since = number - max(point for point in (0, *checkpoints) if point < number)
            stuck = (rises < 0.75 * since) | (~halved & (highest <= before))
            step, halved, before = torch.where(stuck, step / 2, step), stuck, highest
            back = _of_images(stuck)
            images, gradient = torch.where(back, best, images), torch.where(back, best_gradient, gradient)
            value = torch.where(stuck, highest, value)
            kept = (images, last, value, gradient, best, best_gradient, highest, step, halved, before)
            if (left := party.left(*kept)) is None:
                return
            party, images, last, value, gradient, best, best_gradient, highest, step, halved, before = left
            rises = torch.zeros_like(value)


def _checkpoints(steps: int) -> list[int]:
    """When it is asked whether the step is too long: p₁ = 0.22, pⱼ₊₁ = pⱼ + max(pⱼ − pⱼ₋₁ − 0.03, 0.06), of all steps.

    >>> _checkpoints(100)
    [22, 41, 57, 70, 80, 87, 93, 99]
    """
    before, point, points = 0.0, 0.22, []
    while point <= 1:
        points.append(math.ceil(round(point * steps, 9)))
        before, point = point, point + max(point - before - 0.03, 0.06)
    return points


def _of_images(value: Tensor) -> Tensor:
    return value[..., None, None, None]
