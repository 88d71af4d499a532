"""EM for binary vectors: question 3 of the homework, parts 3a to 3d.

    python3 em_binary.py check        the derivation below, verified by numbers      (3a to 3d)
    python3 em_binary.py basic -k 3   600 people by their genes, in 3 components     (genomes_k3.png)
    python3 em_binary.py select       how many components? the smallest BIC says     (bic.png)

n, d, k      examples, columns, components (clusters)
i, j, c      run over examples, columns, components
X (n, d)     x_ij is 0 or 1; NaN where it is missing. Or a scipy sparse matrix of 0 and 1
z_i          the component that example i came from, which nobody has seen
pi (k,)      pi_c = P(z_i = c)
W (k, d)     W_cj = P(x_ij = 1 | z_i = c)
r (n, k)     r_ic = P(z_i = c | x_i), the responsibility of c for i
x, m (h, d)  h rows of X, with 0 where an entry is missing, and m_ij = 1 where it is seen, else 0. m is None
             where nothing is missing: all m_ij are 1
joint (h, k) log P(x_i, z_i = c) for these rows
"""

import argparse
import contextlib
import csv
import functools
import gzip
import io
import itertools
import math
import operator
import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

# OpenBLAS reads this when numpy is imported. `over_rows` has threads of its own, and the two get in each
# other's way. Not where another program imports this one: it, and what it starts, may want OpenBLAS's.
if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Ctrl-C during the imports needs no traceback either
    sys.excepthook = lambda kind, *error: kind is KeyboardInterrupt or sys.__excepthook__(kind, *error)

import numpy as np

ONE_THREAD = os.environ.get("OPENBLAS_NUM_THREADS") == "1"
DATA = os.path.join(os.path.dirname(os.path.realpath(__file__)), "data")
GENOMES, POPULATIONS = os.path.join(DATA, "genomes.tsv"), os.path.join(DATA, "populations.tsv")


# 3a


def e_step(X, pi, W):
    """The E step: r (n, k), r_ic = P(z_i = c | x_i).   (3a)

    1. One entry, given the component. x_ij is 1 with probability W_cj and 0 with 1 - W_cj. As one formula,
       p^y (1 - p)^(1 - y), which is p at y = 1 and 1 - p at y = 0:
           P(x_ij | z_i = c) = W_cj^x_ij (1 - W_cj)^(1 - x_ij)
    2. One example, given the component. Its entries are independent once c is known, so they multiply:
           P(x_i | z_i = c) = prod_j W_cj^x_ij (1 - W_cj)^(1 - x_ij)
    3. Product rule: P(x_i, z_i = c) = P(z_i = c) P(x_i | z_i = c)
           = pi_c prod_j W_cj^x_ij (1 - W_cj)^(1 - x_ij)            `log_joint` is its logarithm
    4. Sum rule: some component it was, so P(x_i) = sum_c P(x_i, z_i = c).
    5. Bayes: P(z_i = c | x_i) = P(x_i, z_i = c) / P(x_i), hence                        `normalise`
                    pi_c  prod_j W_cj^x_ij  (1 - W_cj)^(1 - x_ij)
           r_ic = --------------------------------------------------
                  sum_c' pi_c' prod_j W_c'j^x_ij (1 - W_c'j)^(1 - x_ij)

    Missing entries. If which are missing says nothing about their values, P(seen part of x_i | c) is step 2
    summed over both values of each missing entry. As W_cj + (1 - W_cj) = 1, its factor drops out, and the
    product runs over the entries seen. With nothing seen the product is empty, 1, and so r_i = pi.

    Raises ValueError for an X, pi or W out of range or shape; and for an example with P(x_i) = 0 (under every
    component, pi_c is 0 or W is 0 or 1 in a column where x differs): its r would be 0 / 0.
    """
    X = checked_X(X)
    log = logs(*checked_parameters(X, pi, W))
    r = np.empty((X.shape[0], len(log.pi)))

    def step(rows, x, m):
        r[rows], _ = normalise(log_joint(x, m, log), rows)

    over_rows(step, X, len(log.pi))
    return r


class Logs(NamedTuple):
    """The logarithms of pi and W, taken once for all examples."""

    pi: np.ndarray  # (k,)
    W: tuple  # log W and log(1 - W), as `terms`; 0 in place of log 0
    certain: tuple  # whether W is 0, and whether it is 1, as `terms`; () if none is


