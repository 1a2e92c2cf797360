"""A stand-in for a provider of models that speaks three dialects, and does what the request tells it to.

The last message of the user is JSON with `say`: the choices, each `{"text", "tools": [{"name", "arguments"}]}`. With `fault`
it misbehaves instead. What it was sent is kept in `asked`.
"""

import gzip
import json
import socket
import struct
import threading
import time

DEFAULT = [{"text": "Hello there."}]
TOOL = {"name": "get_weather", "arguments": {"city": "Paris"}}
PIECE = 5


class Asked:
    """A request that the provider was sent."""

    def __init__(self, path, headers, raw):
        self.path, self.headers, self.raw = path, headers, raw
        self.body = json.loads(raw) if raw else None


class Provider:
    """Listens on a port of its own, in threads."""

    def __init__(self):
        self.asked = []
        self.dropped = 0
        self.counts = {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.connection, args=(connection,), daemon=True).start()

    def connection(self, connection):
        reader = connection.makefile("rb")
        try:
            while self.one(connection, reader):
                pass
        except (OSError, ValueError):
            with self.lock:
                self.dropped += 1
        finally:
            reader.close()
            connection.close()

    def one(self, connection, reader):
        """One request; whether another may follow."""
        line = reader.readline().decode()
        if not line.strip():
            return False
        path = line.split()[1]
        headers = {}
        while (line := reader.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if path == "/v1/asked":
            return send(connection, [{"path": a.path, "body": a.body} for a in self.asked])
        raw = reader.read(int(headers.get("content-length", "0")))
        asked = Asked(path.removeprefix("/v1"), headers, raw)
        with self.lock:
            self.asked.append(asked)
        script = script_of(asked.body)
        if fault := script.get("fault"):
            return FAULTS[fault](self, connection, asked, script)
        return self.answer(connection, asked, script)

    def nth(self, script):
        """How often this script was asked for already."""
        with self.lock:
            key = script.get("nonce")
            self.counts[key] = self.counts.get(key, -1) + 1
            return self.counts[key]

    def choices(self, asked, script):
        judge = script.get("judge")
        if judge is not None and "judge" in asked.body["model"]:
            return [{"text": json.dumps(judge)}]
        if "then" in script:
            every = [script["say"], *script["then"]]
            return every[min(self.nth(script), len(every) - 1)]
        if "say" in script:
            return script["say"]
        return usual(asked)

    def answer(self, connection, asked, script):
        said = self.choices(asked, script)
        whole, events = DIALECTS[asked.path]
        if not asked.body.get("stream"):
            return send(connection, whole(asked.body, said))
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        connection.sendall(head.encode())
        pause = script.get("pause", 0)
        for event in events(asked.body, said):
            connection.sendall(event.encode())
            if pause:
                time.sleep(pause)
        return False


def send(connection, value, status="200 OK", kind="application/json", more=""):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n{more}\r\n"
    connection.sendall(head.encode() + data)
    return True


def texts_of(body):
    """The texts of the user's messages, the last one first."""
    if isinstance(body.get("input"), str):
        return [body["input"]]
    found = []
    for message in body.get("messages") or body.get("input") or []:
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        found.append(content or "")
    return found[::-1]


def script_of(body):
    for text in texts_of(body or {}):
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if not isinstance(value, dict):
            continue
        if isinstance(value.get("input"), dict):
            value = value["input"]  # a judge is asked about an input and an output
        if "say" in value or "fault" in value:
            return value
    return {}


def usual(asked):
    """What an ordinary model would do: call the tool that there is, follow the schema that there is."""
    body = asked.body
    forms = (body.get("response_format"), (body.get("text") or {}).get("format"), (body.get("output_config") or {}).get("format"))
    if any(form and form.get("type") == "json_schema" for form in forms):
        return [{"text": json.dumps({"category": "billing", "urgent": True, "score": 1, "summary": "A bill."})}]
    if tools := body.get("tools"):
        name = tools[0].get("name") or tools[0]["function"]["name"]
        answered = '"tool"' in json.dumps(body.get("messages", "")) or "_output" in json.dumps(body.get("input", ""))
        if not answered and "tool_result" not in json.dumps(body.get("messages", "")):
            return [{"tools": [TOOL | {"name": name}]}]
    return DEFAULT * (body.get("n") or 1)


def pieces(text):
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)] or [""]


