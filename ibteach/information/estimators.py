"""Entropy and information from samples alone, when the density is not known; and how each estimator fails.

Every one assumes something about the density it does not know: that it is flat around each point as far as its k-th
neighbour (Kozachenko–Leonenko, Kraskov–Stögbauer–Grassberger, Ross), flat within a bin, or Gaussian. In few dimensions
with weak dependence that is nearly true; in the hundreds of dimensions of a latent it is not, and none of them says so.
Where the density is known, `mixture` needs none of them. Builds on `neighbours`; values are nats, in float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.neighbours import (
    count_within,
    euclidean_distances,
    joint_neighbours,
    maximum_distances,
)
from ibteach.precision import exactly, movable

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Int, Integer

    Points: TypeAlias = Float[Tensor, "N K"] | Float[Tensor, " N"]  # N samples of K units, or of one
    Others: TypeAlias = Float[Tensor, "N L"] | Float[Tensor, " N"]  # and the other half of N pairs


def kozachenko_leonenko(points: Points, k: int = 3) -> float:
    """Differential entropy, ψ(N) − ψ(k) + ln V_K + (K/N) Σ_i ln ρ_i, in nats (Kozachenko & Leonenko 1987).

    ρ_i is the Euclidean distance of point i to its k-th nearest other, V_K the volume of the unit ball in K dimensions.
    Known bias: in high dimension too large by far, because the density is not flat across a ball that has to be large.

    `points`: (N, K), or (N,) for K = 1. Raises `InvalidInput` for k >= N, and where the entropy is −∞: constant units,
    and points of which k + 1 coincide. Linearly dependent units, where it is −∞ too, go unnoticed.

    >>> x = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    >>> abs(kozachenko_leonenko(x) - 0.5 * math.log(2 * math.pi * math.e)) < 0.1
    True
    """
    points = _points("points", points)
    count, dimension = points.shape
    k = _neighbours(k, count)
    constant = (points == points[0]).all(0)
    if constant.any():
        raise InvalidInput(
            f"points: got {int(constant.sum())} of {dimension} units constant, so the differential entropy is −∞; "
            "add noise, or leave them out."
        )
    unit = _unit(points)
    distances = euclidean_distances(points / unit, k)
    if not distances.all():
        raise InvalidInput(
            f"points: got {int((distances == 0).sum())} of {count} points with {k} others in the same place, where the "
            "differential entropy is −∞; add noise, or take a larger k."
        )
    log_ball = 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension + 1)
    return float(_psi(count) - _psi(k) + log_ball + dimension * (math.log(unit) + distances.log().mean()))


def ksg(x: Points, y: Others, k: int = 3, variant: int = 1, metric: str = "maximum") -> float:
    """Mutual information I[X;Y] of paired samples, in nats (Kraskov, Stögbauer & Grassberger 2004).

    Variant 1: ψ(k) + ψ(N) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩, with n_x the number of points nearer in x than the k-th joint
    neighbour, which is the k-th in the larger of the two distances. Variant 2: ψ(k) − 1/k + ψ(N) − ⟨ψ(n_x) + ψ(n_y)⟩,
    with n_x those as near in x as any of the k. Known bias: next to none for independent x and y; too small for strong
    dependence, at most ψ(N) − ψ(k), and in high dimension smaller still. Distances in x and in y are compared, so give
    both one scale: beside a y that is far larger, x tells nothing.

    `x`: (N, K) or (N,); `y`: (N, L) or (N,). `metric` in each space: "maximum" (largest coordinate difference) or
    "euclidean", many times faster in many dimensions. Raises `InvalidInput` for k >= N or other shapes. Ties: a point
    that coincides with its k-th neighbour counts all that coincide with it, jointly (in place of k) and in each space,
    as one counts discrete values (the idea of Gao et al. 2017). In variant 2 all that tie for k-th are neighbours.

    >>> x, e = torch.randn(2, 2000, generator=torch.Generator().manual_seed(0)).double()
    >>> abs(ksg(x, 0.6 * x + 0.8 * e) + 0.5 * math.log(1 - 0.6**2)) < 0.1
    True
    """
    x, y = _pair(x, y)
    k, variant = _neighbours(k, len(x)), checks.whole("variant", variant, minimum=1, maximum=2)
    metric = checks.known("metric", metric, ["maximum", "euclidean"])
    unit = _unit(x, y)
    found = joint_neighbours(x / unit, y / unit, k, variant == 2, metric)
    if variant == 1:
        local = _psi(found.k) - _psi(found.x + 1) - _psi(found.y + 1)
    else:
        local = _psi(found.k) - 1 / found.k.double() - _psi(found.x) - _psi(found.y)
    return float(_psi(len(x)) + local.mean())


def ross(points: Points, labels: Integer[Tensor, " N"], k: int = 3) -> float:
    """Mutual information I[Y;Z] of continuous Z with a discrete Y, in nats (Ross 2014).

    ψ(N) + ψ(k) − ⟨ψ(N_y) + ψ(m + 1)⟩, with m the number of points of any class nearer than the k-th neighbour of the
    same class, under the maximum metric. Known bias: too small in high dimension; can exceed H[Y] a little.

    `points`: (N, K) or (N,); `labels`: (N,), integers >= 0. Raises `InvalidInput` if a class has k members or fewer.
    Ties: a point that coincides with its k-th neighbour counts all that coincide with it, in place of k too.

    >>> points, labels = torch.randn(900, generator=torch.Generator().manual_seed(0)), torch.arange(900) % 3
    >>> abs(ross(points + 100 * labels, labels) - math.log(3)) < 0.01
    True
    """
    points = _points("points", points)
    labels = _labels(labels, points)
    k = checks.whole("k", k)
    classes, sizes = labels.unique(return_counts=True)
    if sizes.min() <= k:
        smallest = sizes.argmin()
        raise InvalidInput(
            f"labels: got class {int(classes[smallest])} with {int(sizes[smallest])} members, expected more than "
            f"k = {k}; take a smaller k, or leave the class out."
        )
    radius = points.new_empty(len(points))
    neighbours, size = torch.full((2, len(points)), k, device=points.device)
    for label in classes:
        of_class = labels == label
        members = points[of_class]
        own = maximum_distances(members, k)
        radius[of_class], size[of_class] = own, len(members)
        if not own.all():
            neighbours[of_class] = torch.where(own == 0, count_within(members, torch.zeros_like(own)), k)
    nearer = count_within(points, torch.nextafter(radius, torch.zeros_like(radius)))
    return float(_psi(len(points)) + (_psi(neighbours) - _psi(size) - _psi(nearer + 1)).mean())


def binning(x: Points, y: Others | Integer[Tensor, " N"], width: float) -> float:
    """Mutual information of x and y after each real coordinate is cut into bins of one width, in nats (plug-in).

    H[⌊x/w⌋] + H[⌊y/w⌋] − H[⌊x/w⌋, ⌊y/w⌋] from relative frequencies, a bin being a box of side w. Known bias: with
    narrow bins every point has its own and the value is ln N, or H[Y] for labels y, whatever the data; with wide bins
    it is 0. What lies between is set by the width.

    `x`: (N, K) or (N,); `y`: likewise, or labels: (N,), integers >= 0, which are not cut. `width` > 0. Raises
    `InvalidInput` for other shapes, and for a width so small that the number of a bin is none.

    >>> x = torch.tensor([0.1, 0.2, 5.1, 5.2])
    >>> round(binning(x, torch.tensor([0, 0, 1, 1]), width=1.0), 4)
    0.6931
    """
    width = checks.number("width", width, above=0)
    x = _points("x", x)
    if isinstance(y, Tensor) and not y.is_floating_point():
        in_y = _labels(y, x)[:, None]
    else:
        in_y = _bins(_pair(x, y)[1], width)
    in_x = _bins(x, width)
    return _frequency_entropy(in_x) + _frequency_entropy(in_y) - _frequency_entropy(torch.cat([in_x, in_y], -1))


def gaussian_plug_in(x: Points, y: Others) -> float:
    """Mutual information if x and y were jointly Gaussian, ½ ln( det C_x det C_y / det C ), in nats.

    Known bias: sees linear dependence only, so 0 for any other; too large by about K·L/2N otherwise.

    `x`: (N, K) or (N,); `y`: (N, L) or (N,). Raises `InvalidInput` if a covariance is singular: constant or linearly
    dependent units, or N <= K + L.

    >>> x, e = torch.randn(2, 2000, generator=torch.Generator().manual_seed(0)).double()
    >>> abs(gaussian_plug_in(x, 0.6 * x + 0.8 * e) + 0.5 * math.log(1 - 0.6**2)) < 0.05
    True
    """
    x, y = _pair(x, y)
    joint = torch.cat([x, y], -1)
    if len(joint) <= joint.shape[-1]:
        raise InvalidInput(f"x, y: got {len(joint)} points of {joint.shape[-1]} units in all, expected more points.")
    tiny = torch.finfo(joint.dtype).tiny
    joint = joint / joint.abs().amax(0).clamp_min(tiny)  # so that squares are finite
    joint = joint - joint.mean(0)
    spread = joint.square().sum(0).sqrt()
    correlation = (joint / spread.clamp_min(tiny)).mT
    correlation = correlation @ correlation.mT
    if torch.linalg.eigvalsh(correlation)[0] < 1e-12:
        raise InvalidInput(
            "x, y: got a singular covariance, where the information of a Gaussian is infinite or undefined; "
            "leave out constant and linearly dependent units, or add noise."
        )
    split = x.shape[-1]
    parts = (correlation[:split, :split], correlation[split:, split:], correlation)
    of_x, of_y, of_both = (torch.linalg.slogdet(part).logabsdet.item() for part in parts)
    return 0.5 * (of_x + of_y - of_both)


def _psi(count: int | Int[Tensor, "*batch"]) -> Float64[Tensor, "*batch"]:
    return torch.special.digamma(torch.as_tensor(count).double())


def _bins(points: Float64[Tensor, "N K"], width: float) -> Float64[Tensor, "N K"]:
    bins = (points / width).floor()
    if not torch.isfinite(bins).all():
        raise InvalidInput(
            f"width: got {width:.3g} for values up to {points.abs().max():.3g}, which are bins of infinite number; "
            "take a larger width."
        )
    return bins


def _frequency_entropy(symbols: Float[Tensor, "N K"] | Integer[Tensor, "N K"]) -> float:
    counts = symbols.unique(dim=0, return_counts=True)[1]
    return torch.special.entr(counts.double() / len(symbols)).sum().item()


def _points(name: str, points: Points) -> Float64[Tensor, "N K"]:
    if isinstance(points, Tensor) and points.ndim == 1:
        points = points[:, None]
    return exactly(checks.real(name, points, "N K").detach())


def _unit(*points: Float64[Tensor, "N _"]) -> float:
    """The power of two next below the largest value: divided by it, which loses no digit, squares are finite."""
    return 2.0 ** (math.frexp(max(float(values.abs().max()) for values in points))[1] - 1)


def _pair(x: Points, y: Others) -> tuple[Float64[Tensor, "N K"], Float64[Tensor, "N L"]]:
    x, y = _points("x", x), _points("y", y)
    if len(x) != len(y) or x.device != y.device:
        raise InvalidInput(f"x and y: got {len(x)} points on {x.device} and {len(y)} on {y.device}, expected pairs.")
    return x, y


def _labels(labels: Integer[Tensor, " N"], points: Float[Tensor, "N K"]) -> Integer[Tensor, " N"]:
    labels = movable(checks.labels("labels", labels, "N"))
    if len(labels) != len(points) or labels.device != points.device:
        raise InvalidInput(
            f"labels: got {len(labels)} on {labels.device}, expected one for each of the {len(points)} points, "
            f"on {points.device}."
        )
    return labels


def _neighbours(k: int, count: int) -> int:
    k = checks.whole("k", k)
    if k >= count:
        raise InvalidInput(f"k: got {k} with {count} points, expected at most {count - 1}.")
    return k
