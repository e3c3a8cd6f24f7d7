"""The bottleneck of a table and of two Gaussians, on the information plane: the best encoder as β and α move.

`ib_curve` shows where the solution lies on the curve of all that is possible, and beside it the encoder itself, whose
clusters are born one after another as β grows. `births` shows the two ways in which the first one is: out of nothing,
or by a jump. `gaussian` is the case that can be solved on paper. Every position of the sliders was solved; nothing is
interpolated, and the picture says whether its solution is proven or searched. Chapter 02 walks through all three.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ibteach import checks
from ibteach.bottleneck.contraction import first_birth
from ibteach.bottleneck.gaussian import GaussianBottleneck
from ibteach.bottleneck.tabular import Solution, solve
from ibteach.display.live.explorer import Explorer
from ibteach.display.live.scene import UNITS, Axis, Scene
from ibteach.display.live.themes import Theme
from ibteach.information.discrete import Joint


def ib_curve(
    joint: Joint, betas: Iterable[float], alphas: Iterable[float] = (0.0, 0.25, 0.5, 0.75, 1.0), restarts: int = 4
) -> Explorer:
    """IB, deterministic IB and all between, for a table of two variables: the information plane and the encoder."""
    return Explorer(CurveScene(joint, betas, alphas, restarts))


def births(symbols: Iterable[int] = (2, 3, 4, 5, 6), error: float = 0.1) -> Explorer:
    """How the first cluster is born when one of q equally likely symbols is mistaken for another with `error`."""
    return Explorer(BirthScene(symbols, error))


def gaussian(correlations: Iterable[float] = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)) -> Explorer:
    """The bottleneck of two Gaussians with unit variance, by their correlation and β."""
    return Explorer(GaussianScene(correlations))


def hamming(symbols: int, error: float) -> torch.Tensor:
    """p(x, y) of X uniform over q symbols and Y the same, or with probability `error` any of the others: (q, q)."""
    symbols = checks.whole("symbols", symbols, minimum=2, maximum=1000)
    error = checks.number("error", error, minimum=0, maximum=1)
    table = torch.full((symbols, symbols), error / (symbols - 1), dtype=torch.float64)
    return table.fill_diagonal_(1 - error) / symbols


def evidence(solution: Solution, i: int) -> str:
    """How it is known that no encoder is better than the i-th: a proof, or no more than a search."""
    if solution.proof[i] == "exhaustive":
        return f"exhaustive: no encoder is better by more than {max(float(solution.gap[i]), 1e-15):.0e} nats"
    return f"searched from {int(solution.starts[i])} places: none better was found"


class CurveScene(Scene):
    """Left: I[X;T] against I[T;Y], the IB curve, the solution and its tangent. Right: the encoder p(t|x)."""

    title = "The best bottleneck"
    tall = (5.4, 8.0)

    def __init__(self, joint: Joint, betas, alphas=(0.0, 0.25, 0.5, 0.75, 1.0), restarts: int = 4):
        self.joint = joint
        self.betas = sorted({float(f"{checks.number('betas', float(beta), above=0):.4g}") for beta in betas})
        beta = torch.tensor(self.betas, dtype=torch.float64)
        alphas = sorted({checks.number("alphas", alpha, minimum=0, maximum=1) for alpha in alphas})
        self.solutions = {alpha: solve(joint, beta, alpha=alpha, restarts=restarts) for alpha in alphas}
        finest = solve(joint, torch.logspace(0, 4, 200, dtype=torch.float64), seconds=0)
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

    def build(self, figure: Figure, theme: Theme) -> list:
        plane, encoder = self.panels(figure, (1.15, 1), (1, 1))
        most = float(self.joint.I(";".join(self.joint.names)))
        entropy = float(self.joint.H(self.joint.names[0]))
        self.limits = np.array([1.06 * entropy, 1.12 * most])
        plane.grid(True)
        plane.locator_params(nbins=9)  # where it may choose, it chooses others when it is drawn again
        limit = plane.axhline(most, color=theme.muted, lw=1.2, ls=":")
        note = plane.text(0.01 * entropy, 1.015 * most, "I[X;Y]: all there is", color=theme.muted, va="bottom")
        (curve,) = plane.plot(*self.curve, color=theme.cycle[0], label="the IB curve")
        (self.tangent,) = plane.plot([], [], color=theme.cycle[1], lw=1.4, label="slope 1/β")
        (self.dot,) = plane.plot([], [], "o", color=theme.cycle[1], ms=11)
        plane.legend(loc="lower right")

        def scale(unit):
            """Draw in this unit what does not move."""
            factor, (right, top) = UNITS[unit], UNITS[unit] * self.limits
            plane.set(xlim=(0, right), xlabel=f"rate I[X;T], {unit}", ylim=(0, top), ylabel=f"relevance I[T;Y], {unit}")
            curve.set_data(*(factor * np.array(self.curve)))
            limit.set_ydata([factor * most] * 2)
            note.set_position((0.01 * factor * entropy, 1.015 * factor * most))

        self.scale, self.unit = scale, None
        self.where = plane.text(0, 1.02, "", transform=plane.transAxes, va="bottom")

        inputs = len(self.order)
        blank = np.zeros((inputs, inputs))
        shade = LinearSegmentedColormap.from_list("probability", [theme.background, theme.accent])
        self.clusters = encoder.imshow(blank, aspect="auto", vmin=0, vmax=1, cmap=shade, interpolation="nearest")
        encoder.set(xticks=[], xlabel="cluster t, by its probability", ylabel="x, those that fall together first")
        encoder.set_yticks(range(inputs), [str(x) for x in self.order])
        encoder.tick_params(length=0)
        bar = figure.colorbar(self.clusters, ax=encoder, ticks=[0, 0.5, 1], pad=0.02, aspect=30)
        bar.set_label("p(t|x)")
        self.counted = encoder.text(0, 1.02, "", transform=encoder.transAxes, va="bottom")
        self.known = self.sign(figure, theme, " ")
        return [self.tangent, self.dot, self.where, self.clusters, self.counted, self.known]

    def alpha(self, state: dict[str, Any]) -> float:
        """The α on screen: the only one where there is no control for it."""
        return state.get("alpha", next(iter(self.solutions)))

    def chosen(self, state: dict[str, Any]) -> tuple[Solution, int]:
        """The solutions for the α on screen, and which of them belongs to its β."""
        return self.solutions[self.alpha(state)], self.betas.index(state["beta"])

    def at(self, state: dict[str, Any]) -> tuple[float, float, float, int, np.ndarray]:
        """The solution on screen: rate, relevance, entropy (nats), number of clusters, and p(t|x) padded to X × X."""
        found, i = self.chosen(state)
        inputs = len(self.order)
        encoder = np.zeros((inputs, inputs))
        encoder[:, : found.encoder.shape[2]] = found.encoder[i].numpy()[self.order]
        rate, relevance, entropy = (float(each[i]) for each in (found.rate, found.relevance, found.entropy))
        return rate, relevance, entropy, int(found.clusters[i]), encoder

    def update(self, **state: Any) -> None:
        rate, relevance, entropy, clusters, encoder = self.at(state)
        unit, factor = state["unit"], UNITS[state["unit"]]
        if unit != self.unit:
            self.scale(unit)
            self.unit = unit
        across = np.array([0, self.limits[0]])
        self.tangent.set_data(factor * across, factor * (relevance + (across - rate) / state["beta"]))
        self.dot.set_data([factor * rate], [factor * relevance])
        self.clusters.set_data(encoder)
        self.where.set_text(f"I[X;T] = {rate * factor:.3f}   I[T;Y] = {relevance * factor:.3f} {unit}")
        self.counted.set_text(f"{clusters} cluster{'s' * (clusters > 1)}, H[T] = {entropy * factor:.3f} {unit}")
        known = f"solved now for α = {self.alpha(state):g}; {evidence(*self.chosen(state))}"
        self.known.set_text(self.wrapped(self.known.figure, known))

    def alt(self, **state: Any) -> str:
        rate, relevance, entropy, clusters, _ = self.at(state)
        unit, factor = state["unit"], UNITS[state["unit"]]
        return (
            f"Information plane with the concave IB curve. At β = {state['beta']:.3g}, α = {self.alpha(state):g}, "
            f"the best encoder keeps I[X;T] = {rate * factor:.3f} and I[T;Y] = {relevance * factor:.3f} {unit}, on a "
            f"line of slope 1/β. Beside it the encoder p(t|x), with {clusters} clusters in use and "
            f"H[T] = {entropy * factor:.3f} {unit}. {evidence(*self.chosen(state)).capitalize()}."
        )


class BirthScene(Scene):
    """Left: how far the curve and its tangent lie above slope ρ². Right: the rate over β, and both critical numbers."""

    title = "How the first cluster is born"
    tall = (5.4, 8.0)
    ratios = (0.9, 0.95, 0.98, 0.99, 0.999, 1.001, 1.005, 1.01, 1.02, 1.04, 1.06, 1.08)

    def __init__(self, symbols=(2, 3, 4, 5, 6), error=0.1):
        error = checks.number("error", error, above=0, below=0.5)
        symbols = sorted({checks.whole("symbols", q, minimum=2) for q in symbols})
        self.births, self.solutions, self.curves = {}, {}, {}
        for q in symbols:
            table = hamming(q, error)
            birth = first_birth(table)
            self.births[q] = birth
            self.solutions[q] = solve(table, birth.beta * torch.tensor(self.ratios, dtype=torch.float64))
            above = solve(table, birth.beta * (1 + np.geomspace(1e-5, 0.15, 60)), seconds=0)
            self.curves[q] = above.beta.numpy(), above.rate.numpy(), above.relevance.numpy()
        self.error = error
        names = ["2: a flipped bit" if q == 2 else str(q) for q in symbols]
        self.axes = (
            Axis("symbols", "symbols q", symbols, names, start=min(1, len(symbols) - 1)),
            Axis("ratio", "β η_KL", self.ratios, [f"{r:g}" for r in self.ratios], start=self.ratios.index(1.001)),
        )

    def build(self, figure: Figure, theme: Theme) -> list:
        plane, kept = self.panels(figure)
        row = dict(handlelength=1.3, columnspacing=1.0, borderaxespad=0)
        most = max(rate[-1] for _, rate, _ in self.curves.values())
        above = [self.above(q, *self.curves[q][1:]).max() for q in self.curves]
        high = 1.6 * max(0.002, *above)
        plane.set(xlim=(0, most), ylim=(-high, high), xlabel="rate I[X;T], nats", ylabel="I[T;Y] − ρ² I[X;T], nats")
        plane.locator_params(axis="y", nbins=4)  # short ones: their width is the label's room in a tall figure
        plane.grid(True)
        (self.curve,) = plane.plot([], [], color=theme.cycle[0], label="the IB curve")
        (self.tangent,) = plane.plot([], [], color=theme.cycle[1], lw=1.4, label="slope 1/β")
        (self.steepest,) = plane.plot([], [], "--", color=theme.cycle[2], lw=1.6, label="slope η_KL")
        (self.dot,) = plane.plot([], [], "o", color=theme.cycle[1], ms=11, clip_on=False, zorder=5)
        plane.legend(loc="lower left", bbox_to_anchor=(0, 1.09), ncols=2, **row)
        self.where = plane.text(0, 1.02, "", transform=plane.transAxes, va="bottom")
        left = 0.9 * min(birth.beta for birth in self.births.values())
        right = 1.15 * max(birth.beta for birth in self.births.values())
        kept.set(xlim=(left, right), ylim=(0, most), xlabel="β", ylabel="rate I[X;T], nats")
        kept.grid(True)
        (self.rates,) = kept.plot([], [], color=theme.cycle[0])
        (self.leap,) = kept.plot([], [], ":", color=theme.cycle[0], lw=2)
        (self.born,) = kept.plot([], [], "--", color=theme.cycle[2], lw=1.6, label="1/η_KL: born")
        (self.stable,) = kept.plot([], [], "-.", color=theme.cycle[5], lw=1.6, label="1/ρ²: unstable")
        (self.here,) = kept.plot([], [], "o", color=theme.cycle[1], ms=11, clip_on=False, zorder=5)
        kept.legend(loc="lower left", bbox_to_anchor=(0, 1.09), **row)
        self.numbers = kept.text(0, 1.02, "", transform=kept.transAxes, va="bottom")
        self.known = self.sign(figure, theme, " ")
        moved = [self.curve, self.tangent, self.steepest, self.dot, self.where, self.rates, self.leap, self.born]
        return [*moved, self.stable, self.here, self.numbers, self.known]

    def above(self, symbols: int, rate: Any, relevance: Any) -> Any:
        """How far a point of the plane lies above the line of slope ρ² from the origin, in nats."""
        return relevance - self.births[symbols].squared_correlation * rate

    def known_of(self, state: dict[str, Any]) -> str:
        return evidence(self.solutions[state["symbols"]], self.ratios.index(state["ratio"]))

    def at(self, state: dict[str, Any]) -> tuple[float, float, float, int]:
        """β, rate and relevance (nats) of the solution on screen, and how many clusters it has."""
        found, i = self.solutions[state["symbols"]], self.ratios.index(state["ratio"])
        return float(found.beta[i]), float(found.rate[i]), float(found.relevance[i]), int(found.clusters[i])

    def update(self, **state: Any) -> None:
        birth, (betas, rates, relevances) = self.births[state["symbols"]], self.curves[state["symbols"]]
        beta, rate, relevance, _ = self.at(state)
        across = np.array([0.0, 10.0])
        q = state["symbols"]
        self.curve.set_data(np.append(0, rates), np.append(0, self.above(q, rates, relevances)))
        self.tangent.set_data(across, self.above(q, across, relevance + (across - rate) / beta))
        self.steepest.set_data(across, self.above(q, across, birth.contraction * across))
        self.dot.set_data([rate], [self.above(q, rate, relevance)])
        self.where.set_text(f"I[X;T] = {rate:.3f}   I[T;Y] = {relevance:.3f} nats")
        self.rates.set_data([0, birth.beta, np.nan, *betas], [0, 0, np.nan, *rates])
        self.leap.set_data([birth.beta] * 2, [0, rates[0]])
        self.born.set_data([birth.beta] * 2, [0, 10])
        self.stable.set_data([birth.upper] * 2, [0, 10])
        self.here.set_data([beta], [rate])
        self.numbers.set_text(f"η_KL = {birth.contraction:.4f}   ρ² = {birth.squared_correlation:.4f}")
        known = f"solved now, error {self.error:g}; {self.known_of(state)}"
        self.known.set_text(self.wrapped(self.known.figure, known))

    def alt(self, **state: Any) -> str:
        birth, (_, rates, _) = self.births[state["symbols"]], self.curves[state["symbols"]]
        beta, rate, relevance, clusters = self.at(state)
        how = f"by a jump, to a rate of {rates[0]:.3f} nats" if birth.jump else "out of nothing"
        return (
            f"Information plane of {state['symbols']} symbols with error {self.error:g}. The first cluster is born "
            f"{how}, at β = 1/η_KL = {birth.beta:.4f}; the constant is unstable from 1/ρ² = {birth.upper:.4f} on. At "
            f"β = {beta:.4f} the best encoder has {clusters} clusters, I[X;T] = {rate:.3f} and I[T;Y] = "
            f"{relevance:.3f} nats. {self.known_of(state).capitalize()}."
        )


class GaussianScene(Scene):
    """Left: the curve of one pair of Gaussians with the solution. Right: what is kept, over β, from its birth on."""

    title = "The Gaussian bottleneck, on paper"
    tall = (5.4, 7.8)

    def __init__(self, correlations=(0.3, 0.5, 0.7, 0.8, 0.9, 0.95)):
        correlations = sorted({checks.number("correlations", rho, above=0, below=1) for rho in correlations})
        self.solved = {rho: GaussianBottleneck([[1.0, rho], [rho, 1.0]], inputs=1) for rho in correlations}
        self.betas = [float(f"{beta:.3g}") for beta in np.geomspace(1.02, 60, 40)]
        self.axes = (
            Axis("beta", "β", self.betas, [f"{beta:.3g}" for beta in self.betas], start=10),
            Axis("correlation", "ρ", correlations, start=len(correlations) // 2),
        )

    def information(self, correlation: float) -> float:
        """I[X;Y] in nats."""
        return -0.5 * np.log(1 - correlation**2)

    def build(self, figure: Figure, theme: Theme) -> list:
        plane, kept = self.panels(figure)
        self.right = max(3, *(1.05 * float(solved.rate(self.betas[-1])) for solved in self.solved.values()))
        top = max(1.25, *(1.1 * self.information(rho) for rho in self.solved))
        plane.set(xlim=(0, self.right), ylim=(0, top), xlabel="rate I[X;T], nats", ylabel="relevance I[T;Y], nats")
        plane.grid(True)
        (self.curve,) = plane.plot([], [], color=theme.cycle[0], label="the IB curve")
        (self.tangent,) = plane.plot([], [], color=theme.cycle[1], lw=1.4, label="slope 1/β")
        (self.most,) = plane.plot([], [], ":", color=theme.muted, lw=1.4, label="I[X;Y]")
        (self.dot,) = plane.plot([], [], "o", color=theme.cycle[1], ms=11)
        figure.legend(handles=[self.curve, self.tangent, self.most], loc="outside upper left", ncols=3)
        kept.set(xscale="log", xlim=(1, 62), ylim=(0, self.right), xlabel="β", ylabel="rate I[X;T], nats")
        kept.grid(True)
        (self.rates,) = kept.plot([], [], color=theme.cycle[0])
        (self.birth,) = kept.plot([], [], ":", color=theme.muted, lw=1.6)
        (self.here,) = kept.plot([], [], "o", color=theme.cycle[1], ms=11)
        self.born = kept.text(0, 1.02, "", transform=kept.transAxes, va="bottom")
        self.sign(figure, theme, "closed form (Chechik et al. 2005)")
        return [self.curve, self.tangent, self.most, self.dot, self.rates, self.birth, self.here, self.born]

    def update(self, **state: Any) -> None:
        solved, beta = self.solved[state["correlation"]], state["beta"]
        rates = torch.linspace(0, self.right, 200, dtype=torch.float64)
        rate, relevance = float(solved.rate(beta)), float(solved.relevance(beta))
        critical = float(solved.critical_betas[0])
        self.curve.set_data(rates.numpy(), solved.relevance_at(rates).numpy())
        across = np.array([0.0, self.right])
        self.tangent.set_data(across, relevance + (across - rate) / beta)
        self.most.set_data(across, [self.information(state["correlation"])] * 2)
        self.dot.set_data([rate], [relevance])
        fine = torch.logspace(0.0001, np.log10(62), 300, dtype=torch.float64)
        self.rates.set_data(fine.numpy(), solved.rate(fine).numpy())
        self.birth.set_data([critical] * 2, [0, self.right])
        self.here.set_data([beta], [rate])
        self.born.set_text(f"nothing is kept below 1/ρ² = {critical:.3g}")

    def alt(self, **state: Any) -> str:
        solved, beta = self.solved[state["correlation"]], state["beta"]
        return (
            f"For two Gaussians of correlation {state['correlation']:g}, the best bottleneck at β = {beta:.3g} keeps "
            f"I[X;T] = {float(solved.rate(beta)):.3f} and I[T;Y] = {float(solved.relevance(beta)):.3f} nats. Below the "
            f"critical β of {float(solved.critical_betas[0]):.3g} it keeps nothing; beside it, the rate over β."
        )
