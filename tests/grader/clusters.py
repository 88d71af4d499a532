"""Checks of kmeans (2a), by properties that every right answer has: any fixed point of k-means is one."""

import functools

import numpy as np

from .checks import Trial, encode, generator
from .compare import Wrong, numbers, show

TOLERANCE = 1e-5  # of the spread of the data: float32 centroids pass
SEED = 7


def trials(part):
    return [easy(), hard(), edges(), growing()]


def trial(datasets, action="kmeans"):
    """One step for each (text, X, k, seed)."""
    steps = [[action, encode({"X": X, "k": k, "seed": seed})] for _, X, k, seed in datasets]
    return Trial("2a", "kmeans.py", steps, [f"kmeans(X, {k}) of {text}" for text, _, k, _ in datasets])


def blobs(rng, n, d, k, offset=0.0):
    """n points around each of k centres, far apart."""
    centres = offset + 30 * np.eye(k, d) * np.arange(2, k + 2)[:, None] + 20 * np.arange(k)[:, None]
    return (centres[:, None] + rng.normal(size=(k, n, d))).reshape(-1, d)


def easy():
    rng = generator("easy")
    alike = blobs(rng, 40, 4, 5, 300)
    alike[160:, :2] = alike[120:160, :2]  # two of the groups differ in the last columns only
    between = np.repeat([[0, 0], [13, 5], [5, 5]], [30, 30, 1], axis=0)  # by |x| + |y| it is the second's
    groups = rng.permutation(blobs(rng, 20, 2, 3, -40))
    wide = rng.permutation(alike)
    made = trial(
        [("60 points in 3 groups", groups, 3, SEED + i) for i in range(3)]
        + [("200 points with 4 columns in 5 groups", wide, 5, SEED + i) for i in range(3)]
        + [
            ("2 groups of 30 points and 1 between", between + 0.1 * rng.normal(size=(61, 2)), 2, SEED),
            (
                "21 points, one of them far away",
                np.concatenate([rng.normal(size=(20, 2)), [[40, 9]]]),
                2,
                SEED,
            ),
        ]
    )
    made.checks = {
        "assignments": lambda evidence: [all_used(made, evidence), each(made, assignments, evidence)],
        "means": lambda evidence: [all_used(made, evidence), each(made, means, evidence)],
        "loss": functools.partial(each, made, loss),
    }
    return made


def all_used(trial, evidence):
    """On groups far apart k clusters are used, from one of the seeds at least."""
    most = {}
    for i, step in enumerate(trial.steps):
        z = evidence.seen(i, "z").array
        found = 0 if z is None else len(np.unique(z))
        most[trial.texts[i]] = max(most.get(trial.texts[i], (0, 0)), (found, step[1]["k"]))
    for what, (found, k) in most.items():
        if found < k:
            raise Wrong(f"{what}: only {found} of {k} clusters have examples, from every seed")


def hard():
    """Points that overlap, and numbers that settle late: as on the handout's picture, and later."""
    rng = generator("hard")
    late, later = (np.exp(np.linspace(-4, 0, n))[:, None] for n in (200, 300))
    made = trial(
        [
            ("200 points with 5 columns that overlap", rng.normal(size=(200, 5)), 7, SEED),
            ("100 points with 10 columns that overlap", np.rint(99 * rng.normal(size=(100, 10))), 6, SEED),
            ("the 100 points of a square grid", np.argwhere(np.ones((10, 10))) - 5.0, 6, SEED),
            ("200 numbers ever farther apart", late, 12, 10),  # 74 passes from the starter's draw
            ("300 numbers ever farther apart", later, 8, 9),  # 65
            ("300 numbers ever farther apart", later, 16, 46),  # 116
        ]
    )
    made.checks = {
        "convergence": functools.partial(each, made, converged, which=range(5)),
        "to the end": functools.partial(each, made, converged),
    }
    return made


def edges():
    """As many clusters as points; and few distinct points, so that some of the first centroids are equal."""
    rng = generator("repeated")
    distinct = rng.normal(size=(12, 3))
    X = distinct[np.concatenate([np.arange(12), rng.choice(3, 288)])]
    pixels = rng.integers([200, 0, 90], [206, 60, 93], (14, 3))[rng.choice(14, 300)].astype(float)
    made = trial(
        [
            ("6 points, as many as clusters", rng.normal(size=(6, 2)), 6, SEED),
            ("300 points, most of them equal to one of three", X, 8, SEED + 1),  # here the last cluster
            ("300 points, most of them equal to one of three", X, 8, SEED + 2),  # has examples: so a z
            ("300 pixels of few colours", pixels, 12, SEED + 3),  # that is counted from 1 is known
        ],
        "kmeans_within_reason",
    )
    made.checks = {"empty clusters": functools.partial(filled, made)}
    return made


def filled(trial, evidence):
    """Nothing is NaN; the reason says that it may be the mean of no examples."""
    try:
        each(trial, everything, evidence)
    except Wrong as wrong:
        warned = any(result.seen.get("empty mean") for result in evidence.steps)
        missing = "it was still" in str(wrong) or "finite" in str(wrong) or "went on" in str(wrong)
        hint = " (a cluster is empty here: its mean is NaN, which equals nothing, not even itself)"
        raise Wrong(f"{wrong}{hint if warned or missing else ''}") from None


def growing():
    rng = generator("growing")
    few = blobs(rng, 8, 2, 2)
    sets = [(f"16 points, each {times} times", np.tile(few, (times, 1)), 2, SEED) for times in (50, 400)]
    made = trial(sets, "lines")
    made.checks = {"no loop": functools.partial(no_loop, made)}
    return made


def each(trial, check, evidence, which=None):
    for i in which or range(len(trial.steps)):
        step = trial.steps[i]
        check(Answer(trial, i, evidence, np.array(step[1]["X"]), step[1]["k"]))


