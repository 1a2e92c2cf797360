"""A real language model behind the running binary, asked by the official clients in all three dialects, streamed.

The model's server speaks all three, but holds a schema, and tells log-probabilities, in chat completions alone. So each dialect
is asked twice: as the server speaks it (`native`), and by way of chat completions (`by way of chat`). Where no log-probabilities come,
the confidence is absent, which is zero, and the step escalates: the suite shows that, too.
"""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "wire"))

import counting
from dialects import Chat, Messages, Responses
from guard import Guard, step

MODEL = {"name": "smollm2-135m", "temperature": 0}
TEAM = {
    "type": "object",
    "properties": {"team": {"type": "string", "enum": ["billing", "technical"]}},
    "required": ["team"],
    "additionalProperties": False,
}
TYPES = {"ask": {"type": "object"}, "text": {"type": "string"}, "team": TEAM}
SHOWN = (
    ("The invoice is too high.", "billing"), ("The screen stays black.", "technical"),
    ("I was charged twice.", "billing"), ("It does not start.", "technical"),
)
QUESTION = "The printer is broken."
RULE = "Sort the message to a team."
TOKENS_MAX = 24


def steps():
    """Each kind of step for each way to the model."""
    out = {}
    for way in ("native", "chat"):
        def asks(**more):
            return step(model=MODEL | {"provider": way}, within="60s", **more)

        sure = {"confidence": {"logprobs": "output.team"}, "serves": ["run", "proxy"], "output": "team"}
        out[f"sort-{way}"] = asks(output="team")
        out[f"sure-{way}"] = asks(**sure, escalate={"unsure": {"when": "confidence < 0.01", "to": "desk"}})
        out[f"doubt-{way}"] = asks(**sure, escalate={"unsure": {"when": "confidence < 1.0", "to": "desk"}})
        names = {"detect": [{"regex": "[A-Z][a-z]+"}], "else": "modify"}
        out[f"redact-{way}"] = asks(output="text", forbid={"names": names})
    return out


def body(dialect):
    """The same question with its examples, in the dialect's own words, with the schema that the answer is to follow."""
    turns = [turn for text, team in SHOWN for turn in (("user", text), ("assistant", json.dumps({"team": team})))]
    turns.append(("user", QUESTION))
    plain = [{"role": role, "content": content} for role, content in turns]
    if dialect is Chat:
        form = {"type": "json_schema", "json_schema": {"name": "team", "strict": True, "schema": TEAM}}
        messages = [{"role": "system", "content": RULE}, *plain]
        return {"messages": messages, "response_format": form, "logprobs": True, "temperature": 0, "max_tokens": TOKENS_MAX}
    if dialect is Responses:
        kinds = {"user": "input_text", "assistant": "output_text"}
        typed = [
            {"type": "message", "role": role, "content": [{"type": kinds[role], "text": content}]} for role, content in turns
        ]
        form = {"format": {"type": "json_schema", "name": "team", "strict": True, "schema": TEAM}}
        return {"input": typed, "instructions": RULE, "text": form, "temperature": 0, "max_output_tokens": TOKENS_MAX}
    form = {"format": {"type": "json_schema", "schema": TEAM}}
    return {"messages": plain, "system": RULE, "output_config": form, "max_tokens": TOKENS_MAX, "extra_body": {"temperature": 0}}


def told(dialect):
    """A question whose answer is a sentence."""
    text = "Who was the first president of the United States? Answer in one sentence."
    if dialect is Responses:
        content = [{"type": "input_text", "text": text}]
        return {"input": [{"type": "message", "role": "user", "content": content}], "temperature": 0, "max_output_tokens": TOKENS_MAX}
    more = {"max_tokens": TOKENS_MAX, "messages": [{"role": "user", "content": text}]}
    return more | ({"temperature": 0} if dialect is Chat else {"extra_body": {"temperature": 0}})


