"""Who is behind a user number of the labelling server: asked of it once, and again when somebody new appears."""

from __future__ import annotations

from dataclasses import replace

from annotators.label_studio import accounts
from annotators.label_studio.studio import Studio, StudioUser
from evals.records import Annotator
from evals.store import Store


class Directory:
    """The people of one server, while something is collected from it."""

    def __init__(self, store: Store, studio: Studio) -> None:
        self.store, self.studio = store, studio
        self.users: dict[int, StudioUser] = {}
        self.asked: set[int] = set()
        self.known = {annotator.email: annotator for annotator in store.labels.annotators()}
        self.changed: dict[str, Annotator] = {}

    def annotator(self, user_id: int | None, language: str) -> Annotator | None:
        """The annotator, added with this language if new; None for an account that is gone."""
        user = self._user(user_id)
        if user is None:
            return None
        known = self.known.get(user.email) or accounts.from_studio(user, ())
        if language not in known.languages:
            known = replace(known, languages=tuple(sorted({*known.languages, language})))
            self.changed[user.email] = known
        self.known[user.email] = known
        return known

    def is_gone(self, user_id: int | None) -> bool:
        """An account that was removed: what it said stays, though the server can no longer tell whose it is."""
        return self._user(user_id) is None

    def has_account(self, annotator_id: str) -> bool:
        """Whether an annotator of ours can still be found on the server."""
        if not self.users:
            self.users = self.studio.users()
        return any(accounts.annotator_id(user.email) == annotator_id for user in self.users.values())

    def save(self) -> None:
        """Write new people down before what they said."""
        if self.changed:
            self.store.labels.put_annotators(self.changed.values())
            self.changed = {}

    def _user(self, user_id: int | None) -> StudioUser | None:
        if user_id is not None and user_id not in self.asked:
            self.users = self.studio.users()
            self.asked |= self.users.keys() | {user_id}
        return self.users.get(user_id) if user_id is not None else None
