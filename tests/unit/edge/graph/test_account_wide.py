"""Who may change what more than one app stands on."""

from __future__ import annotations

import contextlib

import pytest

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.grants import Grants, Held
from tidegate.edge.graph.account_wide import TABLE, Changes, require_reach
from tidegate.edge.graph_paths import Target, read_target
from tidegate.settings.app_keys import hash_key
from tidegate.settings.credentials import Credentials
from tidegate.settings.tables import Settings

ONE, TWO, ALONE, BOTH, SOLE = "1001", "1002", "1003", "2001", "2002"
SETTINGS = Settings.model_validate(
    {
        "webhook": {"verify_token": "verify", "app_secrets": ["secret"]},
        "privacy": {"identity_key": "i" * 32, "payload_key": "p" * 32},
        "portfolio": [
            {
                "id": "lucky-shrub",
                "waba": [
                    {"id": BOTH, "access_token": "EAAG1", "number": [{"id": ONE}, {"id": TWO}]},
                    {"id": SOLE, "access_token": "EAAG2", "number": [{"id": ALONE}]},
                ],
            }
        ],
        "app": [
            {"name": name, "key_sha256": hash_key(name), "scopes": scopes, "numbers": numbers}
            for name, scopes, numbers in (
                ("part", ["send"], [ONE, ALONE]),
                ("part-admin", ["send", "admin"], [ONE, ALONE]),
                ("all", ["send"], None),
                ("all-admin", ["send", "admin"], None),
            )
        ],
    }
)
APPS = {app.name: app for app in SETTINGS.apps}
GRANTS = Grants(SETTINGS, Credentials(SETTINGS))


def a_target(path: str) -> Target:
    target = read_target(path)
    assert target is not None
    return target


@pytest.mark.parametrize(
    ("app", "object_id", "held"),
    [
        ("part", ONE, Held.NUMBER),
        ("part", BOTH, Held.PART_OF_ACCOUNT),
        ("part", SOLE, Held.ACCOUNT),
        ("all", BOTH, Held.ACCOUNT),
        ("all", "77", Held.UNKNOWN),
    ],
)
def test_an_account_is_held_by_whoever_may_use_all_its_numbers(app: str, object_id: str, held: Held) -> None:
    assert GRANTS.held(APPS[app], a_target(f"/{object_id}/x")) is held


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("POST", f"/{BOTH}/subscribed_apps", {"all-admin"}, id="webhooks of an account"),
        pytest.param("POST", f"/{SOLE}/subscribed_apps", {"all-admin", "part-admin"}, id="of one whose numbers it has"),
        pytest.param("POST", f"/{ONE}", {"all-admin", "part-admin"}, id="webhooks of a number"),
        pytest.param("POST", f"/{BOTH}/upsert_message_templates", {"all", "all-admin"}, id="templates written over"),
        pytest.param("DELETE", f"/{BOTH}/message_templates", {"all", "all-admin"}, id="templates deleted"),
        pytest.param("POST", f"/{BOTH}/message_templates", set(APPS), id="a template more"),
        pytest.param("GET", f"/{BOTH}/subscribed_apps", set(APPS), id="reading"),
        pytest.param("DELETE", "/77", set(APPS), id="a file"),
    ],
)
def test_a_write_takes_an_app_that_may_answer_for_all_it_changes(method: str, path: str, allowed: set[str]) -> None:
    target, may = a_target(path), set()
    for name, app in APPS.items():
        with contextlib.suppress(Denial):
            require_reach(app, method, target, GRANTS.held(app, target))
            may.add(name)
    assert may == allowed


def test_what_is_missing_is_named() -> None:
    target = a_target(f"/{BOTH}/subscribed_apps")
    with pytest.raises(Denial) as refused:
        require_reach(APPS["part"], "DELETE", target, Held.PART_OF_ACCOUNT)
    assert refused.value.kind is Kind.FORBIDDEN
    assert refused.value.detail == (
        f"{Changes.WEBHOOKS}: it takes the scope admin and an app that may use every number of the account"
    )


@pytest.mark.parametrize("edge", TABLE, ids=lambda edge: edge or "the object itself")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_each_edge_of_the_table_is_refused_in_any_spelling(edge: str, method: str) -> None:
    for path in {f"/{BOTH}/{edge}", f"/v25.0/{BOTH}/{edge.upper()}/"} if edge else {f"/{BOTH}", f"/v25.0/{BOTH}/"}:
        with pytest.raises(Denial):
            require_reach(APPS["part"], method, a_target(path), Held.PART_OF_ACCOUNT)
