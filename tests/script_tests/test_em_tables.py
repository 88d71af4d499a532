"""Question 3 on files: every table that people have, what is refused, and the three commands."""

import codecs
import gzip
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from pace import finish, sample
from PIL import Image

import em_binary as em

SCRIPT = Path(em.__file__)
nan = np.nan
X = [[0, 1, 1], [1, 0, 1], [0, 0, 1]]
TSV = "0\t1\t1\n1\t0\t1\n0\t0\t1\n"


def saved(array, save=np.save):
    buffer = io.BytesIO()
    save(buffer, array)
    return buffer.getvalue()


def sparse_file(matrix):
    return saved(matrix, scipy.sparse.save_npz)


TABLES = {  # name of the file, what is in it, what it says
    "tabs": ("a.tsv", TSV, X),
    "commas": ("a.csv", TSV.replace("\t", ","), X),
    "commas-and-blanks": ("a.csv", TSV.replace("\t", ", "), X),
    "semicolons": ("a.csv", TSV.replace("\t", ";"), X),
    "semicolons-and-a-comma-in-the-header": ("a.csv", "height, cm;b\n0;1\n", [[0, 1]]),
    "blanks": ("a.txt", TSV.replace("\t", " "), X),
    "blanks-aligned": ("a.txt", "  0   1  1 \n 1  0 1\n0 0 1   \n", X),
    "decimals": ("a.txt", "0.0 1.0 1\n1e0 0. +1\n0 -0 01\n", X),
    "no-newline-at-the-end": ("a.tsv", TSV.rstrip(), X),
    "windows": ("a.tsv", TSV.replace("\n", "\r\n"), X),
    "windows-commas-missing": ("a.csv", "0,1\r\n,1\r\n1,\r\n", [[0, 1], [nan, 1], [1, nan]]),
    "old-mac": ("a.tsv", TSV.replace("\n", "\r"), X),
    "byte-order-mark": ("a.tsv", codecs.BOM_UTF8 + TSV.encode(), X),
    "byte-order-mark-header": ("a.tsv", codecs.BOM_UTF8 + b"a\tb\tc\n" + TSV.encode(), X),
    "utf-16": ("a.txt", TSV.encode("utf-16"), X),
    "header": ("a.tsv", "rs1\trs2\trs3\n" + TSV, X),
    "header-quoted": ("a.csv", '"1","2","3"\n' + TSV.replace("\t", ","), X),
    "header-latin-1": ("a.csv", "Länge,b,c\n".encode("latin-1") + TSV.replace("\t", ",").encode(), X),
    "header-after-comment-and-blank": ("a.tsv", "# by hand\n\n  \na\tb\tc\n" + TSV, X),
    "header-of-one-column": ("a.csv", "snp\n0\n1\n1\n", [[0], [1], [1]]),
    "header-missing": ("a.csv", "a,b\n0,NA\n", [[0, nan]]),
    "comments": ("a.tsv", "# first\n" + TSV.replace("1\n", "1 # note\n") + "# last\n", X),
    "comments-missing": ("a.csv", "0,NA # note\n# 7,8,9\n1,1 #\n", [[0, nan], [1, 1]]),
    "blank-lines": ("a.tsv", "\n\n" + TSV.replace("\n", "\n\n   \n"), X),
    "blank-lines-missing": ("a.csv", "\n0,\n \n1,0\n\n", [[0, nan], [1, 0]]),
    "gz": ("a.tsv.gz", gzip.compress(TSV.encode()), X),
    "gz-with-another-name": ("a.tsv", gzip.compress(TSV.encode()), X),
    "gz-bom-windows-missing": (
        "a.gz",
        gzip.compress(codecs.BOM_UTF8 + b"a\tb\r\n\t1\r\n0\tNA\r\n"),
        [[nan, 1], [0, nan]],
    ),
    "one-column": ("a.txt", "0\n1\n1\n", [[0], [1], [1]]),
    "one-column-missing": ("a.txt", "0\nNA\n.\n", [[0], [nan], [nan]]),
    "one-row": ("a.txt", "0 1 1", [[0, 1, 1]]),
    "one-entry": ("a.txt", "1", [[1]]),
    "NA": ("a.tsv", "0\tNA\n1\t1\n", [[0, nan], [1, 1]]),
    "dot": ("a.txt", "0 .\n. 1\n", [[0, nan], [nan, 1]]),
    "empty-field-first": ("a.csv", ",1\n0,1\n", [[nan, 1], [0, 1]]),
    "empty-field-last": ("a.tsv", "0\t1\n0\t\n", [[0, 1], [0, nan]]),
    "empty-field-blank": ("a.csv", "0, ,1\n0,1,1\n", [[0, nan, 1], [0, 1, 1]]),
    "row-of-tabs": ("a.tsv", "0\t1\t1\n\t\t\n1\t0\t1\n", [[0, 1, 1], [nan] * 3, [1, 0, 1]]),
    "row-of-tabs-first": ("a.tsv", "\t\t\n0\t1\t1\n", [[nan] * 3, [0, 1, 1]]),
    "row-of-commas": ("a.csv", ",,\n0,1,1\n", [[nan] * 3, [0, 1, 1]]),
    "nothing-seen": ("a.csv", "NA,.\n,NA\n", [[nan, nan]] * 2),
    "wide": ("a.tsv", "0\t1\t" * 50_000 + "1\n", [[0, 1] * 50_000 + [1]]),
    "missing-in-every-way": (
        "a.csv",
        "NA,n/a,#N/A,nan,NaN,NULL,null,None,<NA>,?,.,-9,0\n1" + ",1" * 12 + "\n,,,,,,,,,,,,1\n",
        [[nan] * 12 + [0], [1] * 13, [nan] * 12 + [1]],
    ),
    "missing-at-a-blank": ("a.txt", "0 #N/A 1\n#N/A 1 0 # a note\n", [[0, nan, 1], [nan, 1, 0]]),
    "missing-quoted": ("a.csv", '"0","NA",""\n"1","1","0"\n', [[0, nan, nan], [1, 1, 0]]),
    "missing-and-true": ("a.csv", "a,b\nTRUE,NA\nFalse,true\n", [[1, nan], [0, 1]]),
    "minus-9-as-floats": ("a.txt", "0 -9\n1.0 nan\n", [[0, nan], [1, nan]]),
    "savetxt": ("a.txt", saved(np.array([[0, nan], [1, 1]]), np.savetxt), [[0, nan], [1, 1]]),
    "last-column-of-NA": ("a.csv", "0,1,NA\n1,0,NA\n", [[0, 1, nan], [1, 0, nan]]),
    "last-column-empty-in-one-row": ("a.csv", "0,1,\n1,0,1\n", [[0, 1, nan], [1, 0, 1]]),
    "NA-far-down": ("a.csv", "0,1\n" * 30_000 + "NA,1\n", [[0, 1]] * 30_000 + [[nan, 1]]),
    "npy-as-text": ("a.npy", TSV, X),
    "npy": ("a.npy", saved(np.array(X)), X),
    "npy-bool": ("a.npy", saved(np.array(X, bool)), X),
    "npy-fortran": ("a.npy", saved(np.asfortranarray(X, dtype=np.float32)), X),
    "npy-big-endian": ("a.NPY", saved(np.array(X, ">i4")), X),
    "npy-missing": ("a.npy", saved(np.array([[0, nan]])), [[0, nan]]),
    "npz-csr-without-a-name": ("a", sparse_file(scipy.sparse.csr_matrix(X)), X),
    "npz-csr-gz": ("a.gz", gzip.compress(sparse_file(scipy.sparse.csr_matrix(X))), X),
    "npz-csr": ("a.npz", sparse_file(scipy.sparse.csr_matrix(X)), X),
    "npz-csc-bool": ("a.npz", sparse_file(scipy.sparse.csc_matrix(np.array(X, bool))), X),
    "npz-coo-array": ("a.npz", sparse_file(scipy.sparse.coo_array(X)), X),
    "name-with-blanks-and-accents": ("mes données à moi.tsv", TSV, X),
    "name-with-a-leading-dash": ("-k.tsv", TSV, X),
    "name-without-ending": ("genomes", TSV, X),
}


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name, content, expected", TABLES.values(), ids=TABLES)
def test_table_is_read(tmp_path, name, content, expected):
    got = em.read(write(tmp_path, name, content))
    if scipy.sparse.issparse(got):
        assert "npz" in name or content[:2] in (b"PK", b"\x1f\x8b")
        got = got.toarray()
    assert np.array_equal(np.asarray(got, float), np.asarray(expected, float), equal_nan=True), got


