"""The official clients, unchanged, each behind one and the same function: ask, and say what a user of it sees."""

import json

import anthropic
import httpx2
import openai

from guard import REHEARSAL

SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string"}, "note": {"type": "string"}, "confidence": {"type": "number"}},
    "required": ["label", "note", "confidence"],
    "additionalProperties": False,
}
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ("get_weather", "drop_table")


class Seen:
    """What came of a call: texts by choice, tool calls, why it ended, headers; or the error that the client raised."""

    def __init__(self):
        self.texts, self.tools, self.finish = [], [], None
        self.headers, self.error, self.usage, self.seatrial = {}, None, None, None

    @property
    def text(self):
        return self.texts[0] if self.texts else ""

    @property
    def code(self):
        return None if self.error is None else getattr(self.error, "code", None)

    def add(self, index, text):
        self.texts += [""] * (index + 1 - len(self.texts))
        self.texts[index] += text

    def tool(self, index, name=None, arguments=""):
        while len(self.tools) <= index:
            self.tools.append(["", ""])
        self.tools[index][0] += name or ""
        self.tools[index][1] += arguments or ""

    def called(self):
        return [(name, json.loads(arguments or "{}")) for name, arguments in self.tools]

    def everything(self):
        """All that left, for a search."""
        return " ".join(self.texts + [part for tool in self.tools for part in tool])

    def __repr__(self):
        head = {k: v for k, v in self.headers.items() if k.startswith("x-seatrial")}
        body = getattr(self.error, "body", None)
        return f"Seen(texts={self.texts}, tools={self.tools}, finish={self.finish}, error={self.error!r} {body}, {head})"


class Dialect:
    """One of the official clients; `requests` counts what it sent, its own retries included."""

    errors = openai

    def __init__(self, guard, **options):
        self.requests = 0
        self.client = self.connect(guard, options)

    def counted(self):
        def count(_):
            self.requests += 1

        return httpx2.Client(event_hooks={"request": [count]}, timeout=30)

    def connect(self, guard, options):
        token = options.pop("token", guard.caller)
        headers = options.pop("headers", REHEARSAL)
        return openai.OpenAI(
            base_url=guard.base, api_key=token, http_client=self.counted(), default_headers=headers, **options
        )

    def ask(self, model, script, stream=False, shape="text", choices=1, headers=None, **more):
        """Sends `script` as the last message of the user. What is raised is kept in the answer."""
        seen = Seen()
        content = script if isinstance(script, str) else json.dumps(script)
        wanted = self.body(content, shape, choices) | more
        try:
            raw = self.create(model=model, stream=stream, extra_headers=headers or {}, **wanted)
            seen.headers = {k.lower(): v for k, v in raw.headers.items()}
            answer = raw.parse()
            if stream:
                for event in answer:
                    self.event(seen, event)
            else:
                self.whole(seen, answer)
                seen.seatrial = getattr(answer, "seatrial", None)
        except self.errors.APIError as error:
            seen.error = error
            if response := getattr(error, "response", None):
                seen.headers = {k.lower(): v for k, v in response.headers.items()}
        return seen


class Chat(Dialect):
    name, path = "chat", "/chat/completions"
    filtered = "content_filter"

    def create(self, **wanted):
        return self.client.chat.completions.with_raw_response.create(**wanted)

    def body(self, content, shape, choices):
        body = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]}
        if shape == "tool call":
            functions = [{"name": name, "description": "w", "parameters": WEATHER} for name in TOOLS]
            body["tools"] = [{"type": "function", "function": function} for function in functions]
        if shape == "structured":
            schema = {"name": "answer", "strict": True, "schema": SCHEMA}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if choices > 1:
            body["n"] = choices
        return body

    def whole(self, seen, answer):
        for choice in answer.choices:
            seen.add(choice.index, choice.message.content or "")
            seen.finish = choice.finish_reason
            for call in choice.message.tool_calls or []:
                seen.tool(len(seen.tools), call.function.name, call.function.arguments)
        seen.usage = answer.usage and answer.usage.total_tokens

    def event(self, seen, chunk):
        for choice in chunk.choices or []:
            seen.add(choice.index, choice.delta.content or "")
            seen.finish = choice.finish_reason or seen.finish
            for call in choice.delta.tool_calls or []:
                seen.tool(call.index, call.function.name, call.function.arguments)
        seen.usage = chunk.usage.total_tokens if chunk.usage else seen.usage