def logs(pi, W):
    is0, is1 = W == 0, W == 1
    with np.errstate(divide="ignore"):  # pi_c = 0: minus infinity is right
        log_pi = np.log(pi)
    certain = terms(1.0 * is0, 1.0 * is1) if is0.any() or is1.any() else ()
    return Logs(log_pi, terms(np.log(np.where(is0, 1, W)), np.log1p(-np.where(is1, 0, W))), certain)


def log_joint(x, m, log):
    """(h, k): log P(x_i, z_i = c) = log pi_c + sum_j x_ij log W_cj + (1 - x_ij) log(1 - W_cj).   (3a, step 3)

    Where W is exactly 0 or 1, 0 log 0 = 0 is left out of the sum, and if any x_ij differs from such a W_cj,
    then i is impossible under c: minus infinity.
    """
    joint = over_columns(x, m, log.W)
    joint += log.pi
    if log.certain:
        joint[over_columns(x, m, log.certain) > 0] = -np.inf
    return joint


def terms(A, B):
    """What `over_columns` needs of A and B, both (k, d): A - B, B, and the sum of B over the columns."""
    return A - B, B, B.sum(1)


def over_columns(x, m, terms):
    """(h, k): sum_j x_ij A_cj + (1 - x_ij) B_cj over the entries seen.

    It equals sum_j x_ij (A_cj - B_cj) + sum_j m_ij B_cj. With nothing missing, m is 1 and the second sum is
    the same for all examples: one product with x instead of two, and a sparse X need never be filled in.
    """
    difference, B, total = terms
    return product(difference, x.T).T + (total if m is None else product(B, m.T).T)


def normalise(joint, rows):
    """r (h, k) and log P(x_i) (h,), from the log joint, which is overwritten.   (3a, steps 4 and 5)

    The largest term of each sum is divided out first, since exp() of a sum of thousands of logs is 0 in
    float64. (scipy.special.logsumexp does the same, but takes 0.2 s to import.)
    """
    top = joint.max(1)
    if (top == -np.inf).any():
        raise ValueError(f"X[{rows.start + np.argmin(top)}] is impossible under every component: P(x) = 0")
    joint -= top[:, None]
    r = np.exp(joint, out=joint)
    total = r.sum(1)
    r /= total[:, None]
    return r, top + np.log(total)


def log_likelihood(X, pi, W):
    """log P(X) = sum_i log sum_c P(x_i, z_i = c), what EM makes large. A float; for an example that is
    impossible under every component, minus infinity. Raises ValueError as `e_step` does for X, pi, W."""
    X = checked_X(X)
    log = logs(*checked_parameters(X, pi, W))

    def step(rows, x, m):
        return [np.logaddexp.reduce(log_joint(x, m, log), axis=1).sum()]

    return float(*over_rows(step, X, len(log.pi)))


# 3b


def expected_complete_log_likelihood(X, r, pi, W):
    """The ECLL: the log-likelihood if z were known, averaged over what we believe of z. A float.   (3b)

    1. The complete data are X and z. By the product rule (3a, step 3), over independent examples,
           log P(X, z) = sum_i log [pi_{z_i} P(x_i | z_i)]
                       = sum_i sum_c [z_i = c] log [pi_c P(x_i | z_i = c)]
       where [z_i = c] is 1 for the component that it was and 0 for the others.
    2. Nobody knows z, but E [z_i = c] = P(z_i = c | x_i) = r_ic, and the sum is linear in it:
           ECLL = sum_i sum_c r_ic log [pi_c P(x_i | z_i = c)]
    3. The logarithm turns the product of 3a, step 2, into a sum:
           ECLL = sum_i sum_c r_ic [log pi_c + sum_j x_ij log W_cj + (1 - x_ij) log(1 - W_cj)]
       over the entries seen. Terms with r_ic = 0 count 0, also where the bracket is minus infinity.

    Raises ValueError for an X, r, pi or W out of range or shape.
    """
    X = checked_X(X)
    log = logs(*checked_parameters(X, pi, W))
    r = checked_r(X, r, len(log.pi))

    def step(rows, x, m):
        some = r[rows] > 0
        return [r[rows][some] @ log_joint(x, m, log)[some]]

    return float(*over_rows(step, X, len(log.pi)))


