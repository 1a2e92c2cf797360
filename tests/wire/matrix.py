"""Which check holds where: endpoint × mode × shape × check × verdict, each cell proved. Writes `docs/reference/matrix.md`.

A cell is played with a real client against the running binary, or its spec is refused at load, or it does not exist, and
then it says why. `SEATRIAL_UPDATE=1` renews the page; otherwise a page that differs fails.
"""

import json
import os
import pathlib
import sys
import traceback

import captures
from desk import ASK
from dialects import DIALECTS, SCHEMA, WEATHER, Messages
from guard import Guard, Yard, step
from provider import Provider

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "matrix.md"
SHAPES = ("text", "tool call", "structured", "several choices")
VERDICTS = ("allow", "warn", "modify", "escalate", "deny")
PROXIED = {dialect.name: dialect for dialect in DIALECTS}
COLUMNS = [(name, mode) for name in PROXIED for mode in ("plain", "buffer", "window")] + [("run", "plain"), ("decide", "plain")]

TYPES = {
    "ask": ASK | {"properties": ASK["properties"] | {"text": {"type": "string"}}, "required": ["text"]},
    "text": {"type": "string"}, "short": {"type": "string", "maxLength": 60},
    "answer": SCHEMA | {"properties": SCHEMA["properties"] | {"note": {"type": "string", "maxLength": 60}}},
    "weather": WEATHER, "narrow": WEATHER | {"properties": {"city": {"type": "string", "maxLength": 20}}},
    "judged": {
        "type": "object", "properties": {"level": {"type": "string"}, "confidence": {"type": "number"}},
        "required": ["level", "confidence"],
    },
    "case": {"type": "object", "properties": {"input": {}, "output": {}}, "required": ["output"]},
}
SOURCE = "All is well. The counter opens at nine."
MAIL = "ada@mail.example"
FINE = "All is well."
LONG = "So it goes, on and on, and nobody knows for how long it will."

# Why a cell does not exist.
REASONS = {
    "a": "`run` and `decide` carry one output: no tool calls, no further choices",
    "b": "the protocol has one answer, not several choices",
    "c": "a schema has no `else`: an output that violates it goes to a person, arguments that violate theirs are denied",
    "d": "in this shape no tool is called",
    "e": "what was redacted is `modify`, which is stricter than `warn`",
}


class Absent:
    """A cell that does not exist."""

    def __init__(self, reason):
        self.reason = reason


class Play:
    """What a step says beside the usual, and what a model says in it."""

    def __init__(self, spec, text=FINE, *, tool=None, mark=None, judge=None, then=None, confidence=0.9, bad=None):
        self.spec, self.text, self.tool, self.mark = spec, text, tool, mark
        self.judge, self.then, self.confidence = judge, then, confidence
        # What is not to reach the client, where part of the answer does.
        self.bad = bad

    def choices(self, shape, text=None):
        """What the model says: in the middle of three choices, or in the second of two calls of tools."""
        text = self.text if text is None else text
        calls = [{"name": name, "arguments": {"city": city}} for name, city in self.tool or [("get_weather", "Paris")]]
        if shape == "structured":
            return [{"text": json.dumps({"label": "x", "note": text, "confidence": self.confidence})}]
        if shape == "several choices":
            middle = {"text": text} | ({"tools": calls} if self.tool else {})
            return [{"text": FINE}, middle, {"text": FINE}]
        return [{"text": text} | ({"tools": calls} if shape == "tool call" else {})]

    def script(self, shape, nonce):
        script = {"text": SOURCE, "say": self.choices(shape), "nonce": nonce}
        if self.mark:
            script["mark"] = self.mark
        if self.judge:
            script["judge"] = {"level": self.judge, "confidence": 0.9}
        if self.then is not None:
            script["then"] = [self.choices(shape, text) for text in self.then]
        return script


def field(shape):
    return "output.note" if shape == "structured" else "output"


def output(shape):
    return "answer" if shape == "structured" else "text"


def listed(arguments, **rules):
    """The tools of a step, with what holds for their arguments."""
    return {"get_weather": {"arguments": arguments, **rules}}


