"""The names and student IDs that Gradescope lays beside the submissions of an export, in a YAML file."""

import functools
import json
import re

FILE = "submission_metadata.yml"
KEY = re.compile(r"""( *)(?:- )?["':]*([\w. -]+?)["']?:(?: (.*))?$""")


def person(place):
    """(name, student ID) of the submission at this place; of a group all, empty where nothing is known."""
    people = read(place.parent / FILE).get(place.name, [])
    return tuple("; ".join(filter(None, (one.get(key) for one in people))) for key in ("name", "sid"))


@functools.cache
def read(path):
    """folder -> its submitters, a dictionary each; nothing if there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found, people, inside = {}, [], False
    for line in lines:
        if not (match := KEY.match(line)):
            continue
        indent, key, value = len(match[1]), match[2], (match[3] or "").strip()
        if not indent and "- " not in line:
            people, inside = found.setdefault(key, []), False
        elif key == "submitters":
            inside, level = True, indent
        elif inside and indent <= level and "- " not in line[: indent + 2]:
            inside = False
        elif inside:
            if line.lstrip().startswith("- "):
                people.append({})
            if people:
                people[-1][key] = scalar(value)
    return found


def scalar(text):
    """A text as YAML writes it: plain, or in quotes of either kind."""
    if text[:1] == text[-1:] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        try:
            return json.loads(text)
        except ValueError:
            return text.strip('"')
    return "" if text in ("null", "~") else text
