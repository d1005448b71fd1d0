"""What every client library is asked to do, each case against its own estate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tests.clients.asking import Asked, Told
from tests.clients.cells import Done, Outcome, Wrong
from tests.clients.estate import TEMPLATES, Estate
from tests.clients.stage import Stage

#: A picture too long for one TCP segment, whose bytes no text encoding would survive.
PICTURE: Final = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 512
_PAGE: Final = 2
_THROTTLES: Final = 10


class Case(StrEnum):
    """The columns of the table."""

    TEXT = "text"
    TEMPLATE = "template"
    QUEUED = "queued"
    REFUSED = "refused"
    THROTTLED = "throttled"
    WRONG_KEY = "wrong key"
    UPLOAD = "media up"
    DOWNLOAD = "media down"
    TEMPLATES = "templates"
    PAGES = "paging"
    OWN_TOKEN = "own token"


@dataclass(frozen=True, slots=True)
class Scene:
    """One library, its estate, and where both are. `is_direct`: it speaks to the platform, past the gateway."""

    stage: Stage
    estate: Estate
    library: Asked
    directory: Path
    is_direct: bool = False

    async def call(self, do: str, number: str | None = None, key: str | None = None, **named: Any) -> Any:
        """Have the library make one call."""
        number = number or self.estate.room
        if self.is_direct:
            login = self.estate.login(self.stage.simulator.url, number, self.estate.token)
        else:
            login = self.estate.login(self.stage.url, number, key)
        return await self.library.call(do, login, **named)


async def text(scene: Scene) -> Outcome:
    """Inside the service window: Meta accepts it, and the caller has Meta's id."""
    user = scene.estate.user(1)
    await scene.stage.user_writes(scene.estate.room, user)
    return _sent(scene, user, await scene.call("text", to=user, body="Hello"))


async def template(scene: Scene) -> Outcome:
    """To somebody who never wrote."""
    user = scene.estate.user(2)
    return _sent(scene, user, await scene.call("template", to=user, name="order_confirmation"))


async def queued(scene: Scene) -> Outcome:
    """At a full limit: the caller has the gateway's id, and a success."""
    user = scene.estate.user(3)
    sent = await scene.call("template", number=scene.estate.full, to=user, name="black_friday_offer")
    if isinstance(sent, Told):
        return sent
    if scene.stage.accepted(user):
        return Wrong("it was sent")
    if sent.get("status") not in {None, "held_for_quality_assessment"}:
        return Wrong(f"the status that the caller sees is {sent['status']}")
    state = await scene.stage.state(scene.estate, scene.estate.full, sent["id"])
    return Done.WORKS if state == "queued" else Wrong(f"the message is {state}")


async def refused(scene: Scene) -> Outcome:
    """A text to somebody who never wrote: Meta would take it and not deliver it."""
    user = scene.estate.user(4)
    sent = await scene.call("text", to=user, body="Hello")
    return Wrong("it was sent") if scene.stage.accepted(user) else _failed(sent)


async def throttled(scene: Scene) -> Outcome:
    """Twice in a second from a number that may once. Not beside other libraries: what was refused is counted."""
    slow = scene.estate.slow
    for nth in range(_THROTTLES):
        user = scene.estate.user(100 + nth)
        await scene.stage.user_writes(slow, user)
        await scene.stage.send(scene.estate, slow, to=user, type="text", text={"body": f"first {nth}"})
        before, accepted = await scene.stage.throttled(), len(scene.stage.accepted(user))
        sent = await scene.call("text", number=slow, to=user, body=f"second {nth}")
        if isinstance(sent, Told):
            return Wrong("it was sent") if len(scene.stage.accepted(user)) > accepted else sent
        if sent["id"] != scene.stage.accepted(user)[-1]:
            return Wrong("the caller has another id than Meta gave")
        if await scene.stage.throttled() > before:
            return Done.WAITED
    return Wrong("it was never too fast")