# 3c, 3d


def m_step(X, r):
    """The M step: the pi (k,) and W (k, d) at which the ECLL is largest, r held fixed.   (3c, 3d)

    W (3c). Of the ECLL, W_cj stands only in sum_i r_ic [x_ij log W_cj + (1 - x_ij) log(1 - W_cj)].
    1. Its derivative, set to zero:
           sum_i r_ic [x_ij / W_cj - (1 - x_ij) / (1 - W_cj)] = 0
    2. Times W_cj (1 - W_cj):
           sum_i r_ic [x_ij (1 - W_cj) - (1 - x_ij) W_cj] = sum_i r_ic [x_ij - W_cj] = 0
    3. W_cj does not depend on i, so W_cj sum_i r_ic = sum_i r_ic x_ij:
           W_cj = sum_i r_ic x_ij / sum_i r_ic
    4. It is the maximum: log is concave, so the ECLL is concave in W_cj.
    Intuition: the share of ones in column j among the examples of component c, where example i counts as
    the fraction r_ic of an example. If the r_ic are 0 or 1, it is the plain mean of the cluster.

    pi (3d). Of the ECLL, pi stands only in sum_i sum_c r_ic log pi_c, under the constraint sum_c pi_c = 1.
    1. Lagrangian: L = sum_i sum_c r_ic log pi_c + lambda (1 - sum_c pi_c)
    2. dL/dpi_c = sum_i r_ic / pi_c - lambda = 0, so pi_c = sum_i r_ic / lambda
    3. The constraint, and sum_c r_ic = 1, give lambda:
       1 = sum_c pi_c = sum_i sum_c r_ic / lambda = n / lambda, so lambda = n:
           pi_c = (1 / n) sum_i r_ic
    Intuition: the share of all examples that belongs to c, each counted by its responsibility.

    Missing entries: in 3c, the sums over i run over the examples in which column j is seen:
           W_cj = sum_i m_ij r_ic x_ij / sum_i m_ij r_ic;   pi does not change.

    Nothing to go by: if the denominator of W_cj is 0 (component c has lost all its mass, or sees nothing of
    column j), the ECLL is the same for every W_cj. The policy is "overall mean": W_cj is the share of ones
    in column j over all examples that show it, or 1/2 if none does. A component without mass has pi_c = 0,
    and as its r_ic stay 0 from then on, it stays empty; the log-likelihood is that of the others.

    Raises ValueError for an X or r out of range or shape.
    """
    X = checked_X(X)
    r = checked_r(X, r, np.shape(r)[-1] if np.ndim(r) else 0)
    return maximise(X, r, *sums(X, r))


def sums(X, r, columns=None):
    """What the M step takes from X and r: sum_i r_ic (k, 1), sum_i r_ic x_ij and sum_i m_ij r_ic (k, d)."""

    def step(rows, x, m):
        if columns is not None:
            x, m = x[:, columns], None if m is None else m[:, columns]
        return sums_of_rows(x, m, r[rows])

    return over_rows(step, X, r.shape[1])


def sums_of_rows(x, m, r):
    """`sums` for h rows, r (h, k). With nothing missing, m is 1 and the last sum is like the first."""
    mass = r.sum(0)[:, None]
    return mass, product(r.T, x), mass.copy() if m is None else product(r.T, m)


def maximise(X, r, mass, ones, seen):
    """pi (k,) and W (k, d), as `m_step`, from r and its sums."""
    k, d = ones.shape
    mean = np.divide(ones.sum(0), seen.sum(0), out=np.full(d, 0.5), where=seen.sum(0) > 0)
    W = np.divide(ones, seen, out=np.tile(np.minimum(mean, 1), (k, 1)), where=seen > 0)
    near_1 = (seen > 0) & (seen - ones <= 8 * np.sqrt(len(r)) * np.finfo(float).eps * seen)
    columns = near_1.any(0)
    if (
        columns.any()
    ):  # W = 1 would rule out any 0 in the column. Is there one? Whole numbers have no rounding
        _, ones, seen = sums(X, (r > 0).astype(float), columns)
        below_1 = np.minimum(W[:, columns], np.nextafter(1, 0))
        W[:, columns] = np.where(near_1[:, columns], np.where(ones == seen, 1, below_1), W[:, columns])
    return mass[:, 0] / len(r), W


