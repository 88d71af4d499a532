"""2a to 2e: k-means against an exact slow form, theorems, degenerate examples, and the handout's figures.

The fast form is held to the plain one, on what is large and on what is small.
"""

import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pace import sample
from PIL import Image

import kmeans as script
from kmeans import fast_lloyd, frame, kmeans, lloyd

ROOT = Path(__file__).resolve().parents[2]


def square(x, c):
    return sum((a - b) ** 2 for a, b in zip(x, c))


def exact(X, first):
    """Lloyd's algorithm in rational numbers, by loops alone: z, C, the loss, and the number of passes."""
    X, C = ([[Fraction(float(v)) for v in row] for row in A] for A in (X, first))
    z, loss, passes = None, 0, 0
    while True:
        old, passes = z, passes + 1
        z = [min(range(len(C)), key=lambda c, x=x, C=C: (square(x, C[c]), c)) for x in X]
        if z == old:
            return np.array(z), np.array(C, float), float(loss), passes
        members = [[x for x, own in zip(X, z) if own == c] for c in range(len(C))]
        C = [[sum(m) / len(m) for m in zip(*own)] if own else C[c] for c, own in enumerate(members)]
        left = [square(x, C[own]) for x, own in zip(X, z)]
        loss = sum(left)
        for c, own in enumerate(members):
            if not own and max(left):
                C[c] = X[left.index(max(left))]
                left = [min(before, square(x, C[c])) for before, x in zip(left, X)]


def plain(X, C):
    origin = frame(X)
    z, C, passes = lloyd(X - origin, C - origin)
    return z, C + origin, passes


def fast(X, C, w=None):
    origin = frame(X)
    z, C, passes = fast_lloyd(X, C, w, origin)
    return z, C + origin, passes


def seeded(X, k, seed=0):
    np.random.seed(seed)
    return kmeans(X, k)


def draw(X, k, seed=0):
    np.random.seed(seed)
    return X[np.random.choice(np.arange(len(X)), k, replace=False)]


# 2a, against the slow form

