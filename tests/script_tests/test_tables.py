"""Any table: --data FILE reads what people have, or says what is wrong with it and where."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from pace import sample

import em_binary
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


def saved(save, *arrays, **options):
    buffer = io.BytesIO()
    save(buffer, *arrays, **options)
    return buffer.getvalue()


BOTH = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
CSV = "0,1,1\n1,0,1\n1,1,0\n"
NAMED = "a,b,c\n" + CSV
INDEX = "".join(f"{i},{line}" for i, line in zip("357", CSV.splitlines(True)))
IN_BOTH = {  # what is in the file, and how many of its columns are said to be names
    "a delimiter at the end of every line": CSV.replace("\n", ",\n"),
    "three delimiters at the end, blanks, a header with them": NAMED.replace("\n", ",, ,\n"),
    "delimiters at the end of all but the header": "a,b,c\n" + CSV.replace("\n", ",\n"),
    "a name for a last column that is empty": "a,b,c,d\n" + CSV.replace("\n", ",\n"),
    "tabs at the end": CSV.replace(",", "\t").replace("\n", "\t\t\r\n"),
    "rows of delimiters at the end": NAMED + ",,\n" * 9 + "\n \n,,",
    "rows and columns of delimiters at the end": CSV.replace("\n", ";\n").replace(",", ";") + ";;;\n",
    "an empty name at the end": "a,b,\n" + CSV,
    "a missing name": "NA,b,c\n" + CSV,
    "a name that is a word for missing, quoted": '"NULL","b",""\n' + CSV,
    "a number in a name": "x_1,1st,3 of 4\n" + CSV,
    "a quoted comma in a name": '"a, in cm",b,c\n' + CSV,
    "a # in a quoted name": '"#1","#2","#3"\n' + CSV,
    "all quoted": "".join(",".join(f'"{x}"' for x in line.split(",")) + "\n" for line in CSV.split()),
    "all quoted and aligned": CSV.replace(",", '" "').replace("\n", '"\n"')[:-1].join(['"', ""]),
    "true and false": CSV.replace("1", "True").replace("0", "False"),
    "TRUE and FALSE below names": NAMED.replace("1", "TRUE").replace("0", "FALSE"),
    "comments": "#a comment\n  # b\n" + NAMED.replace("0,1\n", "0,1 #c,d\n") + "#",
    "savetxt with a header": saved(np.savetxt, BOTH, header="a b c"),
    "an index from pandas": ("," + NAMED[:6] + INDEX, 1),
    "an index of words": (';a;b;c\nx;0;1;1\ny;1;0;1\n"no; z";1;1;0\n', 1),
    "two indices from pandas": (',,a,b,c\nx,1,0,1,1\nx,2,1,0,1\n"y,z",1,1,1,0\n', 2),
    "names of rows from R's write.csv": ('"","a","b","c"\n"1",0,1,1\n"2",1,0,1\n"3",1,1,0\n', 1),
    "names of rows from R's write.table": ('"a" "b" "c"\n"an na" 0 1 1\n"2" 1 0 1\n"3" 1 1 0\n', 1),
    "an index and nothing at the end": (",a,b,c,\n" + INDEX.replace("\n", ",\n"), 1),
    "an index in UTF-8": (",a,b,c\né,0,1,1\nü,1,0,1\n東,1,1,0", 1),
    "npz": saved(np.savez, BOTH),
    "npz, named and compressed": saved(np.savez_compressed, table=BOTH.astype(bool)),
    "npy in gzip": gzip.compress(saved(np.save, BOTH)),
    "npz in gzip": gzip.compress(saved(np.savez, BOTH)),
}


def written(folder, content):
    (folder / "table").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / "table"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("read", [script.read_table, em_binary.read], ids=["kmeans", "em_binary"])
@pytest.mark.parametrize("case", IN_BOTH)
def test_both_read(case, read, tmp_path, capsys):
    content, names = IN_BOTH[case] if isinstance(IN_BOTH[case], tuple) else (IN_BOTH[case], 0)
    path = written(tmp_path, content)
    np.testing.assert_array_equal(read(path), BOTH)
    assert capsys.readouterr().err == f"{path}: the first {names} of the columns read as names\n" * bool(
        names
    )


@pytest.mark.skipif(os.name == "nt", reason="no file can have such a name there")
@pytest.mark.parametrize("read", [script.read_table, em_binary.read], ids=["kmeans", "em_binary"])
def test_a_newline_in_a_name_makes_no_second_line(read, tmp_path, capsys):
    path = written(tmp_path, ",a,b,c\n" + INDEX).rename(tmp_path / "two\nlines")
    np.testing.assert_array_equal(read(path), BOTH)
    assert capsys.readouterr().err.endswith("two lines: the first 1 of the columns read as names\n")


def zipped(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, CSV)
    return buffer.getvalue()


BY_BOTH_REFUSED = {
    "an error of Excel's": ("0,#DIV/0!,1\n", "line 1, column 2: '#DIV/0!' is not"),
    "an error of Excel's at the start": ("0,1\n#REF!,1\n", "line 2, column 1: '#REF!' is not"),
    "a # in a cell": ("0,1#,1\n", "line 1, column 2: '1#' is not"),
    "a digit apart": ("0,1_0\n", "line 1, column 2: '1_0' is not"),
    "a comma in a quoted cell": ('"0,1",1\n1,1\n', "line 1, column 1: '0,1' is not"),
    "a long word": ("0,1\n0," + "y" * 999, f"line 2, column 2: '{'y' * 40}' is not"),
    "a word below names of rows": (",a\nx,1\ny,z\n", "line 3, column 2: 'z' is not"),
    "a row too long below names of rows": (",a\nx,1\ny,1,1\n", "line 3 has 3 columns, but the first"),
    "a word far down": ("\n0,1" * 30_000 + "\n\n0,x\n", "line 30003, column 2: 'x' is not"),
    "a short row far down": ("0,1\n" * 30_000 + "0\n", "line 30001 has 1 columns, but the first row has 2"),
    "infinity far down": ("0,1\n" * 30_000 + "0,inf\n", "line 30001, column 2: 'inf' is not"),
    "delimiters alone": (",,\n" * 9, "no rows"),
    "a header over delimiters": ("a,b\n,\n,\n", "no rows"),
    "bzip2": (bz2.compress(CSV.encode()), "it is bzip2"),
    "xz": (lzma.compress(CSV.encode()), "it is xz"),
    "a pickle": (pickle.dumps(BOTH), "it is a pickle"),
    "a spreadsheet": (zipped("[Content_Types].xml", "xl/workbook.xml"), "it is a zip archive of .*workbook"),
    "a zipped table": (zipped("data.csv"), "it is a zip archive of 'data.csv'"),
    "an npz of two": (saved(np.savez, a=BOTH, b=BOTH), "it is a zip archive of 'a, b'"),
    "a damaged npz": (saved(np.savez, BOTH)[:-30], "not a zip file"),
    "an npy of a bad number": (saved(np.save, np.array([[0, 1], [1, np.inf]])), r"X\[1, 1\] is inf"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("read", [script.read_table, em_binary.read], ids=["kmeans", "em_binary"])
@pytest.mark.parametrize("case", BY_BOTH_REFUSED)
def test_both_refuse(case, read, tmp_path):
    content, message = BY_BOTH_REFUSED[case]
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: .*({message})"):
        read(path)


@pytest.mark.all
@pytest.mark.parametrize(
    "name, content",
    [("kmeans.py", gzip.compress(CSV.encode(), mtime=0)), ("em_binary.py", saved(np.save, BOTH))],
    ids=["kmeans, gzip", "em_binary, npy"],
)
def test_both_read_standard_input(name, content, tmp_path):
    root, results = Path(script.__file__).parent, []
    written(tmp_path, content).rename(tmp_path / "components")  # em_binary names the picture of - like this
    for file in ("-", "components"):
        command = [sys.executable, root / name, "basic", "-k", "1", "--restarts", "1", "--data", file]
        done = subprocess.run(command, cwd=tmp_path, input=content, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
        results.append(done.stdout)
    assert results[0] == results[1]


def test_kmeans_takes_a_coordinate_of_minus_9_and_no_sparse_matrix(tmp_path):
    np.testing.assert_array_equal(script.read_table(written(tmp_path, "-9 1\n2 3\n")), [[-9, 1], [2, 3]])
    content = saved(scipy.sparse.save_npz, scipy.sparse.csr_matrix(BOTH))
    with pytest.raises(ValueError, match="table: it is a zip archive of 'indices, .*; a table is one array"):
        script.read_table(written(tmp_path, content))


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
    "a decimal comma": ("1,5;2\n", "line 1, column 1: '1,5' is not a finite number; decimals take a point"),
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
@pytest.mark.parametrize("case", sample(SHAPES, 6))
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
