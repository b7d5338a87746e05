"""What Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from databases import PostgreSQL
from listening import listening
from service.asking import FINE, approve, begun
from serving import Client, served
from understudy.ops import run_service

RUNS = "understudy_runs"


def figures(client: Client) -> dict[tuple[str, ...], float]:
    """Return all figures by their name and the values of their labels, read as Prometheus does."""
    text = client.get("/metrics").body.decode()
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def queue(client: Client) -> list[float]:
    found = figures(client)
    return [found[RUNS, status] for status in ("queued", "running", "interrupted")]


def test_requests_are_counted_by_route_and_the_time_they_took(service: Client) -> None:
    for name in ("A", "B", "../C"):
        service.get(f"/api/assistants/{name}").error(404, "not_found")
    service.ask("PROPFIND", "/api/assistants")
    service.get("/nowhere/at/all").error(404, "not_found")
    found = figures(service)
    total = "understudy_http_requests_total"
    assert found[total, "GET", "/api/assistants/{name}", "404"] == 2
    assert found[total, "OTHER", "/api/assistants", "405"] == 1
    assert found[total, "GET", "other", "404"] == 2
    route, seconds = "/api/assistants/{name}", "understudy_http_request_seconds"
    assert found[f"{seconds}_bucket", "+Inf", route] == found[f"{seconds}_count", route] == 2
    assert 0 < found[f"{seconds}_sum", route] < 60
    buckets = [v for key, v in found.items() if key[0] == f"{seconds}_bucket" and key[2] == route]
    assert buckets == sorted(buckets)


def test_the_queue_is_told_as_it_stands(home: Path, script: Callable[..., None]) -> None:
    script({"when": "Decide", "after": 900, "times": 1}, *FINE)
    with served(folder=home, rate=0.0, places=1) as client:
        approve(client)
        assert queue(client) == [0, 0, 0]
        first, second = begun(client), begun(client)
        with listening(client, "GET", f"/api/runs/{first}/events") as events:
            for one in events:
                if (one.type, one.data.get("prompt")) == ("prompt.started", "verdict"):
                    assert queue(client) == [1, 1, 0]
                    found = figures(client)
                    assert found[(f"{RUNS}_workers",)] == found[(f"{RUNS}_places",)] == 1
                    assert found[(f"{RUNS}_oldest_queued_seconds",)] > 0
                    for run in (second, first):
                        client.ask("POST", f"/api/runs/{run}/cancel").check(200)
        assert queue(client) == [0, 0, 0]
        assert figures(client)[(f"{RUNS}_oldest_queued_seconds",)] == 0


def test_a_queue_that_cannot_be_read_has_no_figures(home: Path) -> None:
    (home / "understudy-runs.db").mkdir()
    with served(folder=home, rate=0.0) as client:
        found = figures(client)
        assert found["understudy_runs_database_up",] == 0
        assert not [key for key in found if key[0] == RUNS]


def test_a_database_that_does_not_stir_holds_nobody_up(
    home: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.new()
    with served(folder=home, rate=0.0, database=url, places=0) as client:
        client.get("/api/runs").check(200)
        with monkeypatch.context() as patch, psycopg.connect(url) as holder:
            patch.setattr(run_service, "_COUNTING", 0.05)
            holder.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
            for _ in range(3):
                found = figures(client)
                assert found["understudy_runs_database_up",] == 0
                assert not [key for key in found if key[0] == RUNS]
            asking = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            assert holder.execute(asking).fetchone() in [(0,), (1,)]  # not one of each scrape
        assert queue(client) == [0, 0, 0]


def test_who_has_made_no_run_has_an_empty_queue_and_still_no_database(home: Path) -> None:
    with served(folder=home, rate=0.0) as client:
        assert queue(client) == [0, 0, 0]
        assert figures(client)["understudy_runs_database_up",] == 1
    assert [one.name for one in home.iterdir() if one.name.endswith("db")] == []
