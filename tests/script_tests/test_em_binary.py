"""Question 3: each step against its formula in plain loops, the theorems of EM, what is degenerate.

The loops multiply plain probabilities, example by example and entry by entry, and know nothing of logs.
"""

import itertools
import math
import re
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from pace import sample

import em_binary as em

ROOT = Path(em.__file__).parent


def bayes(X, pi, W):
    """r and P(x_i): products over the entries seen, then Bayes' rule."""
    n, k = len(X), len(pi)
    r, p = np.zeros((n, k)), np.zeros(n)
    for i in range(n):
        for c in range(k):
            product = pi[c]
            for j, x in enumerate(X[i]):
                if not math.isnan(x):
                    product *= W[c][j] if x == 1 else 1 - W[c][j]
            r[i, c] = product
        p[i] = sum(r[i])
        r[i] /= p[i]
    return r, p


def shares(X, r):
    """pi and W: sums over the examples, one by one; with nothing to go by, W is the column's overall mean."""
    (n, d), k = np.shape(X), len(r[0])
    pi = np.array([sum(r[i][c] for i in range(n)) / n for c in range(k)])
    W = np.zeros((k, d))
    for j in range(d):
        seen = [i for i in range(n) if not math.isnan(X[i][j])]
        mean = sum(X[i][j] for i in seen) / len(seen) if seen else 0.5
        for c in range(k):
            mass = sum(r[i][c] for i in seen)
            W[c, j] = sum(r[i][c] * X[i][j] for i in seen) / mass if mass > 0 else mean
    return pi, W


def problem(seed, n=7, d=5, k=3, missing=0.0):
    """X with the given share of missing entries, r, pi, W: random, and no two of n, d, k equal."""
    rng = np.random.default_rng(seed)
    X = (rng.random((n, d)) < rng.random(d)).astype(float)
    X[rng.random((n, d)) < missing] = np.nan
    r, pi = rng.random((n, k)), rng.random(k)
    return X, r / r.sum(1, keepdims=True), pi / pi.sum(), rng.uniform(0.05, 0.95, (k, d))


def mixture(seed, n, d, k, missing=0.0):
    """X drawn from k components that differ."""
    rng = np.random.default_rng(seed)
    W, z = rng.beta(0.5, 0.5, (k, d)), rng.integers(k, size=n)
    X = (rng.random((n, d)) < W[z]).astype(float)
    X[rng.random((n, d)) < missing] = np.nan
    return X, z


PROBLEMS = [(seed, missing) for seed in range(4) for missing in (0.0, 0.3, 0.8)]
FORMS = {
    "list": lambda X: X.astype(int).tolist(),
    "bool": lambda X: X.astype(bool),
    "int8": lambda X: X.astype(np.int8),
    "float32": lambda X: X.astype(np.float32),
    "fortran": np.asfortranarray,
    "read-only": lambda X: np.broadcast_to(X, (1, *X.shape))[0],
    "csr_matrix": scipy.sparse.csr_matrix,
    "csr_array-bool": lambda X: scipy.sparse.csr_array(X.astype(bool)),
    "csc_matrix": scipy.sparse.csc_matrix,
    "coo_array": scipy.sparse.coo_array,
    "lil_matrix": scipy.sparse.lil_matrix,
}


@pytest.fixture(autouse=True)
def no_warnings():
    with np.errstate(all="raise", under="ignore"):
        yield


# The formulas


@pytest.mark.parametrize("seed, missing", PROBLEMS)
def test_3a_e_step_is_bayes_rule(seed, missing):
    X, _, pi, W = problem(seed, missing=missing)
    r = em.e_step(X, pi, W)
    assert r.shape == (7, 3)
    np.testing.assert_allclose(r, bayes(X, pi, W)[0], rtol=1e-12)


def test_3a_one_example_done_in_the_head():
    """x = (1, 0): under the first 1/2 * 1/2 * 3/4 = 3/16, under the second 1/2 * 1/4 * 1/4 = 1/32."""
    r = em.e_step([[1, 0]], [0.5, 0.5], [[0.5, 0.25], [0.25, 0.75]])
    np.testing.assert_allclose(r, [[6 / 7, 1 / 7]], rtol=1e-14)


