"""``python -m benchmarks``: which there are."""

from benchmarks.report import PAGE

COMMANDS = {
    "benchmarks.main_job": "the main job on real reviews: wall time, memory, tokens per second",
    "benchmarks.aspects": "aspects and sentiment against people's labels, by language",
    "benchmarks.quality": "scorers and rails on public labelled data, part by part",
    "benchmarks.grounding": "grounding by code against people's verdicts, by language",
    "benchmarks.people": "consensus and agreement on public sets with several annotators",
    "benchmarks.transport": "tasks to Label Studio and annotations back, against the plain SDK loop",
    "benchmarks.raters": "what a model of the raters gains or costs, simulated",
    "benchmarks.gate": "false promotions and rejections, simulated and on data where people labelled everything",
    "benchmarks.statistics": "judge-assisted means of a million cases, beside ppi-python and truescore",
}

if __name__ == "__main__":
    for module, purpose in COMMANDS.items():
        print(f"python -m {module:<22} {purpose}")
    print(f"Figures: {PAGE}")
