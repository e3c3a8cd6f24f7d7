"""The critical β of tables in which a label never meets some inputs, where logarithms of zero lie in wait."""

import numpy as np
import pytest

from ibteach.bottleneck.contraction import critical_beta
from ibteach.bottleneck.tabular import solve


@pytest.mark.parametrize("seed", range(4))
def test_critical_beta_of_a_table_with_many_zeros(seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(3 * rng.dirichlet(np.full(10, 0.2), 16) * rng.uniform(0.2, 9, (16, 1)))
    counts[0, 0] += 1
    beta = critical_beta(counts)
    below, above = solve(counts, [0.999 * beta, 1.001 * beta], normalize=True).relevance
    assert below == 0 and above > 0
