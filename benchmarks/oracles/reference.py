"""Other packages' answers to small seeded questions, into ``values.json`` beside this file. It imports nothing of this project.

In an environment of its own, because ppi-python brings numba and MLflow half a platform:

    python3.11 -m venv oracles
    oracles/bin/pip install ppi-python==0.2.3 truescore==0.7.4 statsmodels==0.15.0 "numpy<2.3"
    oracles/bin/pip install --no-deps mlflow==3.18.0
    oracles/bin/python benchmarks/oracles/reference.py
"""

from __future__ import annotations

import importlib.util
import json
import warnings
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

warnings.simplefilter("ignore")
PACKAGES = ("ppi-python", "truescore", "mlflow", "statsmodels", "scipy", "numpy")


def main() -> None:
    answers = {
        "versions": {name: version(name) for name in PACKAGES},
        "means": means(),
        "binary": binary(),
        "pairs": pairs(),
        "looks": looks(),
        "plans": plans(),
    }
    path = Path(__file__).with_name("values.json")
    path.write_text(
        "{\n" + ",\n".join(f"{json.dumps(part)}: {json.dumps(found)}" for part, found in answers.items()) + "\n}\n", encoding="utf-8"
    )
    print(path)


def means() -> dict[str, Any]:
    """A mean from 40 labels in 13 clusters and 160 more judge scores in 40 others, by ppi-python and truescore."""
    import ppi_py
    import truescore

    rng = np.random.default_rng(20261123)
    truth = rng.normal(0.6, 0.3, 200).round(3)
    judge = (1.2 * truth + rng.normal(0.1, 0.4, 200)).round(3)
    clusters = np.append(np.arange(40) % 13, 100 + np.arange(160) % 40)
    labels, judged, rest = truth[:40], judge[:40], judge[40:]
    found: dict[str, Any] = {"labels": labels.tolist(), "judge": judge.tolist(), "clusters": clusters.tolist()}
    for lam in (0.0, 0.6, 1.0):
        found[f"ppi_py lam={lam}"] = {
            "estimate": float(np.squeeze(ppi_py.ppi_mean_pointestimate(labels, judged, rest, lam=lam))),
            "interval": [float(np.squeeze(bound)) for bound in ppi_py.ppi_mean_ci(labels, judged, rest, alpha=0.1, lam=lam)],
        }
        for name, given in (("truescore", None), ("truescore clustered", clusters)):
            other = truescore.ppi_estimate(judge, labels, np.arange(40), alpha=0.1, lambda_=lam, clusters=given)
            found[f"{name} lam={lam}"] = {"estimate": other.point, "error": other.standard_error, "interval": [other.low, other.high]}
    found["ppi_py tuned"] = float(np.squeeze(ppi_py.ppi_mean_pointestimate(labels, judged, rest)))
    tuned = truescore.ppi_estimate(judge, labels, np.arange(40), alpha=0.1)
    found["truescore tuned"] = {"lam": tuned.lambda_, "estimate": tuned.point, "error": tuned.standard_error}
    return found


def binary() -> dict[str, Any]:
    """A rate from a judge that errs, by truescore's Rogan–Gladen."""
    import truescore

    rng = np.random.default_rng(7)
    truth = (rng.random(400) < 0.3).astype(float)
    judge = np.where(rng.random(400) < np.where(truth == 1, 0.85, 0.9), truth, 1 - truth)
    gold = truth[:80]
    found = truescore.rogan_gladen_estimate(judge, gold, np.arange(80), alpha=0.1)
    return {
        "flagged": int(judge.sum()),
        "hits": int(judge[:80][gold == 1].sum()),
        "events": int(gold.sum()),
        "passes": int((1 - judge[:80][gold == 0]).sum()),
        "clean": int((1 - gold).sum()),
        "truescore": {"estimate": found.point, "interval": [found.low, found.high]},
    }


def pairs() -> dict[str, Any]:
    """Paired differences by MLflow's and truescore's tests."""
    import truescore

    tests = mlflow_tests()
    rng = np.random.default_rng(11)
    a, b = (rng.random(40) < 0.6).astype(float), (rng.random(40) < 0.75).astype(float)
    scores = rng.normal(0.08, 0.2, 30).round(3)
    few = rng.normal(0.3, 0.5, 9).round(3)
    return {
        "passes": (b - a).tolist(),
        "scores": scores.tolist(),
        "few": few.tolist(),
        "mlflow mcnemar": list(tests._mcnemar(b - a)),
        "mlflow wilcoxon": list(tests._wilcoxon(scores)),
        "mlflow bca": list(tests._bootstrap_mean_ci(scores, 0.95)),
        "truescore mcnemar exact": truescore.mcnemar(b, a, midp=False).p_value,
        "truescore mcnemar mid-p": truescore.mcnemar(b, a, midp=True).p_value,
        "truescore permutation": truescore.paired_permutation(few, np.zeros(9)).p_value,
        "truescore holm": truescore.holm([0.01, 0.04, 0.03, 0.005]).tolist(),
        "truescore benjamini_hochberg": truescore.benjamini_hochberg([0.01, 0.04, 0.03, 0.005]).tolist(),
    }


def looks() -> dict[str, Any]:
    """truescore's empirical-Bernstein sequence, one side at 5 %."""
    import truescore

    values = np.random.default_rng(3).beta(4, 1, 60).round(3)
    found = truescore.confidence_sequence(values, alpha=0.05, one_sided=True)
    return {"values": values.tolist(), "low": found.lower_bounds.tolist(), "high": found.upper_bounds.tolist()}


def plans() -> list[dict[str, Any]]:
    """Labels truescore asks for beside a judge: half-width at two-sided 5 %."""
    import truescore

    asked = [(5000, 0.05, 0.5, 0.9, 0.9), (2000, 0.03, 0.8, 0.85, 0.8), (800, 0.04, 0.9, 0.95, 0.6)]
    return [
        {
            "cases": cases,
            "half_width": half,
            "rate": rate,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "labels": truescore.required_gold_labels(
                cases, target_half_width=half, true_rate=rate, sensitivity=sensitivity, specificity=specificity
            ).required_gold,
        }
        for cases, half, rate, sensitivity, specificity in asked
    ]


def mlflow_tests() -> ModuleType:
    """MLflow's file of tests, which needs nothing else of MLflow."""
    package = importlib.util.find_spec("mlflow")
    assert package is not None and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "genai" / "evaluation" / "comparison" / "significance_tests.py"
    spec = importlib.util.spec_from_file_location("mlflow_significance_tests", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
