"""All the measures in one table with the truth, on channels whose information is known in closed form.

Both channels end as a network with zero-entropy noise does, Z = f(X) + ε, so that `mixture` applies beside the
`estimators`, which see nothing but samples of Z. Dimension, dependence and number of inputs are free: turn them up, and
watch which columns leave the truth.
"""

import math

import torch
from scipy.integrate import quad

from ibteach import checks, seeds
from ibteach.information import estimators
from ibteach.information.continuous import TWO_PI_E, zero_entropy_noise
from ibteach.information.mixture import measure
from ibteach.information.population import population_bracket


def gaussian_channel(
    information: float, dimension: int, count: int, *, k: int = 3, width: float = 0.5, seed: int = 0
) -> dict[str, float]:
    """I[X;Z] of Z = X + ε for X ~ N(0, s²·I_K), by every measure, in nats: name → value, the truth first.

    I[X;Z] = H[Z] = (K/2) ln(1 + TWO_PI_E·s²) in the population; s follows from `information`. Each measure has the same
    `count` samples. "mixture" is exact for those inputs and at most ln N; it and "population at most" are a bracket.

    `information` > 0, nats; `dimension`: K; `k`: neighbours; `width`: of bins. Raises `InvalidInput`.

    >>> table = gaussian_channel(1.0, dimension=1, count=1000)
    >>> table["truth"], all(abs(value - 1.0) < 0.3 for value in table.values())
    (1.0, True)
    """
    information = checks.number("information", information, above=0)
    dimension, count = checks.whole("dimension", dimension), checks.whole("count", count, minimum=2)
    variance = math.expm1(2 * information / dimension) / TWO_PI_E
    generator = seeds.generator(checks.seed("seed", seed), "channel")
    x = math.sqrt(variance) * torch.randn(count, dimension, dtype=torch.float64, generator=generator)
    z = x + zero_entropy_noise(x, generator)
    bracket = population_bracket(x, seed=seed)
    return {
        "truth": information,
        "mixture": bracket.lower.value.item(),
        "population at most": bracket.upper.value.item(),
        "Kozachenko–Leonenko": estimators.kozachenko_leonenko(z, k),
        "KSG 1": estimators.ksg(x, z, k, variant=1),
        "KSG 2": estimators.ksg(x, z, k, variant=2),
        "binning": estimators.binning(x, z, width),
        "Gaussian": estimators.gaussian_plug_in(x, z) if count > 2 * dimension else math.nan,
    }


def class_channel(
    separation: float, dimension: int, count: int, *, k: int = 3, width: float = 0.5, seed: int = 0
) -> dict[str, float]:
    """I[Y;Z] of two equally likely classes of Gaussian latents, by every measure, in nats: name → value, truth first.

    Within a class Z is Gaussian in every unit, three quarters of its variance from f(X) and one from the noise; the two
    means are `separation` of its standard deviations apart. The truth does not depend on the dimension, so whatever
    does is an error. "mixture" is exact for the inputs at hand, where each has but one label.

    `separation` >= 0; `dimension`: K; `count`: N, even; `k`: neighbours; `width`: of bins. Raises `InvalidInput`.

    >>> table = class_channel(2.0, dimension=1, count=1000)
    >>> round(table["truth"], 4), all(abs(value - table["truth"]) < 0.1 for value in table.values())
    (0.3368, True)
    """
    separation = checks.number("separation", separation, minimum=0)
    dimension, count = checks.whole("dimension", dimension), checks.whole("count", count, minimum=2) // 2 * 2
    generator = seeds.generator(checks.seed("seed", seed), "channel")
    deviation = 2 / math.sqrt(TWO_PI_E)
    labels = torch.arange(count) % 2
    means = separation * deviation / math.sqrt(dimension) * labels.double()[:, None]
    spread = math.sqrt(3 / TWO_PI_E) * torch.randn(count, dimension, dtype=torch.float64, generator=generator)
    latents = means + spread
    z = latents + zero_entropy_noise(latents, generator)
    of_classes = [estimators.kozachenko_leonenko(z[labels == y], k) for y in (0, 1)]
    return {
        "truth": _two_classes(separation),
        "mixture": measure(latents, labels, seed=seed).preserved_relevant_information.value.item(),
        "Ross": estimators.ross(z, labels, k),
        "Kozachenko–Leonenko": estimators.kozachenko_leonenko(z, k) - sum(of_classes) / 2,
        "binning": estimators.binning(z, labels, width),
    }


def _two_classes(separation: float) -> float:
    """ln 2 − H[Y|Z] where the log-odds of the classes are N(d²/2, d²), by quadrature."""

    def uncertainty(u: float) -> float:
        log_odds = separation**2 / 2 + separation * u
        return math.exp(-u * u / 2) / math.sqrt(2 * math.pi) * math.log1p(math.exp(-log_odds))

    return math.log(2) - quad(uncertainty, -8.3, 8.3)[0]
