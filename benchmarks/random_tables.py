"""10,000 random tables against plain search: ``python -m benchmarks.random_tables [number [first]]``.

Tables of up to 12×6 cells of seven kinds: dense, sparse, small counts, counts up to 10¹², Y partly a function of X,
rows that are equal, rows and columns of zeros. Each is solved at a random β between 1 and 30 and at its two neighbours,
10 % away. The solution must not be beaten, by more than 1e-9 nats, by a constant, by the encoders found at the
neighbours, or by plain sweeps of the self-consistent equations, written out here: 200 random encoders are swept 100
times, and the best 20 of them on until no p(t|x) moves by more than 1e-8, or 3,000 times; how many of those still moved
at the end is said. It must not warn, and where a proof is said to be exhaustive, none of them may lie below it. The
critical β of every tenth table must have nothing just below it, exactly, and something just above.
"""

import math
import sys
import time
import warnings
from collections import Counter

import numpy as np

from ibteach.bottleneck.contraction import critical_beta
from ibteach.bottleneck.tabular import solve

KINDS = ("dense", "sparse", "counts", "large counts", "partly a function", "equal rows", "zeros")
RESTARTS, SWEEPS, BEST, MOST, REST, CLOSE = 200, 100, 20, 3000, 1e-8, 1e-9


