"""Shapes of an information diagram: two circles or three ellipses whose regions have the atoms for their areas.

Two circles can always be true to the measure. Three circles cannot (seven areas, six numbers); three ellipses can in
most cases where no atom is negative, so they are fitted, and what could not be met is said. A negative atom has no
area: then the circles are true to the entropies alone. Pure numbers, drawn by `ibteach.display`. Builds on `diagram`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from scipy.optimize import brentq

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.information.diagram import atom_name, atoms, region
from ibteach.information.discrete import Joint
from ibteach.information.tables import numbers

if TYPE_CHECKING:
    from jaxtyping import Float64

TRUE_TO = 2e-3  # of the whole: what the eye does not see
NODES, WEIGHTS = np.polynomial.legendre.leggauss(300)
NODES, WEIGHTS = np.sin(NODES * np.pi / 2), WEIGHTS * np.cos(NODES * np.pi / 2) * np.pi / 2
FEW = 30  # nodes that meet what is shared, of 300: with more, the area is right to a thousandth


@dataclass(frozen=True)
class Layout:
    """Where the variables of a diagram lie: one ellipse each; an area of 1 is 1 nat.

    `ellipses`: (n, 5), centre x and y, half-axes, angle in radians. `atoms`: value of each atom, in nats. `areas`: the
    area that each has in the picture. `true`: whether these agree, to 0.2 % of the whole. `note`: this, in words.
    """

    names: tuple[str, ...]
    ellipses: Float64[np.ndarray, "n 5"]
    atoms: dict[str, float]
    areas: dict[str, float]
    true: bool
    note: str

    def inside(self, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, np.ndarray]:
        """For each variable, at each point: a number that is negative inside its ellipse and positive outside."""
        return {name: _level(ellipse, x, y) for name, ellipse in zip(self.names, self.ellipses, strict=True)}

    @functools.cached_property
    def anchors(self) -> dict[str, tuple[float, float, float]]:
        """The point deepest inside each atom's region, for its label, and how deep; atoms without one are left out."""
        x, y = np.meshgrid(*(np.linspace(low, high, 160) for low, high in self.box()))
        level = self.inside(x, y)
        found = {}
        for atom in self.atoms:
            there = np.ones_like(x, bool)
            for name in self.names:
                there &= (level[name] < 0) == (atom in region(f"H[{name}]", self.names))
            depth = np.asarray(distance_transform_edt(np.pad(there, 1)))[1:-1, 1:-1]
            if depth.max() > 1:
                place = np.unravel_index(depth.argmax(), depth.shape)
                found[atom] = (float(x[place]), float(y[place]), float(depth.max() * (y[1, 0] - y[0, 0])))
        return found

    def box(self, margin: float = 0.03) -> tuple[tuple[float, float], tuple[float, float]]:
        """((left, right), (bottom, top)) of the picture."""
        x, y, a, b, angle = self.ellipses.T
        wide, high = np.hypot(a * np.cos(angle), b * np.sin(angle)), np.hypot(a * np.sin(angle), b * np.cos(angle))
        pad = margin * max(wide.max(), high.max())
        return ((x - wide).min() - pad, (x + wide).max() + pad), ((y - high).min() - pad, (y + high).max() + pad)


def layout(joint: Joint) -> Layout:
    """Circles for two variables, ellipses for three, with areas true to the atoms where that can be.

    Raises `InvalidInput` for a batch, or for other than two or three variables.

    >>> layout(Joint([[0.5, 0.0], [0.25, 0.25]], "X Y")).true
    True
    """
    if not isinstance(joint, Joint) or len(joint.names) not in (2, 3) or joint.table.ndim != len(joint.names):
        raise InvalidInput(f"joint: got {joint!r}, expected one table of two or three variables.")
    return layout_of({atom: value.item() for atom, value in atoms(joint).items()}, joint.names)