@pytest.mark.parametrize("seed, missing", PROBLEMS)
def test_log_likelihood_is_the_log_of_the_products(seed, missing):
    X, _, pi, W = problem(seed, missing=missing)
    got = em.log_likelihood(X, pi, W)
    assert isinstance(got, float)
    assert got == pytest.approx(np.log(bayes(X, pi, W)[1]).sum(), rel=1e-12)


@pytest.mark.parametrize("seed, missing", PROBLEMS)
def test_3b_ecll_is_the_triple_sum(seed, missing):
    X, r, pi, W = problem(seed, missing=missing)
    total = 0.0
    for i in range(7):
        for c in range(3):
            bracket = math.log(pi[c])
            for j in range(5):
                if X[i, j] == 1:
                    bracket += math.log(W[c, j])
                elif X[i, j] == 0:
                    bracket += math.log(1 - W[c, j])
            total += r[i, c] * bracket
    got = em.expected_complete_log_likelihood(X, r, pi, W)
    assert isinstance(got, float)
    assert got == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("seed, missing", PROBLEMS)
def test_3c_m_step_w_is_the_weighted_share_of_ones(seed, missing):
    X, r, _, _ = problem(seed, missing=missing)
    W = em.m_step(X, r)[1]
    assert W.shape == (3, 5)
    np.testing.assert_allclose(W, shares(X, r)[1], rtol=1e-12)


@pytest.mark.parametrize("seed, missing", PROBLEMS)
def test_3d_m_step_pi_is_the_share_of_the_responsibility(seed, missing):
    X, r, _, _ = problem(seed, missing=missing)
    pi = em.m_step(X, r)[0]
    np.testing.assert_allclose(pi, shares(X, r)[0], rtol=1e-12)
    assert pi.sum() == pytest.approx(1, abs=1e-14)


def test_3c_3d_hard_responsibilities_give_the_means_of_the_clusters():
    pi, W = em.m_step([[1, 1], [1, 0], [0, 0], [1, 0]], [[1, 0], [1, 0], [0, 1], [0, 1]])
    assert pi.tolist() == [0.5, 0.5]
    assert W.tolist() == [[1, 0.5], [0.5, 0]]


@pytest.mark.parametrize("seed, missing", PROBLEMS)
def test_3c_3d_no_other_parameters_give_a_larger_ecll(seed, missing):
    X, r, _, _ = problem(seed, missing=missing)
    pi, W = em.m_step(X, r)
    best = em.expected_complete_log_likelihood(X, r, pi, W)
    rng = np.random.default_rng(seed)
    for size in (1e-4, 1e-2, 0.3):
        near_W = np.clip(W + size * rng.normal(size=W.shape), 1e-9, 1 - 1e-9)
        near_pi = pi * np.exp(size * rng.normal(size=3))
        assert em.expected_complete_log_likelihood(X, r, pi, near_W) < best
        assert em.expected_complete_log_likelihood(X, r, near_pi / near_pi.sum(), W) < best


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_x_gives_the_same_answers(form):
    X, r, pi, W = problem(5)
    same = form(X)
    before = str(same)
    np.testing.assert_allclose(em.e_step(same, pi, W), em.e_step(X, pi, W), rtol=1e-13)
    assert em.log_likelihood(same, pi, W) == pytest.approx(em.log_likelihood(X, pi, W), rel=1e-13)
    ecll = em.expected_complete_log_likelihood
    assert ecll(same, r, pi, W) == pytest.approx(ecll(X, r, pi, W), rel=1e-13)
    for got, want in zip(em.m_step(same, r), em.m_step(X, r)):
        np.testing.assert_allclose(got, want, rtol=1e-13)
    assert em.fit(same, 2).log_likelihood == pytest.approx(em.fit(X, 2).log_likelihood, rel=1e-13)
    assert str(same) == before, "the caller's X was changed"


# The theorems


def runs():
    for seed in range(12):
        n, d, k = np.random.default_rng(seed).integers(1, [40, 30, 8])
        for missing in (0.0, 0.4):
            yield mixture(seed, n, d, 3, missing)[0], int(k), seed


