"""What the documents show is what the code does."""

import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cases import canvas
from tiny import EOS, Tiny

from plait import methods
from plait.cli import main
from plait.decode import decode
from plait.measure import trace_file

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plait/**/README.md")])


def python_blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


def test_the_readme_shows_the_first_example():
    example = (ROOT / "examples" / "01_decode.py").read_text(encoding="utf-8")
    assert python_blocks("README.md")[0] == example
    assert len(example.splitlines()) <= 8


def test_the_page_of_methods_is_current(capfd):
    assert main(["methods", "--markdown"]) == 0
    page = ROOT / "docs" / "methods.md"
    assert page.read_text(encoding="utf-8") == capfd.readouterr().out, (
        "run `plait methods --markdown > docs/methods.md`"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_every_file_of_the_package_has_its_line():
    text = (ROOT / "docs" / "structure.md").read_text(encoding="utf-8")
    here = [p for p in (ROOT / "plait").iterdir() if not p.name.startswith("__pycache__")]
    for path in here:
        assert f"`{path.name}{'/' if path.is_dir() else ''}`" in text, path.name


def test_the_reader_of_traces_reads_a_trace(tmp_path):
    reader = tmp_path / "reader.py"
    reader.write_text(python_blocks("docs/traces.md")[-1])
    assert len(reader.read_text().splitlines()) <= 24
    start = canvas()
    done, traces = decode(Tiny(), methods.load("nap"), start)
    trace_file.write(tmp_path / "t.jsonl.gz", traces, {})
    run = subprocess.run(
        [sys.executable, reader, tmp_path / "t.jsonl.gz"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    said = [line for line in run.stdout.splitlines() if not line.startswith("commits")]
    wanted = [
        f"{region} {done.written(row, region)}"
        for row in range(len(traces))
        for region in range(start.regions)
    ]
    assert said == wanted
    assert EOS not in done.written(0, 0)
    with gzip.open(tmp_path / "t.jsonl.gz", "rt") as file:
        fields = set(re.findall(r'"(\w+)": ', "".join(file)))
    page = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in fields)
