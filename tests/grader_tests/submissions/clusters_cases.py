"""Wrong k-means: 2a. Most of these reach the handout's 6698."""

from case import Case

# the body of a k-means in the manner of the starter; its lines are what the cases change
PLAIN = """
N = len(X)
centroids = X[np.random.choice(np.arange(N), k, replace=False)]
z = None
while True:
    distances = ((X[:, None] - centroids) ** 2).sum(2)
    before, z = z, distances.argmin(1)
    if before is not None and (z == before).all():
        break
    centroids = np.array([X[z == c].mean(0) if (z == c).any() else centroids[c] for c in range(k)])
loss = distances[np.arange(N), z].sum()
return z, centroids, loss
"""
DISTANCES = "distances = ((X[:, None] - centroids) ** 2).sum(2)"
MEANS = "centroids = np.array([X[z == c].mean(0) if (z == c).any() else centroids[c] for c in range(k)])"
LOSS = "loss = distances[np.arange(N), z].sum()"
RETURN = "return z, centroids, loss"
STOP = "if before is not None and (z == before).all():"


def clusters(id, lost, why, *edits, says=()):
    text = PLAIN
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return Case(id, {"kmeans": text}, {"2a": lost}, why, says=says)


def passes(n):
    """A fixed number of passes; the loss is that of the last assignments and centroids."""
    return ("while True:", f"for _ in range({n}):"), (LOSS, "loss = ((X - centroids[z]) ** 2).sum()")


LOSSES = [  # 2 points
    clusters("kmeans-plain", 0, "right: the plainest k-means"),
    clusters(
        "kmeans-mean-loss",
        2,
        "the mean for the sum",
        ("z].sum()", "z].mean()"),
        says=["this is the mean; the handout asks for the sum"],
    ),
    clusters(
        "kmeans-root",
        2,
        "the root of the sum",
        (LOSS, LOSS.replace("distances[", "np.sqrt(distances[") + ")"),
        says=["this is the root"],
    ),
    clusters(
        "kmeans-sum-of-roots",
        2,
        "distances, not squared",
        (LOSS, LOSS.replace("distances[", "np.sqrt(distances)[")),
        says=["this is the sum of the distances, not of their squares"],
    ),
    clusters(
        "kmeans-all-distances",
        2,
        "to all centroids",
        (LOSS, "loss = distances.sum()"),
        says=["to all centroids"],
    ),
    clusters(
        "kmeans-half-loss",
        2,
        "half of it, as in some books",
        (LOSS, LOSS + " / 2"),
        says=["this is half of it"],
    ),
    clusters(
        "kmeans-negative-loss",
        2,
        "a score rather than a loss",
        (LOSS, LOSS.replace("= ", "= -")),
        says=["−1 times the loss"],
    ),
    clusters(
        "kmeans-inertia-per-cluster",
        2,
        "by cluster",
        (LOSS, "loss = np.array([distances[z == c, c].sum() for c in range(k)])"),
        says=["expected shape ()"],
    ),
    clusters("kmeans-largest-distance", 2, "the largest", ("z].sum()", "z].max()")),
    clusters("kmeans-loss-missing", 2, "None", (RETURN, "return z, centroids, None"), says=["came NoneType"]),
    clusters(
        "kmeans-stale-loss",
        2,
        "the loss of the pass before: its centroids are stale",
        (
            "    before, z =",
            "    losses = [*([] if z is None else losses), distances.min(1).sum()]\n    before, z =",
        ),
        (LOSS, "loss = losses[-2]"),
    ),
    clusters(
        "kmeans-loss-to-the-mean", 2, "the total scatter", (LOSS, "loss = ((X - X.mean(0)) ** 2).sum()")
    ),
]

