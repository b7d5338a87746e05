"""Demonstration data: agents of several kinds, and an environment template."""

from copy import deepcopy
from typing import Any

from understudy.sandbox.seed_tools import INVOICE_SCHEMA, ORDERS, TICKETS
from understudy.sandbox.state import Project


def demo_agents() -> list[dict[str, Any]]:
    """Return agents as parameters for a create, each fit for the default models."""
    return deepcopy(_AGENTS)


def furnish_agents(project: Project) -> None:
    """Put the demonstration agents and a template with a file into a project."""
    for fields in demo_agents():
        project.add_agent(**fields)
    file = project.put_file("price-list.csv", _PRICES, purpose="user_data")
    project.add_template(**_template(file["id"]))


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a function of an assistant as one of an agent: flat, and never strict."""
    function = tool["function"]
    return {
        "type": "function",
        "name": function["name"],
        "description": function.get("description") or function["name"],
        "parameters": function.get("parameters") or {"type": "object", "properties": {}},
    }


def _template(file_id: str) -> dict[str, Any]:
    return {
        "name": "Price desk",
        "files": [
            {"type": "file_id", "file_id": file_id, "path": "/workspace/prices/price-list.csv"},
        ],
        "packages": {"python": ["polars"]},
        "network": {"access": "restricted", "allowed_domains": ["prices.example.com"]},
        "env": {"CURRENCY": "EUR"},
        "setup_commands": [{"command": "mkdir -p /workspace/out"}],
    }


_PRICES = b"article,price\nStormline Jacket,249.00\nBase Layer,79.00\n"

_AGENTS: list[dict[str, Any]] = [
    {
        "name": "Order Desk",
        "model": "gpt-5.5",
        "instructions": "Answer questions on orders. Look the order up before you speak about it;"
        " hand over to a person when asked to, or after two failures.",
        "tools": [_function(tool) for tool in (*ORDERS, *TICKETS)],
        "reasoning": {"effort": "low"},
        "metadata": {"team": "support", "owner": "maria.lindqvist"},
    },
    {
        "name": "Invoice Clerk",
        "model": "gpt-4.1",
        "instructions": "Read the invoice into structured data. Copy numbers exactly.",
        "text": {
            "format": {"type": "json_schema", "schema": INVOICE_SCHEMA["schema"]},
            "verbosity": "low",
        },
        "metadata": {"team": "finance", "pii": "yes"},
    },
    {
        "name": "Market Watch 📈",
        "model": "gpt-5.4",
        "instructions": "Compare our prices with those of competitors; let subagents read one"
        " shop each.",
        "tools": [
            {
                "type": "mcp",
                "server_label": "prices",
                "transport": {
                    "type": "http",
                    "server_url": "https://prices.example.com/mcp",
                    "headers": {"X-Region": "EU"},
                },
                "allowed_tools": ["list_prices"],
            },
            {"type": "web_search", "context_size": "high", "location": {"country": "SE"}},
            {"type": "programmatic_tool_calling"},
        ],
        "multi_agent": {"enabled": True, "max_concurrent_subagents": 4},
        "reasoning": {"effort": "high", "summary": "auto"},
        "service_tier": "flex",
        "compaction": {"async": False},
        "experimental": {"time_awareness": True},
        "metadata": {"team": "sales", "schedule": "06:00 Europe/Stockholm"},
    },
]