def test_log_likelihood_never_falls_and_is_that_of_the_answer_which_are_probabilities():
    for X, k, seed in runs():
        found = em.fit(X, k, seed=seed)
        rises = np.diff(found.history)
        assert (rises >= -1e-12 * abs(found.log_likelihood) - 1e-12).all(), (X.shape, k, seed, rises.min())
        assert found.history[-1] == found.log_likelihood
        assert found.log_likelihood == pytest.approx(em.log_likelihood(X, found.pi, found.W), rel=1e-12)
        np.testing.assert_allclose(found.r, em.e_step(X, found.pi, found.W), rtol=1e-9, atol=1e-300)
        np.testing.assert_allclose(found.r.sum(1), 1, rtol=1e-13)
        assert found.pi.sum() == pytest.approx(1, rel=1e-13)
        assert ((found.W >= 0) & (found.W <= 1)).all()


# a few rows; many; wide; so many entries that threads share them, in long rows and in wide ones
SHAPES = [(30, 8, 3), (9_000, 8, 3), (90, 1500, 3), (4_000, 1_200, 4), (300, 9_000, 8)]
FORMS = [("float64", 0.3), ("float64", 0), ("bool", 0), ("sparse", 0)]


@pytest.mark.parametrize("form, missing", sample(FORMS, 4))
@pytest.mark.parametrize("n, d, k", SHAPES)
def test_every_pass_is_the_plain_one(n, d, k, form, missing):
    """From the same start, pass by pass, plain products of whole arrays lead to the same place."""
    rng = np.random.default_rng(3)
    X = (rng.random((n, d)) < rng.uniform(0.4, 0.6, (k, d))[rng.integers(k, size=n)]).astype(float)
    X[rng.random((n, d)) < missing] = np.nan
    same = scipy.sparse.csr_array(X) if form == "sparse" else X.astype(form)
    slow, seen, ones = START(n, k), ~np.isnan(X), X == 1
    found = [em.fit(same, k, start=slow, max_iter=passes, tol=-1) for passes in (1, 3)]
    for passes in range(1, 4):
        pi, W = slow.mean(0), (slow.T @ ones) / (slow.T @ seen)
        for got, expected in zip(em.m_step(same, slow), (pi, W)):
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
        log_W, log_not_W = (np.log(np.maximum(p, 1e-300)) for p in (W, 1 - W))
        joint = np.log(pi) + ones @ log_W.T + (seen & ~ones) @ log_not_W.T
        r = np.exp(joint - joint.max(1, keepdims=True))
        r /= r.sum(1, keepdims=True)
        ecll = em.expected_complete_log_likelihood(same, slow, pi, W)
        assert ecll == pytest.approx((slow * joint).sum(), rel=1e-11)
        slow, log_likelihood = r, np.logaddexp.reduce(joint, axis=1).sum()
        np.testing.assert_allclose(em.e_step(same, pi, W), slow, rtol=1e-7, atol=1e-12)
        assert em.log_likelihood(same, pi, W) == pytest.approx(log_likelihood, rel=1e-11)
        for one in (one for one in found if one.iterations == passes):
            order = np.argsort(-pi)
            np.testing.assert_allclose(one.W, W[order], rtol=1e-7, atol=1e-12)
            np.testing.assert_allclose(one.r, slow[:, order], rtol=1e-7, atol=1e-12)
            assert one.log_likelihood == pytest.approx(log_likelihood, rel=1e-11)


def START(n, k):
    r = np.random.default_rng(0).random((n, k))
    return r / r.sum(1, keepdims=True)


def test_ecll_plus_entropy_is_the_log_likelihood_after_an_e_step():
    for seed, missing in PROBLEMS:
        X, _, pi, W = problem(seed, missing=missing)
        r = em.e_step(X, pi, W)
        got = em.expected_complete_log_likelihood(X, r, pi, W) - (r * np.log(r)).sum()
        assert got == pytest.approx(em.log_likelihood(X, pi, W), rel=1e-12)


def test_a_converged_fit_is_a_fixed_point():
    X, _ = mixture(1, 300, 20, 3)
    found = em.fit(X, 3, tol=1e-15, max_iter=5000)
    assert found.converged
    pi, W = em.m_step(X, found.r)
    np.testing.assert_allclose(pi, found.pi, atol=1e-6)
    np.testing.assert_allclose(W, found.W, atol=1e-5)


