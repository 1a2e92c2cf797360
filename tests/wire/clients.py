"""What users of the official Python clients, unchanged, see of the running binary; then the same for Node."""

import json
import os
import pathlib
import subprocess
import threading
import time

import anthropic
import openai

import counting
import desk
from dialects import DIALECTS, Chat, Messages, Responses
from guard import REHEARSAL, Guard
from provider import Provider

PROVIDER = Provider()
GUARD = Guard(PROVIDER.url, desk.workflows(), desk.providers())
HELLO = "Hello, how may I help?"
CITY = {"name": "get_weather", "arguments": {"city": "Paris"}}
ANSWER = {"label": "bill", "note": "A bill.", "confidence": 0.9}


def since(before):
    return len(PROVIDER.asked) - before


def a_text(dialect, stream):
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": HELLO}]}, stream)
    assert seen.error is None and seen.texts == [HELLO], seen
    assert seen.finish in ("stop", "completed", "end_turn"), seen
    assert (seen.headers["x-seatrial-verdict"], seen.headers["x-seatrial-action"]) == ("allow", "allow"), seen
    assert seen.headers["x-seatrial-inspected"] == "all" and seen.headers["x-seatrial-decision"].startswith("dec_")
    assert seen.headers.get("x-request-id") and seen.headers.get("request-id"), seen.headers
    asked = PROVIDER.asked[-1]
    assert asked.path == dialect.path and asked.body["model"] == "model-1-20261101", asked.path
    assert GUARD.caller not in json.dumps(asked.headers), "the caller's token reached the provider"
    status, _, body = GUARD.http("GET", f"/v1/decisions/{seen.headers['x-seatrial-decision']}")
    assert status == 200 and json.loads(body)["status"] == "settled", body


def tool_calls(dialect, stream):
    tools = [CITY, CITY | {"arguments": {"city": "Málaga \"north\""}}]
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"tools": tools}]}, stream, shape="tool call")
    assert seen.error is None, seen
    assert seen.called() == [(t["name"], t["arguments"]) for t in tools], seen
    assert seen.headers["x-seatrial-inspected"] == "all", seen


def a_text_and_a_tool_call(dialect, stream):
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": HELLO, "tools": [CITY]}]}, stream, shape="tool call")
    assert seen.error is None and seen.text == HELLO and seen.called() == [("get_weather", {"city": "Paris"})], seen


def a_tool_that_is_not_listed(dialect, stream):
    drop = {"name": "drop_table", "arguments": {"city": "users"}}
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"tools": [CITY, drop]}]}, stream, shape="tool call")
    assert seen.error is None and seen.finish == dialect.filtered and not seen.tools, seen
    assert seen.headers["x-seatrial-verdict"] == "deny", seen


def structured_output(dialect, stream):
    seen = dialect(GUARD).ask("desk/sort", {"say": [{"text": json.dumps(ANSWER)}]}, stream, shape="structured")
    assert seen.error is None and json.loads(seen.text) == ANSWER, seen
    sent = PROVIDER.asked[-1].body
    form = sent.get("response_format") or sent.get("text") or sent.get("output_config")
    assert "additionalProperties" in json.dumps(form), sent


def several_choices(dialect, stream):
    if dialect is not Chat:
        return
    say = [{"text": "One."}, {"text": "Two, by mail to a@b.example"}, {"text": "Three."}]
    seen = dialect(GUARD).ask("desk/talk", {"say": say}, stream, choices=3)
    assert seen.texts[0] == "One." and seen.texts[2] == "Three.", seen
    assert "a@b.example" not in seen.texts[1] and seen.texts[1].startswith("Two, by mail to "), seen
    say[1] = {"text": "forbidden"}
    seen = dialect(GUARD).ask("desk/talk", {"say": say}, stream, choices=3)
    assert seen.finish == "content_filter" and not "".join(seen.texts), seen


def a_denied_output(dialect, stream):
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": "It is forbidden."}]}, stream)
    assert seen.error is None and seen.finish == dialect.filtered and not seen.everything(), seen
    assert (seen.headers["x-seatrial-verdict"], seen.headers["x-seatrial-action"]) == ("deny", "block"), seen


