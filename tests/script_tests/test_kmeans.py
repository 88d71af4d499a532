"""2a to 2e: k-means against an exact slow form, theorems, degenerate examples, and the handout's figures."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pace import sample
from PIL import Image

import kmeans as script
from kmeans import kmeans

ROOT = Path(__file__).resolve().parents[2]


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
        loss = float(sum(left))
        for c, own in enumerate(members):
            if not own and max(left):
                C[c] = X[left.index(max(left))]
                left = [min(before, square(x, C[c])) for before, x in zip(left, X)]
        yield np.array(z), np.array(C, float), loss
        old = z


@pytest.fixture
def record(monkeypatch):
    """A list that gets z and C of every pass of lloyd, z for each of the examples that kmeans was given."""
    passes, middles, whiches = [], [], []
    merged, frame, refill = script.merged, script.frame, script.refill

    def merge(X, k):
        *distinct, which = merged(X, k)
        whiches.append(which)
        return *distinct, which

    def framed(X):
        middle, radius = frame(X)
        middles.append(middle)
        return middle, radius

    def recorded(x, z, C, empty, error):
        C = refill(x, z, C, empty, error)
        passes.append((z[whiches[-1]].astype(int), C + middles[-1]))
        return C

    monkeypatch.setattr(script, "merged", merge)
    monkeypatch.setattr(script, "frame", framed)
    monkeypatch.setattr(script, "refill", recorded)
    return passes


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
    "single precision": lambda r, n, d: r.normal(size=(n, d)).astype(np.float32),
    "a far offset": lambda r, n, d: r.integers(0, 5, (n, d)) + 1e9,
    "bytes": lambda r, n, d: r.integers(0, 256, (n, d)).astype(np.uint8),
    "a line of equal steps": lambda r, n, d: np.arange(n)[:, None] * np.ones(d),
}


@pytest.mark.parametrize("seeds", sample([range(8), range(8, 40)], 2), ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_2a_goes_the_way_of_the_exact_slow_form(kind, seeds, record):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        n, d = rng.integers(1, 30), rng.integers(1, 4)
        X, k = KINDS[kind](rng, n, d), int(rng.integers(1, n + 1))
        record.clear()
        found = seeded(X, k, seed)
        exact = list(exact_passes(X, draw(X, k, seed)))
        for i, ((z, C), (exact_z, exact_C, _)) in enumerate(zip(record, exact)):
            say = f"seed {seed}, X {X.shape}, k={k}, pass {i}"
            np.testing.assert_array_equal(z, exact_z, err_msg=say)
            np.testing.assert_allclose(C, exact_C, rtol=1e-12, atol=1e-12, err_msg=say)
        z, C, loss = exact[-1]
        np.testing.assert_array_equal(found[0], z)
        np.testing.assert_allclose(found[1], C, rtol=1e-12, atol=1e-12)
        assert found[2] == pytest.approx(loss, rel=1e-6 if kind == "a far offset" else 1e-12, abs=1e-25)


@pytest.mark.parametrize(
    "n, d, k", sample([(20_000, 2, 9), (8_000, 3, 40), (700, 5, 300), (3_000, 30, 11)], 2)
)
def test_2a_in_many_pieces(n, d, k, record):
    """The same passes as the formula on whole arrays, though most examples are passed over most times."""
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, d)) + 3 * rng.integers(0, 4, (n, 1))
    kmeans_found = seeded(X, k)
    C = draw(X, k)
    for i, (z, centroids) in enumerate(record):
        own = np.argmin([((X - c) ** 2).sum(axis=1) for c in C], axis=0)
        np.testing.assert_array_equal(z, own, err_msg=f"pass {i}")
        C = np.array([X[own == c].mean(axis=0) for c in range(k)])
        np.testing.assert_allclose(centroids, C, atol=1e-12)
    assert len(record) > 4
    np.testing.assert_array_equal(kmeans_found[0], own)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.69, 0.72, 0.99, 1])
def test_2a_pieces_hold_every_row_once_and_are_small(share):
    """Small enough that OpenBLAS takes one thread; of what they hold beside, there is less than a third."""
    k, d, n = 20, 3, 20_000
    rows = range(n) if share == 1 else np.flatnonzero(np.random.default_rng(0).random(n) < share)
    inside = [np.arange(n)[piece] for piece in script.pieces(rows, k, d)]
    assert max(map(len, inside)) * k * (d + 1) <= script.BLOCK
    inside = np.concatenate(inside)
    assert (np.diff(inside) > 0).all()
    assert set(rows) <= set(inside.tolist())
    assert len(inside) <= len(rows) / 0.7 + 1


def test_2a_one_example_in_the_head():
    z, C, loss = seeded(np.array([[0.0], [1.0], [5.0], [7.0]]), 2)
    low, high = z[0], z[2]
    assert z.tolist() == [low, low, high, high]
    assert (C[low, 0], C[high, 0], loss) == (0.5, 6.0, 2.5)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64, np.float32, float, bool])
def test_2a_repeated_whole_numbers_are_merged(kind):
    X = np.random.default_rng(0).integers(0, 2 if kind is bool else 120, (400, 2)).astype(kind)
    X[200:] = X[:200][::-1]
    if kind is np.int8:
        X[::7] -= np.int8(100)  # a range of more than 127
    if kind in (np.int64, float):
        X[5] = 2**16 - 1  # the widest range
    distinct, w, which = script.merged(X, 9)
    np.testing.assert_array_equal(distinct[which], X)
    np.testing.assert_array_equal(w, np.bincount(which))
    assert len(np.unique(distinct, axis=0)) == len(distinct) <= 200 + 60
    firsts = [which.tolist().index(i) for i in range(len(distinct))]
    assert firsts == sorted(firsts), "they stay in their order"


WIDTHS = [[9], [4] * 10, [2] * 52, [2**16] * 3, [2**26] * 2, [2**52], [3, 40, 2**44], [2**44, 40, 3]]


@pytest.mark.parametrize("low", [0, -(2**20), 2**50])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_2a_equal_whole_numbers_have_equal_codes_and_others_have_not(widths, low):
    rng = np.random.default_rng(0)
    X = rng.integers(np.minimum(widths, 40), size=(300, len(widths))) + float(low)
    X[::2] = low + np.array(widths) - 1 - rng.integers(np.minimum(widths, 3), size=(150, len(widths)))
    X[7:9] = X[2]
    code = script.codes(X)
    same = (X[:, None] == X).all(2)
    np.testing.assert_array_equal(code[:, None] == code, same)
    assert same.sum() > len(X)


def test_2a_whole_numbers_of_which_none_repeats_are_not_copied():
    X = np.random.default_rng(0).permutation(np.arange(900.0)).reshape(300, 3)
    assert script.merged(X, 9)[0] is X


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("odd", [0.5, np.nan, np.inf, 2**52, 1e17, 1.7e308, "many columns"])
def test_2a_other_numbers_are_not(odd):
    X = np.zeros((20, 2))
    if odd == "many columns":
        X = np.arange(40_000.0).reshape(20, 2000) % 7
    else:
        X[3:, 1], X[2, 1] = odd, -odd
    distinct, w, which = script.merged(X, 9)
    assert distinct is X
    assert which == slice(None)
    assert w.tolist() == [1] * 20


def test_2a_weights_count_as_repetitions():
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X = np.unique(rng.integers(0, 30, (40, 2)), axis=0)
        w = rng.integers(1, 9, len(X))
        first = draw(X, 5, seed)
        z, C, loss, passes = script.lloyd(X, first, w)
        many = script.lloyd(np.repeat(X, w, axis=0), first, np.ones(w.sum()))
        np.testing.assert_array_equal(np.repeat(z, w), many[0])
        np.testing.assert_allclose(C, many[1])
        assert (loss, passes) == (pytest.approx(many[2]), many[3])


# 2a, theorems


@pytest.mark.parametrize("seed", range(20))
def test_2a_theorems(seed, record):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3)) * [1, 5, 0.1]
    z, C, loss = seeded(X, 12, seed)
    losses = [((X - c[own]) ** 2).sum() for own, c in record]
    assert all(np.diff(losses) <= 1e-12 * losses[0]), "the loss never rises"
    assert loss == pytest.approx(losses[-1])
    distances = ((X[:, None] - C) ** 2).sum(axis=2)
    np.testing.assert_array_equal(z, distances.argmin(axis=1), "z is the nearest")
    np.testing.assert_allclose(C, [X[z == c].mean(axis=0) for c in range(12)], err_msg="C are the means")
    assert loss == pytest.approx(distances.min(axis=1).sum()), "loss is theirs"
    again = script.lloyd(X, C, np.ones(300))
    assert again[3] == 1, "what is found is a fixed point"
    np.testing.assert_array_equal(again[0], z)
    order = rng.permutation(12)
    other = script.lloyd(X, draw(X, 12, seed)[order], np.ones(300))
    np.testing.assert_array_equal(order[other[0]], z, "relabelling relabels")
    np.testing.assert_allclose(other[1], C[order])
    moved = script.lloyd(4 * X + 100, 4 * draw(X, 12, seed) + 100, np.ones(300))
    np.testing.assert_array_equal(moved[0], z, "shifting and scaling leave the clusters")
    assert moved[2] == pytest.approx(16 * loss)


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


def test_2a_an_empty_cluster_takes_the_farthest_example():
    X = np.array([[0.0], [0.0], [1.0], [1.0], [9.0], [20.0]])
    z, C, loss, _ = script.lloyd(X, X[[0, 1]], np.ones(6))  # both centroids at 0: the second is left empty
    assert z.tolist() == [0, 0, 0, 0, 0, 1]
    assert C.ravel().tolist() == [2.2, 20.0]


def test_2a_ties_go_to_the_lower_number():
    X = np.array([[0.0], [1.0], [2.0]])
    C = X[[2, 0, 0]]
    lines = np.hstack([C, -(C**2) / 2])
    assert script.nearest(np.vstack([X.T, np.ones(3)]), lines, 2.0, 1e-12)[0].tolist() == [1, 0, 0]
    assert script.lloyd(X, X[[0, 2]], np.ones(3))[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("k", [254, 255, 256, 257])
def test_2a_where_the_numbers_outgrow_a_byte(k):
    X = np.random.default_rng(0).normal(size=(400, 2))
    z, C, loss = seeded(X, k)
    assert set(z) == set(range(k))
    np.testing.assert_array_equal(z, ((X[:, None] - C) ** 2).sum(axis=2).argmin(axis=1))


def clouds(centres, spread=1.0):
    rng = np.random.default_rng(0)
    return np.vstack([c + spread * rng.uniform(-1, 1, (50, len(c))) for c in np.array(centres)])


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
    np.random.seed(0)
    steps = np.linspace(0, 1, 5000)[:, None]
    assert script.lloyd(steps, script.draw(steps, 20), np.ones(5000))[3] > 300
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.integers(0, 3, (rng.integers(1, 200), 2)).astype(np.float32) / np.float32(3)
        seeded(X, int(rng.integers(1, len(X) + 1)), seed)


@pytest.mark.parametrize(
    "X, k, message",
    [
        (np.zeros((500, 2)), 600, "k=600 clusters need at least 600 examples, but X has 500"),
        (np.zeros((500, 2)), 0, "k=0 clusters: the number must be whole and at least 1"),
        (np.zeros((500, 2)), -3, "k=-3 clusters: the number must be whole"),
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


def test_2b_elbow(capsys, tmp_path, monkeypatch, undrawn):
    out = command(capsys, tmp_path, monkeypatch, "elbow")
    rows = [[float(field) for field in line.split()] for line in out.splitlines()[1:11]]
    k, seed, best = np.array(rows).T
    assert k.tolist() == list(range(1, 11))
    assert (np.diff(best) <= 0).all()
    assert (best <= seed).all()
    X = np.loadtxt(ROOT / "data" / "data.tsv")
    np.testing.assert_allclose(seed, [seeded(X, c)[2] for c in range(1, 11)], rtol=1e-9)
    assert out.splitlines()[11] == "Elbow: k = 4"


@pytest.mark.parametrize("kind", ["random", "whole numbers, many ties", "few distinct examples"])
def test_2b_the_best_never_rises_with_k_even_of_one_start(kind, capsys, tmp_path, monkeypatch, undrawn):
    for seed in range(3):
        X = KINDS[kind](np.random.default_rng(seed), 30, 2).astype(float)
        np.save(tmp_path / "X.npy", X)
        out = command(capsys, tmp_path, monkeypatch, "elbow -k 30 --restarts 1 --data X.npy")
        best = [float(line.split()[-1]) for line in out.splitlines()[1:-1]]
        assert (np.diff(best) <= 0).all(), f"seed {seed}: {best}"
        assert best[-1] == 0


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
        ("basic", "basic needs the number of clusters, -k K"),
        ("image", "image needs the number of clusters, -k K"),
        ("basic -k 501", "k=501 clusters need at least 501 examples, but X has 500"),
        ("elbow -k 501", "k=501 clusters need at least 501 examples, but X has 500"),
        ("basic -k 0", "argument -k: 0 is below 1"),
        ("basic -k 2.5", "argument -k: invalid positive value: '2.5'"),
        ("basic -k 2 --restarts 0", "argument --restarts: 0 is below 1"),
        ("basic -k 2 -s -1", "argument -s/--rng-seed: -1 is not between 0 and 2**32 - 1"),
        ("basic -k 2 --out x.png", "--out does not go with basic"),
        ("image -k 2 --data x.tsv", "--data does not go with image"),
        ("image -k 2 --restarts 3", "--restarts does not go with image"),
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
