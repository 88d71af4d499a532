"""Any table: kmeans.py basic --data FILE reads what people have, or says what is wrong with it and where."""

import gzip
import re

import numpy as np
import pytest
from pace import sample

import kmeans as script

TABLE = np.array([[1, 2], [3.5, -4], [1e3, 0.25]])
TEXT = "1\t2\n3.5\t-4\n1e3\t.25\n"

READ = {
    "tabs": TEXT,
    "commas": TEXT.replace("\t", ","),
    "commas and blanks": TEXT.replace("\t", ", "),
    "semicolons": TEXT.replace("\t", ";"),
    "blanks": "  1  2\n3.5 -4\n  1e3   .25  \n",
    "a header": "x\ty\n" + TEXT,
    "a header of words": "the first column,the second column\n" + TEXT.replace("\t", ","),
    "comments": "# made today\n" + TEXT.replace("-4", "-4 # odd, but true") + "# the end\n",
    "a comment above a header": "# made today\nx\ty\n" + TEXT,
    "blank lines": "\n" + TEXT.replace("\n", "\n\n  \n") + "\t\n",
    "Windows line ends": TEXT.replace("\n", "\r\n"),
    "old Macintosh line ends": TEXT.replace("\n", "\r"),
    "no end of the last line": TEXT[:-1],
    "a byte-order mark": "\ufeff" + TEXT,
    "a byte-order mark above a header": "\ufeffx\ty\n" + TEXT,
    "UTF-16": TEXT.encode("utf-16"),
    "an accent in Latin-1 in the header": b"caf\xe9\tth\xe9\n" + TEXT.encode(),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip, header, Windows": gzip.compress(b"x\ty\r\n" + TEXT.replace("\n", "\r\n").encode()),
}


@pytest.mark.parametrize("case", READ)
def test_reads(case, tmp_path):
    path, content = tmp_path / "table.tsv", READ[case]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    np.testing.assert_array_equal(script.read_table(path), TABLE)


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i2", "u1", "?"])
def test_reads_npy(dtype, tmp_path):
    X = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    np.save(tmp_path / "table.npy", X)
    np.testing.assert_array_equal(script.read_table(tmp_path / "table.npy"), X)
    np.save(tmp_path / "table.npy", X[:, 0])
    assert script.read_table(tmp_path / "table.npy").shape == (3, 1)


@pytest.mark.parametrize(
    "text, columns", [("1\n2\n3\n", 1), ("x\n1\n2\n", 1), ("1 2 3\n", 3), ("5", 1), ("1,2,3,4\n" * 9, 4)]
)
def test_reads_any_number_of_columns(text, columns, tmp_path):
    (tmp_path / "table").write_text(text)
    assert script.read_table(tmp_path / "table").shape[1] == columns


REFUSED = {  # what is in the file, and what the message must say
    "a ragged row": ("1,2\n3,4,5\n", "line 2 has 3 columns, but the first row has 2"),
    "a short row": ("# c\n\nx,y\n1,2\n3\n", "line 5 has 1 columns, but the first row has 2"),
    "a word among numbers": ("1,2\n3,four\n", "line 2, column 2: 'four' is not a finite number"),
    "a word in the first row": ("1,two\n3,4\n", "line 1, column 2: 'two' is not"),
    "an empty field": ("1\t2\n\t4\n", "line 2, column 1: '' is not"),
    "an empty last field": ("1\t2\n3\t\n", "line 2, column 2: '' is not"),
    "NaN": ("1 2\nnan 4\n", "line 2, column 1: 'nan' is not"),
    "infinity": ("1 2\n3 -inf\n", "line 2, column 2: '-inf' is not"),
    "too large for a float": ("1 2\n3 1e999\n", "line 2, column 2: '1e999' is not"),
    "a decimal comma": ("1,5;2\n", "no rows of numbers|is not a finite number"),
    "nothing": ("", "no rows of numbers"),
    "a header alone": ("x,y\n", "no rows of numbers"),
    "comments alone": ("# x\n#\n", "no rows of numbers"),
    "bytes that are no text": (bytes(range(256)), "no rows of numbers|is not a finite number"),
    "a broken gzip": (gzip.compress(TEXT.encode())[:-9], "ended"),
    "a gzip of noise": (b"\x1f\x8b" + bytes(20), "."),
    "a broken npy": (b"\x93NUMPY\x01\x00", "."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case, tmp_path):
    path, (content, message) = tmp_path / "table", REFUSED[case]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: .*({message})"):
        script.read_table(path)


def test_refuses_an_npy_of_objects_or_of_words(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[{}]], object), allow_pickle=True)
    with pytest.raises(ValueError, match="o.npy"):
        script.read_table(tmp_path / "o.npy")
    for X in (np.array([["a", "b"]]), np.zeros((2, 2, 2)), np.zeros((3, 2), complex), np.zeros((3, 0))):
        np.save(tmp_path / "w.npy", X)
        with pytest.raises(ValueError, match="X must"):
            script.check(script.read_table(tmp_path / "w.npy"), 1)


