"""K-means: question 2 of the homework, parts 2a to 2e.

    python3 kmeans.py basic -k 2     clusters of the points in data/data.tsv        (2a, 2c)
    python3 kmeans.py image -k 16    original.png in 16 colours                     (2d, 2e)

N, D, k      examples, columns, clusters
X (N, D)     the examples, one in each row
C (k, D)     the centroids
z (N,)       z[i] is the cluster of example i, from 0 to k - 1
w (N,)       how many times each example counts: 1, or in a picture the number of pixels of a colour
x (D+1, n)   some examples as columns, shifted to the middle of X, over a row of ones
sums         (k+1, D+1): what x adds up to in each cluster, so its last column counts; row k is scratch
"""

import argparse
import contextlib
import io
import itertools
import math
import os
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
BLOCK = 262_144  # multiplications in one matrix product: stays in cache, and OpenBLAS keeps it on one thread


# 2a


def kmeans(X, k):
    """Cluster the examples X (N, D) around k centroids, until the assignments stop changing.   (2a)

    Returns z (N,), the number of the nearest centroid (of two equally near, the lower); centroids (k, D),
    the mean of each cluster; and loss, the sum over the examples of the squared distance to their centroid.
    An empty cluster takes the example farthest from its own centroid. With fewer distinct examples than k
    there is none to take: the surplus clusters stay empty, and the loss is 0.
    Raises ValueError for k < 1, k > N, an X that is not two-dimensional, NaN or infinity.
    """
    X = check(X, k)
    first = X[np.random.choice(len(X), k, replace=False)]  # the starter's draw, without its arange(N)
    z, centroids, loss, _ = lloyd(X, first, np.broadcast_to(1.0, len(X)))
    return z.astype(int), centroids, loss


def check(X, k):
    """X as a contiguous array, if it can be clustered into k; ValueError if not."""
    X = np.ascontiguousarray(X)
    if X.ndim != 2 or not X.shape[1]:
        raise ValueError(f"X must have two dimensions, examples and columns, but its shape is {X.shape}")
    if X.dtype.kind not in "buif":
        raise ValueError(f"X must hold real numbers, but its type is {X.dtype}")
    if k < 1 or k != int(k):
        raise ValueError(f"k={k} clusters: the number must be whole and at least 1")
    if k > len(X):
        raise ValueError(f"k={k} clusters need at least {k} examples, but X has {len(X)}")
    return X


def frame(X):
    """The middle (D,) of the box that holds X, and its radius; ValueError for what cannot be squared."""
    low, high = np.array([(column.min(), column.max()) for column in X.T], float).T
    if not np.isfinite([low, high]).all():
        i, j = np.argwhere(~np.isfinite(X))[0]
        raise ValueError(f"X[{i}, {j}] is {X[i, j]}, but every number must be finite")
    half = high / 2 - low / 2
    if half.any() and not 1e-140 < half.max() < 1e140:
        raise ValueError(f"X is {2 * half.max():.3g} wide, but can be squared only between 1e-140 and 1e140")
    return low / 2 + high / 2, np.linalg.norm(half)


def lloyd(X, C, w):
    """Assign each example to its nearest centroid, move each centroid to the mean of its examples, and again.

    Returns z, C, loss, and the number of passes. It ends when no assignment changes, or when no centroid
    moves by more than the rounding error: then the loss no longer falls.
    An example whose second nearest centroid is farther than its nearest by `margin` keeps its cluster until
    two centroids have moved by as much together; `safe` says how far `moved` must come before the example is
    looked at again.
    """
    (n, d), k = X.shape, len(C)
    middle, radius = frame(X)
    error = 4 * (d + 2) * np.finfo(float).eps * radius  # of a distance, by rounding
    C = C - middle
    z, sums = np.full(n, k, np.min_scalar_type(k)), np.zeros((k + 1, d + 1))
    safe, moved = np.full(n, -np.inf), 0.0
    for passes in itertools.count(1):  # noqa: B007
        old, old_C = z.copy(), C
        for rows in pieces(np.flatnonzero(safe <= moved), k, d):
            z[rows], margin = nearest(columns(X, rows, middle), C, radius, error)
            safe[rows] = moved + margin
        for rows in pieces(np.flatnonzero(z != old), 1, d):
            x = columns(X, rows, middle)
            sums += totals(x, z[rows], w[rows], k) - totals(x, old[rows], w[rows], k)
        C = refill(X, z, means(sums, C), sums[:k, d] == 0, middle, error)
        step = np.linalg.norm(C - old_C, axis=1).max()
        if step <= 2 * error:  # as it is when no assignment has changed
            break
        moved += 2 * step
    return *finish(X, z, C, w, middle), passes