def layout_of(values: dict[str, float], names: tuple[str, ...]) -> Layout:
    """The same for atoms of known value, in nats, such as those measured in a network.

    >>> layout_of({"H[X|Y]": 1.0, "H[Y|X]": 0.5, "I[X;Y]": 0.2}, ("X", "Y")).true
    True
    """
    wanted = (
        [atom_name(inside, names) for inside in _sets(names)] if len(checks.several("names", names)) in (2, 3) else []
    )
    if not wanted or not isinstance(values, Mapping) or set(values) != set(wanted):
        raise InvalidInput(
            f"values: got {values!r}, expected the nats of {', '.join(wanted) or 'two or three variables'}."
        )
    values = {atom: checks.number(atom, values[atom]) for atom in values}
    entropy = np.array([sum(values[atom] for atom in region(f"H[{name}]", names)) for name in names])
    whole = max(sum(values.values()), 1e-9)
    circles = np.sqrt(np.maximum(entropy, 1e-9 * whole) / np.pi)
    lowest = min(values, key=lambda atom: values[atom])
    if values[lowest] < -1e-9:
        ellipses = _placed(circles, {pair: max(circles[list(pair)]) for pair in combinations(range(3), 2)})
        note = (
            f"{lowest} = −{-values[lowest]:.3f} nats is negative, and no area is: "
            "the circles have the entropies for their areas, their overlaps are schematic."
        )
        return Layout(names, ellipses, values, _areas(ellipses, names), False, note)

    def shared(chosen):
        return sum(values[atom] for atom in region(f"{'HI'[len(chosen) > 1]}[{';'.join(chosen)}]", names))

    overlaps = {pair: shared([names[i] for i in pair]) for pair in combinations(range(len(names)), 2)}
    apart = {(i, j): _distance(circles[i], circles[j], overlap) for (i, j), overlap in overlaps.items()}
    ellipses = _placed(circles, apart)
    if len(names) == 3:
        ellipses = _fitted(ellipses, [*overlaps.values(), shared(names)], whole)
    areas = _areas(ellipses, names)
    worst = max(values, key=lambda atom: abs(areas[atom] - values[atom]))
    gap = abs(areas[worst] - values[worst]) / whole
    note = "Areas are true to the measure."
    if gap > TRUE_TO:
        note = f"Areas are true to within {100 * gap:.1f} % of the whole; worst is {worst}."
    return Layout(names, ellipses, values, areas, gap <= TRUE_TO, note)


def intersection_area(ellipses: npt.ArrayLike) -> float:
    """Area common to all the ellipses (n, 5), however thin: the integral over x of the height that they share.

    Raises `InvalidInput` for what are no ellipses.

    >>> circle = np.array([[0.0, 0.0, 1.0, 1.0, 0.0]])
    >>> round(intersection_area(circle), 6)
    3.141593
    """
    ellipses = numbers("ellipses", ellipses).detach().double().cpu().numpy()
    good = ellipses.ndim == 2 and ellipses.shape[1] == 5 and len(ellipses) and np.isfinite(ellipses).all()
    if not good or (ellipses[:, 2:4] <= 0).any():
        raise InvalidInput(
            f"ellipses: got {ellipses!r}, expected (n, 5) finite numbers with n >= 1, half-axes (columns 2, 3) above 0."
        )
    x, y, a, b, angle = ellipses.T[:, :, None]
    cos, sin = np.cos(angle), np.sin(angle)
    tilt, steep = (1 / a**2 - 1 / b**2) * sin * cos, (sin / a) ** 2 + (cos / b) ** 2
    reach = a * b * np.sqrt(steep)
    left, right = (x - reach).max(), (x + reach).min()
    if left >= right:
        return 0.0

    def height(across):
        middle = y - tilt * (across - x) / steep
        half = np.sqrt(np.maximum(steep - ((across - x) / (a * b)) ** 2, 0)) / steep
        return (middle + half).min(0) - (middle - half).max(0)

    across = (left + right) / 2 + (right - left) / 2 * NODES
    heights = height(across)
    if (heights > 0).sum() < FEW:  # of thin ellipses that cross
        left, right = _shared(height, left, right)
        heights = height((left + right) / 2 + (right - left) / 2 * NODES)
    return float(np.maximum(heights, 0) @ WEIGHTS * (right - left) / 2)


def _shared(height: Callable[[np.ndarray], np.ndarray], left: float, right: float) -> tuple[float, float]:
    """The ends of what is above 0 of a concave height, which may be far narrower than the steps between `NODES`."""
    ends = left, right
    for _ in range(8):  # around the largest, by about 100 each time
        across = np.linspace(*ends, len(NODES))
        found = height(across)
        highest = found.argmax()
        if found[highest] > 0:
            break
        ends = across[max(highest - 1, 0)], across[min(highest + 1, len(across) - 1)]
    else:
        return left, left
    above = np.flatnonzero(found > 0)
    first, last = above[0], above[-1]
    if first > 0:
        left = _crossing(height, *across[[first - 1, first]])
    if last < len(across) - 1:
        right = _crossing(height, *across[[last + 1, last]])
    return left, right


def _crossing(height: Callable[[np.ndarray], np.ndarray], below: float, above: float) -> float:
    """Where a height becomes positive between two places."""
    for _ in range(3):
        across = np.linspace(below, above, len(NODES))
        first = int((height(across) > 0).argmax())
        below, above = across[max(first - 1, 0)], across[first]
    return above


