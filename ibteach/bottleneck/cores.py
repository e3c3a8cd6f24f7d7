"""Cores: neighbourhoods of local maxima of D in which no box need be halved, for the branch and bound of `exhaustive`.

At a maximum every bound by boxes is loose: the box would have to shrink for ever. But around it ln D is concave as far
as its second derivatives, bounded on a neighbourhood, say; there its slope at the peak bounds it everywhere. A maximum
may lie on a face of the simplex, where some q(y) are 0: then a little mass outside the face is allowed for as well.
"""

import numpy as np

from ibteach.bottleneck.blahut_arimoto import TINY


class Cores:
    """Neighbourhoods of local maxima in which ln D is bounded by its concavity: for each problem, several.

    A local maximum may lie where some q(y) are 0. On the others, S, ln D is concave while no two of the u(y) change by
    more than `reach` apart; and with a share z of all mass outside S, each x that needs those y adds at most
    b(x) z^{s(x)} to D, with s its exponents there, while the mass takes β z away: nothing is gained up to z = `edge`.
    """

    def __init__(self, weight, rows, beta, peaks, enough):
        place, owner = [], []
        for i, one in enumerate(peaks):
            for q in one:
                for least in (0, 1e-2) if (q < 1e-2).any() else (0,):
                    place.append(np.where(q > least, q, 0) / q[q > least].sum())
                    owner.append(i)
        self.owner, place = np.array(owner, int), np.array(place).reshape(-1, rows.shape[1])
        self.support = place > 0
        self.weight, self.beta, self.rows = weight[self.owner], beta[self.owner], rows
        with np.errstate(divide="ignore"):
            self.peak = np.log(place)
        self.fits = self.support.astype(float) @ (rows > 0).T == (rows > 0).sum(1)  # x whose y all are in S
        self.climb()
        self.measure(enough[self.owner])
        slots = np.zeros(len(self.owner), int)
        for i in range(len(peaks)):
            slots[self.owner == i] = np.arange((self.owner == i).sum())
        self.table = np.full((len(peaks), 1 + (slots.max() if len(slots) else -1)), -1)
        self.table[self.owner, slots] = np.arange(len(self.owner))

    def expand(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """ln D on the support, shares of the x, q, the slope and β p(y|x): where the mass outside S is nothing."""
        safe = np.where(self.support, u, 0)
        terms = np.where(self.fits, self.weight + self.beta[:, None] * (safe @ self.rows.T), -np.inf)
        most = np.maximum(terms.max(1, initial=-np.inf), -1e300)
        share = np.exp(terms - most[:, None])
        total = np.maximum(share.sum(1), TINY)
        share /= total[:, None]
        q = np.where(self.support, np.exp(safe), 0)
        mass = q.sum(1)
        q /= mass[:, None]
        value = np.log(total) + most - self.beta * np.log(mass)
        slope = self.beta[:, None] * (share @ self.rows - q)
        return value, share, q, slope

    def climb(self) -> None:
        """Newton's method to the very top."""
        value, share, q, slope = self.expand(self.peak)
        eye = np.eye(self.rows.shape[1])
        for _ in range(8):
            mean = share @ self.rows
            spread = np.sqrt(share)[:, :, None] * (self.rows - mean[:, None])
            bent = -(self.beta[:, None, None] ** 2) * (spread.transpose(0, 2, 1) @ spread)
            bent += self.beta[:, None, None] * (q[:, :, None] * eye)  # of ∑ e^u less its rank one: fixes the scale
            bent = np.where(self.support[:, :, None] & self.support[:, None], bent, eye)
            try:
                move = np.linalg.solve(bent + 1e-14 * eye, np.where(self.support, slope, 0)[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                break
            new = np.where(self.support, self.peak + np.clip(np.nan_to_num(move), -1, 1), -np.inf)
            tried = self.expand(new)
            better = (tried[0] > value - 1e-13) & (np.abs(tried[3]).sum(1) < np.abs(slope).sum(1))
            if not better.any():
                break
            self.peak = np.where(better[:, None], new, self.peak)
            value, share, q, slope = self.expand(self.peak)

    def measure(self, enough: np.ndarray) -> None:
        value, share, q, slope = self.expand(self.peak)
        beta, rows, support = self.beta, self.rows, self.support
        steep = np.abs(np.where(support, slope, 0)).sum(1)
        tilt = beta[:, None, None] * np.where(support[:, None], rows - q[:, None], 0)
        mean = (share[:, :, None] * tilt).sum(1)
        spread = tilt - mean[:, None]
        self.reach, self.edge, self.bound = np.zeros(len(beta)), np.zeros(len(beta)), value.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            out = np.where(support, 0, rows[None].transpose(1, 0, 2)).transpose(1, 0, 2)  # (P, X, Y)
            left = beta[:, None] * out.sum(2)
            split = np.where(out > 0, out * np.log(out / out.sum(2, keepdims=True)), 0).sum(2) * beta[:, None]
            mass = np.log(np.where(support, np.exp(np.where(support, self.peak, 0)), 0).sum(1))
            inner = beta[:, None] * (np.where(support, self.peak, 0) @ rows.T)
            log_d = value + beta * mass
            gain = self.weight + inner + left * mass[:, None] + split - log_d[:, None]
        outside = ~self.fits
        steep_in = outside & (left < 1)  # such an x draws a little mass out of S: how much D gains is bounded as well
        count = np.maximum(1, steep_in.sum(1))
        single = support.sum(1) == 1
        ok = share.sum(1) > 0.5
        for reach in 2.0 ** (1 - np.arange(0, 24) / 2):
            todo = np.flatnonzero(ok & (self.reach == 0))
            if not len(todo):
                break
            width = (np.abs(tilt[todo]).sum(2) + steep[todo, None]) * reach / 2
            near = width.max(1) <= 300  # e to the power of more is beyond all numbers
            heavy = np.sqrt(share[todo] * np.exp(np.minimum(width, 300)))[:, :, None] * spread[todo]
            light = q[todo] * np.exp(-reach)
            bent = heavy.transpose(0, 2, 1) @ heavy
            bent -= beta[todo, None, None] * (
                light[:, :, None] * np.eye(rows.shape[1])
                - light[:, :, None] * light[:, None] / light.sum(1)[:, None, None]
            )
            # Shifting all u(y) alike changes nothing: that direction, and those outside S, count as concave.
            bent = np.where(support[todo][:, :, None] & support[todo][:, None], bent, 0)
            flat = support[todo] / np.sqrt(support[todo].sum(1, keepdims=True))
            bent -= beta[todo, None, None] * flat[:, :, None] * flat[:, None]
            concave = near & (np.linalg.eigvalsh(bent)[:, -1] <= 1e-13 * beta[todo]) | single[todo]
            log_b = gain[todo] + beta[todo, None] * reach
            with np.errstate(divide="ignore", invalid="ignore"):
                # max over z of b z^s − c z, with half of β for all of them
                s = np.clip(left[todo], 1e-9, 1 - 1e-9)
                drawn = np.exp(
                    np.minimum((log_b + s * np.log(2 * s * count[todo, None] / beta[todo, None])) / (1 - s), 300)
                )
            drawn = np.where(steep_in[todo], drawn, 0).sum(1)
            edge = np.zeros(len(todo))
            for z in 2.0 ** -np.arange(1, 40):
                extra = np.exp(np.minimum(log_b + (left[todo] - 1) * np.log(z), 300))
                extra = np.where(outside[todo] & ~steep_in[todo], extra, 0).sum(1)
                edge = np.where((edge == 0) & (extra <= np.where(steep_in[todo].any(1), 0.5, 1) * beta[todo]), z, edge)
            bound = value[todo] + steep[todo] * reach + drawn
            good = concave & ((edge > 1e-6) | support[todo].all(1)) & (bound <= np.maximum(enough[todo], 1e-14))
            self.reach[todo[good]], self.edge[todo[good]] = reach, edge[good]
            self.bound[todo[good]] = bound[good]

    def hold(self, lo: np.ndarray, hi: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Which boxes (N, Y) lie in a core of their problem (N,)."""
        held = np.zeros(len(lo), bool)
        if not len(self.owner):
            return held
        with np.errstate(invalid="ignore"):
            weight_lo, weight_hi = np.exp(lo), np.exp(hi)
            for slot in self.table.T:
                core = slot[owner]
                inside = np.where(core >= 0, self.reach[core], 0) > 0
                some = np.flatnonzero(inside & ~held)
                if not len(some):
                    continue
                core = core[some]
                support, peak = self.support[core], self.peak[core]
                above = np.where(support, hi[some] - peak, -np.inf).max(1)
                below = np.where(support, lo[some] - peak, np.inf).min(1)
                outer = np.where(support, 0, weight_hi[some]).sum(1)
                inner = np.where(support, weight_lo[some], 0).sum(1)
                held[some] = (above - below <= self.reach[core]) & (outer <= self.edge[core] * inner)
        return held