# the command


def basic(tmp_path, monkeypatch, capsys, X, *args):
    np.save(tmp_path / "X.npy", X)
    monkeypatch.chdir(tmp_path)
    script.main(["basic", "--data", "X.npy", *args])
    return capsys.readouterr().out


RANDOM = np.random.default_rng(3).normal(size=(60, 5))
SHAPES = {
    "one column": RANDOM[:, :1],
    "one example": RANDOM[:1],
    "three columns": RANDOM[:, :3],
    "more columns than examples": np.random.default_rng(4).normal(size=(6, 300)),
    "all rows equal": np.full((20, 2), 3.7),
    "all rows equal, four columns": np.full((20, 4), 3.7),
    "rows of zeros": np.zeros((9, 2)),
    "repeated rows": np.repeat(RANDOM[:3, :2], 10, axis=0),
    "a far offset": 1e9 + np.sign(RANDOM[:, :2]),
    "a far offset in one of four columns": RANDOM[:, :4] + [0, 1e12, 0, 0],
    "a constant column": RANDOM[:, :2] * [0, 1],
    "very unlike scales": RANDOM[:, :2] * [1e-9, 1e9],
    "very large": RANDOM[:, :2] * 1e100,
    "very small": RANDOM[:, :2] * 1e-100,
    "whole numbers": np.arange(40).reshape(20, 2),
    "yes and no": RANDOM[:, :2] > 0,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", sample(SHAPES, 3))
def test_draws(case, tmp_path, monkeypatch, capsys):
    X = SHAPES[case]
    k = min(4, len(X))
    out = basic(tmp_path, monkeypatch, capsys, X, "-k", str(k))
    np.random.seed(0)
    assert out.startswith(f"K-means loss: {script.kmeans(X, k)[2]:.10g}\n")
    assert ("two principal components" in out) == (X.shape[1] > 2)
    assert (tmp_path / f"clusters_k{k}.png").read_bytes().startswith(b"\x89PNG")


def test_the_axes_are_the_handouts_for_its_points_and_fit_others():
    def limits(X):
        z, C, loss = script.kmeans(X, 2)
        (axes,) = script.draw_clusters(X, z, C, loss).axes
        return axes.get_xlim(), axes.get_ylim()

    X = np.random.default_rng(0).uniform(-9, 9, (50, 2))
    assert limits(X) == ((-10, 10), (-10, 10))
    for other in (X * 3, X / 30, X + 1e6):
        for (low, high), column in zip(limits(other), other.T):
            assert low < column.min() < column.max() < high < low + 2 * np.ptp(column)


def test_principal_components_show_most_of_the_scatter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6)) * [1, 9, 2, 7, 1, 1] + 5
    z, C, _ = script.kmeans(X, 3)
    (P, Q), _ = script.plane(X, z, C)
    values = np.sort(np.linalg.eigvalsh(np.cov(X.T)))[::-1]
    np.testing.assert_allclose(P.var(axis=0, ddof=1), values[:2])
    np.testing.assert_allclose(P.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(Q, [P[z == c].mean(axis=0) for c in range(3)])


@pytest.mark.parametrize("k", sample([8, 1, 2, 7, 60, 30], 4))
def test_every_cluster_has_its_own_look_and_a_place_in_the_legend(k):
    X = np.random.default_rng(0).uniform(-9, 9, (300, 2))
    np.random.seed(0)
    z, C, loss = script.kmeans(X, k)
    figure = script.draw_clusters(X, z, C, loss)
    (axes,), (legend,) = figure.axes, figure.legends
    figure.draw_without_rendering()
    assert [text.get_text() for text in legend.get_texts()] == [str(c) for c in range(k)]
    points = [line for line in axes.lines if line.get_marker() != "*"]
    assert sum(len(line.get_xdata()) for line in points) == 300
    looks = {(line.get_color(), line.get_marker()) for line in points}
    assert len(looks) == min(k, 40)
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


def test_many_clusters_go_without_a_legend():
    X = np.random.default_rng(0).uniform(-9, 9, (300, 2))
    assert not script.draw_clusters(X, *script.kmeans(X, 200)).legends
