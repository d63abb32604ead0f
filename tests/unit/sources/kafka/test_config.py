"""The section of a monitor file: what is refused, and how secrets are named in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.sources.kafka.config import KafkaConfig

PLAIN = {"type": "kafka", "brokers": "a:9092, b:9093", "topic": "clicks"}
LOGIN = {"protocol": "sasl_ssl", "mechanism": "PLAIN", "username": "me"}


def test_the_least_that_is_needed() -> None:
    """Brokers, as a text or a list, and a topic."""
    config = KafkaConfig.model_validate(PLAIN)
    assert (config.brokers, config.format, config.start) == (("a:9092", "b:9093"), "json", "earliest")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"brokers": "kafka"}, "expected host:port"),
        ({"brokers": []}, "at least 1"),
        ({"topic": "a topic"}, "pattern"),
        ({"format": "avro"}, "one of schema_file"),
        ({"schema_file": "x"}, "needs no schema"),
        ({"start": "yesterday"}, "earliest"),
        ({"security": {"protocol": "sasl_ssl"}}, "needs mechanism, username and password"),
        ({"security": {"protocol": "ssl", "username": "me"}}, "expected sasl_ssl"),
        ({"security": LOGIN | {"password": "hunter2"}}, "a secret is not written into a monitor file"),
        ({"security": LOGIN | {"password": "${NOT_SET_HERE}"}}, "NOT_SET_HERE is not set"),
        ({"security": LOGIN | {"password": {"file": "/none/here"}}}, "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, Any], said: str) -> None:
    """With what was expected, and never with a secret."""
    with pytest.raises(ValidationError) as caught:
        KafkaConfig.model_validate(PLAIN | changed)
    assert said in " ".join(error["msg"] for error in caught.value.errors())
    assert "hunter2" not in " ".join(error["msg"] for error in caught.value.errors())


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are never printed."""
    monkeypatch.setenv("KAFKA_PASSWORD", "hunter2")
    path = tmp_path / "password"
    path.write_text("hunter3\n")
    for written, secret in (("${KAFKA_PASSWORD}", "hunter2"), ({"file": str(path)}, "hunter3")):
        security = LOGIN | {"password": written}
        config = KafkaConfig.model_validate(PLAIN | {"security": security}).security
        assert config is not None
        assert config.security().password == secret
        assert secret not in repr(config) + repr(config.security()) + config.model_dump_json()