def test_relabelling_the_components_relabels_the_answer():
    X, _, pi, W = problem(2)
    for order in itertools.permutations(range(3)):
        order = list(order)
        np.testing.assert_allclose(
            em.e_step(X, pi[order], W[order]), em.e_step(X, pi, W)[:, order], rtol=1e-13
        )


def test_zeros_and_ones_may_change_places():
    X, _, pi, W = problem(4)
    np.testing.assert_allclose(em.e_step(1 - X, pi, 1 - W), em.e_step(X, pi, W), rtol=1e-12)


def test_one_component_is_the_means_of_the_columns():
    X, _ = mixture(0, 50, 9, 3)
    found = em.fit(X, 1)
    np.testing.assert_allclose(found.W[0], X.mean(0), rtol=1e-12)
    assert found.pi == [1]
    assert found.converged


def test_components_that_differ_are_found():
    X, z = mixture(7, 600, 60, 3)
    found = em.fit(X, 3, restarts=5)
    best = max(np.mean(np.array(p)[z] == found.r.argmax(1)) for p in itertools.permutations(range(3)))
    assert best > 0.99
    assert (np.diff(found.pi) <= 0).all()


def test_a_seed_decides_the_answer_and_another_seed_draws_anew():
    X, _ = mixture(5, 60, 6, 3)
    one, again, other = em.fit(X, 3, seed=1), em.fit(X, 3, seed=1), em.fit(X, 3, seed=2)
    assert np.array_equal(one.r, again.r)
    assert one.history == again.history
    assert one.history != other.history


def test_restarts_keep_the_best():
    X, _ = mixture(6, 40, 12, 4)
    best = [em.fit(X, 4, restarts=r, seed=3).log_likelihood for r in (1, 2, 5, 20)]
    assert best == sorted(best)
    assert best[-1] > best[0], "a start that can be improved on is needed to see it"


def test_start_takes_the_place_of_the_first_draw():
    X, _ = mixture(6, 40, 12, 4)
    first = em.fit(X, 4, start=START(40, 4), seed=9)
    assert first.history == em.fit(X, 4, start=START(40, 4), seed=10).history
    assert em.fit(X, 4, start=START(40, 4), restarts=20).log_likelihood > first.log_likelihood


def test_a_run_stopped_by_the_limit_says_so():
    X, _ = mixture(5, 200, 10, 3)
    stopped, done = em.fit(X, 3, max_iter=3), em.fit(X, 3)
    assert (stopped.converged, stopped.iterations, len(stopped.history)) == (False, 3, 3)
    assert done.converged
    assert done.iterations < 1000


# W at 0 and 1, and components without mass


def test_w_at_0_and_1_gives_exact_responsibilities():
    W = [[0, 1, 0.5], [0.5, 0.5, 0.5], [1, 1, 0.5]]
    X = [[0, 1, 1], [0, 0, 1], [1, 1, 0], [1, 0, 0]]
    third = [0, 1 / 5, 4 / 5]
    want = [[4 / 5, 1 / 5, 0], [0, 1, 0], third, [0, 1, 0]]
    for form in (np.array, scipy.sparse.csr_matrix):
        r = em.e_step(form(X), np.full(3, 1 / 3), W)
        np.testing.assert_allclose(r, want, rtol=1e-14)
        assert r[np.equal(want, 0)].tolist() == [0] * 6
        assert r[1, 1] == r[3, 1] == 1


def test_w_at_0_and_1_and_missing_entries():
    nan = np.nan
    X = [[nan, 1], [1, nan], [nan, nan], [0, nan]]
    r = em.e_step(X, [0.25, 0.75], [[0, 1], [1, 0.5]])
    np.testing.assert_allclose(r, [[0.4, 0.6], [0, 1], [0.25, 0.75], [1, 0]], rtol=1e-14)


def test_w_almost_0_is_not_0():
    """1e-300 is possible; 1e-300 to the power 3 would underflow as a plain product."""
    W = np.array([[1e-300] * 3, [1e-299] * 3])
    np.testing.assert_allclose(em.e_step([[1, 1, 1]], [0.5, 0.5], W), [[1 / 1001, 1000 / 1001]], rtol=1e-10)


