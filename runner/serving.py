"""Starts `runner.server` as a program of its own and stops it cleanly, for tests, the demo and the workbench."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from types import TracebackType

from evals.errors import SetupError
from evals.paths import ROOT, inherited

STARTS_IN_S = 120.0
STOPS_IN_S = 10.0
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "PLUMBLINE_HOME", "VIRTUAL_ENV")


class ModelServer:
    """A model server on a free port of loopback; `url` is without, `base_url` with ``/v1``. Use it in a ``with``.

    It ends with this process, however that ends: it watches the pipe between the two.
    """

    def __init__(self, *arguments: str, starts_in_s: float = STARTS_IN_S) -> None:
        """Starts ``python -m runner.server`` with `arguments`; raises SetupError with what it said when it does not come up."""
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (closed by stop)
        command = [sys.executable, "-m", "runner.server", "--port", "0", "--until-stdin-closes", *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, cwd=ROOT, env=inherited(*PASSED_ON)
        )
        try:
            self.url = self._first_line(command, time.monotonic() + starts_in_s)
        except BaseException:
            self.stop()
            raise

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def _first_line(self, command: Sequence[str], deadline: float) -> str:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while time.monotonic() < deadline and self._process.poll() is None:
                if ready.select(timeout=0.2) and (line := self._process.stdout.readline().strip()).startswith("http://"):
                    return line
        why = f"ended with status {self._process.poll()}" if self._process.poll() is not None else "said nothing in time"
        raise SetupError(f"{' '.join(command[1:])} {why}: {self.said()}")

    def said(self) -> str:
        """The end of what the server wrote to its error output."""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), 2000, max(0, size - 2000)).decode("utf-8", "replace").strip()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends the server: politely, then not. Asked twice does nothing more."""
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(STOPS_IN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