ENDINGS = [  # 2 points: it goes on until the assignments stop changing
    *[
        clusters(
            f"kmeans-{n}-passes",
            1 if n == 100 else 2,
            "a fixed number of passes: enough for the handout's points",
            *passes(n),
            says=["until the assignments stop changing"],
        )
        for n in (10, 20, 50, 100)
    ],
    clusters(
        "kmeans-100-passes-at-most",
        1,
        "a limit beside the right condition",
        ("while True:", "for _ in range(100):"),
        says=["until the assignments stop changing"],
    ),
    clusters(
        "kmeans-small-gain",
        2,
        "ends when the loss falls by less than 0.001",
        ("z = None", "z, total = None, np.inf"),
        (
            STOP,
            "last, total = total, distances.min(1).sum()\n    if last - total < 1e-3:",
        ),
    ),
    clusters(
        "kmeans-small-steps",
        2,
        "ends when the centroids move by less than 0.01",
        (STOP, "if before is not None and np.allclose(centroids, last, atol=0.01):"),
        ("    centroids =", "    last = centroids\n    centroids ="),
    ),
    clusters(
        "kmeans-few-changes",
        2,
        "ends when fewer than 0.5 % of the assignments change",
        ("(z == before).all()", "(z == before).mean() > 0.995"),
    ),
]

RULES = [
    clusters(
        "kmeans-no-update",
        5,
        "the first centroids stay: z and loss are theirs, and no means",
        ("    " + MEANS, "    pass"),
        says=["but the mean of its cluster is"],
    ),
    clusters(
        "kmeans-medians",
        5,
        "medians are no means",
        ("X[z == c].mean(0)", "np.median(X[z == c], 0)"),
        says=["but the mean of its cluster is"],
    ),
    clusters(
        "kmeans-city-blocks",
        4,
        "the nearest by |x| + |y|",
        (DISTANCES, "distances = abs(X[:, None] - centroids).sum(2)"),
        (LOSS, "loss = ((X - centroids[z]) ** 2).sum()"),
        says=["nearest centroid"],
    ),
    clusters(
        "kmeans-two-columns",
        6,
        "right for two columns: means of all, but distances in two",
        (DISTANCES, "distances = ((X[:, None, :2] - centroids[:, :2]) ** 2).sum(2)"),
    ),
    clusters(
        "kmeans-two-columns-only",
        9,
        "an array of two columns for the centroids",
        (
            MEANS,
            """old, centroids = centroids, np.zeros((k, 2))
    centroids[:] = [X[z == c].mean(0) if (z == c).any() else old[c] for c in range(k)]""",
        ),
        says=["ValueError"],
    ),
    clusters(
        "kmeans-two-clusters",
        9,
        "k is ignored",
        ("N = len(X)", "N, k = len(X), 2"),
        says=["expected shape (3, 2), came shape (2, 2)"],
    ),
    clusters("kmeans-500-examples", 10, "N is typed in", ("N = len(X)", "N = 500")),
    clusters(
        "kmeans-scaled",
        9,
        "X is standardised first: the centroids are of other numbers",
        ("N = len(X)", "N, X = len(X), (X - X.mean(0)) / X.std(0)"),
    ),
    clusters(
        "kmeans-sorted",
        10,
        "X is sorted in place: z is of other rows",
        ("N = len(X)", "X.sort(axis=0)\nN = len(X)"),
    ),
    clusters(
        "kmeans-counted-from-1",
        2,
        "z from 1 to k",
        (RETURN, "return z + 1, centroids, loss"),
        says=["expected 0 to 2, came 1 to 3"],
    ),
    clusters(
        "kmeans-float-z",
        2,
        "z of floats picks no rows",
        (RETURN, "return z.astype(float), centroids, loss"),
        says=["expected integers"],
    ),
    clusters(
        "kmeans-column-z",
        2,
        "z as a column",
        (RETURN, "return z[:, None], centroids, loss"),
        says=["came shape (60, 1)"],
    ),
    clusters(
        "kmeans-order",
        10,
        "(centroids, z, loss)",
        (RETURN, "return centroids, z, loss"),
        says=["expected shape"],
    ),
    clusters(
        "kmeans-two-values",
        10,
        "the loss is not returned",
        (RETURN, "return z, centroids"),
        says=["not z, centroids, loss"],
    ),
    clusters(
        "kmeans-no-return", 10, "return is missing", (RETURN, "pass"), says=["kmeans returned NoneType"]
    ),
    clusters(
        "kmeans-prints",
        10,
        "printed, not returned",
        (RETURN, "print(loss)"),
        says=["kmeans returned NoneType"],
    ),
    clusters(
        "kmeans-uint8",
        8,
        "squares in a byte, as with a picture's own type: wrong assignments, but their means",
        (DISTANCES, "distances = ((X[:, None] - centroids).astype(np.int64).astype(np.uint8) ** 2).sum(2)"),
        ("while True:", "for _ in range(30):"),
    ),
]

