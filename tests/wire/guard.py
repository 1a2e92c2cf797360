"""The running binary: a factory laid out in a folder of its own, submitted, served; and requests by hand."""

import json
import os
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
SEATRIAL = os.environ.get("SEATRIAL", str(TARGET / "debug" / "seatrial"))
REHEARSAL = {"x-seatrial-release": "rehearsal"}
DEV = "dev@yard.example"

FACTORY = """seatrial: 1
factory: wire
kind: simulation
profile: small
timezone: Europe/Madrid
people:
  - {{ id: dev@yard.example, name: "Dev", side: delivery, roles: [engineering] }}
  - {{ id: una@harbour.example, name: "Una", side: receiving, roles: [desk] }}
  - {{ id: hugo@harbour.example, name: "Hugo", side: receiving, roles: [desk] }}
providers:
  far: {{ kind: openai, base_url: "{url}", speaks: [chat, responses, messages] }}
{providers}store: {{ sqlite: .seatrial }}
workflows: [{workflows}]
"""

WORKFLOW = """seatrial: 1
workflow: {name}
title: "What clients see"
purpose: "A test."
population: "Requests of a test"
types: {types}
roles:
  desk: "The desk"
  engineering: "Delivery team"
steps: {steps}
responsibilities:
  workflow:   {{ delivery: engineering, receiving: desk }}
  changes:    {{ delivery: engineering, receiving: desk }}
  exceptions: {{ delivery: engineering, receiving: desk }}
  behaviour:  {{ delivery: engineering, receiving: desk }}
  evolution:  {{ delivery: engineering, receiving: desk }}
"""


def step(**more):
    """A step of an AI, with what every step has to say."""
    usual = {
        "does": "Answer", "actor": "ai", "influence": "inform", "reversible": True, "input": "ask", "output": "any",
        "model": {"provider": "far", "name": "model-1-20261101"}, "prompt": "prompt.md", "within": "10s",
        "review": {"within": "4h", "late": "desk", "people": 1, "hold": "0s"}, "fallback": {"to": "desk"},
    }
    return {name: value for name, value in (usual | more).items() if value is not None}


class Yard:
    """A factory's folder. Types are JSON Schemas by name."""

    def __init__(self, url, workflows, providers=""):
        base = TARGET / "wire"
        base.mkdir(parents=True, exist_ok=True)
        self.folder = tempfile.TemporaryDirectory(prefix="yard.", dir=base)
        self.root = pathlib.Path(self.folder.name)
        self.write("factory.yaml", FACTORY.format(url=url, workflows=", ".join(workflows), providers=providers))
        for name, (types, steps) in workflows.items():
            files = {}
            for kind, schema in types.items():
                self.write(f"{name}/{kind}.json", json.dumps(schema))
                files[kind] = f"{kind}.json"
            self.write(f"{name}/prompt.md", "Answer the request.")
            # JSON is YAML.
            self.write(f"{name}/workflow.yaml", WORKFLOW.format(name=name, types=json.dumps(files), steps=json.dumps(steps)))

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def seatrial(self, *arguments, check=True):
        command = [SEATRIAL, "-C", str(self.root), "--as", DEV, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done


class Guard:
    """The yard, submitted and served by the binary."""

    def __init__(self, url, workflows, providers=""):
        self.yard = Yard(url, workflows, providers)
        for name in workflows:
            self.yard.seatrial("submit", "--workflow", name)
        self.caller = self.token("caller", "shop", "--step", "*")
        self.head = self.token("operator", "una@harbour.example")
        self.other = self.token("operator", "hugo@harbour.example")
        self.log = open(self.yard.root / "serve.log", "w")
        command = [SEATRIAL, "-C", str(self.yard.root), "serve", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if " is served on " not in line:
            raise AssertionError(f"it is not served: {line} {self.said()}")
        self.address = line.rsplit(" ", 1)[1].strip()
        self.base = self.address + "/v1"

    def token(self, kind, principal, *more):
        done = self.yard.seatrial("token", "issue", kind, principal, *more, "--format", "json")
        return json.loads(done.stdout)["token"]

    def said(self):
        self.log.flush()
        return (self.yard.root / "serve.log").read_text()

    def rss(self):
        """Bytes of memory that the server's process holds."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the server is gone")

    def http(self, method, path, body=None, headers=None, token=None, timeout=60):
        """Status, headers (lower case) and bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        usual = {"authorization": f"Bearer {token or self.caller}", "content-type": "application/json"}
        request = urllib.request.Request(self.address + path, method=method, data=data, headers=usual | REHEARSAL | (headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        finally:
            self.log.close()
            self.process.stdout.close()
            if os.environ.get("SEATRIAL_KEEP") is None:
                self.yard.folder.cleanup()