async def wrong_key(scene: Scene) -> Outcome:
    """A key of nobody."""
    user = scene.estate.user(6)
    sent = await scene.call("template", key="tg_of-nobody", to=user, name="order_confirmation")
    return Wrong("it was sent") if scene.stage.accepted(user) else _failed(sent)


async def upload(scene: Scene) -> Outcome:
    """Meta has the same bytes under the id that the caller has."""
    path = scene.directory / f"up-{scene.estate.name}.png"
    path.write_bytes(PICTURE)
    put = await scene.call("upload", path=str(path))
    if isinstance(put, Told):
        return put
    return (
        Done.WORKS if await scene.stage.uploaded(scene.estate, put["id"]) == PICTURE else Wrong("Meta has other bytes")
    )


async def download(scene: Scene) -> Outcome:
    """The caller has the bytes that Meta has."""
    return await _downloaded(scene)


async def templates(scene: Scene) -> Outcome:
    """All of them, in one page."""
    return _listed(await scene.call("templates", size=100))


async def pages(scene: Scene) -> Outcome:
    """All of them, two to a page, each page asked for as the library does it."""
    listed = await scene.call("templates", size=_PAGE)
    if isinstance(listed, Told) or all(len(page) <= _PAGE for page in listed["pages"]):
        return _listed(listed)
    return Wrong("a page is longer than asked for")


async def own_token(scene: Scene) -> Outcome:
    """With Meta's own token instead of a key: a template goes and counts, and a file comes down."""
    token, user = scene.estate.token, scene.estate.user(7)
    sent = await scene.call("template", key=token, to=user, name="order_confirmation")
    outcome = _sent(scene, user, sent)
    if outcome is not Done.WORKS:
        return outcome
    state = await scene.stage.state(scene.estate, scene.estate.room, sent["id"])
    if state not in {"accepted", "sent", "delivered"}:
        return Wrong(f"the message is {state}")
    return await _downloaded(scene, token)


async def _downloaded(scene: Scene, key: str | None = None) -> Outcome:
    path = scene.directory / f"down-{scene.estate.name}.png"
    path.unlink(missing_ok=True)
    media = await scene.stage.upload(scene.estate, PICTURE)
    got = await scene.call("download", key=key, media=media, path=str(path))
    if isinstance(got, Told):
        return got
    content = path.read_bytes()
    return Done.WORKS if content == PICTURE else Wrong(f"the caller has other bytes: {content[:120]!r}")


def _listed(listed: Any) -> Outcome:
    if isinstance(listed, Told):
        return listed
    names = [name for page in listed["pages"] for name in page]
    wanted = {template.name for template in TEMPLATES}
    return Done.WORKS if len(names) == len(wanted) and set(names) == wanted else Wrong(f"the caller has {names}")


def _sent(scene: Scene, user: str, sent: Any) -> Outcome:
    if isinstance(sent, Told):
        return sent
    if sent.get("status") not in {None, "accepted"}:
        return Wrong(f"the status that the caller sees is {sent['status']}")
    return Done.WORKS if [sent["id"]] == scene.stage.accepted(user) else Wrong(f"the caller has the id {sent['id']}")


def _failed(sent: Any) -> Outcome:
    return sent if isinstance(sent, Told) else Wrong(f"the caller was told of a success: {sent}")


CASES: Final[dict[Case, Callable[[Scene], Awaitable[Outcome]]]] = {
    Case.TEXT: text,
    Case.TEMPLATE: template,
    Case.QUEUED: queued,
    Case.REFUSED: refused,
    Case.THROTTLED: throttled,
    Case.WRONG_KEY: wrong_key,
    Case.UPLOAD: upload,
    Case.DOWNLOAD: download,
    Case.TEMPLATES: templates,
    Case.PAGES: pages,
    Case.OWN_TOKEN: own_token,
}
#: Those that may not run beside other libraries.
ALONE: Final = frozenset({Case.THROTTLED})