KINDS = {
    "random": lambda r, n, d: r.normal(size=(n, d)),
    "whole numbers, many ties": lambda r, n, d: r.integers(0, 4, (n, d)),
    "few distinct examples": lambda r, n, d: r.integers(0, 2, (n, d)).astype(float),
    "halves": lambda r, n, d: r.integers(-4, 4, (n, d)) / 2,
    "single precision": lambda r, n, d: r.normal(size=(n, d)).astype(np.float32),
    "a far offset": lambda r, n, d: r.integers(0, 5, (n, d)) + 1e9,
    "a far offset, below": lambda r, n, d: r.integers(0, 5, (n, d)) - 1e9,
    "bytes": lambda r, n, d: r.integers(0, 256, (n, d)).astype(np.uint8),
    "signed bytes": lambda r, n, d: r.integers(-128, 128, (n, d)).astype(np.int8),
    "yes and no": lambda r, n, d: r.integers(0, 2, (n, d)).astype(bool),
    "a line of equal steps": lambda r, n, d: np.arange(n)[:, None] * np.ones(d),
    "an outlier": lambda r, n, d: np.where(np.arange(n) == n // 2, 1e6, r.integers(0, 9, (n, d)).T).T,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seeds", sample([range(8), range(8, 40)], 2), ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_2a_both_forms_go_the_way_of_the_exact_slow_form(kind, seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n, d = rng.integers(1, 30), rng.integers(1, 4)
        X, k = KINDS[kind](rng, n, d), int(rng.integers(1, n + 1))
        z, C, loss, passes = exact(X, draw(X, k, seed))
        for run in (plain, fast):
            found = run(X, draw(X, k, seed))
            say = f"{run.__name__}, seed {seed}, X {X.shape}, k={k}"
            np.testing.assert_array_equal(found[0], z, err_msg=say)
            np.testing.assert_allclose(found[1], C, rtol=1e-12, atol=1e-12, err_msg=say)
            assert found[2] == passes, say
        found = seeded(X, k, seed)
        np.testing.assert_array_equal(found[0], z)
        np.testing.assert_allclose(found[1], C, rtol=1e-12, atol=1e-12)
        assert found[2] == pytest.approx(loss, rel=1e-6 if "far" in kind else 1e-12, abs=1e-25)


LARGE = [
    ("random", 20_000, 2, 9),
    ("whole numbers, many ties", 20_000, 3, 30),
    ("a far offset", 9_000, 2, 30),
    ("random", 8_000, 3, 40),
    ("a line of equal steps", 5_000, 1, 20),
    ("bytes", 5_000, 1, 300),
    ("few distinct examples", 9_000, 4, 20),
    ("halves", 9_000, 3, 256),
    ("yes and no", 50_000, 3, 4),
    ("an outlier", 9_000, 2, 12),
    ("random", 700, 5, 300),
    ("random", 3_000, 30, 11),
    ("bytes", 3_000, 40, 2),
    ("single precision", 60_000, 1, 1),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind, n, d, k", sample(LARGE, 7))
def test_2a_the_fast_form_comes_to_the_same_as_the_plain_one(kind, n, d, k):
    X = KINDS[kind](np.random.default_rng(n), n, d)
    z, C, passes = plain(X, draw(X, k))
    found = fast(X, draw(X, k))
    np.testing.assert_array_equal(found[0], z)
    np.testing.assert_allclose(found[1], C, rtol=1e-12, atol=1e-12 * abs(X).max())
    assert found[2] == passes
    found = seeded(X, k)
    np.testing.assert_array_equal(found[0], z)
    np.testing.assert_allclose(found[2], ((X - C[z]) ** 2).sum(), rtol=1e-6 if "far" in kind else 1e-11)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 3000])
@pytest.mark.parametrize("far", [1e15, -1e15, 1e20, 9.97e36])
def test_2a_beside_fill_values_the_others_are_clustered_as_without_them(far, count):
    """In each column, as of a table in which they stand for what is missing."""
    X = np.vstack(
        [clouds([[0, 5, 0], [90, 0, 5], [0, 90, 0]], 1, 1 + 1000 * (count > 1)), np.full((count, 3), far)]
    )
    few = X[:-count]
    alone = plain(few, few[[0, len(few) // 2, -1]])
    for run in (lambda X, C: script.cluster(X, C)[:3], plain):
        z, C, _ = run(X, X[[0, len(few) // 2, len(few) - 1, -1]])
        np.testing.assert_array_equal(z[:-count], alone[0])
        np.testing.assert_array_equal(z[-count:], 3)
        np.testing.assert_allclose(C[:3], alone[1], rtol=1e-9)
        np.testing.assert_allclose(C[3], far)
    first = X[[0, 1, len(few) // 2, len(few) - 1]]  # now they begin in a cluster with others
    z, C, _, _ = script.cluster(X, first)
    np.testing.assert_array_equal(z, plain(X, first)[0])
    np.testing.assert_allclose(C, [X[z == c].mean(0) for c in range(4)], rtol=1e-9)


@pytest.mark.parametrize("n", [50, 4000])
def test_2a_fill_values_that_leave_a_cluster_leave_its_mean(n):
    """Both begin in cluster 0, whose sum they swallow, until the two empty clusters take them."""
    few = np.vstack([clouds([[20] * 3, [60] * 3], n=n), clouds([[38] * 3], n=n // 10)])
    X = np.vstack([[[1e20] * 3], few, [[-1e20] * 3]])
    z, C, _, _ = script.cluster(X, X[[1, 1, 1, n + 1]])
    assert sorted([z[0], z[-1]]) == [1, 2]
    np.testing.assert_array_equal(z[1:-1], np.repeat([0, 3, 0], [n, n, n // 10]))
    np.testing.assert_allclose(C, [X[z == c].mean(0) for c in range(4)], rtol=1e-9)


def test_2a_one_example_in_the_head():
    z, C, loss = seeded(np.array([[0.0], [1.0], [5.0], [7.0]]), 2)
    low, high = z[0], z[2]
    assert z.tolist() == [low, low, high, high]
    assert (C[low, 0], C[high, 0], loss) == (0.5, 6.0, 2.5)


@pytest.mark.parametrize(
    "widths", [[9], [4] * 10, [2] * 52, [2**16] * 3, [2**26] * 2, [2**27] * 2, [2**44, 40, 3]], ids=str
)
@pytest.mark.parametrize("low", [0, -(2**20), 2**50, 0.5])
def test_2a_equal_examples_and_no_others_are_one(low, widths):
    rng = np.random.default_rng(0)
    X = rng.integers(np.minimum(widths, 40), size=(300, len(widths))) + float(low)
    X[::2] = low + np.array(widths) - 1 - rng.integers(np.minimum(widths, 3), size=(150, len(widths)))
    X[7:9] = X[2]
    found, w, which = script.distinct(X, 5)
    np.testing.assert_array_equal(found[which], X)
    if np.prod(np.array(widths, float)) < 2**53 and low != 0.5:
        first = sorted(np.unique(X, axis=0, return_index=True)[1])
        np.testing.assert_array_equal(found, X[first], err_msg="they stay in their order")
        np.testing.assert_array_equal(w, np.bincount(which))
    else:
        assert found is X
        assert w.tolist() == [1] * 300


def test_2a_weights_count_as_repetitions():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X = np.unique(rng.integers(0, 30, (40, 2)), axis=0)
        w = rng.integers(1, 9, len(X))
        z, C, passes = fast(X, draw(X, 5, seed), w)
        many = plain(np.repeat(X, w, axis=0), draw(X, 5, seed))
        np.testing.assert_array_equal(np.repeat(z, w), many[0])
        np.testing.assert_allclose(C, many[1])
        assert passes == many[2]


# 2a, theorems


@pytest.mark.parametrize("seed", range(10))
def test_2a_theorems(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3)) * [1, 5, 0.1]
    z, C, loss = seeded(X, 12, seed)
    distances = ((X[:, None] - C) ** 2).sum(axis=2)
    np.testing.assert_array_equal(z, distances.argmin(axis=1), "z is the nearest")
    np.testing.assert_allclose(C, [X[z == c].mean(axis=0) for c in range(12)], err_msg="C are the means")
    assert loss == pytest.approx(distances.min(axis=1).sum()), "loss is theirs"
    for run in (plain, fast):
        again = run(X, C)
        np.testing.assert_array_equal(again[0], z, "what is found is a fixed point")
        np.testing.assert_allclose(again[1], C)
        order = rng.permutation(12)
        other = run(X, draw(X, 12, seed)[order])
        np.testing.assert_array_equal(order[other[0]], z, "relabelling relabels")
        moved = run(4 * X + 100, 4 * draw(X, 12, seed) + 100)
        np.testing.assert_array_equal(moved[0], z, "shifting and scaling leave the clusters")


def test_2a_draws_once_from_the_global_generator_and_leaves_X_alone():
    X = np.random.default_rng(0).normal(size=(50, 2))
    before = X.copy()
    first = seeded(X, 3)
    after = np.random.random()
    np.random.seed(0)
    np.random.choice(np.arange(50), 3, replace=False)
    assert np.random.random() == after
    np.testing.assert_array_equal(X, before)
    X.flags.writeable = False
    for other in (X, X.tolist(), np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(seeded(other, 3)[1], first[1])


def test_2a_kinds_and_shapes_of_what_comes_back():
    for dtype in (np.float64, np.float32, np.float16, np.uint8, np.int64, bool):
        z, C, loss = seeded(np.random.default_rng(0).integers(0, 2, (40, 3)).astype(dtype), 4)
        assert (z.shape, z.dtype.kind) == ((40,), "i")
        assert (C.shape, C.dtype) == ((4, 3), np.float64)
        assert type(loss) is float


# 2a, degenerate examples

DEGENERATE = {
    "one example": (np.array([[3.0, 4.0]]), 1),
    "k = N": (np.arange(12.0).reshape(6, 2), 6),
    "all equal": (np.full((9, 2), 0.1), 4),
    "all equal, far off": (np.full((9, 2), 1e9 + 0.1), 4),
    "all zero": (np.zeros((5, 1)), 5),
    "fewer distinct than k": (np.repeat([[0.1, 0.7], [0.3, 0.2]], 7, axis=0), 5),
    "float32 thirds": (np.repeat(np.float32([[1 / 3], [2 / 3]]), 50, axis=0), 7),
    "as many distinct as k": (np.repeat([[0.1], [0.3], [0.7]], 30, axis=0), 3),
    "two apart by one bit": (np.repeat([[1.0], [np.nextafter(1, 2)]], 3, axis=0), 2),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", DEGENERATE)
def test_2a_degenerate(case):
    X, k = DEGENERATE[case]
    for seed in range(20):
        z, C, loss = seeded(X, k, seed)
        assert np.isfinite(C).all(), seed
        assert loss == 0, seed
        np.testing.assert_array_equal(C[z], X)


@pytest.mark.parametrize("run", [plain, fast])
def test_2a_an_empty_cluster_takes_the_farthest_example(run):
    X = np.array([[0.0], [0.0], [1.0], [1.0], [9.0], [20.0]])
    z, C, _ = run(X, X[[0, 1]])  # both centroids at 0: the second is left empty
    assert z.tolist() == [0, 0, 0, 0, 0, 1]
    assert C.ravel().tolist() == pytest.approx([2.2, 20.0])


@pytest.mark.parametrize("run", [plain, fast])
def test_2a_ties_go_to_the_lower_number(run):
    X = np.array([[0.0], [1.0], [2.0]])
    assert run(X, X[[0, 2]])[0].tolist() == [0, 0, 1]
    assert run(X, X[[2, 0]])[0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("copies", [7, 20_000])
@pytest.mark.parametrize("run", [plain, fast])
def test_2a_many_copies_of_few_examples_and_more_clusters_than_these(run, copies):
    X = np.repeat([[0.1, 0.7], [0.3, 0.2], [0.7, 0.1]], copies, axis=0)
    for seed in range(5):
        z, C, passes = run(X, draw(X, 6, seed))
        np.testing.assert_allclose(C[z], X, rtol=1e-12)
        assert passes < 9


@pytest.mark.parametrize("k", [254, 255, 256, 257])
def test_2a_where_the_numbers_outgrow_a_byte(k):
    X = np.random.default_rng(0).normal(size=(400, 2))
    z, C, loss = seeded(X, k)
    assert set(z) == set(range(k))
    np.testing.assert_array_equal(z, ((X[:, None] - C) ** 2).sum(axis=2).argmin(axis=1))


def clouds(centres, spread=1.0, n=50):
    rng = np.random.default_rng(0)
    return np.vstack([c + spread * rng.uniform(-1, 1, (n, len(c))) for c in np.array(centres)])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "X, k",
    [
        (clouds([[1e9, 1e9], [1e9 + 9, 1e9]]), 2),
        (clouds([[0, 0], [9, 0], [1e9, 0], [1e9 + 9, 0]]), 4),
        (clouds([[0, 0, 0], [1e8, 9, 0], [1e8, 0, 0], [-1e8, 9, 1e7]]), 4),
        (clouds([[0, 0], [9, 0]]) * [1e-6, 1e6], 2),
        (clouds([[0, 0], [9, 0], [0, 9]]) * 1e120, 3),
        (clouds([[0, 0], [9, 0], [0, 9]]) * 1e-120, 3),
    ],
    ids=["far", "two scales", "three scales", "unlike columns", "large", "small"],
)
def test_2a_scales(X, k):
    """The expansion of the square would cancel here: z must still be the nearest by plain differences."""
    for seed in range(10):
        z, C, loss = seeded(X, k, seed)
        distances = np.sqrt(np.array([((X - c) ** 2).sum(axis=1) for c in C]))
        assert (distances[z, np.arange(len(X))] <= distances.min(axis=0) * (1 + 1e-7)).all()
        assert loss == pytest.approx((distances.min(axis=0) ** 2).sum(), rel=1e-6)
        np.testing.assert_allclose(
            C, [X[z == c].mean(axis=0) for c in range(k)], rtol=1e-12, atol=1e-15 * np.ptp(X)
        )


def test_2a_always_ends():
    steps = np.linspace(0, 1, 5000)[:, None]
    assert fast(steps, draw(steps, 20))[2] > 300
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.integers(0, 3, (rng.integers(1, 200), 2)).astype(np.float32) / np.float32(3)
        C = draw(X, int(rng.integers(1, len(X) + 1)), seed)
        np.testing.assert_array_equal(plain(X, C)[0], fast(X, C)[0])


@pytest.mark.parametrize(
    "X, k, message",
    [
        (np.zeros((500, 2)), 600, "k=600 clusters need at least 600 examples, but X has 500"),
        (np.zeros((500, 2)), 0, "k=0 clusters: the number must be whole and at least 1"),
        (np.zeros((500, 2)), -3, "k=-3 clusters: the number must be whole"),
        (np.zeros((500, 2)), True, "k=True clusters: the number must be whole"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 4), 1, "X has masked values"),
        (np.zeros((500, 2)), 2.5, "k=2.5 clusters: the number must be whole"),
        (np.zeros((500, 2)), 2.0, "k=2.0 clusters: the number must be whole"),
        (np.zeros((500, 2)), np.inf, "k=inf clusters: the number must be whole"),
        (np.zeros((0, 2)), 1, "k=1 clusters need at least 1 examples, but X has 0"),
        (np.zeros(5), 1, "two dimensions, examples and columns, but its shape is (5,)"),
        (np.zeros((2, 3, 4)), 1, "its shape is (2, 3, 4)"),
        (np.zeros((5, 0)), 1, "its shape is (5, 0)"),
        (np.array([[1, 2], [3, np.nan]]), 1, "X[1, 1] is nan"),
        (np.array([[1, -np.inf], [3, 4]]), 1, "X[0, 1] is -inf"),
        (np.array([["a"]]), 1, "X must hold real numbers, but its type is <U1"),
        (np.array([[1j]]), 1, "its type is complex128"),
        (np.array([[None]]), 1, "its type is object"),
        (np.array([[0], [1e200]]), 1, "X lies 5e+199 around its middle"),
        (np.array([[-1e308], [1e308]]), 1, "X lies 1e+308 around its middle"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("error")
def test_2a_refuses(X, k, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        kmeans(X, k)


# 2b to 2e, on the project's own data


def command(capsys, tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    script.main(text.split())
    return capsys.readouterr().out


@pytest.mark.parametrize("text", ["basic -k 2", "-k 2 basic", "basic -k2 -s 0", "basic -k 2 --rng-seed 0"])
def test_2a_the_handouts_loss_for_two_clusters(text, capsys, tmp_path, monkeypatch, undrawn):
    out = command(capsys, tmp_path, monkeypatch, text)
    assert float(out.splitlines()[0].removeprefix("K-means loss: ")) == pytest.approx(6698, abs=0.5)


def test_2b_restarts_begin_with_the_handouts_draw(capsys, tmp_path, monkeypatch, undrawn):
    losses = []
    for restarts in (1, 2, 5, 30):
        out = command(capsys, tmp_path, monkeypatch, f"basic -k 2 --restarts {restarts}")
        losses.append(float(out.splitlines()[0].split()[-1]))
    assert losses[0] == pytest.approx(6698, abs=0.5)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 5000


def draws(X, k, number):
    np.random.seed(0)
    return [X[np.random.choice(np.arange(len(X)), k, replace=False)] for _ in range(number)]


def by_loops(X, C):
    """The loss of k-means in its shortest form, which is enough where no cluster is ever empty."""
    old = None
    while True:
        z = ((X[:, None] - C) ** 2).sum(2).argmin(1)
        if np.array_equal(z, old):
            return ((X - C[z]) ** 2).sum()
        C, old = np.array([X[z == c].mean(0) for c in range(len(C))]), z


def test_2b_elbow(capsys, tmp_path, monkeypatch, undrawn):
    out = command(capsys, tmp_path, monkeypatch, "elbow")
    rows = [[float(field) for field in line.split()] for line in out.splitlines()[1:11]]
    k, seed, best = np.array(rows).T
    assert k.tolist() == list(range(1, 11))
    X = np.loadtxt(ROOT / "data" / "data.tsv")
    starts = [[by_loops(X, C) for C in draws(X, c, 20)] for c in range(1, 11)]
    np.testing.assert_allclose(seed, [losses[0] for losses in starts], rtol=1e-9)
    np.testing.assert_allclose(best, [min(losses) for losses in starts], rtol=1e-9)
    assert out.splitlines()[11] == "Elbow: k = 4"


@pytest.mark.parametrize(
    "losses, elbow",
    [
        ([9239, 4384, 1667, 946, 819, 709, 623, 557, 503, 454], 4),
        ([100, 90, 10, 9, 8, 7], 3),
        ([100, 10, 9, 8], 2),
        ([100, 50, 20, 0, 0, 0], 4),
        ([88.4, 0.625, 0.125, 0], 2),
        ([100, 50], 1),
        ([7], 1),
        ([0, 0, 0], 1),
    ],
)
def test_2b_the_rule_of_the_elbow(losses, elbow):
    assert script.find_elbow([(loss + 1, loss) for loss in losses]) == elbow


def test_2b_the_elbow_of_few_points(capsys, tmp_path, monkeypatch, undrawn):
    (tmp_path / "X.tsv").write_text("1 2\n3 4\n3 9\n")
    out = command(capsys, tmp_path, monkeypatch, "elbow --data X.tsv")
    assert [line.split()[0] for line in out.splitlines()] == ["k", "1", "2", "3", "Elbow:"]


@pytest.mark.parametrize("k", [2, 4, 8, 16])
def test_2d_2e_the_picture(k, capsys, tmp_path, monkeypatch):
    out = command(capsys, tmp_path, monkeypatch, f"image -k {k}")
    with Image.open(ROOT / "original.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(float)
    z, C, loss = seeded(pixels, k)
    bits = {2: 1, 4: 2, 8: 3, 16: 4}[k]
    assert f"K-means loss: {loss:.10g}\n" in out
    assert f"Bits per pixel: 24 / {bits} = factor {24 // bits}\n" in out
    path = tmp_path / f"compressed_k{k}.png"
    before, after = (ROOT / "original.png").stat().st_size, path.stat().st_size
    assert re.search(rf"original.png {before} bytes, compressed_k{k}.png {after} bytes\n", out)
    assert after < before * bits / 24, "the palette and zlib save more than the formula"
    with Image.open(path) as result:
        assert (result.mode, result.size) == ("P", (450, 300))
        np.testing.assert_array_equal(np.asarray(result.convert("RGB")).reshape(-1, 3), np.rint(C)[z])


def test_2d_the_best_of_several_starts(capsys, tmp_path, monkeypatch):
    pixels = np.random.default_rng(2).integers(256, size=(400, 3)).astype(np.uint8)
    Image.fromarray(pixels.reshape(20, 20, 3)).save(tmp_path / "in.png")
    losses = [by_loops(pixels.astype(float), C) for C in draws(pixels, 5, 4)]
    assert min(losses) < losses[0]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.chdir(tmp_path)
    script.main(["image", "-k", "5", "--image", "in.png", "--restarts", "4"])
    out, err = capsys.readouterr()
    assert f"K-means loss: {min(losses):.10g}\n" in out
    for i, loss in enumerate(losses, 1):
        assert f"start {i}: loss {loss:.10g}," in err


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_2e_what_is_said_of_the_file_is_true_of_it(k, capsys, tmp_path, monkeypatch):
    """Though there are no more than five colours."""
    pixels = np.arange(40).reshape(5, 8).astype(np.uint8) // 8 * 50
    Image.fromarray(pixels).save(tmp_path / "in.png")
    out = command(capsys, tmp_path, monkeypatch, f"image -k {k} --image in.png")
    bits = {1: 1, 2: 1, 5: 3, 9: 3}[k]
    assert f"24 / {bits} = factor {24 / bits:.4g}\n" in out
    assert f"compressed_k{k}.png {(tmp_path / f'compressed_k{k}.png').stat().st_size} bytes" in out
    with Image.open(tmp_path / f"compressed_k{k}.png") as result:
        assert len(result.convert("RGB").getcolors()) == min(k, 5)
    assert ("PSNR: infinite" in out) == (k >= 5)
    assert ("the picture has 5 colours, so k=9 loses none" in out) == (k == 9)


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="there is no such file")
def test_2e_the_size_of_a_pipe_is_not_known(tmp_path):
    line = [sys.executable, ROOT / "kmeans.py", "image", "-k", "2", "--image", "/dev/stdin"]
    picture = (ROOT / "original.png").read_bytes()
    done = subprocess.run(line, input=picture, capture_output=True, cwd=tmp_path, check=True)
    size = (tmp_path / "compressed_k2.png").stat().st_size
    assert f"\nFile: compressed_k2.png {size} bytes\n" in done.stdout.decode().replace("\r", "")


def test_2d_nothing_is_said_of_a_file_that_cannot_be_written(capsys, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="cannot write"):
        command(capsys, tmp_path, monkeypatch, f"image -k 2 --out {tmp_path / 'none' / 'out.png'}")
    assert "File:" not in capsys.readouterr().out


def test_2d_draws_that_hold_one_colour_twice_lose_no_cluster(capsys, tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(256, size=(20, 3)).astype(np.uint8).repeat(5, axis=0)
    Image.fromarray(pixels.reshape(10, 10, 3)).save(tmp_path / "in.png")
    assert len(np.unique(draw(pixels, 16), axis=0)) < 16
    command(capsys, tmp_path, monkeypatch, "image -k 16 --image in.png")
    with Image.open(tmp_path / "compressed_k16.png") as result:
        assert len(result.convert("RGB").getcolors()) == 16


@pytest.mark.parametrize(
    "text, message",
    [
        ("basic", "the following arguments are required: -k"),
        ("image", "the following arguments are required: -k"),
        ("basic -k 501", "k=501 clusters need at least 501 examples, but X has 500"),
        ("elbow -k 501", "k=501 clusters need at least 501 examples, but X has 500"),
        ("basic -k 0", "k=0 clusters: the number must be whole and at least 1"),
        ("basic -k 2.5", "argument -k: invalid int value: '2.5'"),
        ("basic -k 2 --restarts 0", "restarts=0: the number must be at least 1"),
        ("basic -k 2 -s -1", "Seed must be between 0 and 2**32 - 1"),
        ("basic -k 2 --out x.png", "unrecognized arguments: --out x.png"),
        ("image -k 2 --data x.tsv", "unrecognized arguments: --data x.tsv"),
        ("image -k 2 --restarts 0", "restarts=0: the number must be at least 1"),
        ("basic -k 2 --data missing.tsv", "missing.tsv: No such file or directory"),
    ],
)
def test_bad_arguments(text, message, capsys, tmp_path, monkeypatch):
    with pytest.raises(SystemExit) as stop:
        script.run(lambda: command(capsys, tmp_path, monkeypatch, text))
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"kmeans.py: error: {message}\n"
    assert not list(tmp_path.iterdir())


def test_progress_shows_on_a_terminal_alone(capsys, monkeypatch):
    script.progress("start 1")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    script.progress("start 1")
    assert "start 1" in capsys.readouterr().err
