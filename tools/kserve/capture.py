"""Record what KServe's agent sends: 300 requests by 16 clients, a model error, and an outage of the sink.

    go build -o agent github.com/kserve/kserve/cmd/agent   (of v0.16.0)
    unshare --net python -m tools.kserve.capture agent tests/integration/kserve/data/kserve_agent.jsonl.gz

The agent listens on all interfaces, so it runs in a network namespace of its own. The first line of the file
says what happened; each further line is an event that the sink took, with its headers and its body.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

AGENT_PORT, MODEL_PORT, SINK_PORT = 9081, 8080, 9000
REQUESTS, CLIENTS = 300, 16
FAILS = 37  # the request at which the model fails
OUTAGE = range(150, 170)  # requests for whose events the sink answers 503
OWN_IDS = 5  # every fifth client gives ids of its own
TIMEOUT = 10


class _Model(BaseHTTPRequestHandler):
    """Doubles the sum of the sizes; fails where it is asked to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"name": "toy", "ready": True})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers.get("x-fail"):
            self._answer(500, {"error": "the model failed"})
        elif "instances" in body:
            self._answer(200, {"predictions": [2.0 * each["size"] for each in body["instances"]]})
        else:
            sizes = body["inputs"][0]
            data = [2.0 * size for size in sizes["data"]]
            output = {"name": "guess", "shape": sizes["shape"], "datatype": "FP64", "data": data}
            answer = {"model_name": "toy", "model_version": "1", "id": body.get("id"), "outputs": [output]}
            self._answer(200, answer)

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


class _Sink(ThreadingHTTPServer):
    """Keeps what comes, unless it is away."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", SINK_PORT), _SinkHandler)
        self.kept: list[dict[str, Any]] = []
        self.lost: list[list[str]] = []
        self.is_away = False
        self.lock = threading.Lock()


class _SinkHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        sink = self.server
        with sink.lock:
            if sink.is_away:
                sink.lost.append([self.headers["ce-id"], self.headers["ce-type"].rpartition(".")[2]])
            else:
                headers = [[name, value] for name, value in self.headers.items()]
                sink.kept.append({"headers": headers, "body": base64.b64encode(body).decode()})
        self.send_response(503 if sink.is_away else 202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _call(number: int) -> None:
    """Ask the model through the agent, as one of the clients."""
    rows = 1 + number % 3
    sizes, colours = [number + row / 4 for row in range(rows)], ["red", "green"] * 2
    headers = {"content-type": "application/json", "x-tenant": f"tenant {number % 4}"}
    if number % OWN_IDS == 0:
        headers["ce-id"] = f"order {number}%/ü" if number == 0 else f"order-{number}"
    if number == FAILS:
        headers["x-fail"] = "1"
    body: dict[str, Any] = {
        "id": str(number),
        "inputs": [
            {"name": "size", "shape": [rows], "datatype": "FP64", "data": sizes},
            {"name": "colour", "shape": [rows], "datatype": "BYTES", "data": colours[:rows]},
        ],
    }
    path = "/v2/models/toy/infer"
    if number % 7 == 0:
        path = "/v1/models/toy:predict"
        pairs = zip(sizes, colours[:rows], strict=True)
        body = {"instances": [{"size": size, "colour": colour} for size, colour in pairs]}
    encoded = {name: value.encode() for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", AGENT_PORT, timeout=TIMEOUT)
    connection.request("POST", path, json.dumps(body), encoded)
    connection.getresponse().read()
    connection.close()


def _settled(sink: _Sink) -> None:
    """Wait until the agent has sent what it holds."""
    before = -1
    while before != len(sink.kept) + len(sink.lost):
        before = len(sink.kept) + len(sink.lost)
        time.sleep(0.5)


def capture(agent: Path, target: Path) -> dict[str, Any]:
    """Run the agent, ask it, and write what it sent; return what happened."""
    sink = _Sink()
    model = ThreadingHTTPServer(("127.0.0.1", MODEL_PORT), _Model)
    for server in (sink, model):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    running = subprocess.Popen(  # noqa: S603 - the agent that was named
        [
            str(agent.resolve()), "--port", str(AGENT_PORT), "--component-port", str(MODEL_PORT),
            "--log-url", f"http://127.0.0.1:{SINK_PORT}/v1/kserve", "--log-mode", "all",
            "--source-uri", "http://localhost:9081/", "--inference-service", "toy", "--namespace", "shop",
            "--component", "predictor", "--endpoint", "default", "--metadata-headers", "X-Tenant",
            "--metadata-annotations", "team=fraud",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"SERVING_READINESS_PROBE": json.dumps({"tcpSocket": {"port": MODEL_PORT, "host": "127.0.0.1"}})},
    )  # fmt: skip
    try:
        until_open()
        with ThreadPoolExecutor(CLIENTS) as clients:
            for part in (range(OUTAGE.start), OUTAGE, range(OUTAGE.stop, REQUESTS)):
                sink.is_away = part is OUTAGE
                list(clients.map(_call, part))
                _settled(sink)
        connection = http.client.HTTPConnection("127.0.0.1", AGENT_PORT, timeout=TIMEOUT)
        connection.request("GET", "/v2/models/toy")
        connection.getresponse().read()
        _settled(sink)
    finally:
        running.terminate()
        try:
            running.wait(5)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
    happened = {"agent": "kserve 0.16.0", "requests": REQUESTS, "failed": FAILS, "lost": sink.lost}
    with gzip.open(target, "wt", compresslevel=9) as file:
        for line in (happened, *sink.kept):
            file.write(json.dumps(line) + "\n")
    return happened | {"kept": len(sink.kept)}


def until_open() -> None:
    """Wait until the agent listens. Raises TimeoutError."""
    for _ in range(100):
        try:
            http.client.HTTPConnection("127.0.0.1", AGENT_PORT, timeout=1).connect()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the agent does not listen")


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607 - of the namespace
    sys.stdout.write(f"{capture(Path(sys.argv[1]), Path(sys.argv[2]))}\n")