def _level(ellipse: Float64[np.ndarray, " 5"], x: npt.ArrayLike, y: npt.ArrayLike) -> np.ndarray:
    centre_x, centre_y, a, b, angle = ellipse
    along = (x - centre_x) * np.cos(angle) + (y - centre_y) * np.sin(angle)
    across = (y - centre_y) * np.cos(angle) - (x - centre_x) * np.sin(angle)
    return np.hypot(along / a, across / b) - 1


def _areas(ellipses: Float64[np.ndarray, "n 5"], names: tuple[str, ...]) -> dict[str, float]:
    """Area of each atom's region, by inclusion and exclusion of what the ellipses have in common."""
    sets = _sets(range(len(names)))
    common = {some: intersection_area(ellipses[list(some)]) for some in sets}
    return {
        atom_name([names[i] for i in inside], names): sum(
            (-1) ** (len(some) - len(inside)) * common[some] for some in sets if set(inside) <= set(some)
        )
        for inside in sets
    }


def _sets(names: Sequence) -> list[tuple]:
    """The non-empty subsets, small ones first."""
    return [some for size in range(1, len(names) + 1) for some in combinations(names, size)]


def _distance(first: float, second: float, overlap: float) -> float:
    """How far apart the centres of two circles are that have this area in common."""
    near, far = abs(first - second), first + second
    both = np.array([[0, 0, first, first, 0], [0, 0, second, second, 0]], float)

    def excess(distance):
        both[1, 0] = distance
        return intersection_area(both) - overlap

    if excess(near) <= 0:
        return near
    return far if excess(far) >= 0 else cast(float, brentq(excess, near, far, xtol=1e-12))


def _placed(radii: Float64[np.ndarray, " n"], apart: Mapping[tuple[int, int], float]) -> Float64[np.ndarray, "n 5"]:
    """Circles at these distances: the first left, the second right, a third below (as near as a triangle allows)."""
    centres = [(0.0, 0.0), (apart[0, 1], 0.0)]
    if len(radii) == 3:
        opposite = apart[0, 1] ** 2 + apart[0, 2] ** 2 - apart[1, 2] ** 2
        cos = np.clip(opposite / (2 * apart[0, 1] * apart[0, 2] + 1e-12), -0.95, 0.95)
        centres.append((apart[0, 2] * cos, -apart[0, 2] * np.sqrt(1 - cos**2)))
    return np.array([[*centre, radius, radius, 0.0] for centre, radius in zip(centres, radii, strict=True)])


def _fitted(circles: Float64[np.ndarray, "3 5"], wanted: Sequence[float], whole: float) -> Float64[np.ndarray, "3 5"]:
    """Ellipses of the circles' areas whose intersections, of each pair and of all three, have the areas `wanted`."""
    radius, unit = circles[:, 2], np.sqrt(whole)

    def ellipses(parameters):
        x, y, stretch, angle = parameters.reshape(4, 3)
        return np.stack([x * unit, y * unit, radius * np.exp(stretch), radius * np.exp(-stretch), angle], axis=1)

    def misfit(parameters):
        shapes = ellipses(parameters)
        common = [*(shapes[list(pair)] for pair in combinations(range(3), 2)), shapes]
        return np.array([intersection_area(some) - area for some, area in zip(common, wanted, strict=True)]) / whole

    best = start = np.concatenate([circles[:, 0] / unit, circles[:, 1] / unit, [0, 0, 0], [0, 0, np.pi / 2]])
    # An overlap that is missing at the start has no gradient: pulled together, the shapes find it.
    for pull in (1.0, 0.8, 0.6):
        if np.abs(misfit(best)).max() < TRUE_TO / 100:
            break
        guess = start * np.repeat([pull, 1.0], 6) + np.repeat([0.0, 0.1, 0.0], [6, 3, 3])
        best = min(best, _solved(misfit, guess), key=lambda parameters: np.abs(misfit(parameters)).max())
    return ellipses(best)


def _solved(
    misfit: Callable[[np.ndarray], np.ndarray], parameters: Float64[np.ndarray, " 12"]
) -> Float64[np.ndarray, " 12"]:
    """Levenberg–Marquardt with short steps: after a long one the shapes lie apart, where the misfit has no gradient."""
    now, damping, slope = misfit(parameters), 1e-3, None
    for _ in range(60):
        if np.abs(now).max() < 1e-7 or damping > 100:
            break
        if slope is None:
            slope = np.stack([(misfit(parameters + nudge) - now) / 1e-6 for nudge in 1e-6 * np.eye(12)], axis=1)
        step = -slope.T @ np.linalg.solve(slope @ slope.T + damping**2 * np.eye(4), now)
        step *= min(1, 0.2 / max(np.linalg.norm(step), 1e-12))
        after = misfit(parameters + step)
        if after @ after < now @ now:
            parameters, now, damping, slope = parameters + step, after, max(damping / 4, 1e-6), None
        else:
            damping *= 4
    return parameters