@pytest.mark.parametrize("form", [np.array, scipy.sparse.csr_matrix], ids=["dense", "sparse"])
def test_an_example_impossible_under_every_component_is_named(form):
    X, W = form([[0, 0], [1, 0], [0, 1]]), [[0, 0.5], [0, 0.25]]
    with pytest.raises(ValueError, match=r"X\[1\] is impossible under every component"):
        em.e_step(X, [0.5, 0.5], W)
    assert em.log_likelihood(X, [0.5, 0.5], W) == -math.inf
    assert em.expected_complete_log_likelihood(X, np.full((3, 2), 0.5), [0.5, 0.5], W) == -math.inf


def test_3b_terms_without_responsibility_count_nothing():
    ecll = em.expected_complete_log_likelihood([[1], [0]], [[1, 0], [0, 1]], [0.5, 0.5], [[1], [0]])
    assert ecll == pytest.approx(2 * math.log(0.5), rel=1e-15)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_a_column_of_ones_or_zeros_gives_w_of_exactly_1_or_0(missing):
    for n, d, k in [(1, 5, 3), (10, 5, 3), (1000, 500, 8), (30_000, 40, 3)]:  # the last two round
        X, r, _, _ = problem(n, n, d, k, missing)
        X[:, 1], X[:, 3] = np.where(np.isnan(X[:, [1, 3]]), np.nan, [1, 0]).T
        W = em.m_step(X, r)[1]
        seen = ~np.isnan(X).all(0)
        assert not seen[1] or (W[:, 1] == 1).all()
        assert not seen[3] or (W[:, 3] == 0).all()


def test_w_of_nearly_1_is_not_taken_for_1():
    r = np.array([[1.0, 0], [1 - 1e-12, 1e-12], [0.5, 0.5]])
    W = em.m_step([[1], [0], [1]], r)[1]
    np.testing.assert_allclose(1 - W[1, 0], 2e-12, rtol=1e-3)


@pytest.mark.parametrize("n, some", [(10_001, 5e-10), (10_001, 1e-300), (3, 1e-20)])
def test_w_is_1_only_where_no_example_with_a_zero_has_a_part(n, some):
    """As with zeros and ones in each other's place: W is 0 only where no example with a one has a part."""
    r = np.full((n, 2), [1.0, 0.0])
    r[0] = some, 1 - some
    X = np.ones((n, 1))
    X[0] = 0
    pi, W = em.m_step(X, r)
    flipped = em.m_step(1 - X, r)[1]
    assert 0 < flipped[0, 0] <= 2 * some
    assert 0 < 1 - W[0, 0] < max(2e-16, 1e-3 * n * some)
    assert W[1, 0] == 0
    assert flipped[1, 0] == 1
    assert em.expected_complete_log_likelihood(X, r, pi, W) > -100
    r[0] = 0, 1
    assert em.m_step(X, r)[1].tolist() == [[1], [0]]


def test_a_masked_entry_is_a_missing_one():
    X, r, pi, W = problem(5)
    gaps = np.random.default_rng(0).random(X.shape) < 0.3
    missing = np.where(gaps, np.nan, X)
    for values in (X, np.where(gaps, -9, X).astype(int)):
        masked = np.ma.array(values, mask=gaps)
        np.testing.assert_array_equal(em.e_step(masked, pi, W), em.e_step(missing, pi, W))
        np.testing.assert_array_equal(em.m_step(masked, r)[1], em.m_step(missing, r)[1])
        assert em.fit(masked, 2).history == em.fit(missing, 2).history


def test_the_overall_mean_stands_in_for_a_component_without_mass():
    X = [[1, 0], [1, 1], [0, 0], [0, 0]]
    for form in (np.array, scipy.sparse.csr_matrix):
        pi, W = em.m_step(form(X), [[1, 0], [1, 0], [1, 0], [1, 0]])
        assert pi.tolist() == [1, 0]
        assert W.tolist() == [[0.5, 0.25], [0.5, 0.25]]
    r = em.e_step(X, pi, W)
    assert r.tolist() == [[1, 0]] * 4, "a component without mass stays empty"
    assert em.log_likelihood(X, pi, W) == pytest.approx(em.log_likelihood(X, [1], W[:1]), rel=1e-15)


def test_an_empty_component_stays_empty_through_a_whole_run():
    X, _ = mixture(2, 30, 6, 2)
    start = np.hstack([START(30, 2), np.zeros((30, 1))])
    found, two = em.fit(X, 3, start=start), em.fit(X, 2, start=START(30, 2))
    assert found.pi[2] == 0
    np.testing.assert_allclose(found.W[2], X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.history, two.history, rtol=1e-12)


