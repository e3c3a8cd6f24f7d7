"""The self-consistent equations of the bottleneck, as a map on p(t, y) that is iterated until it stands still.

One sweep takes a table p(t, y) to the encoder p(t|x) ∝ (p(t) e^{−β KL(p(y|x) ‖ p(y|t))})^{1/α} and back to the table
p(t, y) = Σ_x p(x, y) p(t|x) that this encoder makes. A sweep never raises the objective, but near a phase transition it
hardly lowers it either; Anderson's extrapolation over the last few sweeps turns thousands of sweeps into dozens. All
trade-offs β are swept together, as one batch of matrix products. NumPy, not torch: its float64 exponential and small
batched products are two to three times faster on a CPU. `births`, `generalized` and `tabular` build on it.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from scipy.special import entr

TINY = 1e-300
DEPTH = 6  # sweeps that Anderson's extrapolation looks back on
HARMLESS = 1e-12  # nats by which merging two clusters may raise the objective


class Source:
    """What is to be compressed: p(x), and the rows p(y|x), of a joint table (X, Y) without empty rows and columns."""

    def __init__(self, joint):
        self.joint = joint
        self.p_x = joint.sum(1)
        self.p_y = joint.sum(0)
        self.rows = joint / self.p_x[:, None]
        self.negative_entropy = (self.rows * np.log(np.maximum(self.rows, TINY))).sum(1)  # −H[Y|x]
        self.features = np.vstack([self.rows.T, np.ones(len(joint))])  # (Y + 1, X)

    def unstable_beta(self) -> float:
        """The β above which the constant encoder is unstable: the inverse square of the maximal correlation."""
        singular = np.linalg.svd(self.joint / np.sqrt(np.outer(self.p_x, self.p_y)), compute_uv=False)
        return singular[1] ** -2 if len(singular) > 1 and singular[1] > 1e-14 else np.inf  # less is rounding


def exponent(source: Source, table: np.ndarray, beta: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """ln of p(t) e^{−β KL(p(y|x) ‖ p(y|t))} to the power 1/α, up to the term β H[Y|x]: (B, T, Y) to (B, T, X)."""
    p_t = table.sum(-1, keepdims=True)
    log_t = np.log(np.maximum(p_t, TINY))
    log_y_given_t = np.log(np.maximum(table, TINY)) - log_t
    log_t[p_t == 0] = -1e200  # an empty cluster stays empty
    return (np.concatenate([beta[:, None, None] * log_y_given_t, log_t], -1) / alpha) @ source.features


def encode(source: Source, table: np.ndarray, beta: np.ndarray, alpha: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Joint p(t, x) of the encoder that fits p(t, y), and ln Σ_t of the exponentials: (B, T, X) and (B, X)."""
    joint = exponent(source, table, beta, alpha)
    top = joint.max(1, keepdims=True)
    np.exp(np.subtract(joint, top, out=joint), out=joint)
    total = joint.sum(1, keepdims=True)
    joint *= source.p_x / total
    return joint, (np.log(total) + top)[:, 0]


