// Drives the pages of a real factory. Each check is one line of output; the last line counts them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { check, complaints, launch, listen, overflow, runAll } from "./checks.mjs";

const { SEATRIAL_LINKS, SEATRIAL_SHOTS } = process.env;
const WORKFLOW = "/w/credit-preapproval";

/** The one-time links, by the part of the person's id before the `@`. */
const links = Object.fromEntries(
  readFileSync(SEATRIAL_LINKS, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("Pages"))
    .map((line) => line.split(/\s+/))
    .map(([, person, link]) => [person.split("@")[0], link]),
);
assert(links.hana, "the factory was not served");
const origin = new URL(links.hana).origin;

const browser = await launch(chromium);

const seats = {};

/** Somebody's window; signed in by their link the first time. */
async function seat(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, ...options });
  if (seats[name]) {
    await context.addCookies(seats[name]);
    return listen(await context.newPage());
  }
  const page = listen(await context.newPage());
  await page.goto(links[name]);
  await page.click("main button[type=submit]");
  await page.waitForURL((url) => url.pathname === "/");
  seats[name] = await context.cookies();
  return page;
}

async function open(page, path) {
  const answer = await page.goto(origin + path);
  assert.equal(answer.status(), 200, path);
  return page;
}

/** Open reviews as the tabs count them. */
async function waiting(page) {
  await open(page, WORKFLOW);
  return Number((await page.textContent(".tabs a[href$='/reviews']")).replace(/\D/g, "") || 0);
}

/** The first review of the queue that this page's reader may answer, with this heading. */
async function review(page, heading) {
  await open(page, `${WORKFLOW}/reviews`);
  const all = await page.$$eval("ol.queue a.stretch", (list) => list.map((a) => a.getAttribute("href")));
  for (const path of all) {
    await open(page, path);
    const asks = (await page.textContent("h1")) === heading;
    if (asks && (await page.$("form.answer")) && !(await page.textContent("main")).includes("rehearsal")) return path;
  }
  assert.fail(`no open review asks “${heading}”`);
}

/** Confirms in the page's dialog, and waits for the next page. */
async function record(page, path) {
  await page.click("form.answer button[type=submit]");
  await page.click("dialog button.primary");
  await page.waitForURL((url) => url.pathname !== path && !url.pathname.endsWith("/answer"));
}

async function decisionOf(page, path) {
  await open(page, path);
  const link = await page.getAttribute("main a[href*='/decisions/dec_']", "href");
  await open(page, link);
  return page.textContent("main");
}

check("a link signs in once, by a click", async () => {
  const hana = await seat("hana");
  assert.match(await hana.textContent("header"), /Hana Okafor/);
  const other = await (await browser.newContext()).newPage();
  await other.goto(links.hana);
  await other.click("main button[type=submit]");
  assert.equal(new URL(other.url()).pathname, "/sign-in");
  await other.context().close();
});

const PAGES = {
  overview: "/",
  board: WORKFLOW,
  obligation: `${WORKFLOW}/obligations/threshold.approve`,
  decisions: `${WORKFLOW}/decisions`,
  escalated: `${WORKFLOW}/decisions?verdict=escalate`,
  reviews: `${WORKFLOW}/reviews`,
  log: `${WORKFLOW}/log`,
  certificate: `${WORKFLOW}/thresholds/approve`,
  sprint: `${WORKFLOW}/sprint`,
  releases: `${WORKFLOW}/releases`,
  waivers: `${WORKFLOW}/waivers`,
  drills: `${WORKFLOW}/drills`,
  incidents: `${WORKFLOW}/incidents`,
  diff: `${WORKFLOW}/diff`,
  approve: `${WORKFLOW}/approve/approval.credit?stage=production`,
  assessment: `${WORKFLOW}/assessment`,
};

