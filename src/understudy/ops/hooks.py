"""The configured webhooks, each with a secret and a target that was checked."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from understudy.config import Settings, Webhook
from understudy.errors import UsageError
from understudy.profile import upper
from understudy.registry.addresses import Target, check_url

#: Characters of a secret: shorter ones can be guessed.
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that may be told."""

    name: str
    target: Target
    secret: SecretStr


def hooks(settings: Settings) -> dict[str, Hook]:
    """Return all webhooks under their names; raises UsageError for one that must not be told."""
    named = settings.option("registry_webhook_hosts")
    hosts = [host for host in (named.text if named else "").split(",") if host.strip()]
    return {name: _hook(one, hosts) for name, one in settings.webhooks.items()}


def _hook(webhook: Webhook, hosts: list[str]) -> Hook:
    variable = f"UNDERSTUDY_WEBHOOK_{upper(webhook.name)}_SECRET"
    if webhook.secret is None:
        raise UsageError(
            f"{webhook.origin}: the webhook has no secret to sign with.",
            hint=f"Set {variable}, in the environment or in .env.",
        )
    if len(webhook.secret.get_secret_value()) < _SHORTEST:
        raise UsageError(f"{variable} is too short: a secret has at least {_SHORTEST} characters.")
    target = check_url(
        webhook.url, origin=webhook.origin, hosts=hosts, allow_private=webhook.allow_private
    )
    return Hook(webhook.name, target, webhook.secret)
