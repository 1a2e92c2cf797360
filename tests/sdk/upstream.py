"""A stand-in for a provider of models: answers chat completions by what the last message says."""

import http.server
import json
import threading
import time

ANSWER = {"text": "The counter opens at nine."}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Handler.asked.append(body)
        if "slowly" in body["messages"][-1]["content"]:
            time.sleep(1.5)
        try:
            self.stream() if body.get("stream") else self.whole()
        except BrokenPipeError:
            pass

    def whole(self):
        message = {"role": "assistant", "content": json.dumps(ANSWER)}
        answer = {
            "id": "c-1", "object": "chat.completion", "created": 1, "model": "model-1-20261101",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        text = json.dumps(ANSWER)
        pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
        deltas = [({"content": piece}, None) for piece in pieces] + [({}, "stop")]
        for delta, finish in deltas:
            chunk = {
                "id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "model-1-20261101",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            }
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


def start():
    """Starts it; gives its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"