# EM


class Fit(NamedTuple):
    """What EM found. r and log_likelihood belong to pi and W; the component of the largest pi comes first."""

    pi: np.ndarray  # (k,)
    W: np.ndarray  # (k, d)
    r: np.ndarray  # (n, k)
    log_likelihood: float
    iterations: int
    converged: bool  # False: stopped by the limit of iterations
    history: list  # the log-likelihood after each iteration; it never falls, but for rounding


def fit(X, k, restarts=1, seed=0, max_iter=1000, tol=1e-10, start=None):
    """EM from random responsibilities, `restarts` times; the Fit of the largest log-likelihood.

    An iteration is an M step and an E step. EM has converged when one raises the log-likelihood by no more
    than tol times its size. Responsibilities are drawn uniformly and scaled to add up to 1 (components that
    start equal would stay equal); `start` (n, k), if given, takes the place of the first draw.
    The same seed gives the same Fit. k may exceed n: surplus components share examples, or lose their mass.
    Raises ValueError for k, restarts or max_iter that are not whole numbers of 1 or more, for a start whose
    rows do not add up to 1, and as `e_step` does for X.
    """
    for name, value in {"k": k, "restarts": restarts, "max_iter": max_iter}.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name}={value}: it must be a whole number, 1 or more")
    X = prepare(X)
    rng, n = np.random.default_rng(seed), X.shape[0]
    np.empty(
        (k, 3 * n + 8 * X.shape[1])
    )  # too much is refused now, not killed later: nothing is filled in yet
    draws = (rng.random((n, k)) for _ in range(restarts))
    starts = (r / r.sum(1, keepdims=True) for r in draws)
    if start is not None:
        first = checked_r(X, start, k, "start")
        if not np.allclose(first.sum(1), 1):
            raise ValueError("start: each row must add up to 1")
        starts = itertools.chain([first], itertools.islice(starts, restarts - 1))
    return max((em(X, r, max_iter, tol) for r in starts), key=lambda found: found.log_likelihood)


def em(X, r, max_iter, tol):
    """The Fit from the responsibilities r (n, k)."""
    history, converged = [], False
    totals = sums(X, r)
    r = r.copy()  # it may be the caller's `start`
    while not converged and len(history) < max_iter:
        pi, W = maximise(X, r, *totals)
        log_p, *totals = over_rows(functools.partial(iterate, r, logs(pi, W)), X, len(pi))
        history.append(float(log_p))
        converged = len(history) > 1 and history[-1] - history[-2] <= tol * abs(history[-1])
    order = np.argsort(-pi, kind="stable")
    return Fit(pi[order], W[order], r[:, order], history[-1], len(history), converged, history)


def iterate(r, log, rows, x, m):
    """The E step for some rows, in r (n, k): their log P(X), and their sums for the next M step."""
    r_rows, log_p = normalise(log_joint(x, m, log), rows)
    r[rows] = r_rows
    return log_p.sum(), *sums_of_rows(x, m, r_rows)


# What X, pi, W and r must be


def checked_X(X):
    """X as an array, its entries still to be checked; or, if it is sparse, as Data.

    ValueError for no rows, no columns, or no numbers, and for an entry of a sparse X other than 0 and 1.
    """
    sparse = hasattr(X, "tocsr")
    X = X.tocsr() if sparse else np.asarray(unmasked(X))
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(f"X must have rows (examples) and columns, but its shape is {X.shape}")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must hold the numbers 0 and 1, but its type is {X.dtype}")
    if not sparse:
        return X
    if not X.has_canonical_format:
        X = X.copy()  # the caller's stays as it is
        X.sum_duplicates()
    wrong = (X.data != 0) & (X.data != 1)
    if wrong.any():
        i, j = X.tocoo().row[wrong][0], X.indices[wrong][0]
        raise ValueError(f"X[{i}, {j}] is {X[i, j]}; it must be 0 or 1")
    return Data(X.astype(float, copy=False), None)


def checked_rows(X, rows):
    """x and m of some rows of an array. ValueError that names the first entry other than 0, 1 or NaN."""
    values = X[rows]
    ones = values == 1
    if (ones | (values == 0)).all():
        return values if values.dtype == float else ones, None
    seen = ~np.isnan(values)
    wrong = seen & ~ones & (values != 0)
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise ValueError(f"X[{rows.start + i}, {j}] is {values[i, j]}; it must be 0 or 1, or NaN if missing")
    return ones, seen


