"""K-means: question 2 of the homework, parts 2a to 2e.

    python3 kmeans.py basic -k 2     the points of data/data.tsv in 2 clusters: clusters_k2.png    (2a, 2c)
    python3 kmeans.py elbow          the loss for 1 to 10 clusters: elbow.png                      (2b)
    python3 kmeans.py image -k 16    original.png in 16 colours: compressed_k16.png                (2d, 2e)

N, D, k      examples, columns, clusters
X (N, D)     the examples, one in each row
C (k, D)     the centroids
z (N,)       z[i] is the cluster of example i, from 0 to k - 1
w (N,)       how many times each example counts: in a picture, the number of pixels of a colour

2a is `kmeans`, with `draw`, `lloyd`, `nearest` and `refill`; 2b to 2e are the commands. The rest makes them
hold for any numbers, makes them fast, reads and writes.
"""

import argparse
import contextlib
import csv
import functools
import gzip
import io
import itertools
import math
import os
import re
import shutil
import sys
import warnings
from pathlib import Path

if __name__ == "__main__":  # Ctrl-C during the imports needs no traceback either
    sys.excepthook = lambda kind, *error: kind is KeyboardInterrupt or sys.__excepthook__(kind, *error)

import numpy as np

HERE = os.path.dirname(os.path.realpath(__file__))
DATA, PICTURE = os.path.join(HERE, "data", "data.tsv"), os.path.join(HERE, "original.png")
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#555555"]
MARKERS = "osD^v"  # with the colours, seven of Okabe and Ito's and a grey, they tell 40 clusters apart


# 2a


def kmeans(X, k):
    """Cluster the examples X (N, D) around k centroids, until the assignments stop changing.   (2a)

    Returns z (N,), the number of the nearest centroid (of two equally near, the lower); centroids (k, D),
    the mean of each cluster; and loss, the sum over the examples of the squared distance to their centroid.
    An empty cluster takes the example farthest from its own centroid. With fewer distinct examples than k
    there is none to take: the surplus clusters stay empty, and the loss is 0.
    Raises ValueError for a k that is not a whole number from 1 to N, an X that is not two-dimensional, and
    NaN, infinity or masked values in it.
    """
    X = check(X, k)
    z, centroids, loss, _ = cluster(X, draw(X, k))
    return z, centroids, loss


def draw(X, k):
    """The first centroids: k examples, as the starter draws them (whose arange(N) changes nothing)."""
    return X[np.random.choice(len(X), k, replace=False)]


def lloyd(X, C):
    """Assign each example to its nearest centroid, move each centroid to the mean of its examples, and again.

    Returns z, C, and the number of passes, the last of which changed no assignment.
    """
    z, passes = None, 0
    while True:
        old, z, passes = z, nearest(X, C), passes + 1
        if np.array_equal(z, old):
            return z, C, passes
        own = z == np.arange(len(C))[:, None]  # (k, N): which examples each cluster has
        count = own.sum(1, keepdims=True)
        C = np.where(count > 0, own @ X / np.maximum(count, 1), C)  # what is empty stays
        C = C if count.all() else refill(X, z, C)


def nearest(X, C):
    """z (N,): the number of the nearest centroid; of several that only rounding tells apart, the lowest."""
    distance = np.sqrt(sum((x - c[:, None]) ** 2 for x, c in zip(X.T, C.T)))  # (k, N), column by column
    least = distance.min(0)
    off = rounding(X) * (least + np.linalg.norm(X, axis=1))
    return (distance <= least + off).argmax(0)  # distance.argmin(0), were it not for rounding


def refill(X, z, C):
    """C, with each empty cluster on the example farthest from its centroid, unless all lie on theirs."""
    distance, off = np.linalg.norm(X - C[z], axis=1), rounding(X) * np.linalg.norm(X, axis=1)
    for c in np.setdiff1d(range(len(C)), z):
        far = (distance >= (distance - off).max()).argmax()  # distance.argmax(), but for rounding
        if distance[far] > off[far]:
            C[c] = X[far]
            distance = np.minimum(distance, np.linalg.norm(X - X[far], axis=1))
    return C


# 2a for any X: many examples or few, near 0 or far from it


def cluster(X, C, w=None):
    """z, C, loss and the number of passes, from first centroids C: by fast_lloyd where its overhead pays."""
    origin = frame(X)
    if w is None and (X.size * len(C) < 50_000 or far_off(X, origin)):
        z, C, passes = lloyd(X - origin, C - origin)
    else:
        z, C, passes = fast_lloyd(X, C, w, origin)
    return z, *means(X, z, C + origin, w), passes


