"""Results of other evaluation tools, so that a team can gate what it already has. Adding a peer is a file here and a row in `PEERS`.

A peer's file becomes `Results` (one arm's answers with values, in our words); `evals.peers.importing` stores them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.errors import InputError
from evals.peers import deepeval, inspect, lm_eval, mlflow, promptfoo, ragas, table
from evals.peers.answers import Answer, MisreadError, Results, Value, name_of
from evals.peers.files import File


@dataclass(frozen=True)
class Peer:
    """`knows`: whether a file is this tool's; `read`: its arms. `read` may assume what `knows` says."""

    name: str
    knows: Callable[[File], bool]
    read: Callable[[File], list[Results]]


# In the order in which a file is recognised: what any table may be comes last.
PEERS: dict[str, Peer] = {
    module.NAME: Peer(module.NAME, module.knows, module.read) for module in (promptfoo, deepeval, inspect, lm_eval, mlflow, ragas, table)
}


def read(paths: Sequence[Path], peer: str | None = None, variant: str | None = None) -> list[Results]:
    """The arms of some files; answers of one arm in several files come together. `peer` None: recognised by what is in each file.

    `variant` names the arm where each file holds one, and chooses among several. Raises InputError naming the file and, where it can, the
    row.
    """
    files = [_read(path, peer) for path in paths]
    found = [results for file in files for results in file]
    if variant is not None:
        found = _named(found, variant, single=all(len(file) == 1 for file in files))
    arms: dict[str, Results] = {}
    for results in found:
        before = arms.get(results.variant)
        arms[results.variant] = results if before is None else _together(before, results)
    return list(arms.values())


def _named(found: list[Results], variant: str, *, single: bool) -> list[Results]:
    if single:
        return [replace(results, variant=name_of(variant)) for results in found]
    chosen = [results for results in found if results.variant == variant]
    if not chosen:
        raise InputError(f"none of the arms is named {variant!r}: {', '.join(dict.fromkeys(results.variant for results in found))}")
    return chosen


def _read(path: Path, name: str | None) -> list[Results]:
    file = File(path)
    if name is not None and name not in PEERS:
        raise InputError(f"{name!r} is no tool whose results can be read: {', '.join(PEERS)}")
    peer = PEERS[name] if name else next((peer for peer in PEERS.values() if peer.knows(file)), None)
    if peer is None or not peer.knows(file):
        raise InputError(f"{path}: not recognised as results of {peer.name if peer else 'any of ' + ', '.join(PEERS)}")
    try:
        found = [results for results in peer.read(file) if results.answers]
    except MisreadError as error:
        raise InputError(f"{path}, not as {peer.name} writes it: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError) as error:
        raise InputError(f"{path}: not as {peer.name} writes it: {type(error).__name__}: {error}") from error
    if not found:
        raise InputError(f"{path}: no answer is in it")
    return found


def _together(first: Results, second: Results) -> Results:
    if (first.peer, first.version) != (second.peer, second.version):
        raise InputError(
            f"{first.variant!r} is of {first.peer} {first.version} and of {second.peer} {second.version}: one import is one tool"
        )
    return replace(first, answers=first.answers + second.answers, notes=first.notes + second.notes)


__all__ = ["PEERS", "Answer", "File", "Peer", "Results", "Value", "read"]
