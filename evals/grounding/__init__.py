"""Does the evidence say what a claim says: the scorers of claims, one file each, behind one interface (`evals.grounding.base.Scorer`)."""