class Responses(Dialect):
    name, path = "responses", "/responses"
    filtered = "content_filter"

    def create(self, **wanted):
        return self.client.responses.with_raw_response.create(**wanted)

    def body(self, content, shape, choices):
        body = {"instructions": "Be brief.", "input": [{"role": "user", "content": content}]}
        if shape == "tool call":
            body["tools"] = [{"type": "function", "name": n, "parameters": WEATHER, "strict": False} for n in TOOLS]
        if shape == "structured":
            body["text"] = {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA}}
        return body

    def whole(self, seen, answer):
        seen.finish = answer.status
        if answer.incomplete_details:
            seen.finish = answer.incomplete_details.reason
        for item in answer.output:
            if item.type == "message":
                seen.add(0, "".join(part.text for part in item.content if part.type == "output_text"))
            elif item.type == "function_call":
                seen.tool(len(seen.tools), item.name, item.arguments)
        seen.usage = answer.usage and answer.usage.total_tokens

    def event(self, seen, event):
        match event.type:
            case "response.output_text.delta":
                seen.add(0, event.delta)
            case "response.output_item.added" if event.item.type == "function_call":
                seen.tool(len(seen.tools), event.item.name)
            case "response.function_call_arguments.delta":
                seen.tool(len(seen.tools) - 1, "", event.delta)
            case "response.completed" | "response.incomplete" | "response.failed":
                again = Seen()
                self.whole(again, event.response)
                seen.finish, seen.usage = again.finish, again.usage
                # What an ending repeats is what the deltas said, or somebody was told two things. One that withholds
                # repeats nothing.
                if seen.finish == self.filtered:
                    assert not again.everything(), again
                    return
                assert [t for t in again.texts if t] == [t for t in seen.texts if t], (again, seen)
                assert again.tools == seen.tools, (again, seen)


class Messages(Dialect):
    name, path = "messages", "/messages"
    filtered = "refusal"
    errors = anthropic

    def connect(self, guard, options):
        token = options.pop("token", guard.caller)
        headers = options.pop("headers", REHEARSAL)
        return anthropic.Anthropic(
            base_url=guard.address, api_key=token, http_client=self.counted(), default_headers=headers, **options
        )

    def create(self, **wanted):
        return self.client.messages.with_raw_response.create(**wanted)

    def body(self, content, shape, choices):
        body = {"max_tokens": 100, "system": "Be brief.", "messages": [{"role": "user", "content": content}]}
        if shape == "tool call":
            body["tools"] = [{"name": name, "description": "w", "input_schema": WEATHER} for name in TOOLS]
        if shape == "structured":
            body["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
        return body

    def whole(self, seen, answer):
        seen.finish = answer.stop_reason
        for block in answer.content:
            if block.type == "text":
                seen.add(0, block.text)
            elif block.type == "tool_use":
                seen.tool(len(seen.tools), block.name, json.dumps(block.input))
        seen.usage = answer.usage and answer.usage.input_tokens + answer.usage.output_tokens

    def event(self, seen, event):
        match event.type:
            case "content_block_start" if event.content_block.type == "tool_use":
                seen.tool(len(seen.tools), event.content_block.name)
            case "content_block_delta" if event.delta.type == "text_delta":
                seen.add(0, event.delta.text)
            case "content_block_delta" if event.delta.type == "input_json_delta":
                seen.tool(len(seen.tools) - 1, "", event.delta.partial_json)
            case "message_delta":
                seen.finish = event.delta.stop_reason or seen.finish
                seen.usage = event.usage and event.usage.output_tokens


DIALECTS = (Chat, Responses, Messages)
