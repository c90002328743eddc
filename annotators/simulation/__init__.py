"""Scripts that play annotators, named so everywhere."""
