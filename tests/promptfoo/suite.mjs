// The same tests by both tools, compared example by example and assertion by assertion.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startModel } from './model.mjs';

const { SEATRIAL, SEATRIAL_YARD: yard, SEATRIAL_MODULES: modules } = process.env;
const here = import.meta.dirname;
const config = join(here, 'promptfooconfig.yaml');
const theirs = createRequire(join(modules, 'package.json'));

let passed = 0;
let failed = 0;
async function test(name, body) {
  try {
    await body();
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n${error.message}`);
  }
}

function seatrial(args, codes) {
  return new Promise((done, fail) => {
    execFile(SEATRIAL, ['-C', yard, ...args, '--format', 'json'], { maxBuffer: 1 << 26 }, (error, out, err) => {
      const code = error?.code ?? 0;
      if (codes.includes(code)) done(JSON.parse(out));
      else fail(new Error(`seatrial ${args.join(' ')} ended with ${code}: ${err}`));
    });
  });
}

const model = await startModel();
await cp(join(here, 'yard'), yard, { recursive: true });
const factory = join(yard, 'factory.yaml');
await writeFile(factory, (await readFile(factory, 'utf8')).replace('MODEL', `${model.base}/seatrial/v1`));

// What Seatrial makes of them.
const imported = await seatrial(['example', 'import', config, '--from', 'promptfoo', '--set', 'tickets'], [0]);
const [ours] = await seatrial(['eval', 'tickets', '--each', '--as', 'dev@builder.example'], [0, 1]);

// What promptfoo makes of them: its own engine by its Node interface, which needs no native code.
const { default: promptfoo } = await import(pathToFileURL(theirs.resolve('promptfoo')));
const suite = theirs('js-yaml').load(await readFile(config, 'utf8'));
suite.providers[0].config = { ...suite.providers[0].config, apiBaseUrl: `${model.base}/promptfoo/v1`, apiKey: 'none' };
const run = await promptfoo.evaluate({ ...suite, writeLatestResults: false }, { cache: false, maxConcurrency: 4, showProgressBar: false });
const { results } = await run.toEvaluateSummary();
model.close();

const byId = new Map(ours.each.map((e) => [e.id, e]));
const their = (result, type) => result.gradingResult.componentResults.find((c) => c.assertion?.type === type).pass;
const sorted = (map) => [...map.keys()].sort();

await test('every test of the configuration is an example of the set', () => {
  assert.equal(imported.imported, suite.tests.length);
  assert.deepEqual([...byId.keys()].sort(), results.map((r) => r.testCase.description).sort());
});

await test('what was not carried over is listed, and is a rule of the step', () => {
  assert.deepEqual(imported.left.map((l) => l.at), ['prompts', 'providers', 'defaultTest.assert[1]', 'defaultTest.assert[2]']);
});

await test('both asked the same questions, once each, and got the same answers', () => {
  assert.deepEqual(sorted(model.asked.seatrial), sorted(model.asked.promptfoo));
  assert.equal(model.asked.seatrial.size, suite.tests.length);
  for (const [prompt, answers] of model.asked.seatrial) {
    assert.equal(answers.length, 1, prompt);
    assert.deepEqual(model.asked.promptfoo.get(prompt), answers, prompt);
  }
});

await test('the same examples pass, and the same do not', () => {
  for (const result of results) {
    const id = result.testCase.description;
    assert.equal(byId.get(id).outcome === 'passed', result.success, `${id}: ${JSON.stringify(byId.get(id))}\n${result.error}`);
  }
});

await test('what Seatrial calls inconclusive, and a person would decide, is no JSON of that form for promptfoo either', () => {
  for (const result of results) {
    const id = result.testCase.description;
    const { outcome } = byId.get(id);
    if (outcome === 'inconclusive') assert.equal(their(result, 'is-json'), false, id);
    if (!their(result, 'is-json')) assert.notEqual(outcome, 'passed', id);
  }
});

await test('each assertion objects to the same outputs', () => {
  const rules = [['contains', 'steps.route.require.names-ticket'], ['not-regex', 'steps.route.forbid.addresses']];
  for (const result of results.filter((r) => their(r, 'is-json'))) {
    const id = result.testCase.description;
    const example = byId.get(id);
    for (const [type, path] of rules) assert.equal(example.caught.includes(path), !their(result, type), `${id}: ${type}`);
    // Where a rule denied the output, there is none to compare.
    if (example.verdict === 'allow') assert.equal(example.differs.includes('team'), !their(result, 'javascript'), id);
  }
});

await test('there is something to compare: every way to fail, and to pass', () => {
  const counts = { passed: ours.passed.k, of: ours.passed.n, inconclusive: ours.inconclusive, verdicts: ours.verdicts };
  console.log(JSON.stringify(counts));
  if (process.env.SEATRIAL_MODEL_URL) return;
  const failing = (type) => results.filter((r) => !their(r, type)).length;
  for (const type of ['is-json', 'contains', 'not-regex', 'javascript']) assert.ok(failing(type) > 0, type);
  assert.ok(ours.passed.k > 0 && ours.passed.k + ours.inconclusive < ours.passed.n, JSON.stringify(counts));
});

console.log(`test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed`);
process.exit(failed ? 1 : 0);
