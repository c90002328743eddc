"""A loop over metrics and slices in ppi-python and truescore, timed. Runs where they are installed (`reference.py` says how); imports
nothing of this project. ``python loop.py CASES.npz`` prints JSON: seconds and estimates by package."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

warnings.simplefilter("ignore")


def main(path: str) -> None:
    import ppi_py
    import truescore

    data = np.load(path)
    slices, judge, labelled, values = data["slices"], data["judge"], data["labelled"], data["values"]

    def by_ppi_python(labels: np.ndarray, judged: np.ndarray, rest: np.ndarray) -> float:
        ppi_py.ppi_mean_ci(labels, judged, rest, alpha=0.1)
        return float(np.squeeze(ppi_py.ppi_mean_pointestimate(labels, judged, rest)))

    def by_truescore(labels: np.ndarray, judged: np.ndarray, rest: np.ndarray) -> float:
        return float(truescore.ppi_estimate(np.append(judged, rest), labels, np.arange(len(labels)), alpha=0.1).point)

    def loop(estimate: Callable[[np.ndarray, np.ndarray, np.ndarray], float]) -> tuple[float, list[float]]:
        estimate(np.array([0.0, 1.0]), np.array([0.2, 0.9]), np.array([0.1, 0.5, 0.8]))  # what is compiled or imported late does not count
        begin, found = time.perf_counter(), []
        sampled = np.zeros(len(slices), dtype=bool)
        sampled[labelled] = True
        for k in range(int(slices.max()) + 1):
            mine, others = slices[labelled] == k, (slices == k) & ~sampled
            for metric in range(len(judge)):
                found.append(estimate(values[metric, mine], judge[metric, labelled[mine]], judge[metric, others]))
        return time.perf_counter() - begin, found

    answers = {}
    for name, estimate in (("ppi-python 0.2.3", by_ppi_python), ("truescore 0.7.4", by_truescore)):
        seconds, found = loop(estimate)
        answers[name] = {"seconds": seconds, "estimates": found}
    print(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1])