def sweep(source: Source, table: np.ndarray, beta: np.ndarray, alpha: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """One pass through the equations, and the objective (up to − β I[X;Y]) that bounds what it started from."""
    joint, log_sum = encode(source, table, beta, alpha)
    return joint @ source.rows, beta * (source.p_x @ source.negative_entropy) - alpha * (log_sum @ source.p_x)


def merge(table: np.ndarray, beta: np.ndarray, cost: float = HARMLESS) -> np.ndarray:
    """Give each cluster's mass to a heavier one where the union costs at most `cost` nats; clusters by falling p(t).

    The relevance lost is at most p(s) p(t) / (p(s) + p(t)) times KL(p(y|s) ‖ p(y|t)) + KL(p(y|t) ‖ p(y|s)), and the
    rate never rises.
    """
    clusters = table.shape[1]
    table = _by_weight(table)
    p_t = np.maximum(table.sum(-1, keepdims=True), TINY)
    log_q = np.log(np.maximum(table, TINY)) - np.log(p_t)
    cross = np.exp(log_q) @ log_q.transpose(0, 2, 1)
    own = np.einsum("btt->bt", cross)
    divergence = own[:, :, None] + own[:, None, :] - cross - cross.transpose(0, 2, 1)
    close = beta[:, None, None] * divergence <= cost * (1 / p_t + 1 / p_t.transpose(0, 2, 1))
    leader = (close | np.eye(clusters, dtype=bool)).argmax(2)
    # Only to a cluster that stays: a chain of small steps could lead far.
    leader = np.where(np.take_along_axis(leader, leader, 1) == leader, leader, np.arange(clusters))
    moved = (leader[:, None, :] == np.arange(clusters)[:, None]).astype(float)
    merged = _by_weight(moved @ table)
    return merged[:, : max(1, (merged.sum(-1) > 0).sum(1).max())]


def descend(
    source: Source,
    table: np.ndarray,
    beta: np.ndarray,
    alpha: float = 1.0,
    *,
    limit: int,
    tolerance: float = 1e-12,
    merging: Sequence[int] = (),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sweep each problem to a fixed point: tables (B, T, Y), sweeps used (B,), and the last step's length (B,).

    The length is √χ² between a table and its image. At the sweeps named in `merging`, clusters are merged boldly, at a
    cost that the births of `births` can pay back.
    """
    parts = batches(len(beta), len(source.p_x) * table.shape[1])
    done = [_descend(source, table[part], beta[part], alpha, limit, tolerance, merging) for part in parts]
    found, used, residual = zip(*done, strict=True)
    return pad([one for part in found for one in part]), np.concatenate(used), np.concatenate(residual)


def _descend(source, table, beta, alpha, limit, tolerance, merging):
    problems = len(beta)
    found, used, residual = list(table), np.zeros(problems, int), np.full(problems, np.inf)
    todo, memory, plain, energy = np.arange(problems), Memory(problems), table, np.full(problems, np.inf)
    for number in range(1, limit + 1):
        image, now = sweep(source, table, beta[todo], alpha)
        step = image - table
        used[todo] = number
        residual[todo] = np.sqrt((step**2 / np.maximum(image, np.maximum(table, TINY))).sum((1, 2)))
        astray = ~(now <= energy + HARMLESS)  # the extrapolation went wrong: back to the plain sweep, and forget
        image = np.where(astray[:, None, None], plain, image)
        energy = np.where(astray, np.inf, now)
        done = (residual[todo] <= tolerance) & ~astray
        for i in np.flatnonzero(done | (number == limit)):
            found[todo[i]] = image[i]
        if done.all():
            break
        todo, image, step, energy, astray = (each[~done] for each in (todo, image, step, energy, astray))
        memory.keep(~done, forget=astray)
        plain = image
        if number in merging or number % 10 == 0:
            plain = merge(image, beta[todo], 1e-6 if number in merging else HARMLESS)
        if plain.shape != image.shape:
            memory, energy, table = Memory(len(todo)), np.full(len(todo), np.inf), plain
        else:
            table = plain = image
            if number >= DEPTH:
                table = memory.extrapolate(image, step)
    return found, used, residual


class Memory:
    """The last sweeps of a batch of problems, and the point where, seen linearly, they would come to rest."""

    def __init__(self, problems):
        self.images, self.steps = deque(maxlen=DEPTH), deque(maxlen=DEPTH)
        self.known = np.zeros(problems, int)

    def keep(self, rows: np.ndarray, forget: np.ndarray) -> None:
        for sweeps in (self.images, self.steps):
            sweeps.extend([sweeps.popleft()[rows] for _ in range(len(sweeps))])
        self.known = np.where(forget, 0, self.known[rows])

    def extrapolate(self, image: np.ndarray, step: np.ndarray) -> np.ndarray:
        """The affine combination of the images whose steps cancel best in χ² (Anderson 1965), kept positive."""
        self.images.append(image)
        self.steps.append(step)
        self.known = self.known + 1
        problems, depth = len(image), len(self.images)
        valid = (np.arange(depth)[::-1] < self.known[:, None]).astype(float)
        scaled = np.stack(self.steps, 1).reshape(problems, depth, -1)
        scaled = scaled / np.sqrt(np.maximum(image, 1e-30)).reshape(problems, 1, -1)
        gram = scaled @ scaled.transpose(0, 2, 1)
        unit = valid / np.sqrt(np.maximum(np.einsum("bii->bi", gram), 1e-40))
        gram = gram * unit[:, :, None] * unit[:, None, :] + (1e-10 + 1 - valid)[:, :, None] * np.eye(depth)
        share = np.linalg.solve(gram, unit[:, :, None])[:, :, 0] * unit
        share /= np.where(share.sum(1) == 0, 1, share.sum(1))[:, None]
        move = np.einsum("bd,bdty->bty", share, np.stack(self.images, 1)) - image * share.sum(1)[:, None, None]
        room = np.where(move < 0, image / np.maximum(-move, TINY), np.inf).min((1, 2))
        return image + np.minimum(1, 0.9 * room)[:, None, None] * move


def tables(source: Source, encoder: np.ndarray) -> np.ndarray:
    """p(t, y) that encoders make: (B, X, T) to (B, T, Y)."""
    return encoder.transpose(0, 2, 1) @ source.joint


def encoders(source: Source, table: np.ndarray, beta: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """p(t|x) that fits p(t, y), clusters that are one merged, the others exactly zero: (B, T, Y) to (B, X, T)."""
    found = []
    for part in batches(len(table), len(source.p_x) * table.shape[1]):
        before, merged = None, table[part]
        while before is None or (merged.sum(-1) > 0).sum() < (before.sum(-1) > 0).sum():
            before, merged = merged, merge(merged, beta[part])
        joint, _ = encode(source, merged, beta[part], alpha)
        found += list((joint / source.p_x).transpose(0, 2, 1) * (merged.sum(-1) > 0)[:, None])
    clusters = max(one.shape[1] for one in found)
    return np.stack([np.pad(one, ((0, 0), (0, clusters - one.shape[1]))) for one in found])


def price(source: Source, table: np.ndarray, beta: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """H[T] − α H[T|X] and I[T;Y] of the encoders that fit the tables: (B,) each. They price them at any other β too."""
    cost, relevance = np.zeros((2, len(beta)))
    for part in batches(len(beta), len(source.p_x) * table.shape[1]):
        joint, _ = encode(source, table[part], beta[part], alpha)
        p_t, p_ty = joint.sum(2), joint @ source.rows
        h_t, h_x = entr(p_t).sum(1), entr(source.p_x).sum()
        cost[part] = h_t - alpha * (entr(joint).sum((1, 2)) - h_x)
        relevance[part] = h_t + entr(source.p_y).sum() - entr(p_ty).sum((1, 2))
    return cost, relevance


def batches(problems: int, cells: int) -> list[slice]:
    """Slices of the problems, each with as many as fit the processor's cache (a megabyte of `cells` for each)."""
    at_once = max(1, 2**17 // cells)
    return [slice(start, start + at_once) for start in range(0, problems, at_once)]


def pad(tables: Sequence[np.ndarray]) -> np.ndarray:
    """Tables of different numbers of clusters as one batch (B, T, Y), with empty clusters at the end."""
    batch = np.zeros((len(tables), max(map(len, tables)), tables[0].shape[1]))
    for room, table in zip(batch, tables, strict=True):
        room[: len(table)] = table
    return batch


def _by_weight(table):
    return np.take_along_axis(table, np.argsort(-table.sum(-1), 1, kind="stable")[..., None], 1)
