"""Every kind of denial has an answer in both shapes."""

from __future__ import annotations

import json

import pytest

from tidegate.edge.denials import Denial, Kind, graph_reply, problem_reply


@pytest.mark.parametrize("kind", Kind)
def test_graphs_shape_has_an_integer_code_and_all_that_clients_read(kind):
    reply = graph_reply(Denial(kind, "because"), "id-1")

    error = json.loads(reply.body)["error"]
    assert isinstance(error["code"], int)
    assert error["message"].startswith(f"(#{error['code']}) ")
    assert error["error_data"] == {"messaging_product": "whatsapp", "details": "because"}
    assert reply.headers["Content-Type"] == "application/json"
    assert ("is_transient" in error) == (error["code"] == 2)


@pytest.mark.parametrize("kind", Kind)
def test_a_problem_has_a_stable_code_and_its_status(kind):
    reply = problem_reply(Denial(kind, extra={"state": "sent"}), "id-1")

    body = json.loads(reply.body)
    assert (body["status"], body["code"], body["state"]) == (reply.status, kind.value, "sent")
    assert body["detail"]
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("render", [graph_reply, problem_reply])
def test_two_that_are_not_found_can_not_be_told_apart(render):
    assert render(Denial(Kind.NOT_FOUND), "id-1") == render(Denial(Kind.NOT_FOUND), "id-2")


@pytest.mark.parametrize("kind", [Kind.STORE_UNAVAILABLE, Kind.UPSTREAM_UNAVAILABLE, Kind.INTERNAL, Kind.DRAINING])
def test_a_fault_that_passes_says_when_to_come_back(kind):
    reply = graph_reply(Denial(kind), "id-1")

    assert reply.status == 503
    assert 1 <= int(reply.headers["Retry-After"]) <= 30