class Answer:
    """What kmeans returned for X, with the shapes and kinds of numbers that it has to have."""

    def __init__(self, trial, i, evidence, X, k):
        self.X, self.k, self.what = X, k, trial.texts[i]
        self.z, self.C, self.loss = (evidence.seen(i, name) for name in ("z", "centroids", "loss"))
        self.scatter = ((X - X.mean(0)) ** 2).sum()
        self.spread = np.abs(X - X.mean(0)).max()

    def strict(self):
        """Refuse z unless it is integers from 0 to k - 1, one for each example."""
        z = numbers(f"z of {self.what}", self.z, (len(self.X),))
        if self.z.array.dtype.kind not in "iu":
            raise Wrong(f"z of {self.what}: expected integers, came {self.z.array.dtype}")
        if z.min() < 0 or z.max() >= self.k:
            raise Wrong(f"z of {self.what}: expected 0 to {self.k - 1}, came {z.min():g} to {z.max():g}")

    def clusters(self):
        """z, even if it holds floats, is a column or counts from 1: only the assignments are wrong then."""
        size = getattr(self.z.array, "size", 0)
        shape = self.z.shape if size == len(self.X) else (len(self.X),)
        z = numbers(f"z of {self.what}", self.z, shape).ravel()
        z = z - (z.min() == 1 and z.max() == self.k)
        if not np.isin(z, np.arange(self.k)).all():
            raise Wrong(f"z of {self.what}: expected integers from 0 to {self.k - 1}")
        return z.astype(int)

    def centroids(self):
        return numbers(f"centroids of {self.what}", self.C, (self.k, self.X.shape[1]))

    def distances(self):
        """(N, k), squared."""
        return ((self.X[:, None] - self.centroids()) ** 2).sum(2)


def assignments(answer):
    answer.strict()
    nearest(answer)


def nearest(answer):
    """Each example is in the cluster of its nearest centroid, and there are several."""
    z, distances = answer.clusters(), answer.distances()
    own = distances[np.arange(len(z)), z]
    farther = own - distances.min(1) > TOLERANCE / 10 * answer.spread**2
    if farther.any():
        raise Wrong(
            f"{answer.what}: {farther.sum()} of {len(z)} examples are not with their nearest centroid"
        )
    several(answer, z)


def several(answer, z):
    if answer.k > 1 and len(np.unique(z)) == 1:
        raise Wrong(f"{answer.what}: all examples are in one cluster")


def explains(answer, loss):
    if answer.k > 1 and loss >= 0.99 * answer.scatter:
        raise Wrong(f"{answer.what}: the loss is no better than that of a single cluster")


def means(answer):
    z, C = answer.clusters(), answer.centroids()
    explains(answer, answer.distances()[np.arange(len(z)), z].sum())
    for c in np.unique(z):
        mean = answer.X[z == c].mean(0)
        if np.abs(C[c] - mean).max() > TOLERANCE * answer.spread:
            raise Wrong(
                f"{answer.what}: centroid {c} is {show(C[c])}, but the mean of its cluster is {show(mean)}"
            )


def loss(answer):
    """The loss is that of the z and the centroids which were returned with it."""
    z, came = answer.clusters(), numbers(f"loss of {answer.what}", answer.loss, ())
    distances = answer.distances()
    own = distances[np.arange(len(z)), z]
    want = own.sum()
    known = {
        "this is the mean; the handout asks for the sum": want / len(z),
        "this is the root; the handout asks for the sum of squares": np.sqrt(want),
        "this is the sum of the distances, not of their squares": np.sqrt(own).sum(),
        "this is the sum of the distances to all centroids": distances.sum(),
        "this is half of it": want / 2,
        "this is −1 times the loss": -want,
    }
    if not close(came, want, answer):
        hint = [f" ({text})" for text, other in known.items() if close(came, other, answer)][:1]
        raise Wrong(f"loss of {answer.what}: z and centroids have {want:.4g}, came {came:.4g}{''.join(hint)}")
    several(answer, z)


def close(came, want, answer):
    return abs(came - want) <= TOLERANCE * abs(want) + TOLERANCE / 10 * answer.scatter


def converged(answer):
    try:
        nearest(answer)
        means(answer)
    except Wrong as wrong:
        raise Wrong(f"{wrong}. It has to go on until the assignments stop changing") from None


def everything(answer):
    nearest(answer)
    means(answer)
    if answer.loss.array is not None and not np.isfinite(answer.loss.array).all():
        raise Wrong(f"loss of {answer.what}: expected a finite number, came {show(answer.loss.array)}")


def no_loop(trial, evidence):
    """As the same points are repeated, the steps of Python must not grow with them.

    Eight times as many, so that a lucky draw, and fewer passes, cannot hide the growth.
    """
    each(trial, nearest, evidence)
    for i in range(len(trial.steps)):
        library = evidence.steps[i].seen.get("library")
        if library:
            raise Wrong(
                f"{trial.texts[i]}: the k-means is a library's: {library.type}", "k-means of a library"
            )
    fewer, more = (int(numbers("steps", evidence.seen(i, "lines"), ())) for i in (0, 1))
    added = len(trial.steps[1][1]["X"]) - len(trial.steps[0][1]["X"])
    if more - fewer > added / 2:
        words = [name[6:] for name in evidence.steps[1].seen if name.startswith("calls ")]
        through = f", through {' and '.join(words)}" if words else ""
        raise Wrong(
            f"{trial.texts[1]}: {added} more examples, {more - fewer} more steps of Python{through}: "
            "a loop over examples"
        )
    if fewer < 3:
        raise Wrong(f"{trial.texts[0]}: only {fewer} lines were executed")