for (const [how, options] of [
  ["wide", {}],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { viewport: { width: 390, height: 844 } }],
]) {
  check(`every page, ${how}`, async () => {
    const page = await seat("una", options);
    const pages = { ...PAGES };
    await open(page, `${WORKFLOW}/decisions`);
    pages.decision = await page.getAttribute("tr[data-row]:nth-child(2) th a", "href");
    await open(page, `${WORKFLOW}/reviews`);
    pages.review = await page.getAttribute("ol.queue a.stretch", "href");
    for (const [name, path] of Object.entries(pages)) {
      await open(page, path);
      await page.screenshot({ path: join(SEATRIAL_SHOTS, `${name}-${how}.png`), fullPage: true });
      assert.ok((await overflow(page)) <= 0, `${name} is wider than the window`);
      assert.match(await page.textContent("body"), /SIMULATION/, name);
    }
    await page.context().close();
  });
}

check("hostile text stays text", async () => {
  const page = await seat("una");
  await open(page, `${WORKFLOW}/decisions`);
  await page.click("tr[data-row] th a:has-text('A-4191')");
  const text = await page.textContent("main");
  assert.match(text, /<script>alert\(1\)<\/script>/);
  assert.match(text, /⟨U\+202E⟩/);
  const found = await page.$$eval("main mark", (marks) => marks.map((m) => m.firstChild.textContent));
  assert.deepEqual(found, ["bo@mail.example", "ES91 2100 0418 4502 0005 1332"]);
  await page.context().close();
});

check("a decision of one's own settles the case and shortens the queue", async () => {
  const page = await seat("una");
  const before = await waiting(page);
  const path = await review(page, "Your decision");
  await page.check("input[name=answer][value=own]");
  await page.selectOption("[name='out.decision']", "pre-approve");
  await page.fill("[name='out.confidence']", "0.9");
  await page.fill("[name='out.reason']", "Carries it with ease.");
  await page.fill("[name=reason]", "Read with its statements.");
  await record(page, path);
  assert.equal(await waiting(page), before - 1);
  const decision = await decisionOf(page, path);
  assert.match(decision, /decided by the person by una@harbour\.example/);
  assert.match(decision, /What left/);
  assert.doesNotMatch(decision, /waits for an answer/);
  await page.context().close();
});

check("an answer by keys releases the output as it is", async () => {
  const page = await seat("una");
  const before = await waiting(page);
  const path = await review(page, "May this leave?");
  await page.keyboard.press("a");
  assert.ok(await page.isChecked("input[name=answer][value=accept]"));
  await page.keyboard.type("Clear enough.");
  await record(page, path);
  assert.equal(await waiting(page), before - 1);
  assert.match(await decisionOf(page, path), /accepted as it is by una@harbour\.example/);
  await page.context().close();
});

check("what violates the spec is refused, and what was typed is kept", async () => {
  const page = await seat("una");
  const path = await review(page, "Your decision");
  await page.check("input[name=answer][value=own]");
  await page.selectOption("[name='out.decision']", "pre-approve");
  await page.fill("[name='out.confidence']", "0.9");
  await page.fill("[name='out.reason']", "She is too young for it.");
  await page.fill("[name=reason]", "Kept as it was typed.");
  await page.click("form.answer button[type=submit]");
  await page.click("dialog button.primary");
  await page.waitForURL((url) => url.pathname.endsWith("/answer"));
  assert.match(await page.textContent("[role=alert]"), /steps\.assess\.forbid\.protected-reason/);
  assert.equal(await page.inputValue("[name=reason]"), "Kept as it was typed.");
  complaints.splice(0, complaints.length, ...complaints.filter((c) => !c.includes("422")));
  assert.equal(path, new URL(page.url()).pathname.replace("/answer", ""));
  await page.context().close();
});

