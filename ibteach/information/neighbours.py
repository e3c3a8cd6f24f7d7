"""Nearest neighbours for the estimators: by k-d tree in few dimensions, by blocks of all distances in many.

A k-d tree visits few points in low dimension and nearly all of them in high dimension, where plain blocks of distances
win by far: at N = 10,000 they cross at ten to sixteen dimensions. Both ways give the same numbers. Two metrics are all
that `estimators` needs: the Euclidean for entropies, because a matrix product finds those neighbours, and the largest
coordinate difference for information, because it is computed without rounding, so that ties are ties. Of the two trees
at hand, scipy's is the faster for the first, scikit-learn's for the second, where it counts five times as fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import torch
from scipy.spatial import KDTree as EuclideanTree
from sklearn.neighbors import KDTree
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64, Int64

TREE_DIMENSIONS = 12
"""Up to here the k-d tree is used, unless the points are on a GPU."""

BLOCK = 2**22
"""Distances held at a time: 32 MiB of float64."""

BLURRED = 1e-10
"""Of a point's squared distance from the mean: what is nearer is computed anew, from differences."""

FromRows: TypeAlias = Callable[[slice], Tensor]
"""From a slice of rows to their distances to all points, (rows, N)."""


def euclidean_distances(points: Float64[Tensor, "N K"], k: int) -> Float64[Tensor, " N"]:
    """Distance of each of N points (N, K), float64, to its k-th nearest other one: (N,), coincident ones being at 0.

    >>> euclidean_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]).double(), 1).tolist()
    [5.0, 0.0, 0.0]
    """
    if _by_tree(points):
        tree = EuclideanTree(points.numpy(), leafsize=64)
        return torch.from_numpy(tree.query(points.numpy(), [k + 1], workers=-1)[0][:, 0])  # pyright: ignore[reportArgumentType]
    centred = points - points.mean(0)
    scale = centred.abs().max().clamp_min(torch.finfo(points.dtype).tiny)
    from_points = _squares((centred / scale).float())[0]  # candidates in half the time; their distances are exact
    rounding = 2 * (points.shape[1] + 8) * torch.finfo(torch.float32).eps * (centred / scale).square().sum(-1).max()
    found, count = torch.empty_like(points[:, 0]), min(k + 3, len(points) - 1)
    for rows in _blocks(points):
        block, squared = points[rows], from_points(rows)
        squared.diagonal(rows.start).fill_(math.inf)
        nearest, candidates = squared.topk(count, largest=False)
        exact = (points[candidates] - block[:, None]).square().sum(-1).sqrt()
        distances = exact.sort(-1).values[:, k - 1]
        doubtful = (distances / scale).square() + rounding > nearest[:, -1]  # another might be as near
        if doubtful.any() and count < len(points) - 1:
            every = torch.cdist(block[doubtful], points, compute_mode="donot_use_mm_for_euclid_dist")
            distances[doubtful] = every.topk(k + 1, largest=False).values[:, -1]  # a point itself is at 0
        found[rows] = distances
    return found


def maximum_distances(points: Float64[Tensor, "N K"], k: int) -> Float64[Tensor, " N"]:
    """Distance max_i |a_i − b_i| of each of N points (N, K), float64, to its k-th nearest other one: (N,).

    >>> maximum_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]]).double(), 1).tolist()
    [4.0, 0.0, 0.0]
    """
    if _by_tree(points):
        return _nearest(_tree(points), points, k)
    from_points, _ = _maxima(points)
    return torch.cat([from_points(rows).topk(k + 1, largest=False).values[:, -1] for rows in _blocks(points)])


def count_within(points: Float64[Tensor, "N K"], radii: Float[Tensor, " N"]) -> Int64[Tensor, " N"]:
    """How many other points lie within max_i |a_i − b_i| <= radius of each of N points (N, K): (N,), int64.

    >>> count_within(torch.tensor([[0.0], [1.0], [1.0], [3.0]]).double(), torch.tensor([1.0, 0.0, 2.0, 1.0])).tolist()
    [2, 1, 3, 0]
    """
    if _by_tree(points):
        return _count(_tree(points), points, radii)
    from_points, _ = _maxima(points)
    return torch.cat([_inside(from_points(rows), radii[rows]) for rows in _blocks(points)])


class JointNeighbours(NamedTuple):
    """For each of N pairs, what the k nearest in the joint space say about the two spaces apart; each (N,)."""

    k: Int64[Tensor, " N"]  # neighbours in the joint space
    x: Int64[Tensor, " N"]  # other points as near in x
    y: Int64[Tensor, " N"]  # other points as near in y