def means(X, z, C, w=None):
    """The means of the clusters, and the loss.

    C holds these means already, but for rounding. The differences from it, in which no digit is lost, say by
    how much it is off: by their mean.
    """
    w, C = np.ones(len(X)) if w is None else w, C.copy()
    count = np.maximum(np.bincount(z, w, len(C)), 1)
    for x, c in zip(X.T, C.T):
        c += np.bincount(z, w * (x - c[z]), len(C)) / count
    return C, squares(X, z, C, w)


def squares(X, z, C, w):
    """The sum of the squared distances from the centroids; column by column, which takes less memory."""
    return float(sum((w * (x - c[z]) ** 2).sum() for x, c in zip(X.T, C.T)))


def check(X, k):
    """X as an array, if it can be clustered into k; ValueError if not."""
    if np.ma.is_masked(X):
        raise ValueError("X has masked values; k-means needs every number: leave these examples out")
    X = np.asarray(X)
    if X.ndim != 2 or not X.shape[1]:
        raise ValueError(f"X must have two dimensions, examples and columns, but its shape is {X.shape}")
    if X.dtype.kind not in "buif":
        raise ValueError(f"X must hold real numbers, but its type is {X.dtype}")
    if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k={k} clusters: the number must be whole and at least 1")
    if k > len(X):
        raise ValueError(f"k={k} clusters need at least {k} examples, but X has {len(X)}")
    return X


def frame(X):
    """The origin (D,) from which to count: 0 in each column or, if all of it lies to one side, the nearest.

    So the digits that tell apart examples far from 0 are not lost when these are squared and added up.
    ValueError for what is not finite or cannot be squared.
    """
    low, high = box(X)
    if not np.isfinite([low, high]).all():
        i, j = np.argwhere(~np.isfinite(X))[0]
        raise ValueError(f"X[{i}, {j}] is {X[i, j]}, but every number must be finite")
    half = (high / 2 - low / 2).max()
    if half and not 1e-140 < half < 1e140:
        raise ValueError(f"X lies {half:.3g} around its middle; squares need 1e-140 to 1e140")
    return np.clip(0, low, high)


def box(X):
    """The lowest and the highest number in each column, two (D,)."""
    return np.array([(column.min(), column.max()) for column in X.T], float).T


def rounding(X):
    """The relative error of a distance: D squares are added up, and for the mean in it up to N numbers."""
    n, d = X.shape
    return 4 * np.finfo(float).eps * (d + 2 + n**0.5)


def far_off(X, origin):
    """Whether some examples, as fill values, lie so far out that in a sum with them the others are lost.

    The sums of fast_lloyd would not have the others back once these leave a cluster.
    """
    square = sum((x - o) ** 2 for x, o in zip(X.T, origin[:, None]))  # numpy 1: x - 0.0 stays float32
    return np.where(square > 0, square, np.inf).min() < 1e-22 * square.max()


# 2b, 2c: points


def basic(k, rng_seed=0, data=DATA, restarts=1):
    """Cluster the points of a table, and draw them.   (2c)"""
    X = check(read_table(data), k)
    save(f"clusters_k{k}.png")
    _, (z, C, loss, passes) = best(X, lambda: draw(X, k), restarts, rng_seed)
    print(f"K-means loss: {loss:.10g}\nIterations: {passes}")
    if X.shape[1] > 2:
        print(f"The picture shows the first two principal components of {X.shape[1]} columns")
    save(f"clusters_k{k}.png", draw_clusters(X, z, C, loss).savefig)


def elbow(k=None, rng_seed=0, data=DATA, restarts=20):
    """The loss for every number of clusters up to k, from the seed and as the best of several starts.   (2b)

    Without a k, up to 10, or to as many as there are examples.
    """
    X, losses = read_table(data), []
    k = min(10, len(X)) if k is None else k
    check(X, k)
    save("elbow.png")
    print(f"{'k':>3} {'from the seed':>14} {f'best of {restarts}':>14}")
    for c in range(1, k + 1):
        first, (_, _, loss, _) = best(X, functools.partial(draw, X, c), restarts, rng_seed)
        losses.append((first, loss))
        print(f"{c:3} {first:14.10g} {loss:14.10g}")
    found = find_elbow(losses)
    print(f"Elbow: k = {found}")
    save("elbow.png", draw_elbow(losses, found, restarts).savefig)


def best(X, start, restarts, rng_seed, w=None, unit=1):
    """Of several runs, each from what start() draws: the loss of the first, and the whole of the best."""
    if restarts < 1:
        raise ValueError(f"restarts={restarts}: the number must be at least 1")
    np.random.seed(rng_seed)
    losses, found = [], None
    for i in range(1, restarts + 1):
        run = cluster(X, start(), w)  # z, C, loss, passes
        losses.append(run[2])
        progress(f"start {i}: loss {run[2] / unit:.10g}, lowest {min(losses) / unit:.10g}")
        found = min(found or run, run, key=lambda run: run[2])
    progress("")
    return losses[0], found


