"""Transfer: images that deceive one network are tried on another, which the attacker knows nothing of.

Networks that learnt the same from other seeds err alike. Where such images succeed and the network's own gradient does
not, the gradient was hidden (Papernot et al. 2016).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach.data.datasets import Dataset
from ibteach.evaluation.attacks.ascent import climbed
from ibteach.evaluation.attacks.ball import Ball
from ibteach.evaluation.attacks.judging import blocks, errs, images_of
from ibteach.evaluation.prediction import Prediction

if TYPE_CHECKING:
    from jaxtyping import Bool


def transferred(
    judges: Sequence[Prediction],
    lenders: Sequence[Prediction],
    borrowed: list[list[int]],
    data: Dataset,
    clean: Bool[Tensor, "M N"],
    epsilons: list[float],
    norm: str,
) -> dict[tuple[str, float], Bool[Tensor, "M N"]]:
    """Which images are wrong as another network's were changed, (attack, ε) → (M, N)."""
    found, wrong, count = {("transfer", 0.0): clean}, clean, clean.shape[1]
    ends = list(itertools.accumulate(map(len, judges)))
    places = [range(end - len(judge), end) for judge, end in zip(judges, ends, strict=True)]  # of its networks
    asked = {number for row in borrowed for number in row}
    for epsilon in [epsilon for epsilon in epsilons if epsilon > 0]:
        ball = Ball(norm, epsilon)
        lent = [image for judge in lenders for image in _climbed_all(judge, data, count, ball)]
        own: dict[int, Tensor] = {}
        for judge, members in zip(judges, places, strict=True):
            if asked & set(members):
                own |= zip(members, _climbed_all(judge, data, count, ball), strict=True)
        rows = [[*(own[m] for m in row), *lent] for row in borrowed]
        now = []
        for judge, members in zip(judges, places, strict=True):
            mine = wrong[members.start : members.stop]
            for offered in itertools.zip_longest(*(rows[m] for m in members)):
                taken = torch.tensor([one is not None for one in offered])[:, None]
                any_of_them = next(one for one in offered if one is not None)  # for those that nothing is tried on
                images = torch.stack([any_of_them if one is None else one for one in offered])
                mine = mine | (_judged(judge, images, data.test_labels[:count], data) & taken)
            now.append(mine)
        wrong = torch.cat(now)
        found["transfer", epsilon] = wrong
    return {key: wrong for key, wrong in found.items() if key[1] in epsilons}


def _climbed_all(judge, data, count, ball):
    """The images that PGD makes for each network, M of (N, C, H, W): its last ones, far beyond the border."""
    parts = [climbed(judge, *images_of(judge, data, block), ball).cpu() for block in blocks(judge, data, count)]
    return torch.cat(parts, 1)


def _judged(judge, images, labels, data):
    parts = [
        errs(judge, images[:, block].to(judge.draws.device), labels[block])
        for block in blocks(judge, data, len(labels))
    ]
    return torch.cat(parts, 1)


def uncompressed(runs: Sequence[dict]) -> list[int | None]:
    """For each run the number of that without compression, of the same seed, and of the same objective if there is one.

    Without compression all objectives are the same.
    """
    plain = {(run.get("objective"), run.get("seed")): m for m, run in enumerate(runs) if run.get("gamma") == 0}
    of_seed = {seed: m for (_, seed), m in plain.items()}
    return [plain.get((run.get("objective"), run.get("seed")), of_seed.get(run.get("seed"))) for run in runs]


def lenders_of(runs: Sequence[dict]) -> list[list[int]]:
    """For each run the numbers of those whose images are tried on it: of the next seed, and of no compression."""
    seeds: dict[tuple, list[int]] = {}
    for m, run in enumerate(runs):
        seeds.setdefault((run.get("objective"), run.get("gamma")), []).append(m)
    following = {m: group[(place + 1) % len(group)] for group in seeds.values() for place, m in enumerate(group)}
    lent = [dict.fromkeys((following[m], plain)) for m, plain in enumerate(uncompressed(runs))]
    return [[n for n in numbers if n is not None and n != m] for m, numbers in enumerate(lent)]