def a_denied_input(dialect, stream):
    before, client = len(PROVIDER.asked), dialect(GUARD)
    seen = client.ask("desk/talk", {"say": [{"text": HELLO}], "refuse": True}, stream)
    assert isinstance(seen.error, dialect.errors.BadRequestError), seen
    assert since(before) == 0 and client.requests == 1, "a denied input is never billed, nor asked again"
    if dialect is Messages:
        assert seen.error.body["error"]["type"] == "invalid_request_error", seen
    else:
        assert (seen.code, seen.error.type) == ("content_filter", "policy_denied"), seen


def an_escalated_answer(dialect, stream):
    before, client = len(PROVIDER.asked), dialect(GUARD, max_retries=3)
    seen = client.ask("desk/talk", {"say": [{"text": "How rude!"}]}, stream)
    assert isinstance(seen.error, dialect.errors.PermissionDeniedError), seen
    assert (client.requests, since(before)) == (1, 1), "a deferred decision was asked again"
    assert "rude" not in seen.error.response.text and seen.headers["x-seatrial-verdict"] == "escalate", seen
    assert seen.headers.get("x-should-retry") == "false", seen.headers
    body = seen.error.response.json()
    assert body["seatrial"]["decision"].startswith("dec_"), body
    if dialect is Messages:
        assert body["type"] == "error" and body["error"]["type"] == "permission_error", body
    else:
        assert seen.code == "review_pending", seen


def low_confidence(dialect, stream):
    client = dialect(GUARD)
    seen = client.ask("desk/sort", {"say": [{"text": json.dumps(ANSWER | {"confidence": 0.2})}]}, stream, "structured")
    assert isinstance(seen.error, dialect.errors.PermissionDeniedError) and client.requests == 1, seen


def a_modified_answer(dialect, stream):
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": "Write to ada@mail.example today."}]}, stream)
    assert seen.error is None and "ada@" not in seen.text, seen
    assert seen.text.startswith("Write to ") and seen.text.endswith(" today."), seen
    assert seen.headers["x-seatrial-verdict"] == "modify", seen


def a_modified_tool_call(dialect, stream):
    tool = {"name": "get_weather", "arguments": {"city": "ada@mail.example"}}
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"tools": [tool]}]}, stream, shape="tool call")
    assert seen.error is None and "ada@" not in seen.everything(), seen
    [(name, arguments)] = seen.called()
    assert name == "get_weather" and set(arguments) == {"city"}, seen


def a_rate(dialect, stream):
    del stream  # the limit counts a minute's requests, whatever they are
    client = dialect(GUARD, max_retries=0)
    seen = [client.ask("desk/hurried", {"say": [{"text": HELLO}]}) for _ in range(3)]
    assert isinstance(seen[-1].error, dialect.errors.RateLimitError), seen[-1]
    assert int(seen[-1].headers["retry-after"]) >= 1, seen[-1]
    if dialect is Messages:
        assert seen[-1].error.body["error"]["type"] == "rate_limit_error", seen[-1]


def a_model_that_is_not_there(dialect, stream):
    client = dialect(GUARD, max_retries=3)
    seen = client.ask("desk/lost", {"say": [{"text": HELLO}]}, stream)
    assert isinstance(seen.error, dialect.errors.InternalServerError), seen
    assert seen.error.status_code == 502 and client.requests == 1, (client.requests, seen)
    assert seen.headers["x-seatrial-decision"].startswith("dec_"), "what failed is recorded"
    if dialect is Messages:
        assert seen.error.body["error"]["type"] == "api_error", seen
    else:
        assert seen.code == "model_unreachable", seen


def a_fallback(dialect, stream):
    """The model is not there, and the step says who does it then: a person is asked, and nobody asks again."""
    client = dialect(GUARD, max_retries=3)
    seen = client.ask("desk/manned", {"say": [{"text": HELLO}]}, stream)
    assert isinstance(seen.error, dialect.errors.PermissionDeniedError) and client.requests == 1, seen
    assert seen.headers["x-seatrial-verdict"] == "escalate", seen


def a_stop(dialect, stream):
    path = "/v1/workflows/desk/steps/halted/"
    status, _, said = GUARD.http("POST", path + "stop", {"reason": "A test."}, token=GUARD.head)
    assert status == 200, said
    try:
        before, client = len(PROVIDER.asked), dialect(GUARD, max_retries=3)
        seen = client.ask("desk/halted", {"say": [{"text": HELLO}]}, stream)
        assert isinstance(seen.error, dialect.errors.PermissionDeniedError), seen
        assert (client.requests, since(before)) == (1, 0), client.requests
        assert dialect is Messages or seen.code == "workflow_stopped", seen
    finally:
        assert GUARD.http("POST", path + "resume", {"reason": "Again."}, token=GUARD.head)[0] in (403, 409)
        assert GUARD.http("POST", path + "resume", {"reason": "Again."}, token=GUARD.other)[0] == 200
    assert dialect(GUARD).ask("desk/halted", {"say": [{"text": HELLO}]}, stream).text == HELLO