def find_elbow(losses):
    """The k at which the logarithm of the best loss lies farthest below the straight line from end to end.

    The line falls as if each cluster took away the same share of what is left: up to the elbow a cluster more
    takes a larger share than that, after it a smaller one. A loss below a thousandth of the first counts as
    that: as good as none, however small its logarithm.
    """
    low = np.array(losses)[:, 1]
    low = np.log(np.maximum(low, low[0] / 1000 or 1))
    return 1 + int((np.linspace(low[0], low[-1], len(low)) - low).argmax())


def draw_clusters(X, z, C, loss):
    """The points in the colours and shapes of their clusters, the centroids as stars."""
    figure = new_figure(8, 6)
    axes, k = figure.add_subplot(), len(C)
    (P, Q), names = plane(X, z, C)
    size = min(6, max(1, 150 / len(X) ** 0.5))
    for c in range(k):
        look = {"color": COLOURS[c % len(COLOURS)], "linestyle": "none", "markeredgecolor": "black"}
        axes.plot(*P[z == c].T, **look, marker=MARKERS[c % len(MARKERS)], ms=size, mew=size / 20, label=c)
        axes.plot(*Q[c], "*", ms=27 if k <= 10 else 18, color="white", zorder=3)  # a rim for the star
        axes.plot(*Q[c], **look, marker="*", ms=20 if k <= 10 else 13, mew=1.5, zorder=3)
    if X.shape[1] == 1:
        axes.set(yticks=range(0, k, math.ceil(k / 20)))
    elif X.shape[1] == 2 and 5 <= abs(P).max() <= 10:  # the handout's points, and their like
        axes.set(xlim=(-10, 10), ylim=(-10, 10), aspect="equal")
    else:
        axes.set_aspect("equal", adjustable="datalim")  # so that what looks nearer is nearer
    axes.set(title=f"k = {k}, loss {loss:.6g}", xlabel=names[0], ylabel=names[1])
    if k <= 60:
        figure.legend(loc="outside right upper", ncols=math.ceil(k / 18), title="cluster", frameon=False)
    return figure


def plane(X, z, C):
    """The points and the centroids in two dimensions, and the names of these."""
    if X.shape[1] == 1:  # the second dimension is then the cluster
        return [np.column_stack([X, z]), np.column_stack([C, range(len(C))])], ("column 1", "cluster")
    if X.shape[1] == 2:
        return (X, C), ("column 1", "column 2")
    middle = X.mean(0)
    rows = np.vstack([X - middle, 0 * middle])  # a row of zeros more, as there may be a single example
    axes = np.linalg.svd(rows, full_matrices=False)[2][:2]
    axes *= np.sign(axes[[0, 1], abs(axes).argmax(1)])[:, None]  # either sign would do: always take the same
    return ((X - middle) @ axes.T, (C - middle) @ axes.T), ("first component", "second component")