def base(shape):
    """What every step of a shape has: its output's type, and the tools that the model calls in it."""
    spec = {"output": output(shape)}
    return spec | ({"tools": {"get_weather": {}}} if shape == "tool call" else {})


# -- the checks: each says for a shape and a verdict how it comes about


def schema(shape, verdict):
    if shape == "tool call":
        spec = {"output": "text", "tools": listed("narrow")}
        if verdict == "deny":
            return Play(spec, tool=[("get_weather", "Paris"), ("get_weather", LONG)])
        return Play(spec) if verdict == "allow" else Absent("c")
    spec = {"output": "answer" if shape == "structured" else "short"}
    if verdict == "escalate":
        return Play(spec, LONG)
    return Play(spec) if verdict == "allow" else Absent("c")


def over_output(key, condition):
    """A rule over the output, in a list of rules of that key."""

    def check(shape, verdict):
        rule = {"rule": condition(field(shape))}
        if verdict != "allow":
            rule["else"] = verdict
        return Play(base(shape) | {key: {"said": rule}}, FINE if verdict == "allow" else "It was SAID.")

    return check


def detects(what, text):
    """Detectors over everything that is said; in a tool call, over its arguments."""

    def check(shape, verdict):
        rule = {"detect": [what]} | ({} if verdict == "allow" else {"else": verdict})
        spec = base(shape) | {"forbid": {"found": rule}}
        if verdict == "allow":
            return Play(spec)
        if shape == "tool call":
            return Play(spec, tool=[("get_weather", "Paris"), ("get_weather", text)], bad=text)
        return Play(spec, f"It is {text} here.", bad=text)

    return check


def grounded(shape, verdict):
    rule = {"grounded": {"quote": field(shape), "in": "input.text"}} | ({} if verdict == "allow" else {"else": verdict})
    spec = base(shape) | {"require": {"quoted": rule}}
    return Play(spec, "opens at nine" if verdict == "allow" else "opens at ten")


def allow_list(shape, verdict):
    spec = {"output": output(shape), "tools": {"get_weather": {}}}
    if verdict in ("warn", "modify", "escalate"):
        return Play(spec | {"tools": {"get_weather": {"else": verdict}}})
    if verdict == "allow":
        return Play(spec)
    if shape in ("text", "structured"):
        return Absent("d")
    return Play(spec, tool=[("get_weather", "Paris"), ("drop_table", "users")], bad="drop_table")


def argument_rule(shape, verdict):
    rule = {"rule": "arguments.city.contains('SAID')"} if verdict != "modify" else {"detect": ["email"], "in": "arguments.city"}
    rule |= {} if verdict == "allow" else {"else": verdict}
    spec = {"output": output(shape), "tools": listed("weather", forbid={"said": rule})}
    if verdict == "allow":
        return Play(spec)
    if shape in ("text", "structured"):
        return Absent("d")
    return Play(spec, tool=[("get_weather", "Paris"), ("get_weather", MAIL if verdict == "modify" else "SAID")], bad=MAIL)


def judge(shape, verdict):
    rule = {"judge": "critic", "rule": f"judged.level == '{verdict}'"}
    if verdict == "allow":
        rule["rule"] = "judged.level == 'bad'"
    else:
        rule["else"] = verdict
    return Play(base(shape) | {"forbid": {"judged": rule}}, judge=verdict if verdict != "allow" else "good")


def escalation(when, verdict):
    rule = {"when": when, "to": "desk"}
    return {"escalate": {"unsure": rule | ({} if verdict in ("allow", "escalate") else {"else": verdict})}}


def agreement(shape, verdict):
    model = {"provider": "far", "name": "model-1-20261101", "temperature": 0.7}
    spec = base(shape) | {"model": model, "confidence": {"agreement": 3}, "serves": ["run", "proxy"]}
    spec |= escalation("confidence < 0.9", verdict)
    if verdict == "escalate" and shape == "several choices":
        return Play(spec, "Not so.", then=[FINE])
    return Play(spec, then=["Not so.", "Nor so."] if verdict == "escalate" else [FINE])


def refuse_input(shape, verdict):
    rule = {"rule": "has(input.mark) && input.mark == 'bad'"} | ({} if verdict in ("allow", "deny") else {"else": verdict})
    return Play(base(shape) | {"refuse_input": {"bad": rule}}, mark="bad" if verdict == "deny" else "good")