def the_clients_own_retry(dialect, stream):
    """It gives up after a second and asks again; the model is asked once, and the answer is the same."""
    before = len(PROVIDER.asked)
    client = dialect(GUARD, timeout=1.0, max_retries=3)
    script = {"fault": "late", "say": [{"text": HELLO}], "nonce": f"{dialect.name} {stream}"}
    seen = client.ask("desk/talk", script, stream)
    assert seen.error is None and seen.text == HELLO, seen
    assert since(before) == 1 and client.requests > 1, (since(before), client.requests)


def a_stream_in_windows(dialect, stream):
    text = "So it goes, on and on. " * 20
    seen = dialect(GUARD).ask("desk/drip", {"say": [{"text": text}]}, stream)
    assert seen.error is None and seen.text == text, seen
    assert seen.finish in ("stop", "completed", "end_turn"), seen
    assert seen.headers["x-seatrial-verdict"] == ("pending" if stream else "allow"), seen
    seen = dialect(GUARD).ask("desk/drip", {"say": [{"text": text + "Write to ada@mail.example! " + text}]}, stream)
    assert "ada@mail.example" not in seen.everything(), seen
    if stream:
        assert seen.text and (text + "Write to ").startswith(seen.text), "what was inspected left before"
    assert seen.error is not None or seen.finish == dialect.filtered, seen


def a_picture(dialect, stream):
    data = "iVBORw0KGgo="
    script = {"type": "text", "text": json.dumps({"say": [{"text": HELLO}]})}
    url = f"data:image/png;base64,{data}"
    content = {
        "chat": [script, {"type": "image_url", "image_url": {"url": url}}],
        "responses": [script | {"type": "input_text"}, {"type": "input_image", "image_url": url, "detail": "auto"}],
        "messages": [script, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}],
    }[dialect.name]
    body = {("input" if dialect is Responses else "messages"): [{"role": "user", "content": content}]}
    seen = dialect(GUARD).ask("desk/talk", {}, stream, **body)
    assert seen.error is None and seen.text == HELLO, seen
    assert seen.headers["x-seatrial-inspected"] != "all", seen.headers
    assert data in PROVIDER.asked[-1].raw.decode()


def words_of_the_clients_are_kept(dialect, stream):
    more = {"temperature": 0.25} if dialect is not Messages else {"stop_sequences": ["END"]}
    if stream and dialect is Chat:
        more["stream_options"] = {"include_usage": True}
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": HELLO}]}, stream, extra_body={"x_own": {"a": [1, 2.50]}}, **more)
    assert seen.error is None, seen
    sent = PROVIDER.asked[-1].body
    assert sent["x_own"] == {"a": [1, 2.5]}, sent
    assert all(sent[name] == value for name, value in more.items()), sent
    assert seen.usage, seen


def a_sign_of_life(dialect, stream):
    if not stream:
        return
    headers = {"x-seatrial-keepalive": "1"}
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": HELLO}]}, True, headers=headers)
    assert seen.error is None and seen.text == HELLO, seen
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": "It is forbidden."}]}, True, headers=headers)
    assert not seen.everything() and (seen.error is not None or seen.finish == dialect.filtered), seen
    seen = dialect(GUARD).ask("desk/talk", {"say": [{"text": "How rude!"}]}, True, headers=headers)
    assert not seen.everything() and seen.error is not None, seen


# -- for each dialect once


def models(dialect):
    listed = [model.id for model in dialect(GUARD).client.models.list()]
    assert "desk/talk" in listed and "desk/sort" in listed, listed
    assert dialect(GUARD).client.models.retrieve("desk/talk").id == "desk/talk"


def strangers(dialect):
    seen = dialect(GUARD, token="nobody").ask("desk/talk", {"say": [{"text": HELLO}]})
    assert isinstance(seen.error, dialect.errors.AuthenticationError), seen
    seen = dialect(GUARD).ask("desk/nothing", {"say": [{"text": HELLO}]})
    assert isinstance(seen.error, dialect.errors.NotFoundError), seen
    seen = dialect(GUARD, headers={}).ask("desk/talk", {"say": [{"text": HELLO}]})
    assert isinstance(seen.error, dialect.errors.PermissionDeniedError), seen
    assert dialect is Messages or seen.code == "not_released", seen