class Suite:
    def __init__(self, url):
        providers = f'  native: {{ kind: openai, base_url: "{url}", speaks: [chat, responses, messages] }}\n'
        providers += f'  chat: {{ kind: openai, base_url: "{url}", speaks: [chat] }}\n'
        self.guard = Guard(url, {"desk": (TYPES, steps())}, providers)
        self.clients = {dialect: dialect(self.guard, timeout=120) for dialect in (Chat, Responses, Messages)}

    def ask(self, dialect, name, wanted):
        client = self.clients[dialect]
        # The adapters say `Be brief.`; here all of the request is ours.
        client.body = lambda content, shape, choices: {}
        seen = client.ask(f"desk/{name}", "", True, **wanted)
        del client.body
        decision = seen.headers.get("x-seatrial-decision")
        assert decision, seen
        status, _, raw = self.guard.http("GET", f"/v1/decisions/{decision}")
        assert status == 200, raw
        kept = json.loads(raw)["seatrial"]
        confidence = kept["facts"]["confidence"]
        note = f"confidence {confidence['value']:.3f}" if confidence["present"] else f"no confidence ({confidence['source']})"
        print(f"       {dialect.name} · {name}: {kept['verdict']}, {note}, {seen.everything()!r}", flush=True)
        return seen, kept

    def constrained(self, dialect, way):
        """What follows the schema passes; what does not, does not."""
        seen, kept = self.ask(dialect, f"sort-{way}", body(dialect))
        if kept["verdict"] == "allow":
            assert seen.error is None and json.loads(seen.text)["team"] in ("billing", "technical"), seen
        else:
            # The server was free to write what it liked in this dialect.
            assert way == "native" and dialect is not Chat, (seen, kept)
            assert isinstance(seen.error, dialect.errors.PermissionDeniedError) and not seen.everything(), seen

    def sure(self, dialect, way):
        """The model's own log-probabilities are the confidence; where there are none, a person is asked."""
        seen, kept = self.ask(dialect, f"sure-{way}", body(dialect))
        confidence = kept["facts"]["confidence"]
        if confidence["present"]:
            assert 0.01 <= confidence["value"] <= 1.0, kept
            assert kept["verdict"] == "allow" and json.loads(seen.text)["team"] in ("billing", "technical"), seen
        else:
            assert dialect is not Chat, "chat completions have log-probabilities"
            assert confidence["value"] == 0.0 and kept["verdict"] == "escalate", kept
            assert isinstance(seen.error, dialect.errors.PermissionDeniedError) and not seen.everything(), seen

    def doubt(self, dialect, way):
        """The same answer where more certainty is wanted than a model has: held back, for a person."""
        seen, kept = self.ask(dialect, f"doubt-{way}", body(dialect))
        assert isinstance(seen.error, dialect.errors.PermissionDeniedError) and not seen.everything(), seen
        assert kept["verdict"] == "escalate" and any("unsure" in path for path in kept["because"]), kept
        assert dialect is not Chat or 0.0 < kept["facts"]["confidence"]["value"] < 1.0, kept

    def redact(self, dialect, way):
        """A sentence of the model's, with every word that is written large taken out, streamed."""
        seen, kept = self.ask(dialect, f"redact-{way}", told(dialect))
        assert seen.error is None and kept["verdict"] == "modify", (seen, kept)
        assert seen.text and "Washington" not in seen.text, seen

    def checks(self):
        for check in (self.constrained, self.sure, self.doubt, self.redact):
            for dialect in self.clients:
                for way in ("native", "chat"):
                    if dialect is Chat and way == "chat":
                        continue
                    name = f"{check.__name__} · {dialect.name} {'by way of chat' if way == 'chat' else 'native'}"
                    yield name, lambda check=check, dialect=dialect, way=way: check(dialect, way)


def main():
    suite = Suite(os.environ["SEATRIAL_MODEL_URL"])
    try:
        failed = counting.run("a real model, three dialects", list(suite.checks()))
    finally:
        suite.guard.end()
    counting.end(failed)


main()
