"""`/keys`: keys of apps, made, listed and revoked while the gateway runs. A key itself is told once, to who made it."""

from __future__ import annotations

from typing import Any

from tidegate.edge.calls import Call
from tidegate.edge.control.reasons import read_reason
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time
from tidegate.keys_in_force import LIVE_KEYS, KnownKey
from tidegate.policy.audit import Act
from tidegate.settings.tables import App
from tidegate.store.audit import GATEWAY


async def list_keys(call: Call) -> Reply:
    """The keys of every app that the caller may manage, revoked ones too."""
    used = await call.services.keys.last_used()
    apps = [app for app in call.services.settings.apps if _may_manage(call.app, app)]
    found = [known for app in apps for known in call.services.keys.keys_of(app.name)]
    return json_reply({"keys": [_told(known, used.get(known.record.id)) for known in found]})


async def make_key(call: Call) -> Reply:
    """Make a key; on the answer every node takes it."""
    fields = await call.fields()
    if fields.keys() != {"app"}:
        raise Denial(Kind.BAD_REQUEST, "body: has to have app, and nothing else")
    named = next((app for app in call.services.settings.apps if app.name == fields["app"]), None)
    if named is None or not _may_manage(call.app, named):
        raise Denial(Kind.NOT_FOUND, "no such app")
    if call.services.keys.live_keys(named.name) >= LIVE_KEYS:
        raise _too_many()
    await call.audit(GATEWAY, Act.KEY_MAKE, {"app": named.name})
    made = await call.services.keys.make(named.name, call.services.settings.server.environment, call.app.name)
    if made is None:
        raise _too_many()
    key, record = made
    return json_reply({**_told(KnownKey(record, configured=False), None), "key": key}, 201)


async def revoke_key(call: Call) -> Reply:
    """Revoke a key for good, one of the configuration too; on the answer no node takes it."""
    reason = read_reason((call.query("reason") or "").strip() or None, "query reason", required=None)
    known = call.services.keys.key(call.path("id"))
    owner = next((app for app in call.services.settings.apps if known and app.name == known.record.app), None)
    if known is None or owner is None or not _may_manage(call.app, owner):
        raise Denial(Kind.NOT_FOUND, "no such key")
    await call.audit(GATEWAY, Act.KEY_REVOKE, {"app": owner.name}, reason, key=known.record.id)
    record = await call.services.keys.revoke(known, call.app.name, reason or "no reason was given")
    used = await call.services.keys.last_used()
    return json_reply(_told(KnownKey(record, known.configured), used.get(record.id)))


def _too_many() -> Denial:
    return Denial(Kind.CONFLICT, f"the app has {LIVE_KEYS} live keys: revoke one first")


def _may_manage(caller: App, app: App) -> bool:
    """Whether all that an app may use is the caller's to use as well."""
    if caller.numbers is None or caller.name == app.name:
        return True
    return app.numbers is not None and set(app.numbers) <= set(caller.numbers)


def _told(known: KnownKey, used_ms: int | None) -> dict[str, Any]:
    record = known.record
    return {
        "id": record.id,
        "app": record.app,
        "state": "live" if record.revoked_at_ms is None else "revoked",
        "origin": "config" if known.configured else "control_plane",
        "environment": record.environment,
        "created": _time(record.made_at_ms),
        "created_by": record.made_by,
        "last_used": _time(used_ms),
        "revoked": _time(record.revoked_at_ms),
        "revoked_by": record.revoked_by,
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else write_time(at_ms)