def test_a_column_a_component_sees_nothing_of_gets_the_overall_mean():
    nan = np.nan
    W = em.m_step([[1, nan, nan], [0, nan, nan], [0, 1, nan], [0, 0, nan]], [[1, 0], [1, 0], [0, 1], [0, 1]])[
        1
    ]
    assert W.tolist() == [[0.5, 0.5, 0.5], [0, 0.5, 0.5]]


def test_a_row_with_nothing_seen_gets_r_equal_to_pi():
    X, _, pi, W = problem(0)
    X[2] = np.nan
    W[:, :2] = [0, 1]
    X[:, :2] = np.where(np.isnan(X[:, :2]), np.nan, [0, 1])
    np.testing.assert_allclose(em.e_step(X, pi, W)[2], pi, rtol=1e-15)
    assert em.log_likelihood(X[2:3], pi, W) == pytest.approx(0, abs=1e-15)


# Any X


DEGENERATE = {
    "one-entry-0": [[0]],
    "one-entry-1": [[1]],
    "one-row": [[0, 1, 1, 0]],
    "one-column": [[0], [1], [1], [0], [1]],
    "all-zero": np.zeros((6, 4)),
    "all-one": np.ones((6, 4)),
    "identical-rows": [[0, 1, 1]] * 7,
    "constant-columns": [[0, 1, 0], [0, 1, 1], [0, 1, 0], [0, 1, 1]],
    "two-kinds-of-rows": [[0, 0, 1], [1, 1, 0]] * 5,
    "one-odd-row": [[0] * 8] * 9 + [[1] * 8],
    "fewer-rows-than-k": [[0, 1], [1, 0]],
    "nothing-seen": np.full((4, 3), np.nan),
    "one-entry-seen": [[np.nan, np.nan], [np.nan, 1]],
    "a-row-and-a-column-missing": [[np.nan] * 3, [np.nan, 0, 1], [np.nan, 1, 1]],
    "wide": np.random.default_rng(0).integers(2, size=(5, 100_000)),
}