def draw_elbow(losses, found, restarts):
    """Both losses by k, and the line that the elbow lies farthest below."""
    figure = new_figure(8, 5)
    axes, k = figure.add_subplot(), np.arange(1, len(losses) + 1)
    seed, low = np.maximum(losses, 1e-12 * losses[0][1] or 1).T
    axes.plot(k, seed, color="#D55E00", linestyle="--", marker="s", label="from the seed")
    axes.plot(k, low, color="#0072B2", marker="o", label=f"best of {restarts}")
    ends = np.maximum(low[[0, -1]], low[0] / 1000)
    axes.plot(k[[0, -1]], ends, color="grey", linestyle=":", label="the same share less for each cluster")
    label = f"elbow: k = {found}, farthest below that line"
    axes.plot(found, low[found - 1], "o", ms=18, mfc="none", mec="black", mew=2, label=label)
    axes.set(title=f"The loss for 1 to {len(k)} clusters", xlabel="clusters k", xticks=k[:: 1 + len(k) // 20])
    axes.set(ylabel="loss (logarithmic)", yscale="log")
    axes.legend(frameon=False)
    return figure


# 2d, 2e: pictures


def image(k, rng_seed=0, image=PICTURE, out=None, restarts=1):
    """Cluster the colours of a picture, and write it in k of them.   (2d, 2e)

    Pixels of one colour share a cluster. So the distinct colours, each with the number of its pixels for a
    weight, lead from the same first centroids to the same last ones.
    Memory at the peak: 23 bytes a pixel where the colours are few (the pixels as Pillow holds them and as we
    do), and 90 where all of them differ.
    """
    out = out or f"compressed_k{k}.png"
    if not out.lower().endswith(".png"):
        raise ValueError(f"{out}: the result is a PNG, so its name must end in .png")
    save(out)
    pixels, shape, keep = read_picture(image)
    colours, w = np.unique(pixels, return_counts=True)
    X = premultiplied(colours)
    channels = 3 if (X[:, 3] == 255**2).all() else 4  # what is the same everywhere decides nothing
    X = check(X[:, :channels], min(k, len(X)))
    if k < len(X):
        run = best(X, lambda: premultiplied(draw(pixels, k))[:, :channels], restarts, rng_seed, w, 255**2)
        _, (z, C, loss, passes) = run
    else:
        z, C, loss, passes = np.arange(len(X)), X, 0.0, 0
    palette = straight(C)
    error = squares(X, z, premultiplied(palette.view(np.uint32)[:, 0]).astype(float), w)
    z = by_pixel(z.astype(np.min_scalar_type(len(palette) - 1)), colours, pixels)
    save(out, encode(z.reshape(shape), palette, keep))
    if k > len(X):
        print(f"At 8 bits a channel the picture has {len(X)} colours, so k={k} loses none")
    print(f"K-means loss: {loss / 255**2:.10g}\nIterations: {passes}")
    report(len(palette), image, out, error / 255**2 / len(pixels) / channels)


def report(colours, image, out, error):
    """Print the bits per pixel, the sizes of the files, and the PSNR of a mean squared error."""
    bits = max(1, (colours - 1).bit_length())  # log2 k, rounded up; a file has at least 1
    print(f"Bits per pixel: 24 / {bits} = factor {24 / bits:.4g}")
    before = os.path.getsize(image) if os.path.isfile(image) else 0  # of a pipe, nobody knows it
    after = os.path.getsize(out)
    note = ", which is not smaller" if 0 < before <= after else ""
    print(f"File: {f'{image} {before} bytes, ' if before else ''}{out} {after} bytes{note}")
    print("PSNR:", f"{10 * math.log10(255**2 / error):.2f} dB" if error else "infinite at 8 bits a channel")


def premultiplied(pixels):
    """(n, 4): red, green and blue times alpha, and alpha times 255: what is invisible weighs nothing."""
    rgba = pixels.view(np.uint8).reshape(-1, 4).astype(np.uint16)
    rgba[:, :3] *= rgba[:, 3:]
    rgba[:, 3] *= 255
    return rgba


def straight(C):
    """(k, 4) bytes: the nearest RGBA to premultiplied centroids, whose alpha may be left out if it is 255."""
    alpha = C[:, 3:] / 255 if C.shape[1] > 3 else np.full((len(C), 1), 255.0)
    return np.rint(np.hstack([C[:, :3] / np.maximum(alpha, 1e-9), alpha])).astype(np.uint8)


def by_pixel(z, colours, pixels):
    """The cluster of each pixel, from that of its colour.

    The pixels are sorted first, by their halves, which numpy does in linear time: in order, each colour is
    found close to the last.
    """
    found = np.empty(len(pixels), z.dtype)
    for rows, some in parts(pixels, range(len(pixels)), BLOCK):
        order = np.lexsort(some.view(np.uint16).reshape(-1, 2).T)
        found[rows][order] = z[np.searchsorted(colours, some[order])]
    return found


# Speed


BLOCK = 262_144  # multiplications in one matrix product: stays in cache, and OpenBLAS keeps it on one thread


def fast_lloyd(X, C, w, origin):
    """What lloyd returns, sooner where X is large, and for examples with weights; after Hamerly (2010).

    An example whose second nearest centroid is farther than its nearest by a margin keeps its cluster until
    two centroids have moved by as much together. `moved` adds up the two longest moves of each pass, and an
    example is due for another look only when that has come to its `safe`. Equal examples become one with a
    weight, and the sums of the clusters change only by the examples that come or go.
    """
    X, w, which = distinct(X, len(C)) if w is None else (X, w, slice(None))
    (n, d), k = X.shape, len(C)
    Y, C = np.ones((n, d + 2)), C - origin  # in a row of Y: x, 1, |x|^2
    for j, o in enumerate(origin[:, None]):
        Y[:, j] = X[:, j] - o
    Y[:, -1] = sum(y * y for y in Y.T[:d])
    slack = 32 * rounding(X) * (Y[:, -1].max() or 1)  # how far a square may be off; 1 if all are 0
    z = np.full(n, k, np.min_scalar_type(k))  # k: in no cluster yet
    number = np.arange(k, dtype=z.dtype)[:, None]
    safe, moved, due, passes = np.empty(n), 0.0, range(n), 0
    sums, size = np.zeros((k, d + 2)), max(64, BLOCK // (k * (d + 2)))
    while True:
        old, before, passes = z.copy(), C, passes + 1
        F = np.hstack([-2 * C, (C * C).sum(1, keepdims=True), np.ones((k, 1))])  # -2 c, |c|^2, 1
        for rows, y in parts(Y, due, size):
            z[rows], margin = two_nearest(y, F, C, slack)
            safe[rows] = moved + margin
        changed = np.flatnonzero(z != old) if passes > 1 else range(n)  # all, with less memory
        if not len(changed):
            return z[which].astype(int), C, passes
        for rows, y in parts(Y, changed, size):
            come = (z[rows] == number).astype(np.int8) - (old[rows] == number)  # (k, n): 1, or -1 for gone
            sums += (come * w[rows]) @ y
        count = sums[:, d : d + 1]
        C = np.where(count > 0, sums[:, :d] / np.maximum(count, 1), C)
        C = C if count.all() else refill(Y[:, :d], z, C)
        moved += np.sort(np.linalg.norm(C - before, axis=1))[-2:].sum()
        due = np.flatnonzero(safe <= moved)


def two_nearest(Y, F, C, slack):
    """The nearest centroid of each row of Y, and how much farther the second nearest is, at least.

    far - near is (far^2 - near^2) / (far + near), and far + near at most sqrt(2 (far^2 + near^2)).
    """
    square = F @ Y.T  # (k, n): |x - c|^2 = -2 x.c + |c|^2 + |x|^2
    near = square.min(0)
    number = np.arange(len(C), dtype=np.min_scalar_type(len(C)))[:, None]
    z = ((square == near) * number).max(0)  # argmin(0) takes ten times as long
    square.ravel()[z.astype(int) * len(Y) + np.arange(len(Y))] = 1e300  # not z again; at k = 1, inf gives NaN
    far = square.min(0)
    gap = far - near
    close = np.flatnonzero(gap <= slack)
    if len(close):  # where rounding could decide, the differences themselves do
        z[close] = nearest(Y[close, :-2], C)
    return z, (gap - slack) / np.sqrt(2 * (far + near + 2 * slack))


def parts(X, rows, size):
    """(rows, X[rows]) for about size rows at a time, which a cache holds.

    If the rows are most of X, then all of X: to slice costs less than to pick.
    """
    if 2 * len(rows) > len(X):
        return ((part, X[part]) for part in (slice(i, i + size) for i in range(0, len(X), size)))
    return ((part, X.take(part, axis=0)) for part in np.array_split(rows, len(rows) // size + 1))


def distinct(X, k):
    """The distinct examples, how many times each occurs, and which of them each example is.

    Whole numbers often repeat, as those of a picture do, and sort fast: as the digits of one number, if
    the product of their ranges is below 2^53, up to where float64 holds every one. The distinct ones stay
    in the order of their first places, so that ties go as without merging. Other numbers, and any for few
    clusters, come back as they are: there the sorting costs more than it saves.
    """
    low, high = box(X)
    with np.errstate(over="ignore"):
        base = np.append(1, high - low + 1).cumprod()  # as 1, 10, 100 in the decimal system
    if k <= 4 or base[-1] >= 2**53 or (np.rint(X) != X).any():
        return X, np.ones(len(X)), slice(None)
    _, first, which = np.unique((X - low) @ base[:-1], return_index=True, return_inverse=True)
    is_first = np.bincount(first, minlength=len(X)) > 0
    which = (is_first.cumsum() - 1)[first][which]
    return X[is_first], np.bincount(which).astype(float), which


# Files

MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "?", "."}  # in any case of letters
WORDS = dict.fromkeys(MISSING, math.nan) | {"true": 1.0, "false": 0.0}
COMMENT = re.compile(r"#(?<!\S#)(?![A-Z/0]+[!?/]).*", re.IGNORECASE)  # Excel's #N/A and #DIV/0! are cells
OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x80": "a pickle", b"\xd0\xcf\x11\xe0": "an old Excel file"}
EXPECTED = "a finite number"
HEADER = "a first line without a number, or quoted above lines that are not, is a header"


def valid(X):
    """Which of the numbers X may stand in a table. NaN is what is missing, an infinity what is no number."""
    return np.isfinite(X)


def read_table(path):
    """X (N, D) from text, a .npy or a .npz (of one array), also in gzip; - is standard input.

    Cells stand between tabs, semicolons, commas or blanks, whichever of these the first line has, quoted or
    not. A # at the start of a line or after a blank opens a comment. A header is a first line without a
    number, or one in quotes above lines that are not. Columns at the left that it does not name, one if it is
    one name short, are names and no data. Rows and columns at the end, if empty throughout, are left out.
    Raises ValueError that says the file, and the place of what is not as it should be.
    """
    with open(0 if path == "-" else path, "rb") as file:
        data = file.read()
    try:
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        for start in filter(data.startswith, OTHERS):
            raise ValueError(f"it is {OTHERS[start]}; a table is text, .npy or .npz, also in gzip")
        if data.startswith((b"\x93NUMPY", b"PK\3\4")):
            return load(data)
        encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        text = data.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
        return parse([line.strip(" ") for line in COMMENT.sub("", text).split("\n")], path)
    except Exception as error:  # a damaged archive may raise anything
        raise ValueError(f"{path}: {error}") from None


def load(data):
    """The matrix in a .npy or .npz. No pickles: these can run anything."""
    X = np.load(io.BytesIO(data), allow_pickle=False)
    if not isinstance(X, np.ndarray):  # a zip archive
        if X.zip.namelist() != [f"{name}.npy" for name in X.files[:1]]:
            raise ValueError(f"it is a zip archive of {', '.join(X.files)[:40]!r}; a table is one array")
        X = X[X.files[0]]
    X = check(X[:, None] if X.ndim == 1 else X, 1)
    frame(X)
    return X


def parse(lines, path):
    """X from the lines of a table, in blocks, for numpy's fast reader knows no words and would refuse all."""
    while lines and not lines[-1].strip(" \t;,"):
        lines.pop()
    top, following = itertools.islice(itertools.chain(filter(str.strip, lines), ["", ""]), 2)
    mark = next((mark for mark in "\t;," if mark in top), " ")
    names = next(cells([top], mark), [])
    numbers = [number(cell) for cell in names]
    is_header = math.inf in numbers and not any(map(math.isfinite, numbers))
    is_header |= 2 * len(names) == top.count('"') > following.count('"') and following != ""
    above = lines.index(top) + 1 if is_header else 0
    rows = lines[above:]
    if not any(rows):
        raise ValueError("there are no rows of numbers in it")
    while all(row.endswith(mark) for row in rows if row):
        rows = [row[:-1].rstrip(" ") for row in rows]
    width = len(next(cells(filter(None, rows), mark)))
    unnamed = next(j for j, name in enumerate(names) if name) if is_header else 0
    if unnamed := unnamed or int(is_header and len(names) == width - 1):
        print(reason(f"{path}: the first {unnamed} of the columns read as names"), file=sys.stderr)
    starts = range(0, len(rows), 20_000)
    return np.concatenate([block(rows[i : i + 20_000], above + i, mark, width, unnamed) for i in starts])


def block(lines, above, mark, width, unnamed):
    """The numbers in some of the lines, `above` being how many stand before; ValueError for what is none."""
    with contextlib.suppress(ValueError):
        style = {"delimiter": mark.strip(" ") or None, "quotechar": '"', "comments": None, "encoding": None}
        zeros = mark.join("0" * width)  # a row from which numpy knows the width
        X = np.loadtxt([zeros, *lines], converters=dict.fromkeys(range(unnamed), len), ndmin=2, **style)
        if valid(X[1:, unnamed:]).all():
            return X[1:, unnamed:]
    reader = cells(lines, mark)
    rows = [(above + reader.line_num, row) for row in reader if row]
    for line, row in rows:
        if len(row) != width:
            raise ValueError(f"line {line} has {len(row)} columns, but the first row has {width}")
    every = itertools.chain.from_iterable(row[unnamed:] for _, row in rows)
    X = np.fromiter(map(number, every), float).reshape(len(rows), -1)
    for i, j in np.argwhere(~valid(X))[:1]:
        line, cell = rows[i][0], rows[i][1][unnamed + j][:40]
        point = "; decimals take a point" if "," in cell else ""
        raise ValueError(f"line {line}, column {unnamed + j + 1}: {cell!r} is not {EXPECTED}{point}")
    return X


def cells(lines, mark):
    return csv.reader(lines, delimiter=mark, skipinitialspace=True)


@functools.lru_cache(1000)
def number(cell):
    """The number in a cell; NaN if it is missing, infinity for a word, minus infinity for one too large."""
    word = cell.strip().lower()
    with contextlib.suppress(ValueError):
        value = WORDS[word] if word in WORDS else float(word.replace("_", "?"))  # no 1_000 as in Python
        return -math.inf if math.isinf(value) else value
    return math.inf


# Pictures


TURNS = dict(enumerate((0, 3, 1, 5, 4, 6, 2), 2))  # by EXIF's number: that of Pillow's Image.Transpose


def read_picture(path):
    """The pixels, four bytes RGBA in one number each; height and width; and options to save the result with.

    Of several frames the first is taken, and turned as EXIF says. A profile for RGB, or a PNG's gAMA and
    cHRM, go into the result; from a profile for CMYK or grey the colours are converted to sRGB. What is
    broken beside the pixels is left out, which is said.
    """
    from PIL import Image

    notes, keep = [], {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures long before it refuses them
            with open(path, "rb") as file, Image.open(file) as picture:
                if picture.mode[0] in "IF" or re.search("(?<!BGR);16", str(picture.tile)):
                    notes.append("read at 8 bits a channel, of more")
                    if "transparency" in picture.info:
                        raise ValueError("a transparent colour of 16 bits; save it with alpha or 8 bits")
                picture.load()
                rgba = to_rgba(picture)
                if picture.format == "TGA" and (file.seek(17) and file.read(1)[0] & 15) == 0:
                    rgba.putalpha(255)  # the fourth byte is not in use
                with left_out("colour profile", notes):
                    rgba, keep = managed(picture, rgba)
                with left_out("EXIF", notes):
                    turn = TURNS.get(picture.getexif().get(0x0112))
                    rgba = rgba if turn is None else rgba.transpose(turn)
                with left_out("list of further frames", notes):
                    if getattr(picture, "n_frames", 1) > 1:
                        notes.append(f"the first of {picture.n_frames} frames")
                rgba = np.asarray(rgba)
    except Exception as error:  # a decoder may raise anything over a damaged file
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or reason(error)}") from None
    for note in notes:
        print(reason(f"{path}: {note}"))
    pixels = rgba.reshape(-1, 4).view(np.uint32)[:, 0]
    return np.where(rgba[:, :, 3].ravel() > 0, pixels, 0), rgba.shape[:2], keep


@contextlib.contextmanager
def left_out(name, notes):
    """Goes on without what raises an error, and notes it."""
    try:
        yield
    except Exception as error:
        notes.append(f"read without its {name}: {reason(error)}")


def managed(picture, rgba):
    """rgba, in sRGB if its profile is none for RGB; and what Pillow is to write with it."""
    from PIL import ImageCms, PngImagePlugin

    if not (profile := picture.info.get("icc_profile")):
        chunks = PngImagePlugin.PngInfo()
        for name, key in (b"gAMA", "gamma"), (b"cHRM", "chromaticity"):
            if picture.format == "PNG" and key in picture.info:
                chunks.add(name, np.rint(np.ravel(picture.info[key]) * 1e5).astype(">u4").tobytes())
        return rgba, {"pnginfo": chunks}
    source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    space = source.profile.xcolor_space.strip()
    if space == "RGB" and picture.mode != "CMYK":
        ImageCms.buildTransform(source, srgb, "RGB", "RGB")  # fails if the profile is not whole
        return rgba, {"icc_profile": profile}
    red, green, blue, alpha = rgba.split()
    if space == "GRAY" and not red == green == blue:
        raise ValueError("it is for grey, and these are colours")
    result = ImageCms.profileToProfile(red if space == "GRAY" else picture, source, srgb, outputMode="RGB")
    result.putalpha(alpha)
    return result, {}


def to_rgba(picture):
    """RGBA of 8 bits from any mode of Pillow's."""
    if picture.mode[0] in "IF":
        picture = grey(picture)
    if not picture.has_transparency_data and picture.mode != "RGB":
        picture = picture.convert("RGB")  # from CMYK there is no other way
    return picture.convert("RGBA")


def grey(picture):
    """8 bits from 12, 16, 32 or floats.

    White is what 12 or 16 bits can hold at most, where the file says that it has so many. Else it is the
    first of 1, 255 and 65535 that is more than half the highest value, or that value if it is larger still.
    Black is 0, or the lowest value if that is less. A TIFF may say that its zero is white.
    """
    from PIL import Image

    values, tags = np.asarray(picture), getattr(picture, "tag_v2", {})
    if tags.get(258) == (32,) and tags.get(339, (1,)) == (1,):  # BitsPerSample and SampleFormat: unsigned
        values = values.view(np.uint32)
    low, high = min(float(values.min()), 0), float(values.max())
    if "I;16" in picture.mode or picture.mode == "I" and picture.format in ("PNG", "PPM"):
        white = 2 ** tags.get(258, (16,))[0] - 1
    else:
        white = max(high, next((white for white in (1, 255, 65535) if white > high / 2), 0))
    if not math.isfinite(white - low):
        raise ValueError("it holds values that are not finite")
    levels = np.rint((values.astype(float) - low) * (255 / (white - low))).astype(np.uint8)
    return Image.fromarray(255 - levels if tags.get(262) == 0 else levels)  # PhotometricInterpretation


def encode(z, palette, keep):
    """What writes a PNG to a file: up to 256 colours in a palette, for which Pillow takes 1 to 8 bits."""
    from PIL import Image

    options, opaque = dict(keep), (palette[:, 3] == 255).all()
    if len(palette) <= 256:
        picture = Image.fromarray(z)
        picture.putpalette(palette[:, :3].tobytes())
        if not opaque:
            options["transparency"] = palette[:, 3].tobytes()
    else:
        picture = Image.fromarray(palette[:, :3][z] if opaque else palette[z])
    return functools.partial(picture.save, format="PNG", **options)


# The command line


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """Let `run` say it, in one line (argparse would print the usage before it)."""
        raise ValueError(message)


def new_figure(width, height):
    """An empty figure (inches) in the look that all pictures share, whatever a matplotlibrc says."""
    from matplotlib import figure, style  # here and not above: it costs 0.3 s

    style.use(["default", {"font.size": 13, "axes.spines.top": False, "axes.spines.right": False}])
    return figure.Figure(figsize=(width, height), dpi=110, layout="constrained")


def save(path, write=None):
    """Let write(file) make a file beside path, then put it there whole. Without it, only see if that can be.

    Mode and owner of an older file stay, links are followed, and what refuses a plain write refuses this.
    Where the folder or the owner allows no other file in its place, path is written over.
    """
    path = Path(path).resolve()
    beside, made = path.with_name(f".{os.getpid()}.png"), [] if path.exists() else [path]
    try:
        path.open("ab").close()
        if write:
            try:
                write(beside)
                shutil.copymode(path, beside)
                if os.name == "posix":
                    os.chown(beside, path.stat().st_uid, path.stat().st_gid)
                beside.replace(path)
            except PermissionError:
                write(path)
            made = []
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None
    finally:
        for file in [beside, *made]:
            with contextlib.suppress(OSError):
                file.unlink()


def progress(text):
    """Show text on the same line of a terminal, and nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


COMMANDS = {"basic": basic, "elbow": elbow, "image": image}


def main(argv=None):
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="kmeans.py", description=__doc__, formatter_class=form)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in COMMANDS:
        options = modes.add_parser(mode, argument_default=argparse.SUPPRESS)
        options.add_argument(
            "-k", type=int, required=mode != "elbow", help="clusters; of elbow, the most (10)"
        )
        options.add_argument("-s", "--rng-seed", type=int, help="seed of the first centroids (0)")
        options.add_argument("--restarts", type=int, metavar="R", help="starts (1; of elbow 20)")
        if mode == "image":
            options.add_argument("--image", metavar="FILE", help="a picture (original.png)")
            options.add_argument("--out", metavar="FILE", help="the result, a .png (compressed_kK.png)")
        else:
            help_text = f"a table of numbers; {HEADER}; - is standard input (data/data.tsv)"
            options.add_argument("--data", metavar="FILE", help=help_text)
    argv = sys.argv[1:] if argv is None else argv
    at = next((i for i, word in enumerate(argv) if word in COMMANDS), 0)  # options may come before the mode
    options = vars(parser.parse_args([*argv[at : at + 1], *argv[:at], *argv[at + 1 :]]))
    COMMANDS[options.pop("mode")](**options)


def run(main):
    """Exit status 0; 2 with one line for bad input; 130 after Ctrl-C. Never a traceback."""
    for name in ("stdout", "stderr"):  # None where it was closed (`>&-`)
        setattr(sys, name, getattr(sys, name) or open(os.devnull, "w"))  # noqa: SIM115, it stays open
    # any file name, on any console; not line by line, so that `| head -1` stops no work
    sys.stdout.reconfigure(errors="backslashreplace", line_buffering=sys.stdout.isatty(), write_through=False)
    os.environ["MPLBACKEND"] = "agg"  # a notebook hands on its own, which needs a package of the notebook's
    try:
        try:
            main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader has seen enough: `| head -1`
        sys.stdout = None  # else Python would try again at the end, and complain
    except (ValueError, OSError, MemoryError) as error:
        print(f"kmeans.py: error: {reason(error)}", file=sys.stderr)
        sys.stdout = sys.stdout if isinstance(error, ValueError) else None
        sys.exit(2)


def reason(error):
    """What went wrong, on one line."""
    text = getattr(error, "strerror", None) or str(error) or "not enough memory"
    file = getattr(error, "filename", None)
    return " ".join((f"{file}: {text}" if file else text).split())


if __name__ == "__main__":
    run(main)
