"""The policy of a decision as text: found by its hash, and read as what a stranger sent."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from evals.errors import InputError, PolicyError
from evals.gate import Policy, load_policy, parse_policy
from evals.paths import DATA
from evals.records import Decision
from evals.store import Store

MOST_BYTES = 2**18  # PyYAML reads 60 kB a second in the worst case
MOST_NODES = 100_000  # after aliases are written out: a file of a page can stand for more than any memory


def text_of(store: Store, decision: Decision, path: Path | None) -> str:
    """The text of the decision's policy: of the file named, of the experiment it was frozen in, or of the feature's own file.

    Raises InputError where none of them has the hash that the decision names.
    """
    for experiment in store.programme.experiments(decision.feature) if path is None else ():
        if experiment.policy_sha256 == decision.policy_sha256 == parse_policy(experiment.policy).sha256:
            return yaml.safe_dump(dict(experiment.policy), sort_keys=True, allow_unicode=True)
    file = path or DATA / "policies" / f"{decision.feature}.yaml"
    found = load_policy(file)
    if found.sha256 != decision.policy_sha256:
        raise InputError(
            f"{file}: has the hash {found.sha256[:12]}…, decision {decision.decision_id} was made by a policy with "
            f"{decision.policy_sha256[:12]}…: name the file as it was then with --policy"
        )
    return file.read_text(encoding="utf-8")


def read(data: bytes) -> Policy:
    """The policy in a bundle. Raises PolicyError."""
    if len(data) > MOST_BYTES:
        raise PolicyError(f"policy.yaml: {len(data)} bytes, at most {MOST_BYTES} are read")
    try:
        nodes = _size(yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader), {}, MOST_NODES)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise PolicyError(f"policy.yaml: cannot be read: {str(error)[:200] or type(error).__name__}") from None
    if nodes > MOST_NODES:
        raise PolicyError(f"policy.yaml: stands for more than {MOST_NODES} values once its aliases are written out")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.yaml"
        file.write_bytes(data)
        try:
            return load_policy(file)
        except PolicyError as error:
            raise PolicyError(str(error).replace(str(file), file.name)) from None


def _size(node: yaml.Node | None, known: dict[int, int], most: int) -> int:
    """Values that a node stands for, each alias counted as what it names; more than `most` for one that names itself."""
    if not isinstance(node, yaml.SequenceNode | yaml.MappingNode):
        return 1
    if id(node) not in known:
        known[id(node)] = most + 1  # while its parts are counted: who meets it again has come round in a circle
        parts = [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]
        known[id(node)] = 1 + sum(_size(part, known, most) for part in parts)
    return known[id(node)]
