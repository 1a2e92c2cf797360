// What users of the official Node clients, unchanged, see of the running binary. `clients.py` serves it and starts this.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const ABOUT = JSON.parse(process.env.SEATRIAL_WIRE);
const REHEARSAL = { "x-seatrial-release": "rehearsal" };
const HELLO = "Hello, how may I help?";
const ANSWER = { label: "bill", note: "A bill.", confidence: 0.9 };
const WEATHER = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const SCHEMA = {
  type: "object",
  properties: { label: { type: "string" }, note: { type: "string" }, confidence: { type: "number" } },
  required: ["label", "note", "confidence"],
  additionalProperties: false,
};
const CITY = { name: "get_weather", arguments: { city: "Paris" } };

/** How many requests the provider was sent so far. */
async function asked() {
  const answer = await fetch(`${ABOUT.provider}/asked`);
  return (await answer.json()).length;
}

/** A `fetch` that counts: the client's own retries show. */
function counting() {
  const counted = { requests: 0 };
  counted.fetch = (...them) => {
    counted.requests += 1;
    return fetch(...them);
  };
  return counted;
}

const usual = () => ({ texts: [], tools: [], finish: null, error: null, headers: new Headers() });

function add(seen, index, text) {
  seen.texts[index] = (seen.texts[index] ?? "") + (text ?? "");
}

/** Asks, and says what a user of the client sees; what it throws is kept. */
async function seeing(errors, ask, stream, onEvent, onWhole) {
  const seen = usual();
  try {
    const { data, response } = await ask().withResponse();
    seen.headers = response.headers;
    if (stream) for await (const event of data) onEvent(seen, event);
    else onWhole(seen, data);
  } catch (error) {
    if (!(error instanceof errors.APIError)) throw error;
    seen.error = error;
    seen.headers = error.headers ?? seen.headers;
  }
  return seen;
}

function openai(options) {
  const counted = counting();
  const base = { baseURL: `${ABOUT.address}/v1`, apiKey: ABOUT.caller, defaultHeaders: REHEARSAL, fetch: counted.fetch };
  return { client: new OpenAI({ ...base, ...options }), counted };
}

const chat = {
  name: "chat",
  errors: OpenAI,
  filtered: "content_filter",
  connect: openai,
  ask(connected, model, script, stream = false, shape = "text", more = {}) {
    const messages = [{ role: "system", content: "Be brief." }, { role: "user", content: JSON.stringify(script) }];
    const body = { model, messages, stream, ...more };
    if (shape === "tool call") body.tools = [{ type: "function", function: { name: "get_weather", parameters: WEATHER } }];
    if (shape === "structured") {
      body.response_format = { type: "json_schema", json_schema: { name: "answer", strict: true, schema: SCHEMA } };
    }
    const tool = (seen, index, call) => {
      seen.tools[index] ??= ["", ""];
      seen.tools[index][0] += call.name ?? "";
      seen.tools[index][1] += call.arguments ?? "";
    };
    return seeing(
      OpenAI,
      () => connected.client.chat.completions.create(body),
      stream,
      (seen, chunk) => {
        for (const choice of chunk.choices ?? []) {
          add(seen, choice.index, choice.delta.content);
          for (const call of choice.delta.tool_calls ?? []) tool(seen, call.index, call.function);
          seen.finish = choice.finish_reason ?? seen.finish;
        }
      },
      (seen, answer) => {
        for (const choice of answer.choices) {
          add(seen, choice.index, choice.message.content);
          (choice.message.tool_calls ?? []).forEach((call, i) => tool(seen, i, call.function));
          seen.finish = choice.finish_reason;
        }
      },
    );
  },
};