@pytest.mark.parametrize("k", [1, 2, 6])
@pytest.mark.parametrize("X", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_data_have_defined_results(X, k):
    found = em.fit(X, k, restarts=3)
    n, d = np.shape(X)
    assert (found.pi.shape, found.W.shape, found.r.shape) == ((k,), (k, d), (n, k))
    assert all(np.isfinite(part).all() for part in (found.pi, found.W, found.r, found.log_likelihood))
    assert found.log_likelihood <= 1e-12
    assert (np.diff(found.history) >= -1e-12 * (1 + abs(found.log_likelihood))).all()
    np.testing.assert_allclose(found.r.sum(1), 1, rtol=1e-13)


def test_a_perfect_fit_has_converged():
    found = em.fit([[0, 1]] * 3, 1)
    assert (found.log_likelihood, found.converged, found.iterations) == (0, True, 2)


def test_every_kind_of_row_has_a_component_of_its_own():
    found = em.fit(DEGENERATE["two-kinds-of-rows"], 2)
    assert found.log_likelihood == pytest.approx(10 * math.log(0.5), rel=1e-12)
    np.testing.assert_allclose(sorted(found.W.tolist()), [[0, 0, 1], [1, 1, 0]], atol=1e-15)


def test_ten_thousand_columns_do_not_underflow():
    X, z = mixture(0, 40, 10_000, 2)
    assert 0.5**10_000 == 0, "the plain product is 0"
    found = em.fit(X, 2, restarts=5)
    assert abs(np.mean(found.r.argmax(1) == z) - 0.5) == 0.5
    assert found.log_likelihood < -100_000
    r = em.e_step(np.ones((1, 10_000)), [0.5, 0.5], [[0.5] * 10_000, [0.5] * 9_999 + [0.25]])
    np.testing.assert_allclose(r, [[2 / 3, 1 / 3]], rtol=1e-9)


REFUSED = {
    "2": ([[0, 1], [2, 0]], r"X\[1, 0\] is 2; it must be 0 or 1"),
    "first-of-two": ([[0, 1], [1, 3], [7, 0]], r"X\[1, 1\] is 3"),
    "half": ([[0.5]], r"X\[0, 0\] is 0.5"),
    "minus-1": ([[0, 1, -1]], r"X\[0, 2\] is -1"),
    "infinity": ([[0.0, np.inf]], r"X\[0, 1\] is inf"),
    "wrong-beside-missing": ([[np.nan, 0], [1, 9]], r"X\[1, 1\] is 9"),
    "words": ([["0", "1"]], "numbers 0 and 1, but its type is"),
    "objects": (np.array([[0, None]]), "numbers 0 and 1, but its type is object"),
    "complex": ([[1j, 0]], "its type is complex128"),
    "flat": ([0, 1], r"its shape is \(2,\)"),
    "no-rows": (np.zeros((0, 3)), r"its shape is \(0, 3\)"),
    "no-columns": (np.zeros((3, 0)), r"its shape is \(3, 0\)"),
    "cube": (np.zeros((2, 2, 2)), r"its shape is \(2, 2, 2\)"),
    "sparse-3": (scipy.sparse.csr_matrix([[0, 1, 0], [0, 0, 3]]), r"X\[1, 2\] is 3; it must be 0 or 1$"),
    "sparse-nan": (scipy.sparse.csc_matrix([[0.0, np.nan]]), r"X\[0, 1\] is nan; it must be 0 or 1$"),
    "sparse-twice": (scipy.sparse.coo_matrix(([1, 1], ([0, 0], [1, 1]))), r"X\[0, 1\] is 2"),
    "sparse-twice-csr": (scipy.sparse.csr_matrix(([1, 1], [1, 1], [0, 2])), r"X\[0, 1\] is 2"),
}


@pytest.mark.parametrize("X, message", REFUSED.values(), ids=REFUSED)
def test_x_other_than_0_and_1_is_refused_by_name_and_place(X, message):
    n, d = np.shape(X) if np.ndim(X) == 2 else X.shape if hasattr(X, "tocsr") else (1, 1)
    runs = [lambda: em.fit(X, 1), lambda: em.m_step(X, np.ones((n, 1)))]
    for run in [*runs, lambda: em.log_likelihood(X, [1.0], np.full((1, d), 0.5))]:
        with pytest.raises(ValueError, match=message):
            run()


X0, R0, PI0, W0 = problem(0)
CALLS = {
    "k-0": (lambda: em.fit(X0, 0), "k=0: it must be a whole number, 1 or more"),
    "k-minus": (lambda: em.fit(X0, -2), "k=-2"),
    "k-half": (lambda: em.fit(X0, 1.5), "k=1.5"),
    "restarts-0": (lambda: em.fit(X0, 2, restarts=0), "restarts=0"),
    "k-2.0": (lambda: em.fit(X0, 2.0), "k=2.0: it must be a whole number"),
    "start-sum": (lambda: em.fit(X0, 3, start=2 * R0), "each row must add up to 1"),
    "max_iter-0": (lambda: em.fit(X0, 2, max_iter=0), "max_iter=0"),
    "k-true": (lambda: em.fit(X0, True), "k=True: it must be a whole number"),
    "start-nan": (lambda: em.fit(X0, 3, start=R0 * np.nan), "start must be 0 or more, and finite"),
    "start-masked": (
        lambda: em.fit(X0, 3, start=np.ma.array(R0, mask=True)),
        "start must be 0 or more, and finite",
    ),
    "3a-w-masked": (lambda: em.e_step(X0, PI0, np.ma.array(W0, mask=True)), "W between 0 and 1"),
    "start-shape": (
        lambda: em.fit(X0, 2, start=R0),
        r"start must have the shape \(n, k\) = \(7, 2\), but it is \(7, 3\)",
    ),
    "3a-pi-longer": (lambda: em.e_step(X0, [0.25] * 4, W0), r"\(4,\) and \(3, 5\)"),
    "3a-w-narrow": (lambda: em.e_step(X0, PI0, W0[:, 1:]), r"\(k, 5\), but have \(3,\) and \(3, 4\)"),
    "3a-pi-matrix": (lambda: em.e_step(X0, PI0[None], W0), r"\(1, 3\) and \(3, 5\)"),
    "3a-w-above-1": (lambda: em.e_step(X0, PI0, W0 + 1), "W between 0 and 1"),
    "3a-w-nan": (lambda: em.e_step(X0, PI0, W0 * np.nan), "W between 0 and 1"),
    "3a-pi-infinite": (lambda: em.e_step(X0, [np.inf, 0, 0], W0), "pi must be 0 or more and finite"),
    "3a-pi-below-0": (lambda: em.log_likelihood(X0, -PI0, W0), "pi must be 0 or more"),
    "3b-r-turned": (
        lambda: em.expected_complete_log_likelihood(X0, R0.T, PI0, W0),
        r"\(7, 3\), but it is \(3, 7\)",
    ),
    "3c-r-short": (lambda: em.m_step(X0, R0[1:]), r"\(7, 3\), but it is \(6, 3\)"),
    "3c-r-flat": (lambda: em.m_step(X0, R0[:, 0]), r"but it is \(7,\)"),
    "3c-r-nan": (lambda: em.m_step(X0, R0 * np.nan), "r must be 0 or more, and finite"),
    "3c-r-below-0": (lambda: em.m_step(X0, -R0), "r must be 0 or more, and finite"),
}


@pytest.mark.parametrize("call, message", CALLS.values(), ids=CALLS)
def test_arguments_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "n, d, k, missing", [(8000, 500, 2, 0), (8000, 500, 2, 9), (5000, 1000, 16, 0), (1000, 20_000, 2, 0)]
)
def test_x_takes_the_memory_of_bytes(n, d, k, missing):
    X = np.random.default_rng(0).integers(2, size=(n, d)).astype(np.float32 if missing else np.int8)
    X[:missing] = np.nan if missing else 1
    start = START(n, k)
    pi, W = em.m_step(X, start)
    runs = [lambda: em.fit(X, k, start=start, max_iter=2), lambda: em.e_step(X, pi, W)]
    for run in [*runs, lambda: em.m_step(X, start)]:
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < (6 if missing else 4) * n * d  # float64 would be 8, and 16


