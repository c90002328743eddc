"""``plumb serve``, ``plumb ui``, ``plumb demo``: the model's server, the workbench, and the whole loop at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from annotators.label_studio import server
from evals.paths import ROOT, home

ENTRY = Path(__file__).parents[1] / "app.py"


def register(app: typer.Typer) -> None:
    app.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve)
    app.command("ui")(ui)
    app.command("demo")(demo)


def serve(context: typer.Context) -> None:
    """Serve a model over HTTP, OpenAI-compatible with streaming (options: plumb serve --help-server)."""
    arguments = ["--help" if argument == "--help-server" else argument for argument in context.args]
    os.execv(sys.executable, [sys.executable, "-m", "runner.server", *arguments])


def ui(
    port: Annotated[int, typer.Option()] = 8501,
    listen: Annotated[bool, typer.Option("--listen/--no-listen", help="pull labels while it is open, where Label Studio runs")] = True,
) -> None:
    """Open the workbench on loopback; while it is open, labels are pulled as they are given."""
    if listen and server.status(home()):
        # it ends with this process, which becomes Streamlit below
        subprocess.Popen([sys.executable, "-m", "workbench", "listen", "--with-parent"], stdin=subprocess.DEVNULL, cwd=ROOT)
    os.chdir(ROOT)  # Streamlit reads .streamlit/config.toml from the working folder
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(ENTRY), "--server.port", str(port)])


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="end after the summary")] = False,
    annotators: Annotated[bool, typer.Option("--annotators/--no-annotators", help="let simulated annotators label")] = True,
    port: Annotated[int, typer.Option(help="of the workbench")] = 8501,
) -> None:
    """The whole loop on the sample catalogue, then the workbench."""
    from workbench.demo import run_demo

    run_demo(annotators=annotators, port=port)
    if not headless:
        ui(port)
