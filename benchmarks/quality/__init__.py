"""What scorers and rails are worth on public labelled data, part by part: ``make bench-quality``."""