# -- the clients' own helpers


def helper_chat_stream():
    client = Chat(GUARD).client
    messages = [{"role": "user", "content": json.dumps({"say": [{"text": HELLO}]})}]
    with client.chat.completions.stream(model="desk/talk", messages=messages) as stream:
        final = stream.get_final_completion() if not list(stream) else stream.get_final_completion()
    assert final.choices[0].message.content == HELLO, final


def helper_responses_stream():
    client = Responses(GUARD).client
    say = json.dumps({"say": [{"text": HELLO, "tools": [CITY]}]})
    with client.responses.stream(model="desk/talk", input=[{"role": "user", "content": say}]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == HELLO and kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds


def helper_messages_stream():
    client = Messages(GUARD).client
    messages = [{"role": "user", "content": json.dumps({"say": [{"text": HELLO, "tools": [CITY]}]})}]
    with client.messages.stream(model="desk/talk", max_tokens=100, messages=messages) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == HELLO and final.content[-1].input == {"city": "Paris"}, final


def helper_of_a_modified_stream():
    say = json.dumps({"say": [{"text": "Write to ada@mail.example today.", "tools": [CITY]}]})
    messages = [{"role": "user", "content": say}]
    with Messages(GUARD).client.messages.stream(model="desk/talk", max_tokens=100, messages=messages) as stream:
        final = stream.get_final_message()
    assert "ada@" not in final.content[0].text and final.content[-1].input == {"city": "Paris"}, final
    with Responses(GUARD).client.responses.stream(model="desk/talk", input=messages) as stream:
        final = stream.get_final_response()
    assert "ada@" not in final.output_text and final.output[-1].type == "function_call", final


def asynchronous():
    import asyncio

    async def ask():
        say = json.dumps({"say": [{"text": HELLO}]})
        first = openai.AsyncOpenAI(base_url=GUARD.base, api_key=GUARD.caller, default_headers=REHEARSAL)
        second = anthropic.AsyncAnthropic(base_url=GUARD.address, api_key=GUARD.caller, default_headers=REHEARSAL)
        messages = [{"role": "user", "content": say}]
        answers = await asyncio.gather(
            *(first.chat.completions.create(model="desk/talk", messages=messages) for _ in range(20)),
            *(second.messages.create(model="desk/talk", messages=messages, max_tokens=9) for _ in range(20)),
        )
        return [a.choices[0].message.content if hasattr(a, "choices") else a.content[0].text for a in answers]

    assert asyncio.run(ask()) == [HELLO] * 40


BOTH = (
    a_text, tool_calls, a_text_and_a_tool_call, a_tool_that_is_not_listed, structured_output, several_choices, a_denied_output,
    a_denied_input, an_escalated_answer, low_confidence, a_modified_answer, a_modified_tool_call, a_rate,
    a_model_that_is_not_there, a_fallback, a_stop, the_clients_own_retry, a_stream_in_windows, a_picture, words_of_the_clients_are_kept,
    a_sign_of_life,
)
ONCE = (models, strangers)
HELPERS = (helper_chat_stream, helper_responses_stream, helper_messages_stream, helper_of_a_modified_stream, asynchronous)


def checks():
    for check in BOTH:
        for dialect in DIALECTS:
            for stream in (False, True):
                name = f"{check.__name__} · {dialect.name} {'streamed' if stream else 'plain'}"
                yield name, lambda check=check, dialect=dialect, stream=stream: check(dialect, stream)
    for check in ONCE:
        for dialect in DIALECTS:
            yield f"{check.__name__} · {dialect.name}", lambda check=check, dialect=dialect: check(dialect)
    for check in HELPERS:
        yield check.__name__, check


def node():
    """The suite for Node, against the same server."""
    about = {"address": GUARD.address, "caller": GUARD.caller, "provider": PROVIDER.url}
    suite = pathlib.Path(__file__).with_name("clients.mjs")
    return subprocess.run(["node", suite], env=os.environ | {"SEATRIAL_WIRE": json.dumps(about)}, timeout=300).returncode


def main():
    try:
        failed = counting.run(f"openai {openai.__version__}, anthropic {anthropic.__version__} for Python", list(checks()))
        failed_node = node()
    finally:
        GUARD.end()
    counting.end(failed, failed_node)


if __name__ == "__main__":
    main()
