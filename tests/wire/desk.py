"""The workflow that the clients' suites talk to."""

import socket

from dialects import SCHEMA, WEATHER
from guard import step

ASK = {
    "type": "object",
    "properties": {"refuse": {"type": "boolean"}, "mark": {"type": "string"}, "say": {"type": "array"}},
}
TYPES = {"ask": ASK, "text": {"type": "string"}, "answer": SCHEMA, "weather": WEATHER, "any": {}}

# Nobody does it when the model is away.
UNMANNED = {"review": None, "fallback": None}


def nowhere():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def steps():
    return {
        "talk": step(
            output="text",
            tools={"get_weather": {"arguments": "weather"}},
            refuse_input={"refused": {"rule": "has(input.refuse) && input.refuse"}},
            require={"polite": {"rule": "!output.contains('rude')"}},
            forbid={
                "forbidden": {"rule": "output.contains('forbidden')"},
                "addresses": {"detect": ["email"], "else": "modify"},
            },
        ),
        "sort": step(
            output="answer",
            confidence="output.confidence",
            escalate={"unsure": {"when": "confidence < 0.5", "to": "desk"}},
        ),
        "hurried": step(output="text", limits={"per_minute": 1}),
        "lost": step(output="text", model={"provider": "gone", "name": "model-1-20261101"}, within="3s", **UNMANNED),
        "manned": step(output="text", model={"provider": "gone", "name": "model-1-20261101"}, within="3s"),
        "halted": step(output="text"),
        "drip": step(
            output="text",
            stream={"window": 64},
            forbid={"addresses": {"detect": ["email"]}},
        ),
    }


def workflows():
    return {"desk": (TYPES, steps())}


def providers():
    return f'  gone: {{ kind: openai, base_url: "{nowhere()}" }}\n'
