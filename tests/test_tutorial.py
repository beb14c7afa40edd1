"""The tutorial as a new user follows it: every command run in order, every edit made, every output as the page shows it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.build, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
HOME = "/home/you/cohortbook"


def edited(text, kind, block):
    """Make the edit that a block asks for: lines with a minus give way to those with a plus; YAML ends the file."""
    if kind == "yaml":
        return text[: text.index("## Outcome")] + block
    old, new = ("".join(f"{line[1:]}\n" for line in block.splitlines() if line.startswith(sign)) for sign in "-+")
    assert text.count(old) == 1, old
    return text.replace(old, new)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Follow the page in a fresh copy of the project; return it, and what each command printed beside what the page shows."""
    root = tmp_path_factory.mktemp("user") / "cohortbook"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    foreign = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CONDA_PREFIX", "COHORTBOOK_MASK")
    environment = {key: value for key, value in os.environ.items() if key not in foreign} | {"VIRTUAL_ENV": sys.prefix}
    study, printed, found = root / "studies" / "lung" / "study.yml", "", []
    for kind, block in BLOCKS:
        if kind == "sh":
            printed = ""
            for line in block.splitlines():
                command = line.replace(".venv/bin/python", sys.executable)
                done = subprocess.run(command, shell=True, cwd=root, env=environment, capture_output=True, text=True)
                printed += (done.stdout + done.stderr).replace(str(root), HOME)
            found.append((block, done.returncode, printed))
        elif kind == "text":
            found.append((block, 0, printed))
        else:
            study.write_text(edited(study.read_text(encoding="utf-8"), kind, block), encoding="utf-8")
    return root, found


def test_commands_succeed_but_for_the_one_that_shows_a_slip(followed):
    failed = [(block, printed) for block, status, printed in followed[1] if status]
    assert len(failed) == 1, failed
    assert "did you mean 'sex'?" in failed[0][1]


def test_what_the_page_shows_is_what_is_printed(followed):
    shown = [(block, printed) for block, _, printed in followed[1] if (("text", block) in BLOCKS)]
    assert len(shown) == 3
    for block, printed in shown:
        assert block in printed, printed


def test_the_files_that_the_page_names_are_there(followed):
    build = followed[0] / "build" / "lung"
    named = re.findall(r"`((?:report|tables|figures)[\w./-]*\.\w+)`", PAGE.split("## 6.", 1)[1])
    assert len(named) >= 7
    assert [name for name in ("report.html", *named) if not (build / name).is_file()] == []


def test_the_table_is_one_to_submit(followed):
    table = (followed[0] / "build" / "lung" / "tables" / "table-2.csv").read_text(encoding="utf-8-sig")
    assert "Women (n = 90),Men (n = 138),P" in table
    assert '"Age, years, mean",61.1,63.3' in table


def test_the_readme_leads_to_the_page():
    assert "docs/tutorial.md" in (ROOT / "README.md").read_text(encoding="utf-8")