def confidence(shape, verdict):
    if shape == "structured":
        spec = base(shape) | {"confidence": "output.confidence"} | escalation("confidence < 0.5", verdict)
        return Play(spec, confidence=0.2 if verdict == "escalate" else 0.9)
    spec = base(shape) | escalation("has(input.mark) && input.mark == 'bad'", verdict)
    return Play(spec, mark="bad" if verdict == "escalate" else "good")


def modify(shape, verdict):
    """Redaction, and what follows: every check runs again on what is left."""
    within = {"in": "output.note"} if shape == "structured" else {}
    text = field(shape)
    spec = base(shape) | {
        "forbid": {
            "addresses": {"detect": ["email"], "else": "modify"} | within,
            "denied": {"rule": f"{text}.contains('DENIED')"},
        },
        "require": {"kept": {"rule": f"!{text}.contains('KEPT') || {text}.contains('@')"}},
    }
    match verdict:
        case "allow":
            return Play(spec)
        case "warn":
            return Absent("e")
        case "modify" if shape == "tool call":
            return Play(spec, f"Mail to {MAIL} now.", tool=[("get_weather", "Paris"), ("get_weather", MAIL)], bad=MAIL)
        case "modify":
            return Play(spec, f"Mail to {MAIL} now.", bad=MAIL)
        case "escalate":
            return Play(spec, f"KEPT for {MAIL}.")
        case _:
            return Play(spec, f"DENIED to {MAIL}.")


CHECKS = {
    "schema": schema,
    "require rule": over_output("require", lambda field: f"!{field}.contains('SAID')"),
    "forbid rule": over_output("forbid", lambda field: f"{field}.contains('SAID')"),
    "never": over_output("never", lambda field: f"{field}.contains('SAID')"),
    "detect": detects("email", MAIL),
    "own regular expression": detects({"regex": "ORD-[0-9]{6}"}, "ORD-123456"),
    "grounded": grounded,
    "tool allow-list": allow_list,
    "tool argument rule": argument_rule,
    "judge": judge,
    "agreement": agreement,
    "refuse_input": refuse_input,
    "confidence and escalate": confidence,
    "modify": modify,
}


# -- from cells to steps, and what of them loads


def variant(play, mode, way):
    """The step's spec in this column."""
    spec = dict(play.spec)
    if mode == "window":
        spec["stream"] = {"window": 64}
    if way == "decide" and "decide" not in spec.get("serves", ["decide"]):
        spec["serves"] = ["decide"]
    return spec


def exists(shape, way):
    if way in ("run", "decide") and shape in ("tool call", "several choices"):
        return Absent("a")
    if way in ("responses", "messages") and shape == "several choices":
        return Absent("b")
    return None


class Cells:
    """All cells of all checks: `plays` by their key, `steps` by check and name, and what each cell says."""

    def __init__(self):
        self.says, self.plays, self.steps = {}, {}, {}
        for number, (check, make) in enumerate(CHECKS.items()):
            names = {}
            for shape in SHAPES:
                for verdict in VERDICTS:
                    for way, mode in COLUMNS:
                        self.cell(number, names, (check, shape, verdict, way, mode), make)
            self.steps[check] = {name: step(input="ask", **json.loads(spec)) for spec, name in names.items()}
            self.steps[check]["critic"] = step(
                input="case", output="judged", model={"provider": "far", "name": "judge-1-20261101"}
            )

    def cell(self, number, names, key, make):
        _, shape, verdict, way, mode = key
        play = exists(shape, way) or make(shape, verdict)
        if isinstance(play, Absent):
            self.says[key] = play.reason
            return
        spec = json.dumps(variant(play, mode, way))
        name = names.setdefault(spec, f"s{len(names)}")
        self.plays[key] = (f"c{number}", name, play)

    def load(self):
        """Asks the binary which steps it refuses, and with which code. What is left loads."""
        workflows = {f"c{n}": (TYPES, self.steps[check]) for n, check in enumerate(CHECKS)}
        refused = {}
        for name, (_, steps) in workflows.items():
            while codes := findings(name, steps):
                for each, code in codes.items():
                    refused[name, each] = code
                    del steps[each]
        for key, (workflow, name, _) in list(self.plays.items()):
            if code := refused.get((workflow, name)):
                self.says[key] = code
                del self.plays[key]
        return workflows


