"""cache.py: what is kept comes back, and what another process is making is made once."""

import json
import subprocess
import sys
import time

import pytest

from studyfile.cache import FOLDER, PICKLE, cached, cached_each
from tallystats.results import NotPlanned

#: Makes some values slowly, in the order given, and writes down which.
MAKER = """
import functools, sys, time
from studyfile.cache import cached_each
def make(k):
    with open(sys.argv[1], "a") as log:
        log.write(f"{k}\\n")
    time.sleep(0.4)
    return 10 * k
print(cached_each("value", [([str(k)], functools.partial(make, k)) for k in range(4)]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_processes_side_by_side_share_the_work(folder, tmp_path):
    log = tmp_path / "log"
    both = [subprocess.Popen([sys.executable, "-c", MAKER, str(log)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["[0, 10, 20, 30]"] * 2
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"]
    assert not list(folder.glob("*.lock"))


def test_what_is_kept_comes_back_and_what_cannot_be_read_is_made_anew(folder):
    assert cached("value", ["a"], lambda: {"x": (1, 2)}) == {"x": [1, 2]}
    assert cached("value", ["a"], lambda: pytest.fail("made again")) == {"x": [1, 2]}
    assert cached("value", ["b"], lambda: 3) == 3
    (kept,) = [path for path in folder.glob("*.json") if json.loads(path.read_text()) == 3]
    kept.write_text("[1,")
    assert cached("value", ["b"], lambda: 4) == 4
    assert json.loads(kept.read_text()) == 4


def test_results_of_the_package_are_kept_as_they_are(folder):
    result = NotPlanned("Nothing is planned.")
    assert cached("value", ["a"], lambda: result, PICKLE) == result
    assert cached("value", ["a"], lambda: pytest.fail("made again"), PICKLE) == result
    (kept,) = folder.glob("*.pickle")
    kept.write_bytes(b"")
    assert cached("value", ["a"], lambda: 4, PICKLE) == 4


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    assert cached_each("value", [(["a"], lambda: 1), (["b"], lambda: 2)]) == [1, 2]
    assert not list(tmp_path.iterdir())


def test_a_process_that_dies_lets_go(folder):
    waiting = "import sys, time\nfrom studyfile.cache import cached\ncached('value', ['a'], lambda: time.sleep(60))"
    first = subprocess.Popen([sys.executable, "-c", waiting])
    while not list(folder.glob("*.lock")) and first.poll() is None:
        time.sleep(0.05)
    first.kill()
    first.wait()
    assert cached("value", ["a"], lambda: 5) == 5