def joint_neighbours(
    x: Float64[Tensor, "N K"], y: Float64[Tensor, "N L"], k: int, box: bool, metric: str = "maximum"
) -> JointNeighbours:
    """Neighbours of pairs (N, K) and (N, L) under the larger of two distances, for the estimators of Kraskov et al.

    In each space apart the distance is the largest coordinate difference ("maximum") or the Euclidean one ("euclidean",
    by matrix products, hence much faster in many dimensions; what is too near for them, from differences). Ball
    (`box=False`): how many points are nearer than the k-th joint neighbour, in x and in y. Box: how many are as near in
    x as the farthest, in x, of the k joint neighbours; in y likewise. Ties: where the k-th neighbour coincides with the
    point, all that coincide are counted, in each space and as k; in a box all that tie for k-th are in it.
    """
    if _by_tree(x, y) and (metric == "maximum" or x.shape[-1] == y.shape[-1] == 1):
        return _joint_by_tree(x, y, k, box)
    of_space = _maxima if metric == "maximum" else _squares
    (from_x, x_blur), (from_y, y_blur) = of_space(x), of_space(y)
    parts = []
    for rows in _blocks(x):
        in_x, in_y = from_x(rows), from_y(rows)
        joint = torch.maximum(in_x, in_y)
        radius = joint.topk(k + 1, largest=False).values[:, -1]
        blurred = radius < torch.maximum(x_blur, y_blur)[rows]
        if blurred.any():
            in_x[blurred], in_y[blurred] = _exact(x, rows, blurred), _exact(y, rows, blurred)
            joint[blurred] = torch.maximum(in_x[blurred], in_y[blurred])
            radius[blurred] = joint[blurred].topk(k + 1, largest=False).values[:, -1]
        if box:
            neighbours = joint <= radius[:, None]
            count = neighbours.sum(-1) - 1
            x_radius, y_radius = (torch.where(neighbours, near, 0).amax(-1) for near in (in_x, in_y))
            for z, near, own, blur in ((x, in_x, x_radius, x_blur), (y, in_y, y_radius, y_blur)):
                blurred = own < blur[rows]
                if blurred.any():
                    near[blurred] = _exact(z, rows, blurred)
                    own[blurred] = torch.where(neighbours[blurred], near[blurred], 0).amax(-1)
        else:
            tied = radius == 0
            x_radius = y_radius = _just_below(radius)
            count = torch.full(tied.shape, k, device=x.device)
            if tied.any():
                count[tied] = _inside(joint[tied], radius[tied])
        parts.append(torch.stack([count, _inside(in_x, x_radius), _inside(in_y, y_radius)]))
    return JointNeighbours(*torch.cat(parts, -1))


def _maxima(points: Float64[Tensor, "N K"]) -> tuple[FromRows, Float64[Tensor, " N"]]:
    """Distances from a block of rows, and which of each row are too small to be right: none."""
    return lambda rows: torch.cdist(points[rows], points, p=math.inf), torch.zeros_like(points[:, 0])


def _squares(points: Float[Tensor, "N K"]) -> tuple[FromRows, Float[Tensor, " N"]]:
    """Squared distances from a block of rows, and which of each row are too small to be right."""
    points = points - points.mean(0)
    squares = points.square().sum(-1)

    def distances(rows: slice) -> Float[Tensor, "rows N"]:
        return torch.addmm(squares, points[rows], points.mT, alpha=-2).add_(squares[rows, None])

    return distances, BLURRED * squares


def _exact(points: Float64[Tensor, "N K"], rows: slice, which: Bool[Tensor, " rows"]) -> Float64[Tensor, "some N"]:
    """Squared distances by differences, 0 only between points that coincide."""
    some = points[rows][which]
    return torch.cdist(some, points, compute_mode="donot_use_mm_for_euclid_dist").square()


def _joint_by_tree(x: Float64[Tensor, "N K"], y: Float64[Tensor, "N L"], k: int, box: bool) -> JointNeighbours:
    joint = torch.cat([x, y], -1)
    tree = _tree(joint)
    radius = _nearest(tree, joint, k)
    if box:
        lists = tree.query_radius(joint.numpy(), radius.numpy())
        size = torch.tensor([len(others) for others in lists])
        others, selves = torch.from_numpy(np.concatenate(lists)), torch.arange(len(x)).repeat_interleave(size)
        x_radius, y_radius = (
            torch.zeros_like(radius).scatter_reduce_(0, selves, (z[selves] - z[others]).abs().amax(-1), "amax")
            for z in (x, y)
        )
        count = size - 1
    else:
        x_radius = y_radius = _just_below(radius)
        count = torch.full((len(x),), k)
        tied = radius == 0
        if tied.any():
            count[tied] = _count(tree, joint[tied], radius[tied])
    return JointNeighbours(count, _count(_tree(x), x, x_radius), _count(_tree(y), y, y_radius))


def _by_tree(*spaces: Tensor) -> bool:
    return sum(space.shape[-1] for space in spaces) <= TREE_DIMENSIONS and spaces[0].device.type == "cpu"


def _blocks(points: Tensor) -> list[slice]:
    step = max(1, BLOCK // len(points))
    return [slice(start, min(start + step, len(points))) for start in range(0, len(points), step)]


def _inside(distances: Float64[Tensor, "rows N"], radii: Float64[Tensor, " rows"]) -> Int64[Tensor, " rows"]:
    return (distances <= radii[:, None]).sum(-1) - 1  # a point is not its own neighbour


def _just_below(radii: Float64[Tensor, "*n"]) -> Float64[Tensor, "*n"]:
    """So that "within" excludes the k-th neighbour itself; 0 stays 0, and coincident points stay in."""
    return torch.nextafter(radii, torch.zeros_like(radii))


def _tree(points: Tensor) -> KDTree:
    return KDTree(points.numpy(), leaf_size=16, metric="chebyshev")


def _nearest(tree: KDTree, points: Float64[Tensor, "N K"], k: int) -> Float64[Tensor, " N"]:
    return torch.from_numpy(tree.query(points.numpy(), k + 1)[0][:, k])  # a point itself is at 0


def _count(tree: KDTree, points: Float64[Tensor, "n K"], radii: Float64[Tensor, " n"]) -> Int64[Tensor, " n"]:
    return torch.from_numpy(tree.query_radius(points.numpy(), radii.numpy(), count_only=True)) - 1
