"""A full disk: the error says which file, and nothing half-written stays."""

import errno
import gzip
import json
import os
import threading
from pathlib import Path

import pytest

from plait import files
from plait.measure import trace_file


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def whole(path: Path) -> None:
    files.write_whole(path, "x")


def grown(path: Path) -> None:
    with files.locked(path):
        full()


def traced(path: Path) -> None:
    trace_file.write(path, (full() for _ in range(1)), {})


@pytest.mark.parametrize("write", [whole, grown, traced])
def test_a_full_disk_names_the_file(write, tmp_path, monkeypatch):
    path = tmp_path / "x"
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write(path)
    assert caught.value.filename == str(path)
    assert not path.with_name("x.part").exists()


def test_another_error_keeps_what_it_says(tmp_path):
    with pytest.raises(OSError, match="refused") as caught, files.locked(tmp_path / "x"):
        raise ConnectionError(errno.ECONNREFUSED, "refused")
    assert caught.value.filename is None


def test_half_of_a_surrogate_pair_is_kept_as_json_spells_it():
    line = files.as_json({"text": "\ud83d é"})
    assert line.encode() == '{"text": "\\ud83d é"}'.encode()
    assert json.loads(line) == {"text": "\ud83d é"}


def piped(write, folder: Path) -> bytes:
    """What comes out of a pipe that is written to, and is one still."""
    pipe, read = folder / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write(pipe)
    reader.join(5)
    assert pipe.is_fifo()
    (found,) = read
    return found


def test_a_pipe_is_written_to_and_stays(tmp_path):
    """As /dev/null and /dev/stdout are."""
    assert piped(lambda path: files.write_whole(path, "text"), tmp_path) == b"text"


def test_traces_go_into_a_pipe_too(tmp_path):
    def write(path: Path) -> None:
        trace_file.write(path, [], {"key": "text"})

    write(tmp_path / "plain")
    found = piped(write, tmp_path)
    assert gzip.decompress(found) == gzip.decompress((tmp_path / "plain").read_bytes())
