"""Compares what came with what is right, and says in words how they differ."""

import re

import numpy as np

TOLERANCE = 1e-5  # of the largest entry: float32 arithmetic passes, a wrong rule does not


class Wrong(Exception):
    """The reason why a check is not passed, and what only staff should know of it."""

    def __init__(self, reason, for_staff=""):
        super().__init__(reason)
        self.for_staff = for_staff


def show(value):
    """Numbers with three digits: enough to see a mistake, too few to copy a hidden answer."""
    array = np.asarray(value)
    if array.size > 12:
        return f"an array of shape {array.shape}"
    text = np.array2string(array, formatter={"float_kind": lambda x: f"{x + 0:.3g}"}, separator=", ")
    return re.sub(r"\s*\n\s*", " ", text)


def require(what, got, want, mistakes=(), tolerance=TOLERANCE):
    """Raise Wrong unless got, a Seen, holds the numbers of the array want; mistakes are (text, array)."""
    want = np.asarray(want, dtype=np.float64)
    array = numbers(what, got, want.shape)
    if not same(array, want, tolerance):
        known = [
            text for text, other in mistakes if not same(want, other, 1e-3) and same(array, other, tolerance)
        ]
        hint = f" ({known[0]})" if known else ""
        raise Wrong(f"{what}: expected {show(want)}, came {show(array)}{hint}")


def numbers(what, got, shape):
    """The array that came, if it has the shape and holds finite numbers."""
    if got is None:
        raise Wrong(f"{what}: nothing came")
    if got.array is None:
        size = f" of shape {got.shape}" if got.shape else ""
        raise Wrong(f"{what}: expected numbers of shape {shape}, came {got.type}{size} (dtype {got.dtype})")
    if got.shape != shape:
        hint = " (this is the transpose)" if len(shape) > 1 and got.shape == shape[::-1] else ""
        raise Wrong(f"{what}: expected shape {shape}, came shape {got.shape}{hint}")
    array = got.array.astype(np.float64)
    if not np.isfinite(array).all():
        raise Wrong(f"{what}: expected finite numbers, came {show(array)}")
    return array


def same(a, b, tolerance):
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        return False
    return bool(np.all(np.abs(a - b) <= tolerance * np.max(np.abs(b), initial=1e-3)))


NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
MOST = 2000  # numbers: who prints all that there are has not computed any


def printed(text):
    """The last numbers in a text, each with half a unit of its last digit."""
    found = []
    for match in NUMBER.findall(text):
        digits, _, exponent = match.lower().partition("e")
        decimals = len(digits.partition(".")[2])
        if len(match) < 40 and len(exponent) < 5 and abs(int(exponent or 0)) < 250:
            found.append((float(match), 0.5 * 10.0 ** (int(exponent or 0) - decimals)))
    return np.array(found[-MOST:]).reshape(-1, 2)


def near(found, want, tolerance, coarsest=1e-4):
    """Those of the printed numbers that are want, to the tolerance and to the digits that were printed."""
    value, half = found.T
    scale = max(abs(want), 1e-2)
    fits = np.abs(value - want) <= tolerance * max(scale, 1) + np.minimum(half, coarsest * max(scale, 1))
    return value[fits]