REFUSED = {  # name of the file, what is in it, what the error must say
    "word": ("a.tsv", TSV + "0\tyes\t1\n", "line 4, column 2: 'yes'"),
    "word-in-first-column": ("a.tsv", "id\ta\nanna\t1\n", "line 2, column 1: 'anna'"),
    "word-below-comments": ("a.csv", "# x\n\na,b\n0,1\n\n0,1 # 2\n1,x\n", "line 7, column 2: 'x'"),
    "two-headers": ("a.csv", "a,b\nc,d\n0,1\n", "line 2, column 1: 'c'"),
    "2": ("a.tsv", "0\t1\t1\n1\t1\t2\n", "line 2, column 3: '2' is not 0, 1, or missing: nothing, NA, N/A,"),
    "first-of-many": ("a.csv", "0,1\n1,5\n6,7\n", "line 2, column 2: '5'"),
    "wrong-behind-missing": ("a.csv", "0,NA\n,\n0,3\n", "line 3, column 2: '3'"),
    "half": ("a.csv", "0,0.5\n", "line 1, column 2: '0.5'"),
    "minus-1": ("a.csv", "0,1\n-1,1\n", "line 2, column 1: '-1'"),
    "inf": ("a.csv", "0,1\n1,-inf\n", "line 2, column 2: '-inf'"),
    "huge": ("a.csv", "0,1e999\n", "line 1, column 2: '1e999'"),
    "decimal-comma": ("a.csv", "0;1\n1;0,0\n", "line 2, column 2: '0,0'"),
    "genotype-0-1-2": ("a.txt", "0 1 2\n", "line 1, column 3: '2'"),
    "short-row": ("a.tsv", TSV + "0\t1\n", "line 4 has 2 columns, but the first row has 3"),
    "long-row": ("a.csv", "a,b\n0,1\n0,1,1\n", "line 3 has 3 columns, but the first row has 2"),
    "ragged-with-missing": ("a.csv", "0,NA,1\n,1\n", "line 2 has 2 columns, but the first row has 3"),
    "other-delimiter": ("a.csv", "0,1\n0;1\n", "line 2 has 1 columns"),
    "windows-word": ("a.csv", "0,1\r\n\r\n0,x\r\n", "line 3, column 2: 'x'"),
    "empty": ("a.tsv", "", "no rows"),
    "blank": ("a.tsv", "\n \n\t\n"[:-2], "no rows"),
    "comments-alone": ("a.tsv", "# 0 1\n", "no rows"),
    "header-alone": ("a.tsv", "a\tb\n", "no rows"),
    "picture": ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "line"),
    "gz-cut-off": ("a.gz", gzip.compress(TSV.encode() * 99)[:-9], "ended"),
    "gz-damaged": ("a.gz", b"\x1f\x8b\x08" + b"x" * 99, "ended"),
    "npy-2": ("a.npy", saved(np.array([[0, 1], [1, 2]])), "X[1, 1] is 2"),
    "npy-flat": ("a.npy", saved(np.array([0, 1])), "its shape is (2,)"),
    "npy-words": ("a.npy", saved(np.array([["0"]])), "its type is <U1"),
    "npy-pickle": ("a.npy", saved(np.array([[None]])), "allow_pickle=False"),
    "npy-cut-off": ("a.npy", saved(np.array(X))[:-9], "expected 72 bytes"),
    "npy-empty": ("a.npy", b"", "no rows"),
    "npz-2": ("a.npz", sparse_file(scipy.sparse.csr_matrix([[0, 2]])), "X[0, 1] is 2"),
    "npz-nan": ("a.npz", sparse_file(scipy.sparse.csr_matrix([[0, nan]])), "X[0, 1] is nan"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name, content, message", REFUSED.values(), ids=REFUSED)
def test_table_is_refused_in_one_line_with_file_and_place(tmp_path, name, content, message):
    path = write(tmp_path, name, content)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        em.read(path)
    assert str(error.value).startswith(path)


def test_random_tables_are_read_as_they_were_written(tmp_path):
    """Any delimiter, header, comments, line ends and missing marks, together."""
    rng = np.random.default_rng(0)
    for trial in range(200):
        n, d = rng.integers(1, 6, 2)
        wanted = rng.choice([0, 1, nan], size=(n, d), p=[0.4, 0.4, 0.2])
        wanted[0, -1] = wanted[-1, 0] = 1  # what is empty throughout at the end is left out
        delimiter = rng.choice(list("\t;, "))
        marks = ["NA", "#n/a", "nan", "-9"] + ["", " "] * int(delimiter != " " and d > 1)
        newline = rng.choice(["\n", "\r\n", "\r"])
        lines = [
            delimiter.join(rng.choice(marks) if np.isnan(x) else f"{x:.0f}" for x in row) for row in wanted
        ]
        if rng.random() < 0.5:
            lines.insert(0, delimiter.join(f"name{j}" for j in range(d)))
        for extra in ("", "# note", "#"):
            lines.insert(rng.integers(len(lines) + 1), extra)
        path = write(tmp_path, "any", newline.join(lines))
        assert np.array_equal(em.read(path), wanted, equal_nan=True), (trial, lines)


def test_a_culprit_anywhere_is_found(tmp_path):
    rng = np.random.default_rng(1)
    for _ in range(50):
        n, d = rng.integers(1, 8, 2)
        i, j = rng.integers(n), rng.integers(d)
        table = rng.choice(["0", "1"], size=(n, d)).astype(object)
        table[i, j] = str(rng.choice(["2", "x", "inf", "0.1"]))
        if (i, d) == (0, 1) and table[i, j] == "x":
            continue  # that is a header
        path = write(tmp_path, "any", "\n".join("\t".join(row) for row in table))
        with pytest.raises(ValueError, match=f"line {i + 1}, column {j + 1}: '{table[i, j]}'"):
            em.read(path)


# The commands


def command(folder, *arguments, status=0):
    """Run the script in the folder, all warnings being errors; what it says."""
    call = [sys.executable, "-W", "error", str(SCRIPT), *map(str, arguments)]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == status, done
    assert done.stderr == "" or (status == 2 and re.fullmatch("em_binary.py: error: .+\n", done.stderr)), done
    return done.stdout if status == 0 else done.stderr


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def size(path):
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        return picture.size


def test_check_prints_four_comparisons_and_the_run_all_of_them_small(here):
    text = command(here, "check")
    found = re.findall(r"Max difference: (\S+) \((\S+): at most (\S+)\)", text)
    assert len(found) == 5
    assert all(verdict == "ok" and float(got) <= float(most) for got, verdict, most in found)
    assert [line[:2] for line in text.splitlines() if line[0] != " "] == ["3a", "3b", "3c", "3d", "EM"]
    assert os.listdir(here) == []


def test_check_holds_from_every_seed(capsys):
    for seed in range(40):
        em.main(["check", "-s", str(seed)])
        assert "WRONG" not in capsys.readouterr().out


def turned(r):
    return np.roll(r, 1, axis=1)


BREAKS = {  # part, the function, and what is done to its answer
    "3a": ("e_step", turned),
    "3b": ("expected_complete_log_likelihood", lambda ecll: -ecll),
    "3c": ("m_step", lambda both: (both[0], both[1] + 1e-3)),
    "3d": ("m_step", lambda both: (turned(both[0][None])[0], both[1])),
    "EM": ("fit", lambda found: found._replace(history=found.history[::-1])),
}


@pytest.mark.parametrize("part", BREAKS)
def test_check_sees_what_is_wrong(part, monkeypatch, capsys):
    name, change = BREAKS[part]
    right = getattr(em, name)
    monkeypatch.setattr(em, name, lambda *a, **k: change(right(*a, **k)))
    with pytest.raises(SystemExit) as exit:
        em.main(["check"])
    assert exit.value.code == 1
    verdicts = re.findall(r"^(3.|EM).*\n.*\n.*\n.*(ok|WRONG)", capsys.readouterr().out, re.M)
    assert (part, "WRONG") in verdicts
    assert len(verdicts) == 5


GENOMES = SCRIPT.parent / "data" / "genomes.tsv"


@pytest.mark.all
def test_basic_on_the_genomes(tmp_path):
    (done,) = finish([["-W", "error", SCRIPT, "basic", "-k", 3]], tmp_path)
    first = (tmp_path / "genomes_k3.png").rename(tmp_path / "first.png")
    (again,) = finish([["-W", "error", SCRIPT, "-k", 3, "basic", "--data", GENOMES]], tmp_path)
    text = done.stdout
    assert text.splitlines() == [
        "EM log-likelihood: -19079.184245",
        "Iterations: 26 (converged), the best of 10 starts",
        "pi: 0.4409 0.3259 0.2332",
        "Agreement with the true populations: 566 of 600 (94.3%)",
        "Picture: genomes_k3.png",
    ]
    assert (again.stdout, done.stderr, again.stderr) == (text, "", "")
    assert sorted(os.listdir(tmp_path)) == ["first.png", "genomes_k3.png"]
    second = tmp_path / "genomes_k3.png"
    assert size(first) == (825, 682)
    assert second.read_bytes() == first.read_bytes(), "the same seed draws the same picture"


@pytest.mark.all
def test_another_seed_reaches_the_same_best(here, capsys, undrawn):
    for seed in "123":
        em.main(["basic", "-k", "3", "-s", seed])
        assert "log-likelihood: -19079.1842" in capsys.readouterr().out


@pytest.mark.all
def test_select_picks_3(here):
    text = command(here, "select", "-k", 4, "--restarts", 5)
    assert "BIC is smallest at k = 3" in text
    rows = [line.split() for line in text.splitlines()[1:5]]
    for k, ll, parameters, bic in rows:
        assert int(parameters) == int(k) * 66 + int(k) - 1
        assert float(bic) == pytest.approx(int(parameters) * np.log(600) - 2 * float(ll), abs=1e-3)
    assert [row[0] for row in rows] == list("1234")
    assert os.listdir(here) == ["bic.png"]
    assert size("bic.png") == (825, 495)


def test_a_column_that_nobody_shows_has_no_parameters(here, capsys, undrawn):
    """Nor does it change what select prints but for a line that says so, or the answer."""
    X = np.random.default_rng(0).integers(2, size=(40, 6)).astype(float)
    np.save("x.npy", X)
    np.save("more.npy", np.insert(X, [0, 3, 6], nan, axis=1))
    em.main(["select", "-k", "3", "--data", "x.npy"])
    expected = capsys.readouterr().out
    em.main(["select", "-k", "3", "--data", "more.npy"])
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "Columns that nobody shows: 3 of 9; their W are no parameters"
    assert rest == expected.splitlines()
    em.main(["basic", "-k", "2", "--data", "more.npy"])
    assert capsys.readouterr().out.endswith("Picture: more_k2.png\n")
    assert sorted(os.listdir()) == ["bic.png", "more.npy", "more_k2.png", "x.npy"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("k", sample([9, 1, 8, 650], 4))
def test_a_picture_for_every_k(here, capsys, k):
    em.main(["basic", "-k", str(k), "--restarts", "1", "--iters", "2"])
    assert "not converged: stopped by the limit" in capsys.readouterr().out or k == 1
    assert size(f"genomes_k{k}.png") == (825, 682)


SMALL = (
    "one-entry",
    "one-column",
    "one-row",
    "nothing-seen",
    "wide",
    "npz-csr",
    "name-with-a-leading-dash",
    "NA",
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", sample(SMALL, 4))
def test_basic_and_select_on_any_table(here, capsys, case, request):
    name, content, _ = TABLES[case]
    write(here, name, content)
    painted = case in ("one-entry", "one-column", "wide")
    if not painted:  # the others differ in how they are read
        request.getfixturevalue("undrawn")
    em.main(["basic", "-k", "2", f"--data={name}"])
    em.main(["select", "-k", "2", f"--data={name}"])
    text = capsys.readouterr().out
    assert "nan" not in text
    assert "Agreement" not in text, "the truth is known of the genomes alone"
    if painted:
        assert size(f"{Path(name).stem}_k2.png") == (825, 682)
        assert size("bic.png") == (825, 495)


def test_many_examples_make_a_picture_too(here, capsys):
    rng = np.random.default_rng(0)
    np.save("many.npy", rng.integers(2, size=(50_000, 3)))
    em.main(["basic", "-k", "4", "--data", "many.npy", "--restarts", "1", "--iters", "5"])
    assert size("many_k4.png") == (825, 682)


def test_the_picture_shows_r_and_w():
    rng = np.random.default_rng(0)
    found = em.fit(rng.integers(2, size=(40, 6)), 3)
    people = np.array(["b", "a"] * 20)
    bars, heat = em.draw_fit(found, people).axes[:2]
    columns = sorted(range(6), key=lambda j: -np.ptp(found.W[:, j]))
    assert np.array_equal(heat.images[0].get_array(), found.W[:, columns])
    order = sorted(range(40), key=lambda i: (people[i], found.r[i].argmax(), -found.r[i].max()))
    for c, bar in enumerate(bars.collections[:3]):
        x, y = bar.get_paths()[0].vertices.T
        for at, i in enumerate(order):
            assert y[(x == at) | (x == at + 1)].max() >= found.r[i, : c + 1].sum() - 1e-12
        height = found.r[order, : c + 1].sum(1)
        assert np.isin(np.round(height, 9), np.round(y, 9)).all()
    assert [label.get_text() for label in bars.get_xticklabels()] == ["a (20)", "b (20)"]


def test_agreement_is_that_of_the_best_matching():
    people = np.array(["a", "a", "a", "b", "b", "c"])
    r = np.eye(3)[[2, 2, 0, 0, 0, 1]]
    assert em.agreement(r, people) == 5
    assert em.agreement(r[:, :1], people) == 3, "fewer components than populations"
    assert em.agreement(np.eye(5)[[4, 4, 3, 2, 2, 1]], people) == 5


MISTAKES = {
    "no-mode": ([], "mode"),
    "unknown-mode": (["fit"], "invalid choice: 'fit'"),
    "unknown-option": (["check", "--colour"], "unrecognized arguments: --colour"),
    "basic-without-k": (["basic"], "arguments are required: -k"),
    "k-0": (["basic", "-k", "0"], "k=0: it must be a whole number, 1 or more"),
    "k-beyond-memory": (["basic", "-k", "1000000000000"], "Unable to allocate"),
    "k-word": (["basic", "-k", "three"], "invalid int value: 'three'"),
    "k-half": (["select", "-k", "2.5"], "invalid int value: '2.5'"),
    "restarts-0": (
        ["basic", "-k", "3", "--restarts", "0"],
        "restarts=0: it must be a whole number, 1 or more",
    ),
    "iters-minus": (["basic", "-k", "3", "--iters=-1"], "max_iter=-1: it must be a whole number, 1 or more"),
    "seed-minus": (["check", "-s", "-1"], "non-negative"),
    "k-with-check": (["check", "-k", "2"], "unrecognized arguments: -k 2"),
    "data-with-check": (["check", "--data", "a.tsv"], "unrecognized arguments: --data a.tsv"),
    "no-such-file": (["basic", "-k", "2", "--data", "no such.tsv"], "no such.tsv: No such file"),
    "no-such-npy": (["select", "--data", "none.npy"], "none.npy: No such file"),
    "no-such-npz": (["select", "--data", "none.npz"], "none.npz: No such file"),
    "a-folder": (["select", "--data", "."], "error: .: "),
    "a-bad-table": (["basic", "-k", "2", "--data", "bad.csv"], "bad.csv: line 2, column 2: 'x'"),
    "in-place-of-a-folder": (
        ["basic", "-k", "2", "--restarts", "1"],
        "genomes_k2.png: Is a directory",
    ),
}


@pytest.mark.parametrize("arguments, message", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_end_in_one_line_and_status_2(here, capsys, arguments, message):
    Path("bad.csv").write_text("0,1\n1,x\n")
    Path("genomes_k2.png").mkdir()
    with pytest.raises(SystemExit) as exit:
        em.run(lambda: em.main(arguments))
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert re.fullmatch("em_binary.py: error: .+\n", error)
    assert sorted(os.listdir(here)) == ["bad.csv", "genomes_k2.png"]


def test_file_names_with_blanks_accents_and_a_leading_dash(here):
    name = "-mes données.csv"
    write(here, name, "0,1\n1,é\n")
    assert f"{name}: line 2, column 2: 'é'" in command(here, "basic", "-k", 2, f"--data={name}", status=2)