check("a stop is seen in an open window, and another person resumes", async () => {
  const [hana, hugo] = [await seat("hana"), await seat("hugo")];
  await open(hugo, WORKFLOW);
  // Commands get their buttons once the page's scripts have run; the stream is open then, or soon.
  await hugo.waitForSelector("#live-state:not([hidden])");
  await open(hana, WORKFLOW);
  await hana.click("details.stop summary");
  await hana.fill("#stop-reason", "Two applications went to the wrong desk.");
  await hana.check("details.stop input[name=sure]");
  await hana.click("details.stop button.danger");
  await hana.waitForSelector("[role=alert]");
  await hugo.waitForSelector("#now [role=alert]", { timeout: 10_000 });
  assert.match(await hugo.textContent("#now"), /Two applications went to the wrong desk\./);
  await hana.click("details.resume summary");
  assert.match(await hana.textContent("#switch"), /Whoever stops does not resume/);
  await open(hugo, WORKFLOW);
  await hugo.click("details.resume summary");
  await hugo.fill("#resume-reason", "The desks are sorted out.");
  await hugo.check("details.resume input[name=sure]");
  await hugo.click("details.resume button[type=submit]");
  await hugo.waitForSelector("#now .status.good");
  await hana.context().close();
  await hugo.context().close();
});

check("a drill is begun by one person and finished by another, and the workflow goes on", async () => {
  const [una, hana] = [await seat("una"), await seat("hana")];
  await open(una, `${WORKFLOW}/drills`);
  await una.click("#stop details summary");
  assert.match(await una.textContent("#stop"), /The real switch|the real switch/);
  await una.click("#stop form button");
  await una.waitForSelector("#waiting .status");
  assert.match(await una.textContent("#waiting"), /20 refused/);
  assert.equal(await una.$("#waiting form"), null, "whoever stops does not resume");
  await open(una, WORKFLOW);
  assert.equal(await una.$("#now [role=alert]"), null, "no case is stopped");
  await open(hana, `${WORKFLOW}/drills`);
  await hana.click("#waiting form button");
  await hana.waitForSelector("#result");
  const result = await hana.textContent("#result");
  assert.match(result, /The stop drill is recorded/);
  assert.match(result, /20 marked outputs did not leave/);
  assert.match(await hana.textContent("#stop"), /by hana@harbour\.example \(receiving side\)/);
  await una.context().close();
  await hana.context().close();
});

check("an incident is opened, decided, resolved and reviewed", async () => {
  const page = await seat("una");
  await open(page, `${WORKFLOW}/incidents`);
  await page.selectOption("#severity", "high");
  await page.fill("#text", "Two customers <b>mixed up</b>.");
  await page.click("form.stack button[type=submit]");
  await page.waitForURL((url) => /\/incidents\/\d+$/.test(url.pathname));
  const act = async (name, fill) => {
    const form = `form:has(input[name=act][value=${name}])`;
    await page.click(`details:has(${form}) summary`);
    await fill(form);
    await Promise.all([page.waitForNavigation(), page.click(`${form} button[type=submit]`)]);
  };
  await act("decide", async (form) => {
    await page.check(`${form} input[name=course][value=go-on]`);
    await page.check(`${form} input[name=sure]`);
    await page.fill(`${form} textarea[name=text]`, "One case, and it is taken back.");
  });
  await act("resolve", (form) => page.fill(`${form} textarea[name=text]`, "Both were told."));
  await act("review", async (form) => {
    await page.fill(`${form} textarea[name=text]`, "The feed has no date.");
    await page.fill(`${form} textarea[name=findings]`, "Refuse prices that are a day old.");
  });
  const main = await page.textContent("main");
  assert.match(main, /Two customers <b>mixed up<\/b>/);
  assert.match(main, /finding for the next sprint/);
  await page.screenshot({ path: join(SEATRIAL_SHOTS, "incident-reviewed.png"), fullPage: true });
  assert.ok((await overflow(page)) <= 0);
  await page.context().close();
});

