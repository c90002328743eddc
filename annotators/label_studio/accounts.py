"""Accounts of annotators on a labelling server, made over HTTP with an invitation; and how scripts are told from people.

Everybody with an account may do everything in Label Studio's community edition: accounts belong on a trusted network.
"""

from __future__ import annotations

import time

import httpx

from annotators.label_studio.studio import Studio, StudioUser
from evals.errors import StudioError
from evals.identity import content_id
from evals.records import Annotator
from evals.text import visible

SIMULATED_DOMAIN = "annotators.invalid"
TRIES, PAUSE_S = 5, 1.0


def annotator_id(email: str) -> str:
    return content_id("annotator", email)


def is_simulated(email: str) -> bool:
    """Addresses of scripts end in ``.invalid``: no mail can ever reach one, and no person has one."""
    return email.casefold().endswith(f"@{SIMULATED_DOMAIN}")


def from_studio(user: StudioUser, languages: tuple[str, ...]) -> Annotator:
    """The annotator behind an account; its name was typed by whoever signed up."""
    return Annotator(annotator_id(user.email), user.email, visible(user.name)[:200], languages, is_simulated(user.email))


def ensure_user(studio: Studio, email: str, password: str, name: str) -> str:
    """Sign an annotator up, or in where the account exists; their own token. `studio` is the owner's.

    A server that trips over its own database (status 5xx, under load) is asked `TRIES` times: nothing here is done twice. Raises
    StudioError when the account exists with another password or the server refuses.
    """
    for left in reversed(range(TRIES)):
        try:
            return _token(studio, email, password, name)
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status < 500 or not left:
                raise StudioError(f"{studio.url}: sign {email} up: the server said {status}") from None  # its URL carries the invitation
            time.sleep(PAUSE_S)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise StudioError(f"{studio.url}: sign {email} up: {type(error).__name__}") from None
    raise AssertionError("the last try returns or raises")


def _token(studio: Studio, email: str, password: str, name: str) -> str:
    with httpx.Client(base_url=studio.url, timeout=60, trust_env=False) as client:
        done = _form(client, studio.invite_url(), email=email, password=password, allow_newsletters="false")
        if done.status_code != 302:  # the account exists
            done = _form(client, "/user/login/", email=email, password=password)
        if done.status_code != 302:
            raise StudioError(f"{studio.url}: {email} can neither sign up nor sign in")
        headers = {"X-CSRFToken": client.cookies["csrftoken"], "Referer": studio.url}
        user = client.get("/api/current-user/whoami").raise_for_status().json()
        first, _, last = name.rpartition(" ")
        if (user["first_name"], user["last_name"]) != (first, last):
            body = {"first_name": first, "last_name": last}
            client.patch(f"/api/users/{user['id']}/", json=body, headers=headers).raise_for_status()
        return str(client.get("/api/current-user/token").raise_for_status().json()["token"])


def _form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """The answer to a filled form; raises HTTPStatusError where the server failed."""
    client.get(path).raise_for_status()
    fields["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
    answer = client.post(path, data=fields, headers={"Referer": str(client.base_url) + path})
    return answer.raise_for_status() if answer.is_server_error else answer
