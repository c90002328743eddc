"""Telling others that a champion changed: signed messages that survive a stop and are never told twice under two names.

A message is written with the change itself, in one transaction (`evals.store.deliveries`); sending it is a separate step that can be killed
and repeated. It carries the same id and the same bytes each time, so a receiver that remembers ids sees each change once. Headers and
signature are those of Standard Webhooks (https://www.standardwebhooks.com): ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``.

Who may be called: the URLs come from the operator's environment, never from data, so receivers on private networks and loopback are
allowed; plain http only there, since elsewhere anybody on the way could read and replay it. Link-local addresses (where clouds keep
credentials), multicast and unspecified ones never are. Redirects are not followed. A URL may itself be a secret (chat services put a token
in the path): it is kept out of the store, of messages and of errors, which name its host only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from evals.errors import InputError, RetryError
from evals.identity import canonical_json, content_id
from evals.records import Decision, Delivery, Promotion
from evals.registry.champions import moment
from evals.store import Store

FIRST_WAIT_S, LONGEST_WAIT_S = 30, 6 * 3600
MOST_ATTEMPTS = 20  # three days of trying
TIMEOUT_S = 10.0
LEASE_S = 60  # a sender that was killed gives its message free after this


@dataclass(frozen=True)
class Endpoint:
    """Who wants to know. `name`: a hash of the URL, by which the store knows it."""

    name: str
    host: str
    url: str = field(repr=False)


def endpoints(urls: str) -> list[Endpoint]:
    """The endpoints in a comma-separated list. Raises InputError, naming place and host but never the URL.

    >>> endpoints("https://hooks.example/T0/secret, http://127.0.0.1:9000/in")[0].host
    'hooks.example'
    """
    return [_endpoint(number, url.strip()) for number, url in enumerate(urls.split(","), 1) if url.strip()]


def _endpoint(number: int, url: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise InputError(f"webhook {number}: not a URL of the form https://host/path")
    if parts.username or parts.password:
        raise InputError(f"webhook {number} ({host}): no user or password in the URL; the signature says who calls")
    return Endpoint(content_id("endpoint", url), host, url)


def messages(store: Store, change: Promotion, before: Promotion | None, tell: Sequence[Endpoint]) -> list[Delivery]:
    """What each endpoint is told of a change of champion."""
    if not tell:
        return []
    decision = None if change.decision_id is None else store.ledger.decision(change.decision_id)
    body = canonical_json({"type": "champion.changed", "timestamp": change.created_at, "data": _data(change, before, decision)})
    return [
        Delivery(content_id("delivery", endpoint.name, body), endpoint.name, endpoint.host, body, change.created_at, 0, change.created_at)
        for endpoint in tell
    ]


def _data(change: Promotion, before: Promotion | None, decision: Decision | None) -> dict[str, object]:
    return {
        "number": change.number,
        "feature": change.feature,
        "marketplace": change.marketplace,
        "action": change.action,
        "variant_id": change.variant_id,
        "before": before.variant_id if before else None,
        "actor": change.actor,
        "reason": change.reason,
        "decision": None if decision is None else {"decision_id": decision.decision_id, "reason": decision.reason},
    }


class Sent(NamedTuple):
    """What a round of sending came to: delivered now, refused or unreachable and waiting, without a URL that is configured."""

    delivered: int
    waiting: int
    unknown: int


def send(store: Store, tell: Sequence[Endpoint], secret: str, *, now: str, every: bool = False) -> Sent:
    """Send what is due, oldest first; with `every` also what waits or was given up. Nothing is lost by a stop at any point.

    Raises InputError without a secret: an unsigned message proves nothing.
    """
    key_of(secret)
    urls = {endpoint.name: endpoint for endpoint in tell}
    counts = {"delivered": 0, "waiting": 0, "unknown": 0}
    for message in store.deliveries.due(_later(now, LONGEST_WAIT_S) if every else now, None if every else MOST_ATTEMPTS):
        endpoint = urls.get(message.endpoint)
        if endpoint is None:
            counts["unknown"] += 1
        elif store.deliveries.claim(message, _later(now, LEASE_S)):
            counts["delivered" if _attempt(store, message, endpoint, secret, now) else "waiting"] += 1
    return Sent(**counts)


def _attempt(store: Store, message: Delivery, endpoint: Endpoint, secret: str, now: str) -> bool:
    try:
        post(endpoint, message, secret, now)
    except RetryError as error:
        wait = min(FIRST_WAIT_S * 2 ** min(message.attempts, 20), LONGEST_WAIT_S)
        store.deliveries.failed(message.delivery_id, str(error), _later(now, wait))
        return False
    store.deliveries.delivered(message.delivery_id, now)
    return True


def post(endpoint: Endpoint, message: Delivery, secret: str, now: str) -> None:
    """One attempt. Raises RetryError, naming host and status, unless the answer is 2xx."""
    import httpx  # 0.1 s: only when there is something to send

    refuse_unsafe(endpoint)
    headers = signed(message.delivery_id, message.body, secret, now) | {"content-type": "application/json"}
    try:
        with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            status = client.post(endpoint.url, content=message.body.encode("utf-8", "surrogatepass"), headers=headers).status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise RetryError(f"{endpoint.host}: {type(error).__name__}") from None  # the error's text may hold the URL
    if not 200 <= status < 300:
        raise RetryError(f"{endpoint.host}: status {status}")


def signed(message_id: str, body: str, secret: str, now: str) -> dict[str, str]:
    """The three headers of Standard Webhooks. A secret that begins with ``whsec_`` is base64, any other is taken as it is.

    The worked example of the scheme (https://docs.svix.com/receiving/verifying-payloads/how-manual):

    >>> secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    >>> signed("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', secret, "2021-02-25T15:02:10Z")["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    at = str(int(moment(now).timestamp()))
    mac = hmac.new(key_of(secret), f"{message_id}.{at}.{body}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return {"webhook-id": message_id, "webhook-timestamp": at, "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}


def key_of(secret: str) -> bytes:
    """The bytes to sign with. Raises InputError, without repeating it, for no secret or one that cannot be read."""
    if not secret:
        raise InputError("no secret to sign webhooks with: set PLUMBLINE_WEBHOOK_SECRET")
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True) if secret.startswith("whsec_") else secret.encode()
    except ValueError:
        raise InputError("PLUMBLINE_WEBHOOK_SECRET: what follows whsec_ is not base64") from None


def refuse_unsafe(endpoint: Endpoint) -> None:
    """Raises RetryError (a name may resolve otherwise tomorrow) for a host that may not be called, see the module's text."""
    parts = urlsplit(endpoint.url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or parts.scheme, type=socket.SOCK_STREAM)
    except OSError:
        raise RetryError(f"{endpoint.host}: the name does not resolve") from None
    for address in {ipaddress.ip_address(str(row[4][0]).split("%")[0]) for row in found}:
        plain = getattr(address, "ipv4_mapped", None) or address
        if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
            raise RetryError(f"{endpoint.host}: link-local, multicast and unspecified addresses are not called")
        if parts.scheme == "http" and plain.is_global:
            raise RetryError(f"{endpoint.host}: plain http only within a private network, use https")


def _later(now: str, seconds: float) -> str:
    return (moment(now) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