def findings(name, steps):
    """The steps that keep the spec from loading, each with its first code."""
    yard = Yard("http://127.0.0.1:9/v1", {name: (TYPES, steps)})
    try:
        said = json.loads(yard.seatrial("check", name, "--format", "json", check=False).stdout)
    finally:
        yard.folder.cleanup()
    found = {}
    for each in said["diagnostics"]:
        if each["severity"] != "error":
            continue
        path = each["element"].split(".")
        assert path[0] == "steps" and path[1] in steps, each
        found.setdefault(path[1], each["code"])
    return found


# -- playing a cell


class Player:
    def __init__(self, guard):
        self.guard = guard
        self.clients = {name: dialect(guard, max_retries=0) for name, dialect in PROXIED.items()}
        self.played = 0

    def play(self, key, workflow, name, play):
        self.played += 1
        _, shape, verdict, way, mode = key
        script = play.script(shape, f"{self.played}")
        if way in PROXIED:
            seen = self.clients[way].ask(
                f"{workflow}/{name}", script, mode != "plain", shape, choices=3 if shape == "several choices" else 1
            )
            self.proxied(seen, key, play)
            decision = seen.headers["x-seatrial-decision"]
        else:
            decision = self.own(f"/v1/workflows/{workflow}/steps/{name}/{way}", script, key, play)
        status, _, raw = self.guard.http("GET", f"/v1/decisions/{decision}")
        kept = json.loads(raw)
        assert status == 200 and kept["seatrial"]["verdict"] == verdict, kept

    def proxied(self, seen, key, play):
        _, shape, verdict, way, mode = key
        errors, wanted = PROXIED[way].errors, play.choices(shape)
        # A short answer is judged before anything of it leaves: its head says so.
        told = ("pending", verdict) if mode == "window" else (verdict,)
        assert seen.headers.get("x-seatrial-verdict") in told, seen
        if verdict in ("allow", "warn"):
            assert seen.error is None, seen
            assert seen.texts == [choice["text"] for choice in wanted], seen
            calls = [(c["name"], c["arguments"]) for choice in wanted for c in choice.get("tools", [])]
            assert seen.called() == calls, seen
        elif verdict == "modify":
            assert seen.error is None, seen
            assert play.bad not in seen.everything() and len(seen.texts) == len(wanted), seen
            assert len(seen.tools) == sum(len(choice.get("tools", [])) for choice in wanted), seen
            kept = play.text.split(play.bad)[0].strip()
            assert kept in seen.everything(), seen
        elif verdict == "escalate":
            assert isinstance(seen.error, errors.PermissionDeniedError) and not seen.everything(), seen
        elif play.mark == "bad":
            assert isinstance(seen.error, errors.BadRequestError) and not seen.everything(), seen
        elif mode == "window":
            assert seen.error is not None or seen.finish == PROXIED[way].filtered, seen
            assert not (play.bad and play.bad in seen.everything()), seen
        else:
            assert seen.error is None and seen.finish == PROXIED[way].filtered, seen
            assert not seen.everything().replace("{}", "").strip(), seen

    def own(self, path, script, key, play):
        """`run` and `decide`, by hand."""
        _, shape, verdict, way, _ = key
        said = play.choices(shape)[0]["text"]
        body = {"input": script} | ({"output": said} if way == "decide" else {})
        status, headers, raw = self.guard.http("POST", path, body)
        answer = json.loads(raw)
        output = answer.get("output")
        output = output if isinstance(output, str) or output is None else json.dumps(output)
        assert headers["x-seatrial-verdict"] == verdict, (status, answer)
        if verdict in ("allow", "warn"):
            assert status == 200 and output == said, answer
        elif verdict == "modify":
            assert status == 200 and output and play.bad not in output, answer
        elif way == "decide":
            assert status == 200 and output is None and answer["action"] == "advised", answer
        elif verdict == "escalate":
            assert status == 403 and answer["error"]["code"] == "review_pending" and output is None, answer
        elif play.mark == "bad":
            assert status == 400 and output is None, answer
        else:
            assert status == 200 and output is None, answer
        return headers["x-seatrial-decision"]