def called(choice):
    return [(i, tool["name"], json.dumps(tool["arguments"])) for i, tool in enumerate(choice.get("tools", []))]


# -- chat completions


def chat_logprobs(body, text):
    if not body.get("logprobs"):
        return None
    return {"content": [{"token": p, "logprob": -0.01, "bytes": list(p.encode()), "top_logprobs": []} for p in pieces(text)]}


def chat_whole(body, said):
    choices = []
    for index, choice in enumerate(said):
        message = {"role": "assistant", "content": choice.get("text"), "refusal": None}
        calls = [{"id": f"call_{i}", "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in called(choice)]
        if calls:
            message["tool_calls"] = calls
        finish = "tool_calls" if calls else "stop"
        logprobs = chat_logprobs(body, choice.get("text") or "")
        choices.append({"index": index, "message": message, "finish_reason": finish, "logprobs": logprobs})
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": choices, "usage": usage}


def chat_events(body, said):
    def chunk(choices, **more):
        base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        return f"data: {json.dumps(base | {'choices': choices} | more)}\n\n"

    def delta(index, value, finish=None, **more):
        return chunk([{"index": index, "delta": value, "finish_reason": finish} | more])

    for index, choice in enumerate(said):
        yield delta(index, {"role": "assistant", "content": "" if "text" in choice else None})
        for piece in pieces(choice["text"]) if choice.get("text") else []:
            logprobs = chat_logprobs(body, piece)
            yield delta(index, {"content": piece}, **({"logprobs": logprobs} if logprobs else {}))
        for i, name, arguments in called(choice):
            function = {"name": name, "arguments": ""}
            yield delta(index, {"tool_calls": [{"index": i, "id": f"call_{i}", "type": "function", "function": function}]})
            for piece in pieces(arguments):
                yield delta(index, {"tool_calls": [{"index": i, "function": {"arguments": piece}}]})
        yield delta(index, {}, "tool_calls" if choice.get("tools") else "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield chunk([], usage={"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12})
    yield "data: [DONE]\n\n"


# -- responses


def response_items(said):
    items = []
    for choice in said:
        if choice.get("text") is not None:
            content = [{"type": "output_text", "text": choice["text"], "annotations": [], "logprobs": []}]
            items.append({"type": "message", "id": f"msg_{len(items)}", "status": "completed", "role": "assistant", "content": content})
        for i, name, arguments in called(choice):
            call = {"type": "function_call", "id": f"fc_{i}", "call_id": f"call_{i}", "name": name, "arguments": arguments}
            items.append(call | {"status": "completed"})
    return items


def response_whole(body, said, status="completed", items=None):
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12} | details
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": status, "error": None, "incomplete_details": None,
        "instructions": body.get("instructions"), "max_output_tokens": None, "model": body["model"],
        "output": response_items(said) if items is None else items, "parallel_tool_calls": True, "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None}, "store": True, "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}}, "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []), "top_p": 1.0, "truncation": "disabled", "metadata": {},
        "usage": usage if status == "completed" else None,
    }


def response_events(body, said):
    sequence = -1

    def event(kind, **more):
        nonlocal sequence
        sequence += 1
        return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': sequence} | more)}\n\n"

    begun = response_whole(body, said, "in_progress", [])
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(response_items(said)):
        at = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            part = item["content"][0]
            yield event("response.output_item.added", output_index=index, item=item | {"status": "in_progress", "content": []})
            at |= {"content_index": 0}
            yield event("response.content_part.added", **at, part=part | {"text": ""})
            for piece in pieces(part["text"]):
                yield event("response.output_text.delta", **at, delta=piece, logprobs=[])
            yield event("response.output_text.done", **at, text=part["text"], logprobs=[])
            yield event("response.content_part.done", **at, part=part)
        else:
            yield event("response.output_item.added", output_index=index, item=item | {"status": "in_progress", "arguments": ""})
            for piece in pieces(item["arguments"]):
                yield event("response.function_call_arguments.delta", **at, delta=piece)
            yield event("response.function_call_arguments.done", **at, name=item["name"], arguments=item["arguments"])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=response_whole(body, said))


# -- messages


def message_blocks(said):
    blocks = []
    for choice in said:
        if choice.get("text") is not None:
            blocks.append({"type": "text", "text": choice["text"]})
        for i, name, arguments in called(choice):
            blocks.append({"type": "tool_use", "id": f"toolu_{i}", "name": name, "input": json.loads(arguments)})
    return blocks