const responses = {
  name: "responses",
  errors: OpenAI,
  filtered: "content_filter",
  connect: openai,
  ask(connected, model, script, stream = false, shape = "text", more = {}) {
    const body = { model, instructions: "Be brief.", input: [{ role: "user", content: JSON.stringify(script) }], stream, ...more };
    if (shape === "tool call") body.tools = [{ type: "function", name: "get_weather", parameters: WEATHER, strict: false }];
    if (shape === "structured") {
      body.text = { format: { type: "json_schema", name: "answer", strict: true, schema: SCHEMA } };
    }
    const whole = (seen, answer) => {
      seen.finish = answer.incomplete_details?.reason ?? answer.status;
      for (const item of answer.output) {
        if (item.type === "message") add(seen, 0, item.content.map((part) => part.text ?? "").join(""));
        if (item.type === "function_call") seen.tools.push([item.name, item.arguments]);
      }
    };
    return seeing(
      OpenAI,
      () => connected.client.responses.create(body),
      stream,
      (seen, event) => {
        if (event.type === "response.output_text.delta") add(seen, 0, event.delta);
        if (event.type === "response.output_item.done" && event.item.type === "function_call") {
          seen.tools.push([event.item.name, event.item.arguments]);
        }
        if (["response.completed", "response.incomplete", "response.failed"].includes(event.type)) {
          const again = usual();
          whole(again, event.response);
          seen.finish = again.finish;
          // What an ending repeats is what the deltas said; one that withholds repeats nothing.
          if (seen.finish === "content_filter") assert.equal(again.texts.join("") + again.tools.join(""), "");
          else assert.deepEqual([again.texts.join(""), again.tools], [seen.texts.join(""), seen.tools]);
        }
      },
      whole,
    );
  },
};

const messages = {
  name: "messages",
  errors: Anthropic,
  filtered: "refusal",
  connect(options) {
    const counted = counting();
    const base = { baseURL: ABOUT.address, apiKey: ABOUT.caller, defaultHeaders: REHEARSAL, fetch: counted.fetch };
    return { client: new Anthropic({ ...base, ...options }), counted };
  },
  ask(connected, model, script, stream = false, shape = "text", more = {}) {
    const said = [{ role: "user", content: JSON.stringify(script) }];
    const body = { model, max_tokens: 100, system: "Be brief.", messages: said, stream, ...more };
    if (shape === "tool call") body.tools = [{ name: "get_weather", input_schema: WEATHER }];
    if (shape === "structured") body.output_config = { format: { type: "json_schema", schema: SCHEMA } };
    return seeing(
      Anthropic,
      () => connected.client.messages.create(body),
      stream,
      (seen, event) => {
        if (event.type === "content_block_start" && event.content_block.type === "tool_use") {
          seen.tools.push([event.content_block.name, ""]);
        }
        if (event.type === "content_block_delta" && event.delta.type === "text_delta") add(seen, 0, event.delta.text);
        if (event.type === "content_block_delta" && event.delta.type === "input_json_delta") {
          seen.tools.at(-1)[1] += event.delta.partial_json;
        }
        if (event.type === "message_delta") seen.finish = event.delta.stop_reason ?? seen.finish;
      },
      (seen, answer) => {
        seen.finish = answer.stop_reason;
        for (const block of answer.content) {
          if (block.type === "text") add(seen, 0, block.text);
          if (block.type === "tool_use") seen.tools.push([block.name, JSON.stringify(block.input)]);
        }
      },
    );
  },
};

const everything = (seen) => seen.texts.join(" ") + JSON.stringify(seen.tools);
const called = (seen) => seen.tools.map(([name, given]) => ({ name, arguments: JSON.parse(given) }));

// -- the checks, each for every client, plain and streamed

