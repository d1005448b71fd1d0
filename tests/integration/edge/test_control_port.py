"""The control plane on a port of its own: nothing of it is on the callers' port, and nothing of Graph's on its."""

from __future__ import annotations

import pytest

from tests.integration.edge.callers import CHECKOUT, NUMBER, OPERATOR, READER, Caller, Recorder, template
from tidegate.edge.door.lockout import FAILURES
from tidegate.edge.faces import Port
from tidegate.edge.routes import endpoints
from tidegate.errors import CannotListen

APART = {"TIDEGATE_SERVER__CONTROL_LISTEN": "127.0.0.1:0"}
V1 = "/gateway/v1"


@pytest.fixture
async def ports(make_node, graph: Recorder, session) -> tuple[Caller, Caller]:
    """The callers' port, and the operators'."""
    node = await make_node(graph.url, environ=APART)
    assert node.control is not None
    return Caller.of(node, session), Caller(f"http://127.0.0.1:{node.control.addresses[0][1]}", session)


@pytest.mark.parametrize(
    ("method", "path", "public", "control"),
    [
        pytest.param("POST", f"/v25.0/{NUMBER}/messages", 200, 404, id="a send"),
        pytest.param("GET", f"/v25.0/{NUMBER}", 200, 404, id="what passes through"),
        pytest.param("GET", f"{V1}/standing", 404, 200, id="the control plane"),
        pytest.param("PUT", f"{V1}/standing", 404, 405, id="its methods"),
        pytest.param("GET", "/metrics", 404, 200, id="metrics"),
        pytest.param("GET", "/openapi.json", 404, 200, id="the description"),
        pytest.param("GET", "/dashboard", 404, 303, id="the dashboard"),
        pytest.param("POST", "/webhooks/whatsapp", 401, 404, id="webhooks"),
        pytest.param("GET", "/media/none", 404, 404, id="media"),
        pytest.param("GET", "/healthz", 200, 200, id="a probe of the process"),
        pytest.param("GET", "/readyz", 200, 200, id="a probe of the node"),
    ],
)
async def test_a_path_is_served_on_its_port_alone(ports, method: str, path: str, public: int, control: int):
    body = template() if path.endswith("/messages") else None
    assert [(await call(method, path, json=body)).status for call in ports] == [public, control]


async def test_the_other_port_says_the_same_of_a_path_that_is_there_and_of_one_that_is_not(ports, graph: Recorder):
    public, control = ports
    there, nowhere = [await public("GET", f"{V1}/{name}") for name in ("standing", "nowhere")]
    assert (there.status, there.raw) == (404, nowhere.raw)
    there, nowhere = [await control("GET", f"/v25.0/{number}") for number in (NUMBER, "999999999999999")]
    assert (there.status, there.raw) == (404, nowhere.raw)
    assert graph.requests == []


async def test_every_endpoint_is_on_one_of_the_ports_and_only_probes_are_on_both(make_node, graph: Recorder):
    for row in endpoints((await make_node(graph.url)).services):
        served = {port for port in (Port.PUBLIC, Port.CONTROL) if port.serves(row.path)}
        assert len(served) == (2 if row.path in ("/healthz", "/readyz") else 1), row.path
        assert Port.WHOLE.serves(row.path)


async def test_a_guesser_on_one_port_is_locked_out_on_both(ports):
    public, control = ports
    for i in range(FAILURES):
        await public.send(template(), f"tg_guess_{i}")
    assert (await control("GET", f"{V1}/standing", "tg_guess_another")).status == 429
    assert (await control("GET", f"{V1}/standing", READER)).status == 200


async def test_what_is_stopped_on_one_port_is_stopped_on_the_other(ports, graph: Recorder):
    public, control = ports
    order = {"scope": {"number": NUMBER}, "reason": "complaints"}
    assert (await control("POST", f"{V1}/pauses", OPERATOR, json=order)).status == 201
    assert (await public.send(template(), CHECKOUT, Tidegate_Hold="reject"))["Tidegate-Reason"] == "paused_by_operator"
    assert graph.requests == []


async def test_a_port_that_is_taken_is_told_by_the_setting_that_wants_it(make_node, graph: Recorder):
    first = await make_node(graph.url, environ=APART)
    taken = f"127.0.0.1:{first.control.addresses[0][1]}"
    with pytest.raises(CannotListen, match=f"server.control_listen: can't listen on {taken}"):
        await make_node(graph.url, environ={"TIDEGATE_SERVER__CONTROL_LISTEN": taken})
