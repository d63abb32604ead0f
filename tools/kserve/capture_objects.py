"""Record the objects that KServe's agent writes to an object store: 48 requests by 8 clients, a model error.

    unshare --net python -m tools.kserve.capture_objects agent kserve_objects_0.17_csv.jsonl.gz \
        --log-store-format csv --log-batch-size 10 --log-batch-interval 2s

Moto's server is the store. The agent listens on all interfaces, so it runs in a network namespace of its own.
Each line of the file is an object: its key, when it was written, and its content.
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

import botocore.session
from moto.server import ThreadedMotoServer

from tools.kserve.capture import AGENT_PORT, MODEL_PORT, until_open

STORE_PORT = 5555
REQUESTS, CLIENTS = 48, 8
FAILS = 20  # the request at which the model fails
NO_ID = 3  # the request whose client gives no id
COMPRESSED = 5  # the last digit of requests that are compressed, and answered alike
BUCKET = "payloads"
TIMEOUT = 10
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}


class _Model(BaseHTTPRequestHandler):
    """Doubles each size; fails where it is asked to, and compresses its answer where the request was."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"name": "toy", "ready": True}, is_compressed=False)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        is_compressed = self.headers.get("content-encoding") == "gzip"
        body = json.loads(gzip.decompress(content) if is_compressed else content)
        if self.headers.get("x-fail"):
            self._answer(500, {"error": "the model failed"}, is_compressed=False)
        elif "instances" in body:
            guesses = [{"guess": 2.0 * each["size"]} for each in body["instances"]]
            self._answer(200, {"predictions": guesses}, is_compressed=is_compressed)
        else:
            sizes = body["inputs"][0]
            data = [2.0 * size for size in sizes["data"]]
            output = {"name": "guess", "shape": sizes["shape"], "datatype": "FP64", "data": data}
            answer = {"model_name": "toy", "id": body["id"], "outputs": [output]}
            self._answer(200, answer, is_compressed=is_compressed)

    def _answer(self, status: int, content: dict[str, Any], *, is_compressed: bool) -> None:
        body = json.dumps(content).encode()
        body = gzip.compress(body) if is_compressed else body
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if is_compressed:
            self.send_header("content-encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def _call(number: int) -> None:
    """Ask the model through the agent, as one of the clients."""
    rows = 1 + number % 3
    headers = {"content-type": "application/json", "x-tenant": "a"}
    if number != NO_ID:
        headers["ce-id"] = f"order-{number}"
    if number == FAILS:
        headers["x-fail"] = "1"
    colour = "red" if number % 4 < 2 else 'green, "dark"\nü'  # noqa: PLR2004 - half of them
    path, body = "/v1/models/toy:predict", dict[str, Any]()
    body["instances"] = [{"size": float(number), "colour": colour}] * rows
    if number % 2 == 0:
        path = "/v2/models/toy/infer"
        body = {
            "id": f"r{number}",
            "inputs": [
                {"name": "size", "shape": [rows], "datatype": "FP64", "data": [float(number)] * rows},
                {"name": "colour", "shape": [rows], "datatype": "BYTES", "data": [colour] * rows},
            ],
        }
    content = json.dumps(body).encode()
    if number % 10 == COMPRESSED:
        content, headers["content-encoding"] = gzip.compress(content), "gzip"
    _ask("POST", path, content, headers)


def _ask(method: str, path: str, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", AGENT_PORT, timeout=TIMEOUT)
    connection.request(method, path, content, headers or {})
    connection.getresponse().read()
    connection.close()


def capture(agent: Path, target: Path, more: list[str]) -> int:
    """Run the agent with `more` arguments, ask it, and write what it stored; return how many objects."""
    address = f"http://127.0.0.1:{STORE_PORT}"
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=STORE_PORT, verbose=False)
    store.start()
    client = botocore.session.get_session().create_client(
        "s3", endpoint_url=address, region_name=KEYS["AWS_DEFAULT_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    client.create_bucket(Bucket=BUCKET)
    model = ThreadingHTTPServer(("127.0.0.1", MODEL_PORT), _Model)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    running = subprocess.Popen(  # noqa: S603 - the agent that was named
        [
            str(agent.resolve()), "--port", str(AGENT_PORT), "--component-port", str(MODEL_PORT),
            "--log-url", f"s3://{BUCKET}/log", "--log-store-path", "payloads", "--log-mode", "all",
            "--source-uri", "http://localhost:9081/", "--inference-service", "toy", "--namespace", "shop",
            "--component", "predictor", "--endpoint", "default", "--metadata-headers", "X-Tenant", *more,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=KEYS | {
            "AWS_ENDPOINT_URL": address,
            "S3_USER_VIRTUAL_BUCKET": "false",
            "SERVING_READINESS_PROBE": json.dumps({"tcpSocket": {"port": MODEL_PORT, "host": "127.0.0.1"}}),
        },
    )  # fmt: skip
    try:
        until_open()
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(_call, range(REQUESTS)))
        _ask("GET", "/v2/models/toy")
        time.sleep(5)  # longer than the interval of batches
        listed = client.list_objects_v2(Bucket=BUCKET)["Contents"]
        with gzip.open(target, "wt", compresslevel=9) as file:
            for each in listed:
                body = client.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
                line = {"key": each["Key"], "modified": each["LastModified"].isoformat()}
                file.write(json.dumps(line | {"body": base64.b64encode(body).decode()}) + "\n")
        return len(listed)
    finally:
        running.kill()  # its drain takes half a minute
        running.wait()
        store.stop()


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607 - of the namespace
    sys.stdout.write(f"{capture(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])} objects\n")