const BOTH = {
  async "a text"(dialect, stream) {
    const seen = await dialect.ask(dialect.connect(), "desk/talk", { say: [{ text: HELLO }] }, stream);
    assert.equal(seen.error, null);
    assert.deepEqual(seen.texts, [HELLO]);
    assert.ok(["stop", "completed", "end_turn"].includes(seen.finish), seen.finish);
    assert.equal(seen.headers.get("x-seatrial-verdict"), "allow");
    assert.equal(seen.headers.get("x-seatrial-inspected"), "all");
    assert.match(seen.headers.get("x-seatrial-decision"), /^dec_/);
  },
  async "tool calls"(dialect, stream) {
    const tools = [CITY, { name: "get_weather", arguments: { city: 'Málaga "north"' } }];
    const seen = await dialect.ask(dialect.connect(), "desk/talk", { say: [{ tools }] }, stream, "tool call");
    assert.equal(seen.error, null);
    assert.deepEqual(called(seen), tools);
  },
  async "a tool that is not listed"(dialect, stream) {
    const tools = [{ name: "drop_table", arguments: { city: "users" } }];
    const seen = await dialect.ask(dialect.connect(), "desk/talk", { say: [{ tools }] }, stream, "tool call");
    assert.equal(seen.error, null);
    assert.deepEqual([seen.finish, seen.tools], [dialect.filtered, []]);
  },
  async "structured output"(dialect, stream) {
    const said = { say: [{ text: JSON.stringify(ANSWER) }] };
    const seen = await dialect.ask(dialect.connect(), "desk/sort", said, stream, "structured");
    assert.equal(seen.error, null);
    assert.deepEqual(JSON.parse(seen.texts[0]), ANSWER);
  },
  async "several choices"(dialect, stream) {
    if (dialect !== chat) return;
    const say = [{ text: "One." }, { text: "Two, by mail to a@b.example" }];
    const seen = await dialect.ask(dialect.connect(), "desk/talk", { say }, stream, "text", { n: 2 });
    assert.equal(seen.texts[0], "One.");
    assert.ok(seen.texts[1].startsWith("Two, by mail to ") && !seen.texts[1].includes("a@b.example"), seen.texts[1]);
  },
  async "a denied output"(dialect, stream) {
    const seen = await dialect.ask(dialect.connect(), "desk/talk", { say: [{ text: "It is forbidden." }] }, stream);
    assert.equal(seen.error, null);
    assert.deepEqual([seen.finish, seen.texts.join(""), seen.tools], [dialect.filtered, "", []]);
  },
  async "a denied input"(dialect, stream) {
    const [before, connected] = [await asked(), dialect.connect()];
    const seen = await dialect.ask(connected, "desk/talk", { say: [{ text: HELLO }], refuse: true }, stream);
    assert.ok(seen.error instanceof dialect.errors.BadRequestError, String(seen.error));
    assert.deepEqual([connected.counted.requests, (await asked()) - before], [1, 0]);
  },
  async "an escalated answer"(dialect, stream) {
    const [before, connected] = [await asked(), dialect.connect({ maxRetries: 3 })];
    const seen = await dialect.ask(connected, "desk/talk", { say: [{ text: "How rude!" }] }, stream);
    assert.ok(seen.error instanceof dialect.errors.PermissionDeniedError, String(seen.error));
    assert.deepEqual([connected.counted.requests, (await asked()) - before], [1, 1]);
    assert.equal(seen.headers.get("x-seatrial-verdict"), "escalate");
    assert.ok(!JSON.stringify(seen.error.error).includes("rude"));
  },
  async "a modified answer"(dialect, stream) {
    const seen = await dialect.ask(dialect.connect(), "desk/talk", { say: [{ text: "Write to ada@mail.example today." }] }, stream);
    assert.equal(seen.error, null);
    assert.ok(seen.texts[0].startsWith("Write to ") && seen.texts[0].endsWith(" today."), seen.texts[0]);
    assert.ok(!seen.texts[0].includes("ada@"), seen.texts[0]);
  },
  async "a modified tool call"(dialect, stream) {
    const tools = [{ name: "get_weather", arguments: { city: "ada@mail.example" } }];
    const seen = await dialect.ask(dialect.connect(), "desk/talk", { say: [{ tools }] }, stream, "tool call");
    assert.equal(seen.error, null);
    assert.ok(!everything(seen).includes("ada@"), everything(seen));
    assert.deepEqual(Object.keys(called(seen)[0].arguments), ["city"]);
  },
  async "a rate"(dialect) {
    const connected = dialect.connect({ maxRetries: 0 });
    let seen;
    for (let i = 0; i < 3; i += 1) seen = await dialect.ask(connected, "desk/hurried", { say: [{ text: HELLO }] });
    assert.ok(seen.error instanceof dialect.errors.RateLimitError, String(seen.error));
    assert.ok(Number(seen.headers.get("retry-after")) >= 1);
  },
  async "a model that is not there"(dialect, stream) {
    const connected = dialect.connect({ maxRetries: 3 });
    const seen = await dialect.ask(connected, "desk/lost", { say: [{ text: HELLO }] }, stream);
    assert.ok(seen.error instanceof dialect.errors.InternalServerError, String(seen.error));
    assert.deepEqual([seen.error.status, connected.counted.requests], [502, 1]);
  },
  async "the client's own retry"(dialect, stream) {
    const [before, connected] = [await asked(), dialect.connect({ timeout: 1000, maxRetries: 3 })];
    const script = { fault: "late", say: [{ text: HELLO }], nonce: `node ${dialect.name} ${stream}` };
    const seen = await dialect.ask(connected, "desk/talk", script, stream);
    assert.equal(seen.error, null);
    assert.equal(seen.texts[0], HELLO);
    assert.ok(connected.counted.requests > 1);
    assert.equal((await asked()) - before, 1);
  },
  async "a stream in windows"(dialect, stream) {
    const text = "So it goes, on and on. ".repeat(20);
    let seen = await dialect.ask(dialect.connect(), "desk/drip", { say: [{ text }] }, stream);
    assert.equal(seen.error, null);
    assert.equal(seen.texts[0], text);
    const bad = `${text}Write to ada@mail.example! ${text}`;
    seen = await dialect.ask(dialect.connect(), "desk/drip", { say: [{ text: bad }] }, stream);
    assert.ok(!everything(seen).includes("ada@mail.example"), everything(seen));
    assert.ok(seen.error !== null || seen.finish === dialect.filtered, seen.finish);
  },
};

