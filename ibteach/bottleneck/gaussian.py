"""The Gaussian bottleneck, solved on paper: for jointly Gaussian X and Y every curve and encoder has a closed form.

The best encoder is a noisy linear projection, T = A X + ξ with ξ ~ N(0, I). In the coordinates of canonical correlation
analysis X and Y fall apart into independent pairs with correlations ρ_i, and pair i is kept only for β above
1/ρ_i² (Chechik, Globerson, Tishby & Weiss 2005): phase transitions that can be checked to the last digit. It is the
ground truth for `tabular`, and for everything that estimates information from samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibteach import checks
from ibteach.bottleneck.tabular import trade_offs
from ibteach.errors import InvalidInput
from ibteach.information.tables import Table, numbers

if TYPE_CHECKING:
    from jaxtyping import Float64

LARGEST = 1e290
"""The largest β, so that the signal's variance over the noise's is a number for any correlation."""


class GaussianBottleneck:
    """The IB of jointly Gaussian X (the first `inputs` variables) and Y (the others), from their covariance (N, N).

    `correlations` are the canonical correlations ρ, falling, (K,), with K the smaller number of variables;
    `critical_betas` are 1/ρ², (K,), where each pair comes in. Raises `InvalidInput` for a matrix that is no covariance,
    or where some combination of X fixes one of Y: I[X;Y] is infinite then.

    >>> GaussianBottleneck([[1.0, 0.8], [0.8, 1.0]], inputs=1).critical_betas
    tensor([1.5625], dtype=torch.float64)
    """

    def __init__(self, covariance: Table, inputs: int) -> None:
        covariance = checks.real("covariance", numbers("covariance", covariance).cpu().double(), "N N")
        inputs = checks.whole("inputs", inputs, maximum=len(covariance) - 1)
        deviations = covariance.diagonal().abs().sqrt()
        square = covariance.shape[0] == covariance.shape[1]
        # What torch.cov finds in float32 is symmetric up to rounding, which is relative to the standard deviations.
        if not square or ((covariance - covariance.T).abs() > 1e-6 * deviations * deviations[:, None]).any():
            raise InvalidInput(
                f"covariance: got shape {tuple(covariance.shape)} or values that differ from their mirror image, "
                "expected a symmetric matrix (N, N)."
            )
        x, y = covariance[:inputs, :inputs], covariance[inputs:, inputs:]
        (root_x, bad_x), (root_y, bad_y) = torch.linalg.cholesky_ex(x), torch.linalg.cholesky_ex(y)
        if bad_x or bad_y:
            raise InvalidInput(
                f"covariance: the block of {'X' if bad_x else 'Y'} is not positive definite; drop variables that are "
                "constant or follow from the others."
            )
        # Σ_x^{-1/2} Σ_xy Σ_y^{-1/2}: its singular values are the canonical correlations.
        whitened = torch.linalg.solve_triangular(root_x, covariance[:inputs, inputs:], upper=False)
        whitened = torch.linalg.solve_triangular(root_y, whitened.T, upper=False).T
        directions, self.correlations, _ = torch.linalg.svd(whitened, full_matrices=False)
        if self.correlations[0] > 1 + 1e-9:
            raise InvalidInput(
                f"covariance: got a canonical correlation of {self.correlations[0]:.6g}, which no covariance has: "
                "it is not positive semidefinite."
            )
        if self.correlations[0] > 1 - 1e-12:
            raise InvalidInput(
                f"covariance: got a canonical correlation of {self.correlations[0]:.12g}, expected less than 1: with "
                "Y fixed by X, I[X;Y] is infinite; add noise to one of them."
            )
        self.directions = torch.linalg.solve_triangular(root_x.T, directions, upper=True).T  # (K, X), unit variance
        self.critical_betas = self.correlations**-2

    def rate(self, beta: Table) -> Float64[Tensor, "*batch"]:
        """I[X;T] = Σ ½ ln((β − 1) ρ² / (1 − ρ²)) over the pairs with β ρ² > 1, in nats; the shape of `beta`."""
        return self._gains(beta).log1p().sum(-1) / 2

    def relevance(self, beta: Table) -> Float64[Tensor, "*batch"]:
        """I[T;Y] = I[X;T] − Σ ½ ln(β ρ²) over the pairs with β ρ² > 1, in nats; the shape of `beta`.

        >>> GaussianBottleneck([[1.0, 0.8], [0.8, 1.0]], inputs=1).relevance([1.0, 1e12])  # 0, and nearly I[X;Y]
        tensor([0.0000, 0.5108], dtype=torch.float64)
        """
        gains = self._gains(beta)
        return (gains.log1p() - (gains * (1 - self.correlations**2)).log1p()).sum(-1) / 2

    def projection(self, beta: Table) -> Float64[Tensor, "*batch K X"]:
        """The matrix A of T = A X + ξ, ξ ~ N(0, I): (..., K, X), with rows of zeros for pairs that are not kept."""
        return self._gains(beta).sqrt()[..., None] * self.directions

    def relevance_at(self, rate: Table) -> Float64[Tensor, "*batch"]:
        """The IB curve: the most I[T;Y] for I[X;T] = rate ≥ 0, any shape, in nats; I[X;Y] for large rates.

        >>> curve = GaussianBottleneck([[1.0, 0.8], [0.8, 1.0]], inputs=1)
        >>> torch.allclose(curve.relevance_at(curve.rate(3.0)), curve.relevance(3.0))
        True
        """
        rate = numbers("rate", rate).cpu().double()
        if not (torch.isfinite(rate) & (rate >= 0)).all():
            raise InvalidInput(f"rate: got values down to {rate.min():g}, expected finite numbers >= 0.")
        # With the k strongest pairs in use, rate = Σ ½ ln((β − 1) ρ² / (1 − ρ²)) gives β; k is the largest that fits.
        used = self.correlations[self.correlations > 0]
        if not len(used):
            return torch.zeros_like(rate)
        odds = (used**2 / (1 - used**2)).log()
        pairs = torch.arange(1, len(used) + 1, dtype=torch.float64)
        starts = (pairs * torch.log(used**-2 - 1) + odds.cumsum(0)) / 2  # the rate at which pair k comes in
        last = (torch.searchsorted(starts, rate, right=True) - 1).clamp_min(0)
        beta = 1 + ((2 * rate - odds.cumsum(0)[last]) / pairs[last]).exp()
        return self.relevance(beta.clamp_max(LARGEST))  # beyond it the curve is I[X;Y] but for rounding

    def _gains(self, beta: Table) -> Float64[Tensor, "*batch K"]:
        """a² = (β ρ² − 1) / (1 − ρ²) of each pair, 0 below its critical β: the signal's variance over the noise's."""
        squared = self.correlations**2
        return ((trade_offs(beta, largest=LARGEST)[..., None] * squared - 1) / (1 - squared)).clamp_min(0)