def test_where_no_thread_can_be_started_there_is_one(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    X, _ = mixture(0, 100_000, 100, 3)
    found = em.fit(X, 3, max_iter=3)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError):
        threading.Thread().start()
    alone = em.fit(X, 3, max_iter=3)
    np.testing.assert_allclose(alone.history, found.history, rtol=1e-13)
    np.testing.assert_allclose(alone.r, found.r, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n, d", [(50, 6), (30_000, 300)])
def test_every_row_of_x_is_checked(n, d):
    """In the order of the rows, also where several threads look."""
    X = mixture(0, n, d, 3)[0]
    pi, W = [0.5, 0.5], np.full((2, d), 0.5)
    for row in (0, n // 3, n - 1):
        X[row:, 4] = np.nan
        X[row, 4] = X[n - 1, 5] = 0.5
        for run in (lambda: em.fit(X, 2), lambda: em.e_step(X, pi, W), lambda: em.m_step(X, START(n, 2))):
            with pytest.raises(ValueError, match=re.escape(f"X[{row}, 4] is 0.5")):
                run()
        X[row:, 4] = 0


def test_a_sparse_x_is_never_filled_in(monkeypatch):
    """100,000 x 20,000 would be 16 GB; and toarray() is not called on a small one either."""
    rng = np.random.default_rng(0)
    X = scipy.sparse.csr_matrix(
        (np.ones(200_000, bool), (rng.integers(100_000, size=200_000), rng.integers(20_000, size=200_000))),
        shape=(100_000, 20_000),
    )
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.csc_matrix):
        monkeypatch.setattr(kind, "toarray", lambda *_: pytest.fail("a dense copy was made"))
    found = em.fit(X, 2, max_iter=2)
    assert found.r.shape == (100_000, 2)


def test_a_sparse_x_out_of_order_is_not_changed():
    """Entries of a row in any order, one of them in two parts: 1 + 0."""
    X = scipy.sparse.csr_matrix(([1, 1, 0, 1], [2, 0, 0, 1], [0, 3, 4]))
    W = em.fit(X, 1).W
    assert W.tolist() == [[0.5, 0.5, 0.5]]
    assert X.indices.tolist() == [2, 0, 0, 1]


def test_importing_the_script_needs_numpy_alone():
    code = "import sys, em_binary; print(*{'scipy', 'matplotlib', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