/** A day from now on, as a date field takes it. */
function inDays(days) {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

check("a waiver is asked for by one person and granted by another", async () => {
  const [hana, hugo] = [await seat("hana"), await seat("hugo")];
  await open(hana, `${WORKFLOW}/waivers`);
  const what = await hana.$$eval("#what option", (all) => all.map((o) => o.value).find((v) => v.startsWith("production/")));
  const obligation = what.split("/")[1];
  await hana.selectOption("#what", what);
  await hana.fill("#reason", "Nothing was seeded yet.");
  await hana.fill("#measure", "Risk reads ten cases a week.");
  await hana.fill("#until", inDays(20));
  await hana.click("form.stack button[type=submit]");
  await hana.waitForSelector(".waiver");
  const asked = await hana.textContent(".waiver");
  assert.match(asked, /waits for another person/);
  assert.match(asked, /Risk reads ten cases a week\./);
  assert.equal(await hana.$(".waiver form[action$='/grant']"), null, "nobody grants what they asked for");
  await open(hugo, `${WORKFLOW}/waivers`);
  await hugo.check(".waiver form[action$='/grant'] input[name=sure]");
  await hugo.click(".waiver form[action$='/grant'] button");
  await hugo.waitForSelector(".waiver .badge.look");
  assert.match(await hugo.textContent(".waiver"), /in force/);
  await open(hugo, `${WORKFLOW}/obligations/${obligation}`);
  assert.match(await hugo.textContent("main"), /waived/);
  await open(hugo, `${WORKFLOW}/waivers`);
  await hugo.click(".waiver details summary");
  await hugo.fill(".waiver form[action$='/end'] textarea", "It was seeded.");
  await hugo.click(".waiver form[action$='/end'] button");
  await hugo.waitForFunction(() => document.querySelector(".waiver")?.textContent.includes("ended"));
  await hana.context().close();
  await hugo.context().close();
});

check("an approval is over what was shown, and one over another key is refused", async () => {
  const path = `${WORKFLOW}/approve/risk.register?stage=production`;
  const [hana, late] = [await seat("hana"), await seat("hana")];
  await open(hana, path);
  assert.match(await hana.textContent("main"), /all of it is new to you/);
  await open(late, path);
  // Another key, as if the spec had changed while the page was open.
  await late.$eval("form.answer input[name=key]", (key) => (key.value = `sha256:${"0".repeat(64)}`));
  await late.check("form.answer input[name=role][value=credit]");
  await late.check("form.answer input[name=sure]");
  await late.click("form.answer button[type=submit]");
  await late.waitForSelector("[role=alert]");
  complaints.splice(0, complaints.length, ...complaints.filter((c) => !c.includes("409")));
  await hana.check("form.answer input[name=role][value=credit]");
  await hana.check("form.answer input[name=sure]");
  await hana.click("form.answer button[type=submit]");
  await hana.waitForURL((url) => url.pathname.endsWith("/obligations/risk.register"));
  assert.match(await hana.textContent("main"), /hana@harbour\.example/);
  await open(hana, path);
  assert.match(await hana.textContent("main"), /nothing that it covers changed/);
  await hana.context().close();
  await late.context().close();
});

check("the sprint's report stands alone and can be printed", async () => {
  const page = await seat("una");
  await open(page, `${WORKFLOW}/sprint`);
  assert.equal(await page.getAttribute("figure svg.clarity", "role"), "img");
  await open(page, await page.getAttribute("main a[href$='/report']", "href"));
  assert.match(await page.textContent("main"), /Did the output path become more governable/);
  assert.ok((await overflow(page)) <= 0);
  await page.context().close();
});

check("an answer needs no JavaScript", async () => {
  const page = await seat("una", { javaScriptEnabled: false });
  const before = await waiting(page);
  const path = await review(page, "Your decision");
  await page.check("input[name=answer][value=reject]");
  await page.fill("[name=reason]", "Not on these figures.");
  await page.click("form.answer button[type=submit]");
  await page.waitForURL((url) => url.pathname !== path && !url.pathname.endsWith("/answer"));
  assert.equal(await waiting(page), before - 1);
  assert.match(await decisionOf(page, path), /rejected: nothing leaves by una@harbour\.example/);
  await page.context().close();
});

check("the browser had nothing to complain about", () => assert.deepEqual(complaints, []));

await runAll(() => browser.close());
