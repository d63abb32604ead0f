"""https by files, with a certificate of the test's own and real clients."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import httpx
import pytest
import trustme
from structlog.testing import capture_logs
from tidegauge_client import Client

from service.access.secret import digest_of, new_token
from service.api.app import build
from service.api.server import serving
from service.api.tls import renewing, tls_context
from service.core.access import Grant, Scope, Token
from service.core.inbox import BatchKind, Posted, Receipt
from service.errors import ConfigurationError
from tests.unit.api.doors import Queries, callables, gate


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def _write(folder: Path, authority: trustme.CA) -> tuple[Path, Path]:
    issued = authority.issue_cert("127.0.0.1")
    files = folder / "cert.pem", folder / "key.pem"
    for path, content in zip(
        files,
        (b"".join(p.bytes() for p in issued.cert_chain_pems), issued.private_key_pem.bytes()),
        strict=True,
    ):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)
    return files


def _trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_it_is_served_by_https(tmp_path: Path, authority: trustme.CA) -> None:
    """A client that trusts the authority is answered, another is not, and http is no way in."""
    files = _write(tmp_path, authority)
    async with serving(build(callables()), host="127.0.0.1", port=0, tls=files) as address:
        assert address.startswith("https://127.0.0.1:")
        async with httpx.AsyncClient(verify=_trusting(authority)) as client:
            assert (await client.get(f"{address}/healthz")).json()["status"] == "alive"
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(f"{address}/healthz")
            with pytest.raises(httpx.TransportError):
                await client.get(f"{address.replace('https', 'http')}/healthz")


async def test_a_renewed_certificate_is_taken_without_a_restart(
    tmp_path: Path, authority: trustme.CA
) -> None:
    """New connections get the new certificate; a half-written pair changes nothing."""
    files = _write(tmp_path, authority)
    context = tls_context(*files)

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    async def connects(trusted: trustme.CA) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=_trusting(trusted))
        except ssl.SSLCertVerificationError:
            return False
        writer.close()
        return True

    other = trustme.CA()
    with capture_logs() as logs:
        async with server, renewing(context, files, look_seconds=0.02):
            assert await connects(authority)
            files[0].write_bytes(b"".join(p.bytes() for p in other.issue_cert("127.0.0.1").cert_chain_pems))
            async with asyncio.timeout(20):
                while not any(entry["event"] == "certificate not renewed" for entry in logs):  # noqa: ASYNC110 - as below
                    await asyncio.sleep(0.02)
            assert await connects(authority)
            _write(tmp_path, other)
            async with asyncio.timeout(20):
                while not await connects(other):  # noqa: ASYNC110 - a file says so by no event
                    await asyncio.sleep(0.02)
            assert not await connects(authority)


def test_files_that_are_no_pair_are_named(tmp_path: Path, authority: trustme.CA) -> None:
    """Missing, of another pair or no PEM at all: the message names the variables, nothing starts."""
    certificate, key = _write(tmp_path, authority)
    other = tmp_path / "other"
    other.mkdir()
    _, other_key = _write(other, authority)
    nothing = tmp_path / "nothing.pem"
    nothing.write_bytes(os.urandom(100))
    for wrong in (other_key, nothing, tmp_path / "missing.pem"):
        with pytest.raises(
            ConfigurationError, match=r"TIDEGAUGE_TLS_CERT=.*TIDEGAUGE_TLS_KEY=.*: cannot be used: "
        ):
            tls_context(certificate, wrong)
    assert tls_context(certificate, key).minimum_version == ssl.TLSVersion.TLSv1_2


class Kept:
    """An intake that keeps what it takes in, in memory."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def takes(self, _: str) -> bool:
        return True

    async def take_in(self, _: str, __: BatchKind, posted: Posted, *, key: str | None = None) -> Receipt:
        assert key is not None
        self.bodies.append(posted.body)
        return Receipt(1)

    def trouble(self) -> None:
        return None


class Shop(Queries):
    name = "shop"


async def test_the_client_trusts_a_file_of_certificates(tmp_path: Path, authority: trustme.CA) -> None:
    """By `ca_file` rows are sent by https, with a token; a file that is missing is said where it is named."""
    files = _write(tmp_path, authority)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    kept, closed, (own, secret) = Kept(), gate(), new_token()
    closed.tokens.replace([Token(own, digest_of(secret), Grant(frozenset({Scope.ROWS})))])
    app = build(callables(queries=Shop(), intake=kept, gate=closed))
    async with serving(app, host="127.0.0.1", port=0, tls=files) as address:
        client = Client(address, token=secret, spool=None, ca_file=tmp_path / "ca.pem")
        client.monitor("shop").log({"size": 1.5})
        assert await asyncio.to_thread(client.close)
    assert [b"1.5" in body for body in kept.bodies] == [True]
    with pytest.raises(FileNotFoundError):
        Client("https://127.0.0.1", ca_file=tmp_path / "missing.pem")
