"""A real Kafka broker: the official jars, fetched by Maven and kept, in one process of Java (KRaft mode)."""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import time
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

from service.store.embedded.cluster import free_port

HERE = Path(__file__).parent
KEPT = HERE.parents[1] / ".data/kafka"
CLUSTER = "MkU3OEVBNTcwNTJENDM2Qk"
USER, PASSWORD = "reader", "reads-everything"
START_SECONDS = 120.0
POLL_SECONDS = 0.05
JAVA_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
MISSING = "needs Java 17 and Maven: apt-get install openjdk-17-jre-headless maven"

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{login},SSL://127.0.0.1:{tls},\
CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{login},SSL://127.0.0.1:{tls}
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_{user}="{password}";
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,\
SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL
log.dirs={folder}/log
num.partitions=1
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.retention.ms=-1
"""


def why_missing() -> str | None:
    """Return why no broker can be started here; None where one can."""
    return None if shutil.which("java") and shutil.which("mvn") else MISSING


def jars() -> Path:
    """Return the folder of the broker's jars, fetched once."""
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = KEPT / "jars"
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (KEPT / "jars.complete").exists():
            subprocess.run(
                ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies",
                 f"-DoutputDirectory={folder}"],
                check=True, timeout=300,
            )  # fmt: skip
            (KEPT / "jars.complete").touch()
    return folder


class Broker:
    """One broker; its data stay in the folder when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.login_port = free_port()  # asks for USER and PASSWORD
        self.tls_port = free_port()  # has the certificate `authority`
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = folder / "server.properties"
        folder.mkdir(parents=True, exist_ok=True)
        text = _PROPERTIES.format(
            folder=folder,
            port=self.port,
            login=self.login_port,
            tls=self.tls_port,
            controller=free_port(),
            user=USER,
            password=PASSWORD,
        )
        self._settings.write_text(text)

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate that signs its own."""
        return self.folder / "authority.pem"

    @property
    def log(self) -> str:
        """What it has written so far, over all its starts."""
        return (self.folder / "broker.log").read_text(errors="replace")

    def format(self) -> None:
        """Make its folder of data; to be called once, before the first start."""
        self._certify()
        scram = f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]"
        subprocess.run(
            self._java(
                "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(self._settings), "-S", scram
            ),
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
        )

    def start(self) -> None:
        """Start it, and wait until it says that it has."""
        said = "Kafka Server started"
        log = self.folder / "broker.log"
        before = self.log.count(said) if log.exists() else 0
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._settings)),
                stdout=output,
                stderr=output,
                cwd=self.folder,
            )
        until = time.monotonic() + START_SECONDS
        while self.log.count(said) == before:
            assert self.process.poll() is None, self.log[-3_000:]
            assert time.monotonic() < until, self.log[-3_000:]
            time.sleep(POLL_SECONDS)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, at once by default."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def _certify(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        issued = authority.issue_cert("127.0.0.1")
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        written = key.private_bytes(  # Kafka reads keys in this form alone
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
        (self.folder / "keystore.pem").write_bytes(written + chain)

    def _java(self, *arguments: str) -> list[str]:
        return ["java", *JAVA_OPTIONS, "-cp", f"{jars()}/*", *arguments]