def checked_parameters(X, pi, W):
    """pi and W as float64. ValueError for a wrong shape, a pi below 0 or infinite, a W outside 0 to 1."""
    pi, W, d = np.asarray(unmasked(pi), float), np.asarray(unmasked(W), float), X.shape[1]
    if pi.ndim != 1 or W.shape != (len(pi), d):
        raise ValueError(f"pi and W must have shapes (k,) and (k, {d}), but have {pi.shape} and {W.shape}")
    if not (((pi >= 0) & (pi < np.inf)).all() and ((W >= 0) & (W <= 1)).all()):
        raise ValueError("pi must be 0 or more and finite, and W between 0 and 1")
    return pi, W


def checked_r(X, r, k, name="r"):
    """r as a float64 array. ValueError for a shape other than (n, k), and below 0, infinity or NaN in it."""
    r, n = np.asarray(unmasked(r), float), X.shape[0]
    if r.shape != (n, k):
        raise ValueError(f"{name} must have the shape (n, k) = ({n}, {k}), but it is {r.shape}")
    if not ((r >= 0) & (r < np.inf)).all():
        raise ValueError(f"{name} must be 0 or more, and finite")
    return r


def unmasked(A):
    """A masked array with NaN for what it masks; anything else as it came."""
    return A.astype(float).filled(np.nan) if isinstance(A, np.ma.MaskedArray) else A


# Speed


class Data(NamedTuple):
    """X, checked: `fit` goes through it in every iteration, and wants to check it only once."""

    x: np.ndarray  # (n, d), in float64 if it is small or sparse, else in bytes; 0 where an entry is missing
    m: np.ndarray | None  # (n, d), in the same type: whether an entry is seen. None: all are

    @property
    def shape(self):
        return self.x.shape


def prepare(X):
    """The Data of X. ValueError that names the first entry other than 0, 1 or NaN."""
    X = checked_X(X)
    if isinstance(X, Data):
        return X
    x = np.empty(X.shape, float if X.size < 1_000_000 else bool)

    def step(rows, some, m):
        x[rows] = some
        return [m is not None]

    missing = over_rows(step, X, 1)[0]
    return Data(x, (~np.isnan(X)).astype(x.dtype, copy=False) if missing else None)


