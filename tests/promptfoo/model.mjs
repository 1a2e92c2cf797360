// A model that always says the same to the same question: right, or wrong in one of the ways that models are. It serves
// each tool under a path of its own, and remembers what it was asked. With an address in SEATRIAL_MODEL_URL it asks the
// model there instead, with the same bytes for both tools.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const teams = { billing: /fee|invoice|charged|statement/i, cards: /card|pin/i, loans: /loan|mortgage/i };

function answer(prompt) {
  const ref = /T-\d+/.exec(prompt)[0];
  const text = prompt.split('Ticket: ')[1];
  const team = Object.keys(teams).find((name) => teams[name].test(text)) ?? 'fraud';
  const reply = `Thank you for ${ref}. Our team looks into it.`;
  switch (createHash('sha256').update(prompt).digest()[0] % 11) {
    case 0: return { team: 'billing', reply };
    case 1: return { team, reply: 'Thank you. Our team looks into it.' };
    case 2: return { team, reply: `${reply} Write to help@bank.example for more.` };
    case 3: return `The ticket ${ref} belongs to ${team}.`;
    case 4: return { team, reply, sure: 0.9 };
    case 5: return { team: 'complaints', reply };
    default: return { team, reply };
  }
}

async function real(prompt) {
  const response = await fetch(`${process.env.SEATRIAL_MODEL_URL}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: process.env.SEATRIAL_MODEL_NAME ?? 'model', messages: [{ role: 'user', content: prompt }],
      temperature: 0, seed: 1, max_tokens: 80,
    }),
  });
  return (await response.json()).choices[0].message.content;
}

// Starts it. `asked` has, for each tool, every prompt with its answer.
export async function startModel() {
  const asked = { seatrial: new Map(), promptfoo: new Map() };
  let queue = Promise.resolve();
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { messages } = JSON.parse(Buffer.concat(chunks).toString());
    const tool = request.url.split('/')[1];
    const prompt = messages.map((m) => m.content).join('\n');
    let said;
    if (process.env.SEATRIAL_MODEL_URL) {
      // One after the other: a busy small model is not the same model.
      queue = queue.then(() => real(prompt));
      said = await queue;
    } else {
      said = answer(prompt);
    }
    const content = typeof said === 'string' ? said : JSON.stringify(said);
    asked[tool].set(prompt, [...(asked[tool].get(prompt) ?? []), content]);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({
      id: 'c', object: 'chat.completion', created: 0, model: 'model-1-20261101',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 60, completion_tokens: 20, total_tokens: 80 },
    }));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${server.address().port}`;
  return { asked, base, close: () => server.close() };
}
