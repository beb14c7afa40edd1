"""Run reports and numeric tests as other processors, places and loads would: what is displayed and saved stays equal.

    python tests/code_paths.py             every path that this processor has
    python tests/code_paths.py --paths nehalem --studies data/gbsg2

A path sets environment variables that switch off instructions of the processor (NumPy, OpenBLAS, the C library), change
threads, locale, time zone and the seed of hashes. In each, `make report` builds the studies from nothing. What the notebooks
display must equal the committed notebooks, and every saved CSV file that of the first path; of the unrounded numbers in the
JSON files, the largest relative difference is printed. It may be as large as rounding makes it, so it is not compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path("build/code-paths")
DEFAULT_STUDY = "data/spinal-metastases"
STUDIES = (DEFAULT_STUDY, "data/gbsg2")
#: The test that rebuilds the synthetic patients to the byte.
REBUILT = "tests/test_reconstruct.py::test_rebuilt_file_is_the_same_to_the_byte"
#: Numbers nearer to 0 than this are 0 but for rounding, so that their relative difference means nothing.
SMALLEST = 1e-9
#: The C library's and NumPy's names of the instructions that processors may lack; NumPy 2.4 has them in groups.
AVX512 = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F"}
AVX2 = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-FMA,-FMA4",
}


def threads(number: int) -> dict[str, str]:
    """Return the settings for so many threads of linear algebra, in the kernels of notebooks too."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(number))


@dataclass(frozen=True)
class CodePath:
    """A way in which another machine would run; `needs` are the flags that the processor must have."""

    name: str
    settings: Mapping[str, str]
    needs: tuple[str, ...] = ()


PATHS = (
    CodePath("as it is", {}),
    CodePath(
        "haswell",
        {**AVX512, "OPENBLAS_CORETYPE": "Haswell", **threads(2), "LC_ALL": "C", "TZ": "Asia/Kolkata", "PYTHONHASHSEED": "1"},
        ("avx2", "fma"),
    ),
    CodePath(
        "nehalem",
        {
            **AVX2,
            "OPENBLAS_CORETYPE": "Nehalem",
            **threads(1),
            "LC_ALL": "de_DE.UTF-8",
            "TZ": "America/St_Johns",
            "PYTHONHASHSEED": "2",
        },
        ("sse4_2",),
    ),
    CodePath(
        "skylakex",
        {"OPENBLAS_CORETYPE": "SkylakeX", **threads(2), "LC_ALL": "C.UTF-8", "TZ": "Pacific/Auckland", "PYTHONHASHSEED": "3"},
        ("avx512f", "avx512dq", "avx512vl", "avx512bw"),
    ),
)


def processor_flags() -> set[str]:
    """Return what the processor says that it can do; on a system that does not say it, nothing."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    return set(next((line.partition(":")[2] for line in text.splitlines() if line.startswith("flags")), "").split())


def displayed(notebook: Path) -> list[list[dict[str, str]]]:
    """Return what each code cell displays as text: images depend on fonts, and say in words what they show."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [c for c in cells if c["cell_type"] == "code" and "injected-parameters" not in c["metadata"].get("tags", [])]
    return [
        [
            {
                kind: shown if isinstance(shown, dict) else "".join(shown)
                for kind, shown in output.get("data", output).items()
                if not kind.startswith("image/")
            }
            for output in cell["outputs"]
        ]
        for cell in code
    ]


