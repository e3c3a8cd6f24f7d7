"""The bottleneck of a table and of two Gaussians, on the information plane: the best encoder as β and α move.

`plane` shows where the solution lies on the curve of all that is possible, and beside it the encoder itself, whose
clusters are born one after another as β grows. `gaussian` is the case that can be solved on paper. Every position of
the sliders was solved; nothing is interpolated. Chapter 02 walks through both.
"""

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap

from ibteach import checks
from ibteach.bottleneck.gaussian import GaussianBottleneck
from ibteach.bottleneck.tabular import solve
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import UNITS, Axis, Scene
from ibteach.information.discrete import Joint


def plane(joint: Joint, betas, alphas=(0.0, 0.25, 0.5, 0.75, 1.0), restarts: int = 4) -> Explorer:
    """IB, deterministic IB and all between, for a table of two variables: the information plane and the encoder."""
    return Explorer(PlaneScene(joint, betas, alphas, restarts))


def gaussian(correlations=(0.3, 0.5, 0.7, 0.8, 0.9, 0.95)) -> Explorer:
    """The bottleneck of two Gaussians with unit variance, by their correlation and β."""
    return Explorer(GaussianScene(correlations))


class PlaneScene(Scene):
    """Left: I[X;T] against I[T;Y], the IB curve, the solution and its tangent. Right: the encoder p(t|x)."""

    title = "The best bottleneck"
    size = (11.0, 5.0)

    def __init__(self, joint: Joint, betas, alphas=(0.0, 0.25, 0.5, 0.75, 1.0), restarts: int = 4):
        self.joint = joint
        self.betas = sorted({float(f"{checks.number('betas', float(beta), above=0):.4g}") for beta in betas})
        beta = torch.tensor(self.betas, dtype=torch.float64)
        alphas = sorted({checks.number("alphas", alpha, minimum=0, maximum=1) for alpha in alphas})
        self.solutions = {alpha: solve(joint, beta, alpha=alpha, restarts=restarts) for alpha in alphas}
        finest = solve(joint, torch.logspace(0, 4, 200, dtype=torch.float64))
        self.curve = finest.rate.numpy(), finest.relevance.numpy()
        # Rows of the picture: inputs that fall into one cluster early stand together.
        rows = torch.cat([one for one in self.solutions[alphas[0]].encoder], 1)
        self.order = np.lexsort((1 - rows.numpy()).T[::-1])
        slide = [Axis("alpha", "α", alphas, start=len(alphas) - 1)] if len(alphas) > 1 else []
        texts = [f"{beta:.3g}" for beta in self.betas]
        self.axes = (
            Axis("beta", "β", self.betas, texts, start=len(self.betas) // 3),
            *slide,
            Axis("unit", "unit", tuple(UNITS)),
        )

    def build(self, figure, theme):
        plane, encoder = figure.subplots(1, 2, width_ratios=[1.15, 1])
        self.unit = 1.0
        most = float(self.joint.I(";".join(self.joint.names)))
        entropy = float(self.joint.H(self.joint.names[0]))
        self.limits = 1.06 * entropy, 1.12 * most
        plane.set(xlim=(0, self.limits[0]), ylim=(0, self.limits[1]), xlabel="rate I[X;T], nats")
        plane.set_ylabel("relevance I[T;Y], nats")
        plane.grid(True)
        plane.axhline(most, color=theme.muted, lw=1.2, ls=":")
        plane.text(0.01 * entropy, 1.015 * most, "I[X;Y]: all there is", color=theme.muted, size=12, va="bottom")
        plane.plot(*self.curve, color=theme.cycle[0], label="the IB curve")
        (self.tangent,) = plane.plot([], [], color=theme.cycle[1], lw=1.4, label="slope 1/β")
        (self.dot,) = plane.plot([], [], "o", color=theme.cycle[1], ms=11)
        plane.legend(loc="lower right")
        self.where = plane.text(0, 1.02, "", transform=plane.transAxes, va="bottom", size=13)

        inputs = len(self.order)
        blank = np.zeros((inputs, inputs))
        shade = LinearSegmentedColormap.from_list("probability", [theme.background, theme.accent])
        self.clusters = encoder.imshow(blank, aspect="auto", vmin=0, vmax=1, cmap=shade, interpolation="nearest")
        encoder.set(xticks=[], yticks=[], xlabel="cluster t, by its probability", ylabel=f"each x, {inputs} of them")
        self.counted = encoder.text(0, 1.02, "", transform=encoder.transAxes, va="bottom", size=13)
        figure.supxlabel(f"solved now, {self.joint!r}", x=0.998, ha="right", size=10, color=theme.muted)
        return [self.tangent, self.dot, self.where, self.clusters, self.counted]

    def at(self, state):
        """The solution on screen: rate, relevance, entropy (nats), number of clusters, and p(t|x) padded to X × X."""
        alpha = state.get("alpha", next(iter(self.solutions)))
        found, i = self.solutions[alpha], self.betas.index(state["beta"])
        inputs = len(self.order)
        encoder = np.zeros((inputs, inputs))
        encoder[:, : found.encoder.shape[2]] = found.encoder[i].numpy()[self.order]
        values = (float(getattr(found, name)[i]) for name in ("rate", "relevance", "entropy"))
        return *values, int(found.clusters[i]), encoder

    def update(self, **state):
        rate, relevance, entropy, clusters, encoder = self.at(state)
        unit, factor = state["unit"], UNITS[state["unit"]]
        across = np.array([0, self.limits[0]])
        self.tangent.set_data(across, relevance + (across - rate) / state["beta"])
        self.dot.set_data([rate], [relevance])
        self.clusters.set_data(encoder)
        self.where.set_text(f"I[X;T] = {rate * factor:.3f}   I[T;Y] = {relevance * factor:.3f} {unit}")
        self.counted.set_text(f"{clusters} cluster{'s' * (clusters > 1)}, H[T] = {entropy * factor:.3f} {unit}")

    def alt(self, **state):
        rate, relevance, entropy, clusters, _ = self.at(state)
        unit, factor = state["unit"], UNITS[state["unit"]]
        return (
            f"Information plane with the concave IB curve. At β = {state['beta']:.3g}, α = {state.get('alpha', 1):g}, "
            f"the best encoder keeps I[X;T] = {rate * factor:.3f} and I[T;Y] = {relevance * factor:.3f} {unit}, on a "
            f"line of slope 1/β. Beside it the encoder p(t|x), with {clusters} clusters in use and "
            f"H[T] = {entropy * factor:.3f} {unit}."
        )


class GaussianScene(Scene):
    """Left: the curve of one pair of Gaussians with the solution. Right: what is kept, over β, from its birth on."""

    title = "The Gaussian bottleneck, on paper"
    size = (11.0, 4.6)

    def __init__(self, correlations=(0.3, 0.5, 0.7, 0.8, 0.9, 0.95)):
        correlations = sorted({checks.number("correlations", rho, above=0, below=1) for rho in correlations})
        self.solved = {rho: GaussianBottleneck([[1.0, rho], [rho, 1.0]], inputs=1) for rho in correlations}
        self.betas = [float(f"{beta:.3g}") for beta in np.geomspace(1.02, 60, 40)]
        self.axes = (
            Axis("beta", "β", self.betas, [f"{beta:.3g}" for beta in self.betas], start=10),
            Axis("correlation", "ρ", correlations, start=len(correlations) // 2),
        )

    def build(self, figure, theme):
        plane, kept = figure.subplots(1, 2)
        plane.set(xlim=(0, 3), ylim=(0, 1.25), xlabel="rate I[X;T], nats", ylabel="relevance I[T;Y], nats")
        plane.grid(True)
        (self.curve,) = plane.plot([], [], color=theme.cycle[0], label="the IB curve")
        (self.tangent,) = plane.plot([], [], color=theme.cycle[1], lw=1.4, label="slope 1/β")
        (self.most,) = plane.plot([], [], ":", color=theme.muted, lw=1.4, label="I[X;Y]")
        (self.dot,) = plane.plot([], [], "o", color=theme.cycle[1], ms=11)
        plane.legend(loc="upper left")
        kept.set(xscale="log", xlim=(1, 62), ylim=(0, 3), xlabel="β", ylabel="rate I[X;T], nats")
        kept.grid(True)
        (self.rates,) = kept.plot([], [], color=theme.cycle[0])
        (self.birth,) = kept.plot([], [], ":", color=theme.muted, lw=1.6)
        (self.here,) = kept.plot([], [], "o", color=theme.cycle[1], ms=11)
        self.born = kept.text(0, 1.02, "", transform=kept.transAxes, va="bottom", size=13)
        figure.supxlabel("closed form (Chechik et al. 2005)", x=0.998, ha="right", size=10, color=theme.muted)
        return [self.curve, self.tangent, self.most, self.dot, self.rates, self.birth, self.here, self.born]

    def update(self, **state):
        solved, beta = self.solved[state["correlation"]], state["beta"]
        rates = torch.linspace(0, 3, 200, dtype=torch.float64)
        rate, relevance = float(solved.rate(beta)), float(solved.relevance(beta))
        critical = float(solved.critical_betas[0])
        self.curve.set_data(rates.numpy(), solved.relevance_at(rates).numpy())
        across = np.array([0.0, 3.0])
        self.tangent.set_data(across, relevance + (across - rate) / beta)
        self.most.set_data(across, [-0.5 * np.log(1 - state["correlation"] ** 2)] * 2)
        self.dot.set_data([rate], [relevance])
        fine = torch.logspace(0.0001, np.log10(62), 300, dtype=torch.float64)
        self.rates.set_data(fine.numpy(), solved.rate(fine).numpy())
        self.birth.set_data([critical] * 2, [0, 3])
        self.here.set_data([beta], [rate])
        self.born.set_text(f"nothing is kept below β = 1/ρ² = {critical:.3g}")

    def alt(self, **state):
        solved, beta = self.solved[state["correlation"]], state["beta"]
        return (
            f"For two Gaussians of correlation {state['correlation']:g}, the best bottleneck at β = {beta:.3g} keeps "
            f"I[X;T] = {float(solved.rate(beta)):.3f} and I[T;Y] = {float(solved.relevance(beta)):.3f} nats. Below the "
            f"critical β of {float(solved.critical_betas[0]):.3g} it keeps nothing; beside it, the rate over β."
        )