def random_table(number):
    """The kind and the table (X, Y), summing to one, of a number; and a β."""
    rng = np.random.default_rng([17, number])
    kind, x, y = KINDS[number % len(KINDS)], rng.integers(2, 13), rng.integers(2, 7)
    table = rng.dirichlet(np.ones(x))[:, None] * rng.dirichlet(np.full(y, rng.choice([0.2, 0.5, 2.0])), x)
    if kind == "sparse":
        table = table * (rng.random((x, y)) < 0.5)
    elif kind == "counts":
        table = rng.choice([0, 1, 2, 3, 5, 8, 20], size=(x, y))
    elif kind == "large counts":
        table = (10 ** rng.uniform(0, 12, (x, y))).round() * (rng.random((x, y)) < 0.8)
    elif kind == "partly a function":
        certain = rng.random(x) < 0.6
        table[certain] = np.eye(y)[rng.integers(0, y, certain.sum())] * table[certain].sum(1, keepdims=True)
    elif kind == "equal rows":
        table = table[rng.integers(0, max(1, x // 2), x)] * rng.uniform(0.1, 1, (x, 1))
    elif kind == "zeros":
        table[rng.integers(0, x, 2)] = 0
        table[:, rng.integers(0, y)] = 0
    table = table.astype(float)
    table[rng.integers(x), rng.integers(y)] += table.sum() == 0
    return kind, table / table.sum(), math.exp(rng.uniform(0.01, math.log(30)))


def plain_sweeps(table, beta, seed=0):
    """The lowest I[X;T] − β I[T;Y] that sweeps find, and how many of the `BEST` restarts had not come to rest."""
    table = table[table.any(1)][:, table.any(0)]
    p_x, rows = table.sum(1), table / table.sum(1, keepdims=True)
    rng = np.random.default_rng(seed)
    encoder = rng.dirichlet(np.full(len(p_x), 0.5), (RESTARTS, len(p_x))).transpose(0, 2, 1)  # (R, T, X)
    lowest = 0.0
    for number in range(1, MOST + 1):
        joint = encoder * p_x
        p_t = joint.sum(2, keepdims=True)
        log_y = np.log(np.maximum(joint @ rows, 1e-300)) - np.log(np.maximum(p_t, 1e-300))
        score = np.where(p_t > 0, np.log(np.maximum(p_t, 1e-300)) + beta * log_y @ rows.T, -np.inf)
        image = np.exp(score - score.max(1, keepdims=True))
        image /= image.sum(1, keepdims=True)
        moving = np.abs(image - encoder).max((1, 2)) > REST if number >= SWEEPS else np.ones(RESTARTS, bool)
        if number == SWEEPS:
            value = [lagrangian(table, one.T, beta) for one in image]
            best = np.argsort(value)[:BEST]
            lowest, image, moving = min(value), image[best], moving[best]
        ended = image if number == MOST else image[~moving]
        lowest = min([lowest, *(lagrangian(table, one.T, beta) for one in ended)])
        encoder = image[moving]
        if not len(encoder):
            break
    return lowest, len(encoder)


def lagrangian(table, encoder, beta):
    """I[X;T] − β I[T;Y] of an encoder (X, T), from its definition."""
    return information(encoder * table.sum(1)[:, None]) - beta * information(encoder.T @ table)


def information(table):
    outer = table.sum(1, keepdims=True) * table.sum(0)
    return (table * np.log(np.where(table > 0, table, 1) / np.where(outer > 0, outer, 1))).sum()


def compare(number):
    """What is wrong with the solutions of one table, in sentences; how its three β were proven; restarts that still
    moved; and seconds with proofs and without.
    """
    kind, table, beta = random_table(number)
    betas, wrong = np.array([beta / 1.1, beta, 1.1 * beta]), []
    restart, moving = plain_sweeps(table, beta, number)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        start = time.process_time()
        solution = solve(table, betas)
        seconds = time.process_time() - start
        searching = 0.0
        if number % 10 == 0:
            start = time.process_time()
            solve(table, betas, seconds=0)
            searching = 10 * (time.process_time() - start)
    wrong += [str(warning.message) for warning in told]
    ours = [lagrangian(table, one, b) for one, b in zip(solution.encoder.numpy(), betas, strict=True)]
    for i, b in enumerate(betas):
        others = {"a constant": 0.0}
        others |= {f"β = {betas[j]:.6g}'s": lagrangian(table, solution.encoder[j].numpy(), b) for j in range(3)}
        if i == 1:
            others["a restart"] = restart
        for name, value in others.items():
            if value < ours[i] - CLOSE:
                wrong.append(f"β = {b!r}: {name} encoder is better by {ours[i] - value:.1e}, {solution.proof[i]}")
        if abs(ours[i] - float(solution.objective[i])) > 1e-9 * max(1, b):
            wrong.append(f"β = {b!r}: the objective is {ours[i]!r}, not {float(solution.objective[i])!r}")
    if number % 10 == 0:
        critical = critical_beta(table)
        if critical < 1e4:
            below, above = solve(table, [critical * (1 - 1e-6), critical * (1 + 1e-3)], seconds=0).relevance
            if below > 0 or not above > 0:
                wrong.append(f"relevance {below:.1e} below and {above:.1e} above the critical β {critical!r}")
    return kind, wrong, solution.proof.tolist(), moving, seconds, searching


def main(number=10_000, first=0):
    proofs, failures, restless, spent, searched = Counter(), Counter(), 0, 0.0, 0.0
    for i in range(first, first + number):
        kind, wrong, proof, moving, seconds, searching = compare(i)
        restless += moving
        spent, searched = spent + seconds, searched + searching
        proofs.update(proof)
        failures[kind] += bool(wrong)
        for sentence in wrong:
            print(f"table {i} ({kind}): {sentence}", flush=True)
        if (i + 1) % 500 == 0:
            print(f"{i + 1 - first} tables, {sum(failures.values())} beaten or warned of", flush=True)
    print({kind: failures[kind] for kind in KINDS})
    print(
        f"{proofs['exhaustive']} of {3 * number} solutions with an exhaustive proof; {1e3 * spent / number / 3:.1f} ms "
        f"for each β, {1e3 * searched / number / 3:.1f} ms without proofs"
    )
    print(f"{restless} of {BEST * number} restarts swept on had not come to rest after {MOST} sweeps")
    print(f"ratio: {sum(failures.values())} of {number} tables beaten (wanted: 0)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
