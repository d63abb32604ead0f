"""CloudEvents by HTTP: binary, structured and batched mode, and what is none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from service.errors import IntakeError
from service.sources.kserve.events import BATCH, STRUCTURED, decoded

ATTRIBUTES = {
    "specversion": "1.0",
    "id": "a",
    "type": "org.kubeflow.serving.inference.request",
    "source": "http://localhost:9081/",
    "inferenceservicename": "toy",
    "namespace": "shop",
}
BINARY = {f"ce-{name}": value for name, value in ATTRIBUTES.items()} | {"content-type": "application/json"}


def structured(content: Any, content_type: str = STRUCTURED) -> Any:
    return decoded({"content-type": f"{content_type}; charset=utf-8"}, json.dumps(content).encode())


def test_binary_mode_is_read_from_the_headers() -> None:
    """The body is the payload, byte for byte; UTF-8 in a header, as the agent sends it, is read."""
    (event,) = decoded(BINARY | {"ce-id": "größe 5%".encode().decode("latin-1")}, b"\x00payload")
    assert (event.form, event.subject, event.body) == ("kserve", "shop/toy", b"\x00payload")
    assert event.attributes == ATTRIBUTES | {"id": "größe 5%", "datacontenttype": "application/json"}


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"data": {"instances": [1]}}, b'{"instances": [1]}'),
        ({"data": "text"}, b"text"),
        ({"data_base64": base64.b64encode(b"\x00").decode()}, b"\x00"),
        ({}, b""),
    ],
)
def test_structured_mode_is_read_from_the_body(data: dict[str, Any], body: bytes) -> None:
    """The payload is JSON, a text, or base64."""
    (event,) = structured(ATTRIBUTES | data)
    assert (event.body, event.subject) == (body, "shop/toy")
    assert event.attributes == ATTRIBUTES


def test_a_batch_holds_several_events() -> None:
    """In their order."""
    found = structured([ATTRIBUTES, ATTRIBUTES | {"id": "b"}], BATCH)
    assert [event.attributes["id"] for event in found] == ["a", "b"]


def test_an_event_without_a_service_is_listed_as_such() -> None:
    """It may still be sent to a monitor's own address."""
    (event,) = decoded({key: value for key, value in BINARY.items() if "name" not in key}, b"")
    assert event.subject == "(no Ce-Inferenceservicename)"


@pytest.mark.parametrize("lacks", ["specversion", "id", "type", "source"])
def test_an_event_without_a_needed_attribute_is_none(lacks: str) -> None:
    """In either mode; the message names it."""
    with pytest.raises(IntakeError, match=f"Ce-{lacks}"):
        decoded({key: value for key, value in BINARY.items() if key != f"ce-{lacks}"}, b"")
    with pytest.raises(IntakeError, match=f"lacks {lacks}"):
        structured({key: value for key, value in ATTRIBUTES.items() if key != lacks})


@pytest.mark.parametrize(
    ("content", "content_type", "reason"),
    [
        ([1], STRUCTURED, "no JSON object"),
        ([1], BATCH, "no JSON object"),
        ([], BATCH, "no array of events"),
        ({}, BATCH, "no array of events"),
        ([ATTRIBUTES] * 10_001, BATCH, "10,001 events"),
        (ATTRIBUTES | {"specversion": "0.3"}, STRUCTURED, "version '0.3'"),
        (ATTRIBUTES | {"data_base64": "?"}, STRUCTURED, "no base64"),
        (ATTRIBUTES | {"data_base64": 5}, STRUCTURED, "no base64"),
        (ATTRIBUTES | {"id": "x" * 2_001}, STRUCTURED, "2,001 characters"),
    ],
)
def test_what_is_no_event_is_refused(content: Any, content_type: str, reason: str) -> None:
    """With what was expected."""
    with pytest.raises(IntakeError) as caught:
        structured(content, content_type)
    assert reason in str(caught.value)


def test_a_body_that_is_no_json_is_refused() -> None:
    """Of the structured modes; a body of the binary mode is whatever it is."""
    with pytest.raises(IntakeError, match="the content is no JSON"):
        decoded({"content-type": STRUCTURED}, b"{")
