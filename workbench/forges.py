"""GitHub and GitLab as far as a comment on a pull or merge request: find ours by its hidden marker, change it in place, or make it.

The token comes from the environment only, is sent to the forge's address alone (no redirect is followed) and stands in no message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx

from evals.errors import InputError, RetryError, SetupError

Name = Literal["github", "gitlab"]
MOST = {"github": 65_000, "gitlab": 900_000}  # characters of a comment; the forges' own limits are 65,536 and 1,000,000
TOKENS: dict[Name, tuple[str, ...]] = {"github": ("GITHUB_TOKEN", "GH_TOKEN"), "gitlab": ("PLUMBLINE_GITLAB_TOKEN", "GITLAB_TOKEN")}
# What the forges' pipelines set, so that neither has to be told.
KNOWN = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_EVENT_PATH", "CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID")
PAGE, MOST_PAGES = 100, 50
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Place:
    """Where a comment stands: `base` of the API, `project` (``owner/name`` or GitLab's id or path), `number` of the request."""

    forge: Name
    base: str
    project: str
    number: int
    token: str = field(repr=False)

    @property
    def comments(self) -> str:
        """The address of the request's comments."""
        if self.forge == "github":
            return f"{self.base}/repos/{quote(self.project, safe='/')}/issues/{self.number}/comments"
        return f"{self.base}/projects/{quote(self.project, safe='')}/merge_requests/{self.number}/notes"

    def comment(self, name: str) -> str:
        """The address of one comment."""
        if self.forge == "github":
            return f"{self.base}/repos/{quote(self.project, safe='/')}/issues/comments/{name}"
        return f"{self.comments}/{name}"

    @property
    def headers(self) -> dict[str, str]:
        if self.forge == "github":
            return {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        return {"PRIVATE-TOKEN": self.token}


def place_of(
    environment: Mapping[str, str],
    *,
    forge: str | None = None,
    project: str | None = None,
    number: int | None = None,
    api: str | None = None,
) -> Place:
    """Where the pipeline runs, by the forges' own variables, unless named.

    Raises InputError for what is missing, SetupError without a token.
    """
    name = _forge(forge, environment)
    base = api or environment.get("GITHUB_API_URL" if name == "github" else "CI_API_V4_URL")
    base = base or ("https://api.github.com" if name == "github" else "https://gitlab.com/api/v4")
    where = project or environment.get("GITHUB_REPOSITORY" if name == "github" else "CI_PROJECT_ID")
    request = number or (_github_number(environment) if name == "github" else _whole(environment.get("CI_MERGE_REQUEST_IID")))
    if not where or (name == "github" and not re.fullmatch(r"[\w.-]+/[\w.-]+", where)):
        raise InputError(f"{where!r} is no project of {name}: --project owner/name" if where else "which project? --project owner/name")
    if not request:
        raise InputError("this is no pull or merge request: --number says which")
    if urlsplit(base).scheme not in ("http", "https"):
        raise InputError(f"{base!r} is no http(s) address of {name}'s API")
    token = next((environment[key] for key in TOKENS[name] if environment.get(key)), None)
    if not token:
        raise SetupError(f"no token for {name}: {' or '.join(TOKENS[name])} in the environment, allowed to write comments")
    return Place(name, base.rstrip("/"), where, request, token)


def _forge(named: str | None, environment: Mapping[str, str]) -> Name:
    if named not in (None, "github", "gitlab"):
        raise InputError(f"{named!r} is no forge: github or gitlab")
    return "gitlab" if named == "gitlab" or (named is None and "CI_API_V4_URL" in environment) else "github"


def _github_number(environment: Mapping[str, str]) -> int | None:
    """From ``refs/pull/7/merge``, else from the event that started the workflow."""
    if found := re.fullmatch(r"refs/pull/(\d{1,9})/\w+", environment.get("GITHUB_REF", "")):
        return int(found[1])
    path = environment.get("GITHUB_EVENT_PATH")
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return None
    request = event.get("pull_request") if isinstance(event, dict) else None
    return _whole(request.get("number")) if isinstance(request, dict) else None


def _whole(value: Any) -> int | None:
    return int(value) if re.fullmatch(r"\d{1,9}", str(value or "")) else None


# ---------------------------------------------------------------------------------------------- the comment


def marker(name: str) -> str:
    """The hidden first line by which our comment is found again. Raises InputError for a name that could end it."""
    if not re.fullmatch(r"[\w. -]{1,60}", name):
        raise InputError(f"{name!r} cannot name a comment: letters, digits, space, . _ - and at most 60 of them")
    return f"<!-- plumbline: {name} -->"


def put_comment(place: Place, text: str, name: str = "gate", transport: httpx.BaseTransport | None = None) -> tuple[str, bool]:
    """Write the comment called `name`, or change ours in place; its address and whether it is new.

    Raises InputError where the request does not exist or the token may not write there, RetryError where the forge does not answer.
    """
    mark = marker(name)
    body = {"body": f"{mark}\n{text}"}
    with httpx.Client(headers=place.headers, timeout=TIMEOUT_S, follow_redirects=False, transport=transport) as client:
        ours = [str(one.get("id")) for one in _comments(client, place) if _bears(one, mark)]
        for found in ours:
            with suppress(_Refused):  # somebody else's, with our marker copied into it: it must not keep ours away
                return _address(
                    place, _call(client, place, "PATCH" if place.forge == "github" else "PUT", place.comment(found), body)
                ), False
        return _address(place, _call(client, place, "POST", place.comments, body)), True


class _Refused(InputError):
    """The forge knows who we are and says no."""


def _bears(comment: Mapping[str, Any], mark: str) -> bool:
    return str(comment.get("body", "")).startswith(mark) and not comment.get("system")


def _comments(client: httpx.Client, place: Place) -> Iterator[Mapping[str, Any]]:
    for page in range(1, MOST_PAGES + 1):
        rows = _call(client, place, "GET", f"{place.comments}?per_page={PAGE}&page={page}", None)
        yield from (row for row in rows if isinstance(row, dict))
        if len(rows) < PAGE:
            return


def _call(client: httpx.Client, place: Place, method: str, url: str, body: Any) -> Any:
    """One request; what it answers as JSON."""
    try:
        answer = client.request(method, url, json=body)
    except httpx.HTTPError as error:
        raise RetryError(f"{place.forge} at {urlsplit(place.base).netloc} does not answer: {type(error).__name__}") from error
    if answer.status_code in (401, 403, 404):
        what = {401: "does not know the token", 403: "does not let this token comment"}.get(answer.status_code, "has no such request")
        raise _Refused(f"{place.forge} {what} ({answer.status_code}): {place.project}, number {place.number}")
    if not answer.is_success:
        raise RetryError(f"{place.forge} answered {answer.status_code} to {method} {urlsplit(url).path}")
    try:
        return answer.json()
    except ValueError as error:
        raise RetryError(f"{place.forge} answered {method} {urlsplit(url).path} with something that is no JSON") from error


def _address(place: Place, comment: Any) -> str:
    found = comment.get("html_url") if isinstance(comment, dict) else None
    return str(found or f"{place.project}, number {place.number}, comment {comment.get('id') if isinstance(comment, dict) else '?'}")