# -- the page


def page(says, table):
    out = [INTRODUCTION]
    out += [f"- **{letter}**: {reason}" for letter, reason in REASONS.items() if letter in says.values()]
    codes = sorted({said for said in says.values() if said.startswith("ST")})
    out += [f"- [**{code}**](diagnostics.md): {said}" for code, said in titles(codes)]
    counted = {kind: sum(1 for said in says.values() if kind(said)) for kind in (is_proved, is_code, is_absent)}
    proved, refused, absent = counted.values()
    out.append(f"\n{len(says)} cells: {proved} played with a real client, {refused} refused at load, {absent} that do not exist.")
    head = " | ".join(f"{way}<br>{mode}" for way, mode in COLUMNS)
    for check in CHECKS:
        out += [f"\n## {check}\n", f"| shape | verdict | {head} |", "|---|---|" + "---|" * len(COLUMNS)]
        for shape in SHAPES:
            for verdict in VERDICTS:
                cells = " | ".join(says[check, shape, verdict, way, mode] for way, mode in COLUMNS)
                out.append(f"| {shape} | {verdict} | {cells} |")
    out.append(CAPTURED)
    out += [f"| {client} | `{path}` | {count} | {what} |" for (client, path, what), count in sorted(table.items())]
    return "\n".join(out) + "\n"


def is_proved(said):
    return said == "✓"


def is_code(said):
    return said.startswith("ST")


def is_absent(said):
    return said in REASONS


def titles(codes):
    rows = [line.split(" | ") for line in (PAGE.parent / "diagnostics.md").read_text().splitlines()]
    known = {row[0].strip("|` "): row[1] for row in rows if len(row) > 1}
    return [(code, known[code]) for code in codes]


INTRODUCTION = """# Which check holds where

Written by `tests/wire/matrix.py`, which proves it: every cell is played with the official clients against the running
binary, is refused when the spec is loaded, or does not exist.

Columns: `chat`, `responses` and `messages` are the three dialects, each answered whole (plain), as a stream that begins
after the verdict (buffer), and as a stream that is released in windows (window); `run` and `decide` are the guard's own.
Shapes: a text; a text with two tool calls at once; a structured output; three choices, of which the middle one is bad.
A check over the output is provoked in the text, one over arguments in the second call.

- **✓**: played. The client saw what that verdict means for it, nothing else left, and the decision was recorded with it."""

CAPTURED = """
## Captured requests of real clients

Each was replayed as it was sent, but for the address, the token and the model's name. *Its meaning kept*: the provider got
the same body, byte for byte but for the model's name, and the client's dialect came back.

| client | request | how many | what happens |
|---|---|---|---|"""


def main():
    cells = Cells()
    workflows = cells.load()
    provider = Provider()
    guard = Guard(provider.url, workflows)
    failed = 0
    only = os.environ.get("ONLY", "")
    try:
        player = Player(guard)
        for key, (workflow, name, play) in cells.plays.items():
            if only and only not in " · ".join(key):
                continue
            try:
                player.play(key, workflow, name, play)
                cells.says[key] = "✓"
            except Exception as error:  # every cell is to be played, and its failure to be seen
                failed += 1
                cells.says[key] = "FAILED"
                print("FAILED", " · ".join(key), f"({workflow}/{name})", flush=True)
                print("   ", type(error).__name__, str(error)[:700] or traceback.format_exc(limit=-1))
        assert "panic" not in guard.said(), guard.said()
    finally:
        guard.end()
    passed = player.played - failed
    print(f"{passed} passed, {failed} failed: cells of the matrix", flush=True)
    failed_captures, table = captures.run()
    differs = 0
    if not only and failed + failed_captures == 0:
        written = page(cells.says, table)
        if os.environ.get("SEATRIAL_UPDATE"):
            PAGE.write_text(written)
        elif PAGE.read_text() != written:
            differs = 1
            print("docs/reference/matrix.md is not what was proved: run with SEATRIAL_UPDATE=1")
        print(f"{1 - differs} passed, {differs} failed: the page of the matrix")
    sys.exit(1 if failed + failed_captures + differs else 0)


if __name__ == "__main__":
    main()
