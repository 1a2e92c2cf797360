"""A hostile provider behind the running binary: what clients see, what is recorded, and what it costs."""

import json
import threading

import counting
from desk import TYPES, UNMANNED, nowhere
from dialects import DIALECTS, Messages
from guard import Guard, step
from provider import FAULTS, Provider

# Memory that the server may take beside what it had: answers are read up to 32 MiB each, and eight are read at once.
RSS_MORE_MAX = 400 << 20
AT_ONCE = 8
ONLY_STREAMED = {"cut"}
# Good answers, after a while.
NO_FAULT = {"late"}


def workflows():
    """Small limits: whoever is slow is given up soon."""
    steps = {}
    for fault in [*FAULTS, "nobody"]:
        for dialect in DIALECTS:
            # A model of its own for each: a circuit that one fault opened is not to hide another.
            name = f"{fault}-{dialect.name}"
            usual = {"output": "text", "within": "2s", "model": {"provider": "far", "name": f"model-{name}"}} | UNMANNED
            if fault == "nobody":
                usual["model"] |= {"provider": "gone"}
            steps[name] = step(**usual)
            windows = {"stream": {"window": 64}, "forbid": {"mail": {"detect": ["email"]}}}
            steps[f"{name}-windows"] = step(**usual | {"model": usual["model"] | {"name": f"model-{name}-windows"}}, **windows)
    steps["alive"] = step(output="text")
    steps["many"] = step(output="text", within="2s", **UNMANNED | {"model": {"provider": "far", "name": "model-many"}})
    steps["circuit"] = step(output="text", within="2s", **UNMANNED | {"model": {"provider": "far", "name": "model-circuit"}})
    return {"desk": (TYPES, steps)}


class Faults:
    def __init__(self):
        self.provider = Provider()
        self.guard = Guard(self.provider.url, workflows(), f'  gone: {{ kind: openai, base_url: "{nowhere()}", speaks: [chat, responses, messages] }}\n')
        self.before = self.guard.rss()

    def ask(self, dialect, model, fault, stream):
        return dialect(self.guard, max_retries=0).ask(model, {"fault": fault}, stream)

    def is_clear(self, dialect, seen):
        """An error of the class that users of this client expect, with words, and without the provider's."""
        assert isinstance(seen.error, dialect.errors.InternalServerError), seen
        assert seen.error.status_code in (502, 503, 504, 529), seen
        body = seen.error.response.json()
        assert body["error"]["message"] and body["error"]["type"], body
        assert dialect is not Messages or (body["type"] == "error" and body.get("request_id")), body
        assert "secret" not in seen.error.response.text and self.provider.url not in seen.error.response.text, body

    def is_recorded(self, seen):
        decision = seen.headers["x-seatrial-decision"]
        status, _, raw = self.guard.http("GET", f"/v1/decisions/{decision}")
        kept = json.loads(raw)
        assert status == 200 and kept["decision"] == decision, kept
        assert kept["seatrial"]["verdict"] in ("escalate", "deny"), kept
        assert "secret" not in raw.decode(), kept

    def buffered(self, dialect, fault, stream):
        seen = self.ask(dialect, f"desk/{fault}-{dialect.name}", fault, stream)
        self.is_clear(dialect, seen)
        self.is_recorded(seen)
        assert not seen.everything(), seen

    def windows(self, dialect, fault):
        """Whatever left was inspected; then the stream ends with an error, and the decision says so."""
        seen = self.ask(dialect, f"desk/{fault}-{dialect.name}-windows", fault, True)
        assert seen.error is not None, seen
        assert self.provider.url not in str(seen.error), seen
        self.is_recorded(seen)

    def alive(self):
        """Many at once, and then the server answers as ever, and has not grown."""
        threads = []
        for fault in ("endless", "bomb", "slow"):
            for dialect in DIALECTS:
                for _ in range(AT_ONCE // len(DIALECTS) + 1):
                    threads.append(threading.Thread(target=self.ask, args=(dialect, "desk/many", fault, True)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a request hangs"
        for dialect in DIALECTS:
            assert dialect(self.guard).ask("desk/alive", {"say": [{"text": "As ever."}]}).text == "As ever."
        more = self.guard.rss() - self.before
        assert more < RSS_MORE_MAX, f"{more >> 20} MiB more than before"
        assert "panic" not in self.guard.said(), self.guard.said()

    def circuit(self):
        """A provider that failed again and again is left alone for a while, and the client is told at once."""
        for _ in range(20):
            before = len(self.provider.asked)
            seen = self.ask(DIALECTS[0], "desk/circuit", "broken", False)
            self.is_clear(DIALECTS[0], seen)
            self.is_recorded(seen)
            if len(self.provider.asked) == before:
                return
        raise AssertionError("it was asked every time")

    def checks(self):
        for fault in [*FAULTS, "nobody"]:
            if fault in NO_FAULT:
                continue
            for dialect in DIALECTS:
                for stream in (False, True):
                    if fault in ONLY_STREAMED and not stream:
                        continue
                    name = f"{fault} · {dialect.name} {'streamed' if stream else 'plain'}"
                    yield name, lambda d=dialect, f=fault, s=stream: self.buffered(d, f, s)
                if fault != "nobody":
                    yield f"{fault} · {dialect.name} in windows", lambda d=dialect, f=fault: self.windows(d, f)
        yield "a circuit opens", self.circuit
        yield "many at once, memory bounded", self.alive


def run():
    faults = Faults()
    try:
        return counting.run("faults of a provider", list(faults.checks()))
    finally:
        faults.guard.end()


if __name__ == "__main__":
    counting.end(run())