def message_stop(said):
    return "tool_use" if any(choice.get("tools") for choice in said) else "end_turn"


def message_whole(body, said):
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": message_blocks(said),
        "stop_reason": message_stop(said), "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 7},
    }


def message_events(body, said):
    def event(kind, **more):
        return f"event: {kind}\ndata: {json.dumps({'type': kind} | more)}\n\n"

    empty = message_whole(body, []) | {"stop_reason": None, "usage": {"input_tokens": 5, "output_tokens": 1}}
    yield event("message_start", message=empty)
    for index, block in enumerate(message_blocks(said)):
        if block["type"] == "text":
            yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
            for piece in pieces(block["text"]):
                yield event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        else:
            yield event("content_block_start", index=index, content_block=block | {"input": {}})
            for piece in pieces(json.dumps(block["input"])):
                yield event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
        yield event("content_block_stop", index=index)
    yield event("message_delta", delta={"stop_reason": message_stop(said), "stop_sequence": None}, usage={"output_tokens": 7})
    yield event("message_stop")


DIALECTS = {
    "/chat/completions": (chat_whole, chat_events),
    "/responses": (response_whole, response_events),
    "/messages": (message_whole, message_events),
}

# -- what goes wrong; each says whether the connection may be used again


def begin(asked, script):
    """The beginning of a stream, or of a body."""
    _, events = DIALECTS[asked.path]
    said = [{"text": "A secret beginning, " + "and on it goes, " * 20}]
    return list(events(asked.body, said))


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False


def refused(provider, connection, asked, script):
    return reset(connection)


def reset_midway(provider, connection, asked, script):
    if asked.body.get("stream"):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for event in begin(asked, script)[:8]:
            connection.sendall(event.encode())
    else:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"id\": \"A secret ")
    time.sleep(0.1)
    return reset(connection)


def cut(provider, connection, asked, script):
    """Ends in good order, but too soon: no last event."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    for event in begin(asked, script)[:8]:
        connection.sendall(event.encode())
    return False


def slow(provider, connection, asked, script):
    kind = b"text/event-stream" if asked.body.get("stream") else b"application/json"
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n\r\n")
    text = "".join(begin(asked, script)).encode()
    for at in range(2_000):
        connection.sendall(text[at : at + 1])
        time.sleep(0.05)
    return False


def late(provider, connection, asked, script):
    """A good answer, after what a hurried client waits for."""
    time.sleep(2.5)
    provider.answer(connection, asked, script)
    return False


def silent(provider, connection, asked, script):
    time.sleep(20)
    return False


def busy(provider, connection, asked, script):
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "A secret quota", "code": "limited"}}
    return send(connection, error, "429 Too Many Requests", more=f"retry-after: {script.get('after', 7)}\r\n")


def broken(provider, connection, asked, script):
    return send(connection, {"error": {"message": "A secret stack trace", "type": "server_error"}}, "500 Internal Server Error")


def rejected(provider, connection, asked, script):
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "A secret complaint"}}
    return send(connection, error, "400 Bad Request")


def garbage(provider, connection, asked, script):
    if asked.body.get("stream"):
        data = b'data: {"id": "A secret \n\ndata: }{\n\n'
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + data)
        return False
    return send(connection, b'{"id": "A secret ')


def endless(provider, connection, asked, script):
    """Goes on until it is cut off, as fast as it can."""
    kind = b"text/event-stream" if asked.body.get("stream") else b"application/json"
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\nconnection: close\r\n\r\n")
    events = begin(asked, script)
    middle = "".join(events[4:12]).encode() * 64
    connection.sendall("".join(events[:4]).encode())
    for _ in range(200_000):
        connection.sendall(middle)
    return False


def wrong_type(provider, connection, asked, script):
    return send(connection, b"<html>A secret page</html>", kind="text/html")


def bomb(provider, connection, asked, script):
    """A gigabyte of blanks in a megabyte."""
    packed = gzip.compress(b" " * (1 << 26)) * 16
    kind = "text/event-stream" if asked.body.get("stream") else "application/json"
    return send(connection, packed, kind=kind, more="content-encoding: gzip\r\n")


FAULTS = {
    "late": late, "refused": refused, "reset": reset_midway, "cut": cut, "slow": slow, "silent": silent, "busy": busy, "broken": broken,
    "rejected": rejected, "garbage": garbage, "endless": endless, "wrong-type": wrong_type, "bomb": bomb,
}
