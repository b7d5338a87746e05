"""registry sync with the gate that the settings name: approved, denied, and switched off."""

from __future__ import annotations

import sys

from command import SOURCE, Stage

CANARY = "sk-canary-5f4e3d2c1b0a9988"


def asking(stage: Stage, **more: str) -> dict[str, str]:
    """Let the demo model decide, by a policy that the test writes."""
    asked = {
        "ANTHROPIC_API_KEY": CANARY,
        "UNDERSTUDY_REGISTRY_GATE": "model",
        "UNDERSTUDY_REGISTRY_GATE_MODEL": "demo/echo",
        "UNDERSTUDY_REGISTRY_GATE_POLICY": "policy.txt",
    }
    return stage.at_source(**{**asked, **more})


def test_the_model_approves_then_denies_and_the_old_copy_stays(stage: Stage) -> None:
    where = asking(stage)
    stage.source.add(name="One", model="gpt-4o")
    stage.write("policy.txt", 'Everything is fine. {"approve": true, "reason": "demo"}')
    stage.call("registry", "sync", "-v", **where).check()
    stage.write("policy.txt", 'Nothing is fine. {"approve": false, "reason": "Not today."}')
    stage.source.add(name="Two", model="gpt-4o", instructions=f"Say {CANARY}.")
    denied = stage.call("registry", "sync", **where).check(1)
    assert "is not stored: Not today." in denied.err
    stage.write("policy.txt", "Approve whatever comes.")
    malformed = stage.call("registry", "sync", "-vv", **where).check(1)
    assert "the model's answer is malformed" in malformed.err
    assert "TWO" not in stage.call("registry", "list").check().out
    records = stage.call("registry", "history", "--json").check().of("sync")
    assert [record["result"] for record in records] == ["denied", "denied", "changed"]
    assert records[1]["reason"].endswith("Not today.")
    for done in (denied, malformed):
        assert SOURCE not in done.out + done.err
        assert CANARY not in done.out + done.err


def test_the_flag_wins_over_the_settings(stage: Stage) -> None:
    where = asking(stage)
    stage.source.add(name="One", model="gpt-4o")
    stage.write("policy.txt", '{"approve": false, "reason": "Never."}')
    no = f"{sys.executable} -c 'print(\"By command.\"); raise SystemExit(1)'"
    assert "By command." in stage.call("registry", "sync", "--gate", no, **where).check(1).err
    stage.call("registry", "sync", "--gate", "none", **where).check()


def test_a_command_from_the_settings_is_asked_for_as_long_as_they_say(stage: Stage) -> None:
    stage.source.add(name="One", model="gpt-4o")
    slow = f"{sys.executable} -c 'import sys, threading; threading.Event().wait()'"
    where = asking(
        stage,
        UNDERSTUDY_REGISTRY_GATE="command",
        UNDERSTUDY_REGISTRY_GATE_COMMAND=slow,
        UNDERSTUDY_REGISTRY_GATE_TIMEOUT="0.2",
    )
    assert "no answer within 0.2 s" in stage.call("registry", "sync", **where).check(1).err


def test_a_gate_that_is_not_there_is_a_usage_error_before_anything_is_asked(stage: Stage) -> None:
    missing = stage.call("registry", "sync", **asking(stage)).check(64)
    assert "UNDERSTUDY_REGISTRY_GATE_POLICY (environment)" in missing.err
    assert "policy.txt" in missing.err
    stage.write("policy.txt", "All.")
    key = asking(stage, UNDERSTUDY_REGISTRY_GATE_MODEL="google/gemini-2.5-flash")
    assert "GOOGLE_API_KEY" in stage.call("registry", "sync", **key).check(64).err
    assert not stage.sandbox.requests
