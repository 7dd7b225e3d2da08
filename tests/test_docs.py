"""The documentation is true of the tree: what it names exists, decisions have one form, links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DECISIONS = ROOT / "docs" / "decisions"
NOTES = sorted(DECISIONS.glob("[0-9]*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TO_COME = {"docs/adding-a-chapter.md"}  # linked, still to be written
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives"]
FOLDERS = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {
    "docs",
    "deploy",
    "requirements",
    ".ci",
}
PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")}

FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"(?<![\w/.~$<-])((?:[\w.-]+/)+(?:[\w.*<>@-]*[\w*<>])?)", re.ASCII)
DOTTED = re.compile(rf"(?<![\w/.@{{-])(?:{'|'.join(sorted(PACKAGES))})(?:\.[a-zA-Z_]\w*)+(?![\w/-])")
LINK = re.compile(r"\]\(([^)#\s]+)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def definitions(module: str) -> frozenset[str]:
    """The names a module defines at its top, without importing it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    if spec.origin is None:
        return frozenset()
    found: set[str] = set()
    for node in ast.parse(Path(spec.origin).read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return frozenset(found)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def is_there(dotted: str) -> bool:
    """Whether `package.module`, or a name that the module defines, exists."""
    if is_module(dotted):
        return True
    module, _, name = dotted.rpartition(".")
    return "." in module and is_module(module) and name in definitions(module)


# --- what the pages name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_module_a_page_names_exists(page: Path) -> None:
    named = set(DOTTED.findall(page.read_text("utf-8")))
    assert {name for name in named if not is_there(name)} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_a_page_names_exists(page: Path) -> None:
    named = {
        path
        for path in PATH.findall(page.read_text("utf-8"))
        if path.split("/")[0] in FOLDERS and not re.search(r"[<>*]", path)
    }
    assert {path for path in named if not (ROOT / path).exists()} - TO_COME == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = {link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link}
    assert {link for link in links - TO_COME if not (page.parent / link).exists()} == set()


def test_a_dead_name_is_found() -> None:
    assert is_there("domain.catalogue.COMMANDS")
    assert is_there("projections.changes")
    assert not is_there("domain.catalogue.NOTHING")
    assert not is_there("domain.copies")
    assert not is_there("engine.walls.read_as")


# --- decisions


@pytest.mark.parametrize("note", NOTES, ids=name_of)
def test_a_decision_has_date_status_and_the_four_headings(note: Path) -> None:
    text = note.read_text("utf-8")
    number = note.name[:4]
    assert re.match(rf"# {number} \S", text)
    head = text.partition("\n## ")[0]
    facts = dict(re.findall(r"^- \*\*(\w+):\*\* (.+)$", head, re.MULTILINE))
    assert set(facts) - {"Supersedes"} == {"Date", "Status"}
    assert date.fromisoformat(facts["Date"]).isoformat() == facts["Date"]
    numbers = {each.name[:4] for each in NOTES}
    status = re.fullmatch(r"accepted|superseded by (\d{4})", facts["Status"])
    assert status is not None
    assert status[1] is None or status[1] in numbers
    assert set(re.findall(r"\d{4}", facts.get("Supersedes", ""))) <= numbers
    parts = re.split(r"^## (.+)$", FENCE.sub("…", text), flags=re.MULTILINE)
    assert parts[1::2] == HEADINGS
    assert all(body.strip() for body in parts[2::2])


def test_the_superseding_decision_and_the_superseded_one_name_each_other() -> None:
    said = {note.name[:4]: note.read_text("utf-8") for note in NOTES}
    replaced = {
        (new, old)
        for new, text in said.items()
        for line in re.findall(r"^- \*\*Supersedes:\*\* (.+)$", text, re.MULTILINE)
        for old in re.findall(r"\d{4}", line)
    }
    replacing = {
        (new, old)
        for old, text in said.items()
        for new in re.findall(r"^- \*\*Status:\*\* superseded by (\d{4})$", text, re.MULTILINE)
    }
    assert replaced == replacing


def test_the_index_of_decisions_lists_every_note_as_it_is() -> None:
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \| (\S+) \| (.+) \|$",
        (DECISIONS / "README.md").read_text("utf-8"),
        re.MULTILINE,
    )
    written = []
    for note in NOTES:
        text = note.read_text("utf-8")
        title = text.partition("\n")[0].removeprefix(f"# {note.name[:4]} ")
        day = re.search(r"^- \*\*Date:\*\* (.+)$", text, re.MULTILINE)
        status = re.search(r"^- \*\*Status:\*\* (.+)$", text, re.MULTILINE)
        assert day is not None
        assert status is not None
        written.append((note.name[:4], note.name, title, day[1], status[1]))
    assert listed == written
    assert len({number for number, *_ in written}) == len(written)


# --- the two READMEs


def test_the_chinese_readme_follows_the_english_one() -> None:
    english, chinese = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh.md"))
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", chinese, re.MULTILINE))
    links = [set(LINK.findall(text)) - {"README.md", "README.zh.md"} for text in (english, chinese)]
    assert links[0] == links[1]
    commands = [
        re.findall(r"^((?:hulian|make) [a-z-]+(?: [a-z-]+)?)", text, re.MULTILINE)
        for text in (english, chinese)
    ]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_a_readme_lists_the_wings_in_the_order_of_their_contract(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (wings,) = (each for each in project["tool"]["importlinter"]["contracts"] if each["id"] == "wings")
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert listed == wings["layers"]


# --- what editors, Git and a forge are told


def test_the_forge_runs_what_the_project_runs_and_nothing_else() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_the_hooks_come_from_the_projects_own_environment() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert {each["repo"] for each in hooks["repos"]} == {"local"}
    called = [hook for each in hooks["repos"] for hook in each["hooks"]]
    assert [hook["entry"].split()[:2] for hook in called] == [
        [".venv/bin/ruff", "format"],
        [".venv/bin/ruff", "check"],
    ]
    assert {hook["language"] for hook in called} == {"system"}


def test_generated_files_are_marked_as_such() -> None:
    attributes = (ROOT / ".gitattributes").read_text("utf-8")
    generated = re.findall(r"^(\S+) linguist-generated$", attributes, re.MULTILINE)
    assert {"schemas/openapi.json", "schemas/script.schema.json", "schemas/events/*.json"} <= set(generated)
    for pattern in generated:
        assert list(ROOT.glob(pattern)), pattern