def over_rows(f, X, k):
    """Call f(rows, x, m) for all rows of X, a slice of them at a time, and add up the lists that it returns.

    The rows are shared out among up to eight threads, one for every 8 million multiplications: with fewer, to
    start it takes longer than it saves. A sparse X is done in one call.
    """
    n, d = X.shape
    if isinstance(X, Data) and not isinstance(X.x, np.ndarray):
        return f(slice(0, n), X.x, None)
    threads = max(1, min(n * d * k // 8_000_000, os.cpu_count() or 1, 8, n))
    ends = [n * i // threads for i in range(threads + 1)]
    share = functools.partial(share_of_rows, f, X)
    if threads == 1:
        return share(0, n)
    from concurrent.futures import ThreadPoolExecutor  # 10 ms

    with ThreadPoolExecutor(threads) as pool:
        try:
            return functools.reduce(add, pool.map(share, ends[:-1], ends[1:]))
        except RuntimeError:  # the system has no thread left
            return share(0, n)


def share_of_rows(f, X, start, stop):
    """`over_rows` for the rows from start to stop, in one thread.

    About half a megabyte at a time is turned into float64: it is still in the processor's cache at every step
    of f, whereas all of X would come from memory each time. Wide rows, of which that would be too few, stay
    in bytes, and `product` turns them.
    """
    total, h = None, max(64, 65_536 // X.shape[1])
    for rows in slices(start, stop, h):
        x, m = (A if A is None else A[rows] for A in X) if isinstance(X, Data) else checked_rows(X, rows)
        if h > 64:
            x, m = (A if A is None else A.astype(float, copy=False) for A in (x, m))
        total = add(total, f(rows, x, m))
    return total


def slices(start, stop, size):
    """From start to stop, in slices of at most that size."""
    return [slice(i, min(i + size, stop)) for i in range(start, stop, size)]


def add(a, b):
    """The sums of two lists, entry by entry, each made in the larger of the two: a new array takes time."""
    if a is None or b is None:
        return b
    return [operator.iadd(*sorted(pair, key=np.size, reverse=True)) for pair in zip(a, b)]


def product(A, B):
    """A @ B, by pieces where B is in bytes, or where OpenBLAS was not kept to one thread.

    A product of more than 262,144 multiplications it would share among threads of its own. On a busy machine
    these and ours wait for each other, for seconds.
    """
    size = 262_144 // (A.shape[0] * min(A.shape[1], B.shape[1])) or 1
    if not isinstance(B, np.ndarray):
        return np.ascontiguousarray(A @ B)  # numpy adds up k long rows ten times as fast as n short ones
    if B.dtype == float and (ONE_THREAD or size >= max(B.shape)):
        return A @ B
    if A.shape[1] > B.shape[1]:
        return sum(A[:, cut] @ B[cut].astype(float, copy=False) for cut in slices(0, len(B), size))
    return np.hstack([A @ B[:, cut].astype(float, copy=False) for cut in slices(0, B.shape[1], size)])


# Files

MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "?", ".", "-9"}  # in any case of letters
WORDS = dict.fromkeys(MISSING, math.nan) | {"true": 1.0, "false": 0.0}
COMMENT = re.compile(r"#(?<!\S#)(?![A-Z/0]+[!?/]).*", re.IGNORECASE)  # Excel's #N/A and #DIV/0! are cells
OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x80": "a pickle", b"\xd0\xcf\x11\xe0": "an old Excel file"}
EXPECTED = "0, 1, or missing: nothing, NA, N/A, #N/A, nan, NULL, None, <NA>, ?, . or -9"
HEADER = "a first line without a number, or quoted above lines that are not, is a header"


def valid(X):
    """Which of the numbers X may stand in a table. NaN is what is missing, an infinity what is no number."""
    return (X == 0) | (X == 1) | np.isnan(X)


def read(path):
    """X (n, d) from text, a .npy or a .npz (of one array or sparse), also in gzip; - is standard input.

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
        if "format" in X:
            from scipy import sparse

            X = sparse.load_npz(io.BytesIO(data))
        elif len(X) == 1 and X.zip.namelist() != X.files:  # an array has .npy at the end of its name there
            X = X[X.files[0]]
        else:
            raise ValueError(f"it is a zip archive of {', '.join(X.files)[:40]!r}; a table is one array")
    prepare(X)
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


def draw_fit(found, people):
    """r above W. people (n,) are the true populations, or None."""
    figure = new_figure(7.5, 6.2)
    top, bottom = figure.subplots(2, height_ratios=[3, 2.5])
    draw_r(top, found.r, people)
    heat = draw_W(bottom, found.W)
    figure.colorbar(heat, orientation="horizontal", aspect=50, label="W: probability of a 1")
    return figure


def draw_r(axes, r, people):
    """A stacked bar for each example, in order of population, component, and responsibility."""
    n, k = r.shape
    names, group = np.unique(np.full(n, "") if people is None else people, return_inverse=True)
    z, counts = r.argmax(1), np.bincount(group)
    own = np.array([np.bincount(z[group == g]).argmax() for g in range(len(names))])
    order = np.lexsort((-r.max(1), z, z != own[group], group))  # who is elsewhere than most comes last
    shown = np.linspace(0, n - 1, min(n, 2000)).astype(int)  # more bars no screen can show
    bars, edges = r[order][np.append(shown, shown[-1])].T, np.linspace(0, n, len(shown) + 1)
    axes.stackplot(edges, bars, step="post", colors=colours(k), labels=range(1, k + 1), linewidth=0)
    axes.set(xlim=(0, n), ylim=(0, 1), ylabel="responsibility r")
    axes.set_title("Which component each example may come from", pad=55 if k <= 8 else 6)
    if k <= 8:
        look = {"ncols": k, "loc": "lower center", "bbox_to_anchor": (0.5, 1), "handlelength": 1}
        axes.legend(title="component c", frameon=False, **look)
    if people is None:
        axes.set_xlabel(f"{n} examples, by component and responsibility")
        return
    ends = np.cumsum(counts)
    axes.vlines(ends[:-1], -0.08, 1, color="black", linewidth=2, clip_on=False)
    axes.set_xticks(ends - counts / 2, [f"{name} ({count})" for name, count in zip(names, counts)])
    axes.tick_params(axis="x", length=0)


def draw_W(axes, W):
    """A heat map, a row for each component; on the left what tells them apart."""
    order = np.argsort(-np.ptp(W, 0), kind="stable")
    look = {"cmap": "cividis", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
    heat = axes.imshow(W[:, order], aspect="auto", extent=(0, W.shape[1], len(W) + 0.5, 0.5), **look)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set(title="How the components differ", ylabel="component c")
    axes.set(xticks=[], xlabel="columns, from most to least different")
    return heat


def draw_bic(bic, best):
    figure = new_figure(7.5, 4.5)
    axes = figure.subplots()
    axes.plot(range(1, len(bic) + 1), bic, "o-", color="#0072B2")
    axes.plot(best, bic[best - 1], "*", color="#D55E00", markersize=22, label=f"smallest: k = {best}")
    axes.set(xlabel="number of components k", ylabel="BIC: misfit plus price of parameters")
    axes.set_title(f"BIC for 1 to {len(bic)} components")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def colours(k):
    """k colours: those of Okabe and Ito, ordered to differ in grey too; for more than 8, a scale."""
    if k <= 8:
        return ["#0072B2", "#F0E442", "#CC79A7", "#000000", "#E69F00", "#009E73", "#56B4E9", "#D55E00"][:k]
    import matplotlib

    scale = list(matplotlib.colormaps["viridis"](np.linspace(0, 1, k)))
    return scale[::2] + scale[1::2]


# The command line


def basic(k, data=GENOMES, restarts=10, rng_seed=0, iters=1000):
    """Fit the data, say how well, and draw r and W."""
    X = read(data)
    name = os.path.basename(data).partition(".")[0].strip("-")[:99] or "components"
    path = f"{name}_k{k}.png"
    save(path)
    found = fit(X, k, restarts, rng_seed, iters)
    print(f"EM log-likelihood: {found.log_likelihood:.6f}")
    how = "converged" if found.converged else "not converged: stopped by the limit, see --iters"
    print(f"Iterations: {found.iterations} ({how}), the best of {restarts} starts")
    print("pi:", *(f"{p:.4f}" for p in found.pi))
    people = populations(data, len(found.r))
    if people is not None:
        right = agreement(found.r, people)
        print(f"Agreement with the true populations: {right} of {len(people)} ({right / len(people):.1%})")
    save(path, draw_fit(found, people).savefig)
    print(f"Picture: {path}")


def populations(path, n):
    """The true population of each of the n people in data/genomes.tsv; None for other data."""
    if os.path.realpath(path) != GENOMES or not os.path.exists(POPULATIONS):
        return None
    with open(POPULATIONS, encoding="utf-8") as file:
        names = np.array(file.read().splitlines())
    if len(names) != n:
        raise ValueError(f"{POPULATIONS} has {len(names)} people, but {GENOMES} has {n}")
    return names


def agreement(r, people):
    """How many people are in the component of their population, under the best matching of the two."""
    from scipy.optimize import linear_sum_assignment

    names = np.unique(people)
    counts = np.array([np.bincount(r[people == name].argmax(1), minlength=r.shape[1]) for name in names])
    return counts[linear_sum_assignment(-counts)].sum()


def select(k=6, data=GENOMES, restarts=10, rng_seed=0, iters=1000):
    """A table for k = 1 to KMAX; best is the smallest BIC = -2 log-likelihood + parameters * log n."""
    X = read(data)
    save("bic.png")
    n, d = X.shape
    hidden = int(np.isnan(X).all(0).sum()) if isinstance(X, np.ndarray) else 0
    if hidden:
        print(f"Columns that nobody shows: {hidden} of {d}; their W are no parameters")
    bic = []
    print(f"{'k':>3} {'log-likelihood':>18} {'parameters':>11} {'BIC':>18}")
    most = k
    for k in range(1, most + 1):
        progress(f"k = {k} of {most}")
        found = fit(X, k, restarts, rng_seed, iters)
        size = k - 1 + k * (d - hidden)
        bic.append(size * np.log(n) - 2 * found.log_likelihood)
        progress("")
        limit = "" if found.converged else "   not converged"
        print(f"{k:3} {found.log_likelihood:18.4f} {size:11} {bic[-1]:18.4f}{limit}")
    best = int(np.argmin(bic)) + 1
    print(f"BIC is smallest at k = {best}")
    save("bic.png", draw_bic(bic, best).savefig)
    print("Picture: bic.png")


def check(rng_seed=0):
    """Verify parts 3a to 3d on random data. Exit status 1 if one of them fails."""
    rng = np.random.default_rng(rng_seed)
    n, d, k = 40, 5, 3
    X = rng.integers(2, size=(n, d))
    X[:2] = [[0], [1]]  # no constant column: all of W lies between 0 and 1, where there are slopes
    pi, W = rng.dirichlet(np.full(k, 9)), rng.uniform(0.25, 0.75, (k, d))
    r = e_step(X, pi, W)
    best_pi, best_W = m_step(X, r)
    ecll = functools.partial(expected_complete_log_likelihood, X, r)
    in_W = slopes(lambda step: ecll(best_pi, best_W + step), np.eye(k * d).reshape(-1, k, d))
    in_pi = slopes(lambda step: ecll(best_pi + step, best_W), np.eye(k) - best_pi)
    both = ecll(pi, W) - np.sum(r * np.log(r))
    products = pi * np.where(X[:, None] == 1, W, 1 - W).prod(2)  # (n, k) = (k,) (n, k, d)
    bayes = products / products.sum(1, keepdims=True)  # right as long as there are so few columns
    falls = np.minimum(0, np.diff(fit(X, k, seed=rng_seed, max_iter=20).history))
    passed = [
        compare("3a  r, and Bayes' rule by plain products", r, bayes, 1e-12),
        compare("3b  ECLL + entropy of r, and the log-likelihood", both, log_likelihood(X, pi, W), 1e-9),
        compare("3c  numerical slope of the ECLL in W, at the M step's, and 0", in_W, 0, 1e-6),
        compare("3d  the same in pi, along the simplex, and 0", in_pi, 0, 1e-6),
        compare(f"EM  falls of the log-likelihood in {len(falls)} iterations, and 0", falls, 0, 1e-9),
    ]
    if not all(passed):
        sys.exit(1)


def compare(title, got, expected, tolerance):
    """Print the first numbers of both and the largest difference; say whether it is within the tolerance."""
    got, expected = np.broadcast_arrays(got, expected)
    difference = np.abs(got - expected).max()
    print(title)
    for numbers in (got, expected):
        print("   ", *(f"{number:13.9f}" for number in numbers.ravel()[:5]), "..." * (numbers.size > 5))
    verdict = "ok" if difference <= tolerance else "WRONG"
    print(f"    Max difference: {difference:.3g} ({verdict}: at most {tolerance:g})")
    return difference <= tolerance


def slopes(f, directions, h=1e-5):
    """The slope of f at 0 in each direction, by central differences."""
    return np.array([(f(h * step) - f(-h * step)) / (2 * h) for step in directions])


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


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """Let `run` say it, in one line (argparse would print the usage before it)."""
        raise ValueError(message)


COMMANDS = {"basic": basic, "select": select, "check": check}


def main(argv=None):
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="em_binary.py", description=__doc__, formatter_class=form)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode in COMMANDS:
        options = modes.add_parser(mode, argument_default=argparse.SUPPRESS)
        options.add_argument("-s", "--rng-seed", type=int, help="seed of the starts (0)")
        if mode != "check":
            most = "components; of select, the most (6)"
            options.add_argument("-k", type=int, required=mode == "basic", help=most)
            table = f"a table of {EXPECTED}; {HEADER}; - is standard input (the genomes)"
            options.add_argument("--data", metavar="FILE", help=table)
            options.add_argument("--restarts", type=int, metavar="R", help="starts (10)")
            options.add_argument("--iters", type=int, metavar="N", help="the most iterations (1000)")
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
        print(f"em_binary.py: error: {reason(error)}", file=sys.stderr)
        sys.stdout = sys.stdout if isinstance(error, ValueError) else None
        sys.exit(2)


def reason(error):
    """What went wrong, on one line."""
    text = getattr(error, "strerror", None) or str(error) or "not enough memory"
    file = getattr(error, "filename", None)
    return " ".join((f"{file}: {text}" if file else text).split())


if __name__ == "__main__":
    run(main)
