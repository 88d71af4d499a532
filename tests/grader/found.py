"""Finds the two scripts of a submission: a folder, or a .zip as it came from a bulk download.

Nothing is unpacked to disk: a script is read out of the archive, up to LARGEST bytes of it. So neither a name
that points outside nor a bomb does anything.
"""

import io
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

SCRIPTS = ("backprop.py", "kmeans.py")
LARGEST = 2_000_000  # bytes of a script
ARCHIVE, ENTRIES = 50_000_000, 20_000  # bytes of an archive, and files in it or in a folder
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # other methods allot what memory the archive asks for
PASSED_OVER = {"__MACOSX", "__pycache__", "site-packages"}
COPY = r"(?i)([\w.-]*_\d+_\d+_)?{}([ _-]*(\d+|\(\d+\)|copy|final))*\.py"  # Canvas puts a name before it


class Unreadable(Exception):
    """Why a file, or the whole submission, cannot be read."""


class Entry(NamedTuple):
    """A file of a submission: its path in there, what it is in place of an ordinary file, how to read it."""

    path: PurePosixPath
    odd: str
    read: object


@dataclass
class Script:
    """One of the two files as it was found: its bytes, or the reason why there are none, and a remark."""

    data: bytes = b""
    problem: str = ""
    remark: str = ""


def scripts(place):
    """The scripts of the submission at this place, by name."""
    try:
        files, remark = entries(Path(place))
    except (Unreadable, OSError) as error:
        return {name: Script(problem=f"the submission cannot be read: {reason(error)}") for name in SCRIPTS}
    found = {name: find(files, name) for name in SCRIPTS}
    for script in found.values():
        script.remark = "; ".join(filter(None, (remark, script.remark)))
    return found


def reason(error):
    return getattr(error, "strerror", None) or str(error)


# what is there


def entries(place):
    """All files of a folder or of an archive; a folder that holds only an archive is that archive."""
    if place.is_file():
        return unpacked(place.read_bytes() if place.stat().st_size <= ARCHIVE else bytes(ARCHIVE + 1)), ""
    files, remark = list(walk(place, place)), ""
    for _ in range(3):  # an archive may be in an archive
        archives = [entry for entry in files if entry.path.suffix.lower() == ".zip" and not entry.odd]
        if len(archives) != 1 or any(entry.path.suffix == ".py" for entry in files):
            break
        files, remark = unpacked(archives[0].read(ARCHIVE)), f"unpacked from {archives[0].path}"
    return files, remark


def walk(folder, top):
    """The files below a folder; links are not followed, and of too many the rest is left out."""
    count = 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER and name[0] != ".")
        for name in [*names, *(name for name in folders if name in SCRIPTS)]:
            path, count = Path(here, name), count + 1
            if count > ENTRIES:
                return
            yield Entry(PurePosixPath(path.relative_to(top).as_posix()), oddity(path), reader(path))


def oddity(path):
    """What stands there in place of an ordinary file; it is not opened then."""
    mode = os.lstat(path).st_mode
    known = {stat.S_IFREG: "", stat.S_IFLNK: "a link, and links are not followed", stat.S_IFDIR: "a folder"}
    return known.get(stat.S_IFMT(mode), "no ordinary file (a pipe or a device)")


def reader(path):
    def read(most):
        with open(path, "rb") as file:
            return limited(file, most, path.name)

    return read


def limited(file, most, name):
    data = file.read(most + 1)
    if len(data) > most:
        raise Unreadable(f"{name} is larger than {most:,} bytes")
    return data


def unpacked(data):
    """The files of an archive, given as bytes."""
    if len(data) > ARCHIVE or data.count(b"PK\1\2") > ENTRIES:
        raise Unreadable(f"the archive is larger than {ARCHIVE:,} bytes or {ENTRIES:,} files")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Unreadable(f"it is no archive, or a damaged one ({error})") from None
    found = []
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))  # as some programs on Windows write them
        if not info.is_dir() and path.name and not PASSED_OVER & set(path.parts):
            link = stat.S_ISLNK(info.external_attr >> 16)
            odd = "a link, and links are not followed" if link else ""
            found.append(Entry(path, odd, member(archive, info)))
    return found


def member(archive, info):
    def read(most):
        if info.flag_bits & 1:
            raise Unreadable(f"{info.filename} is locked with a password")
        if info.compress_type not in PLAIN:
            raise Unreadable(f"{info.filename} is packed by a method that is not read here")
        try:
            with archive.open(info) as file:
                return limited(file, most, PurePosixPath(info.filename).name)
        except (zipfile.BadZipFile, ValueError, EOFError, zlib.error, NotImplementedError) as error:
            raise Unreadable(f"{info.filename} is damaged: {error}") from None

    return read


# which of it is the script


def find(files, name):
    """The script of this name: at the top, or the only one below, or the only copy under a name like it."""
    entry, remark, problem = choose(files, name)
    if problem:
        return Script(problem=problem)
    if entry.odd:
        return Script(problem=f"{name} is {entry.odd}")
    try:
        data = entry.read(LARGEST)
    except (Unreadable, OSError) as error:
        return Script(problem=f"{name} cannot be read: {reason(error)}")
    remark = "; ".join(filter(None, [remark, *left_behind(files, entry, data)]))
    return Script(b"" if unusable(name, data) else data, unusable(name, data), remark)


def choose(files, name):
    """The entry, a remark, and the problem if there is none."""
    files = sorted(files, key=lambda entry: entry.path)
    exact = [entry for entry in files if entry.path.name == name]
    copies = [entry for entry in files if re.fullmatch(COPY.format(name[:-3]), entry.path.name)]
    copies = [entry for entry in copies if entry not in exact and not entry.odd]
    top = [entry for entry in exact if len(entry.path.parts) == 1]
    exact = top or [entry for entry in exact if not entry.odd]
    chosen = exact or copies
    if not chosen:
        return None, "", missing(files, name)
    if len(chosen) > 1:
        return None, "", f"there are several {name}: {', '.join(str(e.path) for e in chosen[:5])}"
    (entry,) = chosen
    if not exact:
        return entry, f"{entry.path} was taken for {name}", ""
    remark = "" if top else f"{name} was found in {entry.path.parent}/"
    others = f"not looked at: {', '.join(str(e.path) for e in copies[:5])}" if copies else ""
    return entry, "; ".join(filter(None, (remark, others))), ""


def missing(files, name):
    others = [entry.path.name for entry in files if entry.path.suffix in (".py", ".ipynb", ".zip")]
    notebook = any(other.endswith(".ipynb") for other in others)
    text = f"there is no {name}" + (f", only {', '.join(sorted(others)[:5])}" if others else "")
    return text + (": export the notebook as a Python script" if notebook else "")


def unusable(name, data):
    """Why a file of this content cannot be run at all."""
    if not data.strip():
        return f"{name} is empty"
    if data.lstrip().startswith(b"{") and b'"nbformat"' in data:
        return f"{name} is a notebook saved under this name: export it as a Python script"
    return ""


def left_behind(files, entry, data):
    """A word on each module that the script imports from beside it: the homework takes two files."""
    for other in files:
        name, module = other.path.name, other.path.stem
        beside = other.path.parent == entry.path.parent and name.endswith(".py") and name not in SCRIPTS
        imports = rb"(?m)^\s*(from|import)\s+%s\b" % re.escape(module.encode())
        if beside and re.search(imports, data):
            yield f"{name} is not carried: the homework takes two files"
