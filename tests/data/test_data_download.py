"""Downloads: what comes is complete or not there at all, what does not come is explained, and soon."""

import functools
import gzip
import hashlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from analogcli import data
from analogcli.data import download
from analogcli.data.idx import FILES
from analogcli.errors import DataError

CPU = torch.device("cpu")
READ = """
import sys
from pathlib import Path
from analogcli.data.registry import find
print(len(find("mnist").read(Path(sys.argv[1]), progress=False).train_y_N))
"""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A web server with an MNIST of 20 + 10 images, and child processes whose torchvision knows only that mirror."""
    served = tmp_path / "served"
    served.mkdir()
    resources = []
    for file, shape in zip(FILES, [(20, 28, 28), (20,), (10, 28, 28), (10,)], strict=True):
        header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
        packed = gzip.compress(header + bytes(int(np.prod(shape))))
        (served / f"{file}.gz").write_bytes(packed)
        resources.append((f"{file}.gz", hashlib.md5(packed).hexdigest()))
    handler = functools.partial(_Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        site = tmp_path / "site"
        site.mkdir()
        # Python runs this file when it starts, so that the process that downloads need not be changed for the test.
        (site / "sitecustomize.py").write_text(
            "import sys\n"
            "if '-P' in sys.orig_argv:\n"
            "    from torchvision.datasets import MNIST\n"
            f"    MNIST.mirrors, MNIST.resources = [{url!r}], {resources!r}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(site))
        for variable in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(variable, "127.0.0.1")
        yield served
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_without_data_and_network_one_sentence_names_the_three_ways_out(bare_user: Path, no_network: None) -> None:
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        data.load("mnist", None, CPU)
    assert time.monotonic() - start < 60
    message = str(caught.value)
    assert "\n" not in message
    assert f"mnist is not in {bare_user / '.cache/analog/data'} and cannot be downloaded (" in message
    assert "connect to the internet and run again" in message
    assert "--data-dir or ANALOG_DATA_DIR at a folder that holds MNIST/raw/train-images-idx3-ubyte" in message
    assert "--dataset mnist5k" in message
    assert caught.value.exit_code == 2


def test_a_data_dir_that_cannot_be_written_is_one_more_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be downloaded \(.*file.*\): connect"):
        data.load("cifar100", tmp_path / "file" / "below", CPU)


def test_a_download_ends_up_in_torchvisions_layout_and_is_not_repeated(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    assert not data.available("mnist", folder)
    dataset = data.load("mnist", folder, CPU)
    assert dataset.train_x_BCHW.shape == (20, 1, 28, 28)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == sorted(
        f"MNIST/raw/{file}" for file in FILES
    )
    for file in mirror.iterdir():
        file.unlink()
    assert data.available("mnist", folder)
    assert data.load("mnist", folder, CPU).fingerprint == dataset.fingerprint


def test_an_incomplete_set_is_completed(mirror: Path, tmp_path: Path) -> None:
    raw = data.where("mnist", tmp_path)
    raw.mkdir(parents=True)
    for file in FILES[:3]:
        (raw / file).write_bytes(b"half")
    assert not data.available("mnist", tmp_path)
    assert len(data.load("mnist", tmp_path, CPU).train_y_B) == 20


def test_a_killed_download_leaves_nothing_that_looks_complete(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    last = mirror / f"{FILES[3]}.gz"
    last.unlink()
    os.mkfifo(last)  # the server waits for what nobody writes
    with subprocess.Popen([sys.executable, "-c", READ, str(folder)], env=dict(os.environ)) as process:
        while not list(folder.rglob(FILES[2])):
            assert process.poll() is None
            time.sleep(0.1)
        process.kill()
    assert not data.available("mnist", folder)
    assert [path.name.startswith(".mnist-") for path in folder.iterdir()] == [True]
    os.close(os.open(last, os.O_WRONLY | os.O_NONBLOCK))  # the orphan gets an empty file, and ends


def test_a_download_that_breaks_off_leaves_nothing(mirror: Path, tmp_path: Path) -> None:
    (mirror / f"{FILES[3]}.gz").unlink()
    folder = tmp_path / "data"
    with pytest.raises(DataError, match="HTTP Error 404"):
        data.load("mnist", folder, CPU)
    assert not list(folder.iterdir())


def test_two_processes_may_download_at_the_same_time(mirror: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", READ, str(tmp_path / "data")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) for _ in range(2)]
    printed = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert printed == ["20\n", "20\n"]


def test_a_mirror_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for variable in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{silent.getsockname()[1]}")
        for variable in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr(download, "PATIENCE", 4.0)
        with pytest.raises(DataError, match=r"cannot be downloaded \(no answer for 4 s\)"):
            data.load("mnist", tmp_path, CPU)
    assert not list(tmp_path.iterdir())


def test_patience_is_with_silence_and_not_with_slowness(tmp_path: Path) -> None:
    slow = "import sys, time\nfor i in range(4):\n    open(f'{sys.argv[1]}/{i}', 'w').write('x'); time.sleep(1)"
    start = time.monotonic()
    download.watch([sys.executable, "-c", slow, str(tmp_path)], tmp_path, patience=3.0, progress=False)
    assert time.monotonic() - start > 3.5


def test_the_last_line_of_a_failed_child_is_the_reason(tmp_path: Path) -> None:
    program = "print('first'); print('<the reason>'); print(); raise SystemExit(1)"
    with pytest.raises(download.DownloadFailed, match=r"^the reason$"):
        download.watch([sys.executable, "-c", program], tmp_path, patience=60.0, progress=False)
