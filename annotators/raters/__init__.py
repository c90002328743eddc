"""How well people label: items whose answer is known, standings, agreement, and whether two scales mean the same."""