def differences(one: Any, two: Any, where: str = "") -> Iterator[tuple[float, str]]:
    """Yield the relative difference of every pair of numbers of two JSON values; infinite where anything else differs."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        for key in one:
            yield from differences(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for k, pair in enumerate(zip(one, two, strict=True)):
            yield from differences(*pair, f"{where}[{k}]")
    elif isinstance(one, float) and isinstance(two, float):
        size = max(abs(one), abs(two), SMALLEST)
        yield abs(one - two) / size, where
    elif one != two:
        yield math.inf, f"{where}: {one!r}, {two!r}"


def built(path: CodePath, study: str) -> Path:
    """Return the folder in which a path builds a study."""
    return ROOT / BUILD / path.name.replace(" ", "-") / Path(study).name


def build(path: CodePath, study: str, environment: Mapping[str, str]) -> list[str]:
    """Build the report of a study from nothing; return what went wrong."""
    folder = built(path, study)
    shutil.rmtree(folder, ignore_errors=True)
    cache = {"COHORTBOOK_CACHE": str(folder / "cache")}
    given = [f"STUDY={study}", f"BUILD={folder.relative_to(ROOT)}"]
    done = subprocess.run(["make", "report", *given], cwd=ROOT, env={**environment, **cache}, capture_output=True, text=True)
    return [f"make report {study} failed:\n{done.stderr}"] if done.returncode else []


def compare(path: CodePath, study: str) -> list[str]:
    """Compare what a path built with the committed notebooks and with the first path; return what differs."""
    folder, first, wrong = built(path, study), built(PATHS[0], study), []
    for notebook in sorted((folder / "notebooks").glob("*.ipynb")):
        model = ROOT / "notebooks" if study == DEFAULT_STUDY else first / "notebooks"
        for k, (one, two) in enumerate(zip(displayed(notebook), displayed(model / notebook.name), strict=True), start=1):
            if one != two:
                wrong.append(f"{study}: {notebook.name}, code cell {k} displays\n{one}\nwhere it displayed\n{two}")
    saved = sorted(path.relative_to(folder) for path in folder.rglob("*.csv"))
    if saved != sorted(path.relative_to(first) for path in first.rglob("*.csv")):
        wrong.append(f"{study}: other files were saved")
    wrong += [f"{study}: {name} differs" for name in saved if (folder / name).read_bytes() != (first / name).read_bytes()]
    found = []
    for file in sorted((folder / "tables").glob("*.json")):
        pair = [json.loads((one / "tables" / file.name).read_text(encoding="utf-8")) for one in (first, folder)]
        found += [(size, f"{file.name}{where}") for size, where in differences(*pair)]
    largest, where = max(found, default=(0.0, ""))
    print(f"  {study}: {len(saved)} CSV files; largest relative difference of {len(found)} numbers: {largest:.1e} {where}")
    if math.isinf(largest):
        wrong.append(f"{study}: {where}")
    return wrong


def numeric_tests(environment: Mapping[str, str]) -> list[str]:
    """Run the tests that start no notebook; return what failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment, failed = {**environment, "PYTHONPATH": str(ROOT / "src")}, []
    for what, chosen in (("numeric tests", ["-n", "2", "-m", "not slow and not build", "tests"]), ("cohort.csv", [REBUILT])):
        done = subprocess.run([*command, *chosen], cwd=ROOT, env=environment, capture_output=True, text=True)
        print(f"  {what}: {done.stdout.strip().splitlines()[-1]}", flush=True)
        failed += [done.stdout] if done.returncode else []
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every path; 0 when nothing differs."""
    names = [path.name for path in PATHS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--paths", nargs="*", choices=names, default=names)
    parser.add_argument("--studies", nargs="*", default=STUDIES)
    asked = parser.parse_args(arguments)
    flags, wrong = processor_flags(), []
    for path in PATHS:
        if path.name not in asked.paths and path is not PATHS[0]:
            continue
        if lacking := [flag for flag in path.needs if flag not in flags]:
            print(f"{path.name}: not run, as this processor has no {', '.join(lacking)}")
            continue
        print(f"{path.name}: {' '.join(f'{key}={value}' for key, value in path.settings.items())}", flush=True)
        outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        environment = {**outside, **path.settings}
        for study in asked.studies:
            wrong += [f"{path.name}: {one}" for one in build(path, study, environment) or compare(path, study)]
        if path is not PATHS[0]:  # those `make test` runs
            wrong += [f"{path.name}: {one}" for one in numeric_tests(environment)]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
