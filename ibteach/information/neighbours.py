"""Nearest neighbours for the estimators: by k-d tree in few dimensions, by blocks of all distances in many.

A k-d tree (scipy's) visits few points in low dimension and nearly all of them in high dimension, where plain blocks of
distances win by far: at N = 10,000 they cross at about ten dimensions. Both ways give the same numbers. Two metrics are
all that `estimators` needs: the Euclidean for entropies, because a matrix product finds those neighbours, and the
largest coordinate difference for information, because it is computed without rounding, so that ties are ties.
"""

import math
from typing import NamedTuple

import torch
from scipy.spatial import cKDTree
from torch import Tensor

TREE_DIMENSIONS = 10
"""Up to here the k-d tree is used, unless the points are on a GPU."""

BLOCK = 2**22
"""Distances held at a time: 32 MiB of float64."""


def euclidean_distances(points: Tensor, k: int) -> Tensor:
    """Distance of each of N points (N, K), float64, to its k-th nearest other one: (N,), coincident ones being at 0.

    >>> euclidean_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]).double(), 1).tolist()
    [5.0, 0.0, 0.0]
    """
    if _by_tree(points):
        return _nearest(cKDTree(points.numpy()), points, k, p=2)
    points = points - points.mean(0)
    squares = points.square().sum(-1)
    rounding = 16 * torch.finfo(points.dtype).eps * squares.max()
    found = torch.empty_like(squares)
    for rows in _blocks(points):
        block = points[rows]
        near = torch.addmm(squares, block, points.mT, alpha=-2)  # less ‖block‖², the same for a whole row
        near.diagonal(rows.start).fill_(math.inf)
        candidates = near.topk(min(k + 3, len(points) - 1), largest=False).indices
        exact = (points[candidates] - block[:, None]).square().sum(-1).sqrt()
        distances = exact.sort(-1).values[:, k - 1]
        close = distances.square() < 1e6 * rounding  # where the product's rounding might have reordered neighbours
        if close.any():
            every = torch.cdist(block[close], points, compute_mode="donot_use_mm_for_euclid_dist")
            distances[close] = every.topk(k + 1, largest=False).values[:, -1]  # a point itself is at 0
        found[rows] = distances
    return found


def maximum_distances(points: Tensor, k: int) -> Tensor:
    """Distance max_i |a_i − b_i| of each of N points (N, K), float64, to its k-th nearest other one: (N,).

    >>> maximum_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]).double(), 1).tolist()
    [4.0, 0.0, 0.0]
    """
    if _by_tree(points):
        return _nearest(cKDTree(points.numpy()), points, k, p=math.inf)
    blocks = [_distances(points[rows], points).topk(k + 1, largest=False).values[:, -1] for rows in _blocks(points)]
    return torch.cat(blocks)


def count_within(points: Tensor, radii: Tensor) -> Tensor:
    """How many other points lie within max_i |a_i − b_i| <= radius of each of N points (N, K): (N,), int64.

    >>> count_within(torch.tensor([[0.0], [1.0], [1.0], [3.0]]).double(), torch.tensor([1.0, 0.0, 2.0, 1.0])).tolist()
    [2, 1, 3, 0]
    """
    if _by_tree(points):
        return _count(cKDTree(points.numpy()), points, radii)
    return torch.cat([_inside(_distances(points[rows], points), radii[rows]) for rows in _blocks(points)])


class JointNeighbours(NamedTuple):
    """For each of N pairs, what the k nearest in the joint space say about the two spaces apart; each (N,)."""

    k: Tensor  # neighbours in the joint space
    x: Tensor  # other points as near in x
    y: Tensor  # other points as near in y


def joint_neighbours(x: Tensor, y: Tensor, k: int, box: bool) -> JointNeighbours:
    """Neighbours of pairs (N, K) and (N, L) under the maximum metric, for the two estimators of Kraskov et al. (2004).

    Ball (`box=False`): how many points are nearer than the k-th joint neighbour, in x and in y. Box: how many are as
    near in x as the farthest, in x, of the k joint neighbours; in y likewise. Ties: where the k-th neighbour coincides
    with the point, all that coincide are counted, in each space and as k; in a box all that tie for k-th are in it.
    """
    if _by_tree(x, y):
        return _joint_by_tree(x, y, k, box)
    parts = []
    for rows in _blocks(x):
        in_x, in_y = _distances(x[rows], x), _distances(y[rows], y)
        joint = torch.maximum(in_x, in_y)
        radius = joint.topk(k + 1, largest=False).values[:, -1]
        if box:
            neighbours = joint <= radius[:, None]
            x_radius, y_radius = (torch.where(neighbours, d, 0).amax(-1) for d in (in_x, in_y))
            count = neighbours.sum(-1) - 1
        else:
            x_radius = y_radius = _just_below(radius)
            count = torch.where(radius == 0, _inside(joint, radius), k)
        parts.append(torch.stack([count, _inside(in_x, x_radius), _inside(in_y, y_radius)]))
    return JointNeighbours(*torch.cat(parts, -1))


def _joint_by_tree(x, y, k, box):
    joint = torch.cat([x, y], -1)
    tree = cKDTree(joint.numpy())
    radius = _nearest(tree, joint, k, p=math.inf)
    if box:
        lists = tree.query_ball_point(joint.numpy(), radius.numpy(), p=math.inf, workers=-1)
        size = torch.tensor([len(others) for others in lists])
        others = torch.cat([torch.as_tensor(others) for others in lists])
        selves = torch.arange(len(x)).repeat_interleave(size)
        x_radius, y_radius = (
            torch.zeros(len(x), dtype=z.dtype).scatter_reduce_(
                0, selves, (z[selves] - z[others]).abs().amax(-1), "amax"
            )
            for z in (x, y)
        )
        count = size - 1
    else:
        x_radius = y_radius = _just_below(radius)
        count = torch.full((len(x),), k)
        tied = radius == 0
        if tied.any():
            count[tied] = _count(tree, joint[tied], radius[tied])
    counts = (_count(cKDTree(z.numpy()), z, r) for z, r in ((x, x_radius), (y, y_radius)))
    return JointNeighbours(count, *counts)


def _by_tree(*spaces):
    return sum(space.shape[-1] for space in spaces) <= TREE_DIMENSIONS and not spaces[0].is_cuda


def _blocks(points):
    step = max(1, BLOCK // len(points))
    return [slice(start, min(start + step, len(points))) for start in range(0, len(points), step)]


def _distances(block, points):
    return torch.cdist(block, points, p=math.inf)


def _inside(distances, radii):
    return (distances <= radii[:, None]).sum(-1) - 1  # a point is not its own neighbour


def _just_below(radii):
    """So that "within" excludes the k-th neighbour itself; 0 stays 0, and coincident points stay in."""
    return torch.nextafter(radii, torch.zeros_like(radii))


def _nearest(tree, points, k, p):
    return torch.from_numpy(tree.query(points.numpy(), [k + 1], p=p, workers=-1)[0][:, 0])


def _count(tree, points, radii):
    found = tree.query_ball_point(points.numpy(), radii.numpy(), p=math.inf, return_length=True, workers=-1)
    return torch.from_numpy(found) - 1