def pieces(rows, k, d):
    """The rows, as many at a time as make BLOCK multiplications."""
    size = max(64, BLOCK // (k * (d + 1)))
    return (rows[i : i + size] for i in range(0, len(rows), size))


def columns(X, rows, middle):
    """x (D+1, n): the rows of X, shifted, with ones below. Shifted, a far offset leaves no rounding error."""
    x = np.ones((X.shape[1] + 1, len(rows)))
    x[:-1] = X.take(rows, axis=0).T
    x[:-1] -= middle[:, None]
    return x


def nearest(x, C, radius, error):
    """The nearest centroid of each column of x, and how much farther the second nearest is, at least.

    |x - c|^2 = |x|^2 - 2 (c.x - |c|^2 / 2), so the nearest has the largest score c.x - |c|^2 / 2.
    Where rounding could decide, the differences themselves do; and if these are equal, the lower number.
    """
    score = np.hstack([C, -(C * C).sum(1, keepdims=True) / 2]) @ x  # (k, n) = (k, D+1) (D+1, n)
    best = score.max(0)
    reverse = np.arange(len(C), 0, -1, dtype=np.min_scalar_type(len(C)))  # argmax(0) takes ten times as long
    z = len(C) - ((score == best) * reverse[:, None]).max(0)
    score[z, np.arange(x.shape[1])] = -np.inf
    second = score.max(0)
    close = np.flatnonzero(best - second <= error * radius)
    if len(close):
        distance = np.array([np.linalg.norm(x[:-1, close] - c[:, None], axis=0) for c in C])
        z[close] = (distance <= distance.min(0) + error).argmax(0)
    square = (x[:-1] ** 2).sum(0)
    near, far = (np.sqrt(np.maximum(square - 2 * s, 0)) for s in (best, second))
    return z, far - near - 2 * math.sqrt(error * radius)


def totals(x, z, w, k):
    """(k+1, D+1): the sum of the columns of x in each cluster; that of the ones counts them."""
    return np.array([np.bincount(z, w * row, k + 1) for row in x]).T


def means(sums, C):
    """The centroids: the mean of each cluster. An empty one stays where it is."""
    count = sums[:-1, -1:]
    return np.where(count > 0, sums[:-1, :-1] / np.maximum(count, 1), C)


def refill(X, z, C, empty, middle, error):
    """C, with each empty cluster on the example farthest from its centroid, if any lies off its centroid."""
    if empty.any():
        distance = np.sqrt(squares(X, z, C, middle))
        for c in np.flatnonzero(empty):
            far = np.argmax(distance >= distance.max() - error)
            if distance[far] > error:
                C[c] = X[far] - middle
                distance = np.minimum(distance, np.sqrt(squares(X, c, C, middle)))
    return C


def squares(X, z, C, middle):
    """(N,): the squared distance of each example, less the middle, to its centroid; float64 whatever X is."""
    return sum((np.subtract(X[:, j], middle[j], dtype=float) - C[z, j]) ** 2 for j in range(X.shape[1]))


def finish(X, z, C, w, middle):
    """z, the means added up afresh, and their loss. The mean of equal examples is these, without rounding."""
    n, d = X.shape
    sums = sum(
        totals(columns(X, rows, middle), z[rows], w[rows], len(C)) for rows in pieces(np.arange(n), 1, d)
    )
    C, still = means(sums, C) + middle, np.zeros(d)
    example = C.copy()
    example[z] = X
    equal = np.bincount(z, squares(X, z, example, still), len(C)) == 0
    C[equal] = example[equal]
    return z, C, float(w @ squares(X, z, C, still))


# 2b to 2e: the command line


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """One line and exit status 2 (argparse would print the usage before it)."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def basic(args):
    """Cluster the points and draw them."""
    X = np.loadtxt(args.data, delimiter="\t", ndmin=2)
    np.random.seed(args.rng_seed)
    z, C, loss = kmeans(X, args.k)
    print(f"K-means loss: {loss:.6f}")


def image(args):
    """Cluster the colours of the pixels and write the picture in those."""
    from PIL import Image

    pixels = np.asarray(Image.open(args.image).convert("RGB"))
    np.random.seed(args.rng_seed)
    z, C, loss = kmeans(pixels.reshape(-1, 3), args.k)
    print(f"K-means loss: {loss:.6f}")
    small = Image.fromarray(np.rint(C[z]).astype(np.uint8).reshape(pixels.shape))
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    save(f"compressed_k{args.k}.png", buffer.getvalue())


def new_figure(width, height):
    """An empty matplotlib figure, in inches, in the look that all pictures share; needs no screen."""
    import matplotlib  # here and not above: it costs 0.3 s, and most commands draw nothing
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"font.size": 13, "axes.spines.top": False, "axes.spines.right": False})
    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def png(figure):
    """The bytes of the figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def save(path, data):
    """Write the bytes beside path, then put them in place whole: a file that was there survives a failure."""
    path = os.path.realpath(path)  # through a link, not over it
    beside = f"{path}.{os.getpid()}.part"
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise ValueError(f"cannot write {path}: it is not a regular file")
        with open(beside, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(beside)


def main(argv=None):
    parser = Parser(prog="kmeans.py", description=__doc__.split("\n")[0])
    parser.add_argument("mode", choices=["basic", "image"])
    parser.add_argument("-k", type=int, required=True)
    parser.add_argument("-s", "--rng-seed", type=int, default=0)
    parser.add_argument("--data", default=HERE / "data" / "data.tsv")
    parser.add_argument("--image", default=HERE / "original.png")
    args = parser.parse_args(argv)
    {"basic": basic, "image": image}[args.mode](args)


def run(main):
    """Exit status 0; 2 with one line for bad input; 130 after Ctrl-C. Never a traceback."""
    status = 0
    try:
        sys.stdout.reconfigure(errors="backslashreplace")  # file names and symbols, on any console
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:  # the reader has seen enough: `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError, MemoryError) as error:
        print(f"kmeans.py: error: {error}", file=sys.stderr)
        status = 2
    sys.exit(status)


if __name__ == "__main__":
    run(main)
