"""What stands in Python is what core says."""

from __future__ import annotations

import enum
import json
import re
from importlib.metadata import version
from pathlib import Path

import dormouse
from dormouse import _core, codes

BINDING = Path(__file__).parents[1]
VECTORS = BINDING.parents[1] / "testkit" / "vectors"


def test_every_enum_is_cores() -> None:
    table = dict(_core._code_table())
    ours = {
        name: member
        for name, member in vars(codes).items()
        if isinstance(member, type) and issubclass(member, enum.Enum) and member.__module__ == codes.__name__
    }
    assert ours.keys() == table.keys()
    for name, members in table.items():
        if name == "Status":
            assert [status.value for status in codes.Status] == [name for name, _ in members]
            assert [status.name.lower() for status in codes.Status] == [name for name, _ in members]
        else:
            assert [(one.name.lower(), one.value) for one in ours[name]] == members, name


def test_every_code_in_the_vectors_has_a_name() -> None:
    known = {
        member.value
        for enumeration in vars(codes).values()
        if isinstance(enumeration, type) and issubclass(enumeration, enum.IntEnum)
        for member in enumeration
    }
    known |= {1, 2, 3}  # Of a status that is not the end.
    found = set()
    for file in VECTORS.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            fields = json.loads(line)
            found |= {value for name, value in fields.items() if name == "code" or name.endswith("_code")}
    assert len(found) >= 60
    assert found <= known, found - known


def test_every_version_is_the_same() -> None:
    root = re.search(r'\[workspace\.package\]\nversion = "(.+)"', (BINDING.parents[1] / "Cargo.toml").read_text())
    own = re.search(r'name = "dormouse-python"\n.+\nversion = "(.+)"', (BINDING / "Cargo.toml").read_text())
    assert root
    assert own
    assert root[1] == own[1] == dormouse.__version__ == version("dormouse-watch")


def test_the_licences_are_the_repositorys() -> None:
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (BINDING / name).read_bytes() == (BINDING.parents[1] / name).read_bytes()
