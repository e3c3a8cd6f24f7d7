"""A black-box attack: it asks for predictions only, so that no gradient can mislead it.

Where it finds errors that attacks along the gradient do not, the gradient was hidden and the network is not robust.
"""

import torch

from ibteach.evaluation.attacks.ascent import difference
from ibteach.evaluation.attacks.ball import Ball
from ibteach.evaluation.attacks.hunt import Hunt

HALVED = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After which of 10,000 queries the area of the squares is halved."""


def square(hunt: Hunt, ball: Ball, generator: torch.Generator, *, queries: int) -> None:
    """The Square attack in L∞ (Andriushchenko et al. 2020): squares of ±ε at random places, kept where they help.

    It begins with stripes of ±ε. Each query then moves one square of every image to a corner of the ball, the same sign
    in a channel, and keeps it where the `difference` of logits rises. Squares begin at 0.8 of the area and shrink.
    """
    if (party := hunt.left()) is None:
        return
    count, channels, height, width = hunt.start.shape[1:]
    stripes = _signs((count, channels, 1, width), generator).expand(-1, -1, height, -1)
    images = ball.nearest(party.start, party.start + ball.epsilon * party.drawn(stripes))
    highest = difference(party.judged(images), party.labels)
    for query in range(1, queries):
        side = _side(query / queries, height, width)
        top, left = (torch.randint(size - side + 1, (count, 1, 1, 1), generator=generator) for size in (height, width))
        row, column = torch.arange(height)[:, None], torch.arange(width)
        within = (row >= top) & (row < top + side) & (column >= left) & (column < left + side)
        sign = _signs((count, channels, 1, 1), generator) * within
        moved = party.drawn(sign)
        ahead = torch.where(moved != 0, ball.nearest(party.start, party.start + ball.epsilon * moved), images)
        value = difference(party.judged(ahead), party.labels)
        better = value > highest
        images = torch.where(better[..., None, None, None], ahead, images)
        highest = torch.maximum(highest, value)
        if query % 50 == 0:  # go on with those that are left
            if (left := party.left(images, highest)) is None:
                return
            party, images, highest = left


def _side(share: float, height: int, width: int) -> int:
    """The side of the squares after that share of all queries.

    >>> [_side(share, 32, 32) for share in (0, 0.002, 0.1, 0.9)]
    [29, 20, 7, 1]
    """
    area = 0.8 / 2 ** sum(10_000 * share > queries for queries in HALVED)
    return min(max(1, round((area * height * width) ** 0.5)), height, width)


def _signs(shape, generator):
    return 2.0 * torch.randint(2, shape, generator=generator) - 1
