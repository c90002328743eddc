"""How the small model in ``data/models/tiny-multilingual`` is made: ``python -m runner.tiny`` (corpus, tokenizer, training, export)."""