EMPTY = [  # 1 point
    clusters(
        "kmeans-empty-to-nan",
        1,
        "the mean of an empty cluster is NaN, and the assignments change for ever",
        (" if (z == c).any() else centroids[c]", ""),
        says=["a cluster is empty here: its mean is NaN"],
    ),
    clusters(
        "kmeans-empty-dropped",
        1,
        "fewer centroids than k",
        (
            "X[z == c].mean(0) if (z == c).any() else centroids[c] for c in range(k)",
            "X[z == c].mean(0) for c in np.unique(z)",
        ),
        says=["expected shape (8, 3)"],
    ),
    clusters(
        "kmeans-empty-raises",
        1,
        "refuses",
        ("    centroids =", "    assert len(np.unique(z)) == k\n    centroids ="),
        says=["AssertionError"],
    ),
    clusters(
        "kmeans-empty-infinite",
        1,
        "to infinity",
        ("else centroids[c]", "else np.full(X.shape[1], np.inf)"),
        says=["finite numbers"],
    ),
]

ONE_BY_ONE = [  # 1 point: no loop over examples
    clusters(
        "kmeans-loop-over-distances",
        1,
        "a comprehension",
        (DISTANCES, "distances = np.array([((x - centroids) ** 2).sum(1) for x in X])"),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-loop-over-z",
        1,
        "a for",
        (
            "distances.argmin(1)",
            "np.zeros(N, int)\n    for i in range(N):\n        z[i] = distances[i].argmin()",
        ),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-loop-over-sums",
        1,
        "sums by hand",
        (
            MEANS,
            """
    sums, counts = np.zeros((k, X.shape[1])), np.zeros(k)
    for x, c in zip(X, z):
        sums[c] += x
        counts[c] += 1
    centroids = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centroids)""".lstrip(),
        ),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-loop-over-loss",
        1,
        "at the end",
        (LOSS, "loss = sum(((X[i] - centroids[z[i]]) ** 2).sum() for i in range(N))"),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-while",
        1,
        "a while",
        (LOSS, "loss, i = 0.0, 0\nwhile i < N:\n    loss += distances[i, z[i]]\n    i += 1"),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-apply-along-axis",
        1,
        "numpy's loop over a Python function",
        (DISTANCES, "distances = np.apply_along_axis(lambda x: ((x - centroids) ** 2).sum(1), 1, X)"),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-map",
        1,
        "a map",
        ("distances.argmin(1)", "np.array(list(map(lambda d: d.argmin(), distances)))"),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-vectorize",
        1,
        "np.vectorize is a loop",
        ("distances.argmin(1)", "np.vectorize(lambda i: distances[i].argmin())(np.arange(N))"),
        says=["a loop over examples"],
    ),
    clusters(
        "kmeans-recursion",
        1,
        "a function that calls itself",
        ("distances.argmin(1)", "np.array(each(list(distances)))"),
        (
            "N = len(X)",
            """N = len(X)
def each(rows):
    half = len(rows) // 2
    return each(rows[:half]) + each(rows[half:]) if half else [rows[0].argmin()]""",
        ),
        says=["a loop over examples"],
    ),
]

CASES = {
    "losses": LOSSES,
    "endings": ENDINGS,
    "rules": RULES,
    "empty clusters": EMPTY,
    "one by one": ONE_BY_ONE,
}
