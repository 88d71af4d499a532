"""Wrong k-means: 2a."""

from case import Case

# the body of a k-means in the manner of the starter; its marked lines are what the cases change
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


def plain(*edits):
    text = PLAIN
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return {"kmeans": text}


CASES = [
    Case("kmeans-plain", plain(), {}, "right: the plainest k-means"),
    Case(
        "kmeans-mean-loss",
        plain(("z].sum()", "z].mean()")),
        {"2a": 7},
        "the mean for the sum",
        says=["this is the mean; the handout asks for the sum"],
    ),
    Case(
        "kmeans-50-iterations",
        plain(("while True:", "for _ in range(50):")),
        {"2a": 8},
        "a fixed number of iterations: enough for the handout's points",
        says=["until the assignments stop changing"],
    ),
    Case(
        "kmeans-empty-to-nan",
        plain((" if (z == c).any() else centroids[c]", "")),
        {"2a": 9},
        "the mean of an empty cluster is NaN",
    ),
    Case(
        "kmeans-loop",
        plain(
            (
                "distances = ((X[:, None] - centroids) ** 2).sum(2)",
                "distances = np.array([((x - centroids) ** 2).sum(1) for x in X])",
            )
        ),
        {"2a": 9},
        "a loop over examples",
        says=["a loop over examples"],
    ),
]
