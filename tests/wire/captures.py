"""Every captured request of a real client, replayed against the running binary: what passes on, and what comes back."""

import http.client
import json
import pathlib
import re
import urllib.parse

import counting
from desk import TYPES
from guard import REHEARSAL, Guard, step
from provider import Provider, usual

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "captures"
SERVED = ("/v1/chat/completions", "/v1/responses", "/v1/messages")
MODEL = "model-1-20261101"
TOOLS = ("get_weather", "Ticket", "json")
CHECKED = ("x-seatrial-decision", "x-seatrial-verdict", "x-seatrial-action", "x-seatrial-release", "x-seatrial-inspected")


def load():
    for path in sorted(FOLDER.glob("*/*.json")):
        yield f"{path.parent.name}/{path.stem}", json.loads(path.read_text())


def ordered(value):
    """JSON with the order of its members, so that two texts compare as they were written."""
    return json.loads(value if isinstance(value, (str, bytes)) else json.dumps(value), object_pairs_hook=lambda pairs: ("object", pairs))


def sent(guard, capture):
    """Sends it as it was captured, but for the address, the token, the model's name, and the mark of a rehearsal."""
    url = urllib.parse.urlsplit(guard.address)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    body = capture["body"]
    if body is not None:
        body = json.dumps(body | {"model": "desk/open"}).encode()
    connection.putrequest(capture["method"], capture["path"], skip_host=True, skip_accept_encoding=True)
    for name, value in capture["headers"]:
        match name.lower():
            case "host":
                value = url.netloc
            case "content-length" | "transfer-encoding":
                continue
            case "authorization":
                value = f"Bearer {guard.caller}"
            case "x-api-key":
                value = guard.caller
        connection.putheader(name, value)
    connection.putheader("x-seatrial-release", REHEARSAL["x-seatrial-release"])
    if body is not None:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    answer = response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
    connection.close()
    return answer


def events(raw):
    """The stream's events: kind and value."""
    text = raw.decode()
    assert text.endswith("\n\n"), "the last event would be lost"
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":") and ": " in line)
        if "data" in lines:
            yield lines.get("event"), lines["data"]


def said(capture):
    class Asked:
        body = capture["body"]

    return usual(Asked)


def is_readable(capture, headers, raw):
    """The answer in the client's dialect has what the model said."""
    wanted = said(capture)
    text = wanted[0].get("text")
    tool = wanted[0].get("tools", [{}])[0].get("name")
    if not capture["body"].get("stream"):
        assert headers["content-type"].startswith("application/json"), headers
        body = json.loads(raw)
        match capture["path"].split("?")[0]:
            case "/v1/chat/completions":
                message = body["choices"][0]["message"]
                found, calls = message["content"], [c["function"]["name"] for c in message.get("tool_calls") or []]
            case "/v1/responses":
                found = "".join(p["text"] for i in body["output"] if i["type"] == "message" for p in i["content"])
                calls = [i["name"] for i in body["output"] if i["type"] == "function_call"]
            case _:
                found = "".join(b["text"] for b in body["content"] if b["type"] == "text")
                calls = [b["name"] for b in body["content"] if b["type"] == "tool_use"]
    else:
        assert headers["content-type"].startswith("text/event-stream"), headers
        found, calls, last = "", [], None
        for kind, data in events(raw):
            last = kind or data
            if data == "[DONE]":
                continue
            value = json.loads(data)
            for choice in value.get("choices", []):
                found += choice["delta"].get("content") or ""
                calls += [c["function"]["name"] for c in choice["delta"].get("tool_calls", []) if c["function"].get("name")]
            if kind == "response.output_text.delta":
                found += value["delta"]
            if kind == "response.output_item.added" and value["item"]["type"] == "function_call":
                calls.append(value["item"]["name"])
            if kind == "content_block_delta":
                found += value["delta"].get("text", "")
            if kind == "content_block_start" and value["content_block"]["type"] == "tool_use":
                calls.append(value["content_block"]["name"])
        assert last in ("[DONE]", "response.completed", "message_stop"), last
    assert (found or None) == text and calls == ([tool] if tool else []), (found, calls, wanted)


def replay(provider, guard, capture):
    """What happens with it, in a few words."""
    before = len(provider.asked)
    status, headers, raw = sent(guard, capture)
    path = capture["path"].split("?")[0]
    if capture["method"] == "GET":
        assert status == 200 and "desk/open" in raw.decode(), raw
        return "the steps that this caller may call"
    if path not in SERVED:
        assert status == 404 and len(provider.asked) == before, (status, raw)
        body = json.loads(raw)
        assert body["error"]["message"], body
        if path.startswith("/v1/messages"):
            assert body["type"] == "error" and body["error"]["type"] == "not_found_error", body
        else:
            assert body["error"]["code"] == "not_served", body
        return "not served: 404 in the client's dialect; the model is not asked"
    assert status == 200, (status, raw)
    assert all(name in headers for name in CHECKED), headers
    if headers["x-seatrial-verdict"] != "allow":
        raise AssertionError((headers, raw))
    is_readable(capture, headers, raw)
    stated = {name.lower(): value for name, value in capture["headers"]}
    if int(stated.get("x-stainless-retry-count", "0")) > 0:
        assert len(provider.asked) == before, "a retry is not asked again"
        return "a retry: joins the decision on its first attempt"
    assert len(provider.asked) == before + 1, len(provider.asked) - before
    asked = provider.asked[-1]
    assert f"/v1{asked.path}" == path, asked.path
    assert ordered(asked.raw) == ordered(json.dumps(capture["body"] | {"model": MODEL})), asked.raw
    assert guard.caller not in json.dumps(asked.headers), "the caller's token reached the provider"
    if version := stated.get("anthropic-version"):
        assert asked.headers["anthropic-version"] == version, asked.headers
    pictures = len(re.findall(r'"(?:image|image_url|input_image|document)"', json.dumps(capture["body"].get("messages", []))))
    assert (headers["x-seatrial-inspected"] == "all") == (pictures == 0), headers
    if pictures:
        return "passes with its meaning kept; the picture is said to be not inspected"
    return "passes with its meaning kept"


def run():
    """The checks, and the table that they leave."""
    provider = Provider()
    tools = {name: {"arguments": "ask"} for name in TOOLS}
    workflows = {"desk": (TYPES | {"ask": {"type": "object"}}, {"open": step(output="text", input="any", tools=tools)})}
    guard = Guard(provider.url, workflows)
    table = {}

    def check(name, capture):
        happened = replay(provider, guard, capture)
        row = (name.split("/")[0], f"{capture['method']} {capture['path'].split('?')[0]}", happened)
        table[row] = table.get(row, 0) + 1

    captures = list(load())
    assert len(captures) > 80, "captures are missing"
    checks = [(name, lambda name=name, capture=capture: check(name, capture)) for name, capture in captures]
    try:
        failed = counting.run("captured requests", checks)
    finally:
        guard.end()
    return failed, table


if __name__ == "__main__":
    counting.end(run()[0])
