"""``plumb``: the loop, step by step. Each command can be repeated without harm and resumed after a stop.

Exit status: 0 done or promote, 1 the tool failed, 2 wrong usage or input, 3 reject, 4 hold.
"""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from evals.errors import InputError, PlumblineError
from workbench.commands import (
    bundling,
    catalog,
    certifying,
    decisions,
    escalating,
    exporting,
    guarding,
    importing,
    judging,
    labelling,
    people,
    programme,
    promoting,
    quality,
    reporting,
    running,
    scoring,
    serving,
    system,
)

app = typer.Typer(
    name="plumb",
    help="May the candidate replace the one in service, in every language? " + (__doc__ or "").split("\n\n")[1],
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "PLUMBLINE", "help_option_names": ["-h", "--help"]},
)
for module in (
    catalog,
    importing,
    running,
    scoring,
    labelling,
    people,
    quality,
    decisions,
    reporting,
    programme,
    promoting,
    bundling,
    escalating,
    exporting,
    guarding,
    judging,
    certifying,
    serving,
    system,
):
    module.register(app)


def main() -> None:
    """Run `plumb`; errors raised on purpose become one sentence and an exit status."""
    try:
        app(standalone_mode=True)
    except PlumblineError as error:
        Console(stderr=True).print(f"plumb: {error}", style="red", markup=False, highlight=False)
        sys.exit(2 if isinstance(error, InputError) else 1)


if __name__ == "__main__":
    main()
