"""An assistant that is approved by HTTP, and runs that are asked for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from architected import document
from listening import Told, listening
from serving import Client, Got

BASE = "/api/architect/assistants"
NAME = "Second Opinion"
INPUTS = {"question": "Sail?", "tone": "kindly"}
FINE: list[dict[str, Any]] = [{"say": "Fair wind, sir."}]


def approve(client: Client, *assistants: dict[str, Any], **headers: str) -> None:
    body = json.dumps(document(*assistants)).encode()
    kind = {"content_type": "application/json", **headers}
    got = client.ask("POST", "/api/architect/import", body, **kind).check(200)
    for one in got["assistants"]:
        path = f"{BASE}/{quote(one['name'])}/approve"
        client.ask("POST", path, None, **headers).check(200)


def begin(client: Client, inputs: dict[str, Any] | None = None, /, **headers: str) -> Got:
    body = json.dumps({"inputs": INPUTS if inputs is None else inputs}).encode()
    path = f"{BASE}/{quote(NAME)}/runs"
    return client.ask("POST", path, body, content_type="application/json", **headers)


def begun(client: Client, **headers: str) -> str:
    return str(begin(client, **headers).check(202)["run"]["id"])


def heard(client: Client, run: str, after: str = "", **headers: str) -> list[Told]:
    """Return what a listener hears to the end."""
    if after:
        headers["last_event_id"] = after
    with listening(client, "GET", f"/api/runs/{run}/events", **headers) as events:
        return list(events)
