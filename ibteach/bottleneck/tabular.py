"""The best bottleneck of a table p(x, y): the IB, the deterministic IB, and all between, for every trade-off at once.

`solve` minimises H[T] − α H[T|X] − β I[T;Y] over encoders p(t|x): α = 1 is the information bottleneck (Tishby, Pereira
& Bialek 1999), α = 0 the deterministic one, and α between joins them (Strouse & Schwab 2017). For α = 1 a solution
says how far it may be from the best: by a bound (`exhaustive`), or where that takes too long by a search (`births`).
For α = 0 partitions are searched (`deterministic`), all of them where X is small; between, it descends from both
(`generalized`). `lagrangian` prices an encoder that is given; `curve` has what follows from the solutions.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ibteach import checks
from ibteach.bottleneck.births import certified, solve_ib
from ibteach.bottleneck.blahut_arimoto import Source, batches, encode, tables
from ibteach.bottleneck.deterministic import FEW, partition_encoders, solve_dib
from ibteach.bottleneck.generalized import solve_generalized
from ibteach.bottleneck.lagrangian import two_variables
from ibteach.errors import InvalidInput, NotConverged
from ibteach.information.discrete import Joint, entropy_terms
from ibteach.information.tables import Table, numbers

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64, Shaped

NEVER = 1e-15  # a probability that is none
HARD = 1e-12  # α up to here is 0: the difference, α H[T|X], is below rounding
LARGEST_BETA = 1e15  # beyond it the rate is below the rounding of β I[T;Y]
AT_REST = 1e-5  # an encoder that moves more than this in one more sweep has not converged


@dataclass(frozen=True, repr=False)
class Solution:
    """Best known encoders, one for each β, in the caller's order; nats; shape (B,), or that of `beta`; on the CPU.

    `encoder` is p(t|x), (B, X, T), with clusters by falling p(t) and T the largest number in use; `clusters` how many
    are. An x of probability zero is encoded like the average x.

    `gap` is how far `objective` may be above that of the best encoder there is, and `proof` says how that is known.
    "exhaustive": nothing was left out, and `gap` is an upper bound up to rounding. For α = 1 a branch and bound over
    the simplex of Y (`exhaustive`), for α = 0 all partitions of X. "searched": the largest gap found, from `starts`
    places, and no bound; for α < 1 a comparison with the IB, and loose. `bound` is the lowest upper bound shown, ∞
    where none was tried, and says how far a proof came that was not finished.

    `residual` is the largest change of p(t|x) in one more pass through the self-consistent equations, `sweeps` the
    number of passes.
    """

    alpha: float
    beta: Float64[Tensor, "*batch"]
    rate: Float64[Tensor, "*batch"]
    relevance: Float64[Tensor, "*batch"]
    entropy: Float64[Tensor, "*batch"]
    objective: Float64[Tensor, "*batch"]
    encoder: Float64[Tensor, "*batch X T"]
    clusters: Int64[Tensor, "*batch"]
    gap: Float64[Tensor, "*batch"]
    proof: Shaped[np.ndarray, "*batch"]
    bound: Float64[Tensor, "*batch"]
    starts: Int64[Tensor, "*batch"]
    residual: Float64[Tensor, "*batch"]
    sweeps: Int64[Tensor, "*batch"]
    converged: Bool[Tensor, "*batch"]

    def __repr__(self):
        proven = int((self.proof == "exhaustive").sum())
        return (
            f"Solution(alpha={self.alpha:g}, {self.beta.numel()} beta from {self.beta.min():g} to {self.beta.max():g}, "
            f"{self.clusters.min()} to {self.clusters.max()} clusters, gap at most {self.gap.max():.1e} nats, "
            f"{proven} exhaustive, {self.beta.numel() - proven} searched, {self.converged.sum()} converged)"
        )


def solve(
    joint: Joint | Table,
    beta: Table,
    alpha: float = 1.0,
    *,
    restarts: int = 24,
    sweeps: int = 2000,
    seconds: float | None = None,
    seed: int = 0,
    normalize: bool = False,
) -> Solution:
    """Encoders that minimise H[T] − α H[T|X] − β I[T;Y] for every β: IB for α = 1, deterministic IB for α = 0.

    `joint` is p(x, y), a table (X, Y) as `information.discrete.Joint` takes them, or a `Joint` of two variables; `beta`
    numbers > 0, at most `LARGEST_BETA`, in any order and shape, repeats welcome; `alpha` in [0, 1]. Where optima are
    local, that is for α < 1, `restarts` random starts are added. At most `sweeps` passes are made for each β.

    A proof (`Solution.proof`) is tried for α = 1 where Y has at most four values, or falls into parts that have, and
    then ends after a fixed number of steps, below a second for each β. `seconds` > 0 tries it for any table and for all
    β together in that time, and 0 not at all. For α = 0 and at most eight x all partitions are tried.

    Memory: the encoders, 8·B·X·T bytes, four times, and some 100·X² bytes: 0.45 GB for 50 β, X = 512, Y = 64.
    Raises `InvalidInput`; warns `NotConverged` where `sweeps` was too few: `gap` and `residual` say by how much.

    >>> solve([[0.45, 0.05], [0.05, 0.45]], beta=[1.5, 2.0]).clusters
    tensor([1, 2])
    """
    table, seen, source = sources(joint, normalize)
    beta, alpha = trade_offs(beta).detach(), checks.number("alpha", alpha, minimum=0, maximum=1)
    restarts, sweeps = checks.whole("restarts", restarts, minimum=0), checks.whole("sweeps", sweeps)
    seed = checks.seed("seed", seed)
    seconds = None if seconds is None else checks.number("seconds", seconds, minimum=0)
    distinct, place = np.unique(beta.flatten().numpy(), return_inverse=True)

    # For α < 1 no more of the IB is needed than a start, and a bound that may be loose: no proof, unless asked for.
    seconds = 0 if alpha < 1 and seconds is None else seconds
    ib = solve_ib(source, distinct, sweeps, births=alpha > HARD, seconds=seconds)
    soft, used, starts, bound = ib.encoder, ib.sweeps, ib.starts, ib.proven
    best, residual = soft, np.zeros(len(distinct))
    few = alpha <= HARD and len(source.p_x) <= FEW
    several = few | ((soft > 0).any(1).sum(1) > 1)  # where one cluster is best for α = 1, it is best for every α
    if alpha < 1 and several.any():
        above = distinct[several]
        labels, passes, tried = solve_dib(source, above, [soft[several].argmax(2)], restarts, seed)
        found, starts[several] = partition_encoders(source, labels), tried
        if alpha > HARD:
            settings = dict(restarts=restarts, limit=sweeps, seed=seed)
            found, passes, starts[several] = solve_generalized(source, above, alpha, soft[several], labels, **settings)
        best = np.zeros((len(distinct), len(source.p_x), max(1, found.shape[2])))
        best[:, :, 0], best[several] = 1, 0
        best[several, :, : found.shape[2]] = found
        used[several] += passes
    if alpha > HARD:
        residual = _residual(source, best, distinct, alpha)

    encoder = for_all(best, seen, source.p_x)
    entropy, rate, relevance = information_of(table, encoder)
    enough = torch.from_numpy(10 * certified(distinct))
    gap = np.where(bound <= enough.numpy(), bound, ib.searched)
    arrays = (gap, bound, starts, residual, used, distinct)
    gap, bound, starts, residual, used, distinct = (torch.from_numpy(one) for one in arrays)
    objective = alpha * rate + (1 - alpha) * entropy - distinct * relevance
    if alpha < 1:  # H[T|X] ≥ 0: at the same β no encoder has less than the best IB
        _, least_rate, most_relevance = information_of(table, for_all(soft, seen, source.p_x))
        below = least_rate - distinct * most_relevance
        gap, bound = objective - (below - gap), objective - (below - bound)
    if few:
        gap = bound = torch.zeros_like(objective)
    converged = gap <= enough if alpha == 1 else residual <= AT_REST
    proof = np.where(bound <= enough, "exhaustive", "searched")
    if not converged.all():
        warnings.warn(
            f"{int((~converged).sum())} of {len(distinct)} beta were stopped after {sweeps} sweeps, up to "
            f"{gap[~converged].max():.1e} nats above the optimum; pass more than sweeps={sweeps}.",
            NotConverged,
            stacklevel=2,
        )
    clusters = (encoder > 0).any(1).sum(1)
    each: list[Any] = [rate, relevance, entropy, objective, encoder, clusters]
    each += [gap.clamp_min(0), proof, bound.clamp_min(0), starts, residual, used, converged]
    return Solution(alpha, beta, *(value[place].reshape(beta.shape + value.shape[1:]) for value in each))


def sources(joint: Joint | Table, normalize: bool = False) -> tuple[Float64[Tensor, "X Y"], Bool[Tensor, " X"], Source]:
    """The checked table p(x, y), which x occur, and both as a `Source` without the x and y that never do.

    What has less probability than `NEVER` could change no sum by more than rounding, and counts as never.
    """
    table = two_variables(joint, normalize).detach().cpu()  # no gradient flows through a search
    table = table / table.sum()
    seen = table.sum(1) > NEVER
    return table, seen, Source(table[seen][:, table[seen].sum(0) > NEVER].numpy())


def trade_offs(beta: Table, *, largest: float = LARGEST_BETA) -> Float64[Tensor, "*batch"]:
    """The β of a caller, float64, on the CPU; `InvalidInput` where one is not > 0, or beyond the largest."""
    values = numbers("beta", beta).cpu().double()
    wrong = values[~((values > 0) & (values <= largest))]
    if wrong.numel() or not values.numel():
        came = f"{wrong.flatten()[0]:g}" if wrong.numel() else "none"
        upper = "" if largest == torch.inf else f" and <= {largest:g}"
        raise InvalidInput(f"beta: got {came}, expected numbers > 0{upper}, in any order.")
    return values


def information_of(table: Float64[Tensor, "X Y"], encoder: Float64[Tensor, "B X T"]) -> list[Float64[Tensor, " B"]]:
    """H[T], I[X;T] and I[T;Y] in nats, (B,) each; exactly 0 where there is one cluster."""
    p_x, p_y = table.sum(1), table.sum(0)
    terms = [
        [
            entropy_terms(p_x @ one).sum(),
            p_x @ entropy_terms(one).sum(1),
            entropy_terms(one.T @ table).sum(),
        ]
        for one in encoder
    ]
    p_t, given_x, with_y = torch.tensor(terms, dtype=torch.float64).T
    several = (encoder > 0).any(1).sum(1) > 1
    information = [p_t, p_t - given_x, p_t + entropy_terms(p_y).sum() - with_y]
    return [torch.where(several, value, 0.0).clamp_min(0) for value in information]


def _residual(source, encoder, beta, alpha):
    change = []
    for part in batches(len(encoder), encoder[0].size):
        joint, _ = encode(source, tables(source, encoder[part]), beta[part], alpha)
        change.append(np.abs(joint.transpose(0, 2, 1) / source.p_x[:, None] - encoder[part]).max((1, 2)))
    return np.concatenate(change)


def for_all(
    encoder: Float64[np.ndarray, "B x T"], seen: Bool[Tensor, " X"], p_x: Float64[np.ndarray, " x"]
) -> Float64[Tensor, "B X T"]:
    """Encoders (B, X, T) for all x, from those of the x that are seen; the others are encoded like the average x."""
    whole = torch.from_numpy(p_x @ encoder)[:, None].repeat(1, len(seen), 1)
    whole[:, seen] = torch.from_numpy(encoder)
    return whole
