"""`/openapi.json`: the route table as an OpenAPI 3.1 document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from tidegate.edge.description.schemas import SCHEMAS
from tidegate.edge.faces import Face
from tidegate.edge.shapes import TEXT, ref
from tidegate.edge.table.endpoint import Endpoint

_PARTS: Final = re.compile(r"\{([a-z_]+)\}")
_FAULTS: Final = {Face.GRAPH: ("GraphError", "application/json"), Face.CONTROL: ("Problem", "application/problem+json")}
_KEYS: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"access_token": []}]


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The document of these endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tidegate",
            "version": version,
            "description": "Outbound gateway for the WhatsApp Cloud API: Graph's own face, and a control plane.",
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "access_token": {"type": "apiKey", "in": "query", "name": "access_token"},
            },
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "tags": [endpoint.face.value],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint),
        "security": _security(endpoint),
    }
    if endpoint.scopes:
        operation["x-scopes"] = [scope.value for scope in endpoint.scopes]
    if endpoint.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": ref(endpoint.body)}},
        }
    if endpoint.body_types:
        operation["requestBody"] = {"required": True, "content": _streams(endpoint.body_types)}
    return operation


def _streams(types: Iterable[str]) -> dict[str, Any]:
    return {content_type: {"schema": TEXT} for content_type in types}


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall("[A-Za-z0-9]+", endpoint.path.removeprefix("/gateway/v1"))
    return "_".join([endpoint.method.lower(), *words])


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    if not endpoint.scopes:
        return []
    return _KEYS if endpoint.face is Face.GRAPH else _KEYS[:1]


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    in_path = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in _PARTS.findall(endpoint.path)]
    others = [
        {
            "name": parameter.name,
            "in": parameter.where,
            "required": parameter.required,
            "description": parameter.about,
            "schema": dict(parameter.schema),
        }
        for parameter in endpoint.parameters
    ]
    return in_path + others


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    told: dict[str, Any] = {}
    fault, fault_type = _FAULTS[endpoint.face]
    for status, name in endpoint.answers.items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if name:
            content_type = fault_type if status >= HTTPStatus.BAD_REQUEST else "application/json"
            answer["content"] = {content_type: {"schema": ref(name)}}
        if endpoint.answer_types and status < HTTPStatus.BAD_REQUEST:
            answer["content"] = {**answer.get("content", {}), **_streams(endpoint.answer_types)}
        told[str(status)] = answer
    told["default"] = {"description": "A fault.", "content": {fault_type: {"schema": ref(fault)}}}
    return told
