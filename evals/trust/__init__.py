"""How far a judge of claims can be trusted: held against people's labels, certified for a while, tested again."""
