"""Which face a path belongs to."""

from __future__ import annotations

import pytest

from tidegate.edge.faces import Face, face_of


@pytest.mark.parametrize(
    ("raw_path", "face"),
    [
        ("/gateway/v1/queue", Face.CONTROL),
        ("/healthz", Face.CONTROL),
        ("/healthz?x=1", Face.CONTROL),
        ("/webhooks/whatsapp", Face.CONTROL),
        ("/healthzz", Face.GRAPH),
        ("/v25.0/1/messages", Face.GRAPH),
        ("/1", Face.GRAPH),
        ("/", Face.GRAPH),
        ("/..%2fgateway", Face.GRAPH),
        ("", Face.GRAPH),
    ],
)
def test_the_first_segment_decides(raw_path, face):
    assert face_of(raw_path) is face
