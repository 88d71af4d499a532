"""2a to 2e: k-means against an exact slow form, theorems, degenerate examples, and the handout's figures."""

from fractions import Fraction

import numpy as np
import pytest

from kmeans import kmeans


def square(x, c):
    return sum((a - b) ** 2 for a, b in zip(x, c))


def exact_passes(X, first):
    """Lloyd's algorithm in rational numbers, by loops alone: z, C and the loss after each pass."""
    X, C = ([[Fraction(float(v)) for v in row] for row in A] for A in (X, first))
    old = None
    while True:
        z = [min(range(len(C)), key=lambda c, x=x, C=C: (square(x, C[c]), c)) for x in X]
        if z == old:
            return
        members = [[x for x, own in zip(X, z) if own == c] for c in range(len(C))]
        C = [[sum(m) / len(m) for m in zip(*own)] if own else C[c] for c, own in enumerate(members)]
        left = [square(x, C[own]) for x, own in zip(X, z)]
        yield np.array(z), np.array(C, float), float(sum(left))
        for c, own in enumerate(members):
            if not own and max(left):
                C[c] = X[left.index(max(left))]
                left = [min(before, square(x, C[c])) for before, x in zip(left, X)]
        old = z


KINDS = {
    "random": lambda r, n, d: r.normal(size=(n, d)),
    "whole numbers, many ties": lambda r, n, d: r.integers(0, 4, (n, d)),
    "few distinct examples": lambda r, n, d: r.integers(0, 2, (n, d)).astype(float),
    "single precision": lambda r, n, d: r.normal(size=(n, d)).astype(np.float32),
    "a far offset": lambda r, n, d: r.integers(0, 5, (n, d)) + 1e9,
    "bytes": lambda r, n, d: r.integers(0, 256, (n, d)).astype(np.uint8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_2a_agrees_with_the_exact_slow_form(kind):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, d = rng.integers(1, 30), rng.integers(1, 4)
        X, k = KINDS[kind](rng, n, d), int(rng.integers(1, n + 1))
        np.random.seed(seed)
        *_, (z, C, loss) = exact_passes(X, X[np.random.choice(np.arange(n), k, replace=False)])
        np.random.seed(seed)
        ours = kmeans(X, k)
        np.testing.assert_array_equal(ours[0], z, err_msg=f"seed {seed}, X {X.shape}, k={k}")
        np.testing.assert_allclose(ours[1], C, rtol=1e-12, atol=1e-12)
        assert ours[2] == pytest.approx(loss, rel=1e-6 if kind == "a far offset" else 1e-12, abs=1e-25)
