"""Explorers of trained networks: each shows one thing that a `Record` knows, as sliders move over its networks.

A slider never trains and never interpolates: each tick of γ is a network that was really trained. `latents` is the
latent space with the terms of the objective beside it, `bounds` the chain of upper bounds on H[Z|Y], `error_bound`
what the cross-entropy promises about the error. Chapter 05 walks through all three.
"""

from IPython.display import Markdown

from ibteach.display.chapters.chapter_05_bounds import BoundScene, ErrorBoundScene
from ibteach.display.chapters.chapter_05_latents import LatentScene
from ibteach.display.live.explorer import Explorer
from ibteach.objectives import CROSS_ENTROPIES, OBJECTIVES
from ibteach.records.record import Record


def latents(record: Record) -> Explorer:
    """Latent space of every network with its class ellipses and decisions, beside the terms of its objective."""
    return Explorer(LatentScene(record))


def bounds(record: Record) -> Explorer:
    """The bounds on H[Z|Y] from the tightest to the loosest, and the tangent that joins variance and log-variance."""
    return Explorer(BoundScene(record))


def error_bound(record: Record) -> Explorer:
    """Training error of a sampled prediction against the bound 1 − exp(−H), over training and over all networks."""
    return Explorer(ErrorBoundScene(record))


def objective_table() -> Markdown:
    """Every term of `ibteach.objectives`, with its formula, its weight, what it bounds and its source."""
    rows = ["| term | in nats | bounds | γ multiplies | γ / β′ | source |", "|---|---|---|---|---|---|"]
    for one in CROSS_ENTROPIES.values():
        bounded = one.bounds.replace("|", r"\|")
        rows.append(f"| {one.title} | ${one.formula}$ | {bounded} | | | {one.source} |")
    for one in OBJECTIVES.values():
        weight, bounded = f"{one.gamma_per_beta_prime:.3g}", one.bounds.replace("|", r"\|")
        rows.append(f"| {one.title} | ${one.formula}$ | {bounded} | ${one.plain}$ | {weight} | {one.source} |")
    return Markdown("\n".join(rows))
