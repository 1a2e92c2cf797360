"""What an unchanged OpenAI client sees behind the guard. Exits 0 when all of it is as documented."""

import json
import os
import sys
import threading
import time
import urllib.request

import openai

BASE = os.environ["SEATRIAL_BASE_URL"]
MODEL = os.environ.get("SEATRIAL_MODEL", "complaints/route")
REHEARSAL = {"x-seatrial-release": "rehearsal"}


def client(**more):
    return openai.OpenAI(base_url=BASE, api_key=os.environ["SEATRIAL_CALLER"], **more)


def ask(text, amount=5.0, headers=REHEARSAL, **more):
    content = json.dumps({"text": text, "amount": amount})
    messages = [{"role": "system", "content": "Route it."}, {"role": "user", "content": content}]
    return client().chat.completions.create(model=MODEL, messages=messages, extra_headers=headers, **more)


def http(method, path, token, body=None):
    request = urllib.request.Request(
        BASE + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": "Bearer " + token, "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def verified():
    answer = ask("lost card")
    assert answer.choices[0].finish_reason == "stop", answer
    assert json.loads(answer.choices[0].message.content)["team"] == "cards", answer
    assert answer.seatrial["verdict"] == "allow", answer
    raw = client().chat.completions.with_raw_response.create(
        model=MODEL,
        messages=[{"role": "user", "content": json.dumps({"text": "lost card", "amount": 6.0})}],
        extra_headers=REHEARSAL,
    )
    assert raw.headers["x-seatrial-verdict"] == "allow" and raw.headers["x-seatrial-decision"].startswith("dec_")
    assert raw.request_id, "no x-request-id"


def streamed():
    text = ""
    for chunk in ask("stream me", stream=True, stream_options={"include_usage": True}):
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
    assert json.loads(text)["team"] == "cards", text


def denied():
    answer = ask("wants his money back")
    assert answer.choices[0].finish_reason == "content_filter", answer
    assert answer.choices[0].message.content is None, answer
    chunks = list(ask("stream money back", stream=True))
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert "content_filter" in reasons, chunks
    assert not any(c.choices and c.choices[0].delta.content for c in chunks), chunks


def denied_input():
    try:
        ask("x" * 200)
    except openai.BadRequestError as error:
        assert error.code == "content_filter" and error.type == "policy_denied", error
    else:
        raise AssertionError("a denied input was answered")


def escalated():
    begun = time.monotonic()
    try:
        ask("lost card", amount=5000.0)
    except openai.PermissionDeniedError as error:
        assert error.code == "review_pending", error
        ours = error.response.json()["seatrial"]
    else:
        raise AssertionError("an escalated output was answered")
    assert time.monotonic() - begun < 5, "the client retried what no retry changes"
    decision, review = ours["decision"], ours["review"]

    def person():
        token = os.environ["SEATRIAL_REVIEWER"]
        time.sleep(0.3)
        claimed = http("POST", f"/reviews/{review}/claim", token, {})
        seen = claimed["decision"]["output"]["commitment"]
        http("POST", f"/reviews/{review}/answer", token, {"answer": "accept", "seen": seen, "reason": "Right."})

    answering = threading.Thread(target=person)
    answering.start()
    settled = http("GET", ours["poll"].removeprefix("/v1"), os.environ["SEATRIAL_CALLER"])
    answering.join()
    assert settled["status"] == "settled" and settled["output"]["team"] == "cards", settled
    assert settled["decision"] == decision


def not_released():
    try:
        ask("lost card", headers={})
    except openai.PermissionDeniedError as error:
        assert error.code == "not_released", error
        assert error.response.json()["seatrial"]["missing"], error
    else:
        raise AssertionError("a step without a release answered")


def listed_and_refused():
    assert MODEL in [model.id for model in client().models.list()]
    try:
        openai.OpenAI(base_url=BASE, api_key="nobody").models.list()
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key", error
    else:
        raise AssertionError("a stranger was answered")


def main():
    failed = 0
    for check in (verified, streamed, denied, denied_input, escalated, not_released, listed_and_refused):
        try:
            check()
            print("ok    ", check.__name__)
        except Exception as error:  # every check is to run, and its failure to be seen
            failed += 1
            print("FAILED", check.__name__, type(error).__name__, error)
    print("openai", openai.__version__)
    sys.exit(1 if failed else 0)


main()