// -- for each client once

const ONCE = {
  async models(dialect) {
    const listed = [];
    for await (const model of dialect.connect().client.models.list()) listed.push(model.id);
    assert.ok(listed.includes("desk/talk") && listed.includes("desk/sort"), String(listed));
  },
  async strangers(dialect) {
    const said = { say: [{ text: HELLO }] };
    let seen = await dialect.ask(dialect.connect({ apiKey: "nobody" }), "desk/talk", said);
    assert.ok(seen.error instanceof dialect.errors.AuthenticationError, String(seen.error));
    seen = await dialect.ask(dialect.connect(), "desk/nothing", said);
    assert.ok(seen.error instanceof dialect.errors.NotFoundError, String(seen.error));
  },
  async "its helper for streams"(dialect) {
    const { client } = dialect.connect();
    const said = [{ role: "user", content: JSON.stringify({ say: [{ text: HELLO }] }) }];
    const body = { model: "desk/talk", messages: said };
    if (dialect === chat) {
      const final = await client.chat.completions.stream(body).finalChatCompletion();
      assert.equal(final.choices[0].message.content, HELLO);
    } else if (dialect === responses) {
      const final = await client.responses.stream({ model: "desk/talk", input: said }).finalResponse();
      assert.equal(final.output[0].content[0].text, HELLO);
    } else {
      const final = await client.messages.stream({ ...body, max_tokens: 100 }).finalMessage();
      assert.equal(final.content[0].text, HELLO);
    }
  },
};

const checks = [];
for (const [name, check] of Object.entries(BOTH)) {
  for (const dialect of [chat, responses, messages]) {
    for (const stream of [false, true]) {
      checks.push([`${name} · ${dialect.name} ${stream ? "streamed" : "plain"}`, () => check(dialect, stream)]);
    }
  }
}
for (const [name, check] of Object.entries(ONCE)) {
  for (const dialect of [chat, responses, messages]) checks.push([`${name} · ${dialect.name}`, () => check(dialect)]);
}

let [passed, failed] = [0, 0];
for (const [name, check] of checks.filter(([name]) => name.includes(process.env.ONLY ?? ""))) {
  try {
    await check();
    passed += 1;
    console.log("ok    ", name);
  } catch (error) {
    failed += 1;
    console.log("FAILED", name);
    console.log(error);
  }
}
console.log(`${passed} passed, ${failed} failed: openai and anthropic for Node ${process.version}`);
process.exit(failed === 0 ? 0 : 1);
