"""Who serves where, since when and why: a champion per feature and marketplace, with everyone who served before.

`champions` reads, `changes` writes (nothing is ever overwritten), `webhooks` tells others, `audit` checks that the log is whole.
"""

from __future__ import annotations

from evals.registry.champions import MARKETPLACES, Served, champion, marketplace_named, served, withdrawn
from evals.registry.changes import install, promote, rollback

__all__ = ["MARKETPLACES", "Served", "champion", "install", "marketplace_named", "promote", "rollback", "served", "withdrawn"]
