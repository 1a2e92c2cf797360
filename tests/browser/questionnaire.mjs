// Drives the questionnaire's own pages: a candidate is made, answered, and set beside two others. Each check is one line
// of output; the last line counts them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { check, complaints, launch, listen, overflow, runAll } from "./checks.mjs";

const { SEATRIAL_LINK, SEATRIAL_DESK, SEATRIAL_SHOTS } = process.env;
const origin = new URL(SEATRIAL_LINK).origin;

const browser = await launch(chromium);

/** A window that came by the link. */
async function enter(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  const page = listen(await context.newPage());
  await page.goto(SEATRIAL_LINK);
  return page;
}

const file = (name) => readFileSync(join(SEATRIAL_DESK, name), "utf8");

check("without the link nobody enters", async () => {
  const page = await (await browser.newContext()).newPage();
  assert.equal((await page.goto(`${origin}/report`)).status(), 403);
  await page.context().close();
});

for (const [how, options] of [
  ["wide", {}],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { viewport: { width: 390, height: 844 } }],
]) {
  check(`every page, ${how}`, async () => {
    const page = await enter(options);
    const pages = {
      candidates: "/",
      candidate: "/c/northlight",
      question: "/c/own-team/q/cto.controls",
      report: "/report",
      one: "/report?c=orrery",
    };
    for (const [name, path] of Object.entries(pages)) {
      assert.equal((await page.goto(origin + path)).status(), 200, path);
      await page.screenshot({ path: join(SEATRIAL_SHOTS, `questionnaire-${name}-${how}.png`) });
      assert.ok((await overflow(page)) <= 0, `${name} is wider than the window`);
    }
    await page.context().close();
  });
}

check("a candidate is made, answered by the keyboard alone, and weighed", async () => {
  const page = await enter({ javaScriptEnabled: false });
  await page.fill("#name", "Tidewater Systems");
  await page.selectOption("#kind", "vendor");
  await page.fill("#answered_by", "J. Moreau");
  await page.fill("#date", "2026-11-16");
  await page.click("main form button.primary");
  await page.waitForURL(`${origin}/c/tidewater-systems`);
  await page.click("text=Begin");
  assert.equal(await page.textContent("h1"), "How do evolving requirements stay structured?");
  // The claim is where the keyboard begins: `unknown` has the focus, and arrows choose.
  await page.focus("input[name=claim][value=unknown]");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.ok(await page.isChecked("input[name=claim][value=yes]"));
  await page.keyboard.press("Tab");
  await page.keyboard.type("Our backlog is the specification.");
  await page.click("button[value=stay]");
  assert.match(await page.textContent(".q-asked"), /no evidence/, "a claim alone is none");
  await page.selectOption("#kind-0", "file");
  await page.fill("#where-0", "evidence/own-spec-changes.csv");
  await page.fill("#date-0", "2026-11-02");
  await page.click("button[value=stay]");
  assert.match(await page.textContent(".q-asked"), /partly/, "nobody stands for it");
  assert.match(await page.textContent(".q-row .q-but"), /nobody is named/);
  await page.fill("#by-0", "J. Moreau");
  await page.focus("#by-0");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${origin}/c/tidewater-systems/q/cto.governance`);
  const text = file("tidewater-systems.yaml");
  assert.match(text, /cto\.requirements:\n {4}claim: yes\n {4}text: "Our backlog is the specification\."/);
  assert.match(text, /sha256: "sha256:[0-9a-f]{64}"/);
  await page.goto(`${origin}/c/tidewater-systems`);
  assert.match(await page.textContent("main"), /1\s*evidenced/);
  await page.context().close();
});

check("an artifact is removed without a script", async () => {
  const page = await enter({ javaScriptEnabled: false });
  await page.goto(`${origin}/c/tidewater-systems/q/cto.requirements`);
  await page.check("input[name=remove-0]");
  await page.click("button[value=stay]");
  assert.match(await page.textContent(".q-asked"), /no evidence/);
  assert.doesNotMatch(file("tidewater-systems.yaml"), /own-spec-changes/);
  await page.context().close();
});

check("what cannot be saved is shown again", async () => {
  const page = await enter();
  await page.goto(`${origin}/c/tidewater-systems/q/cto.stages`);
  await page.check("input[name=claim][value=yes]");
  await page.fill("#text", "typed with care");
  await page.fill("#where-0", "intranet/page");
  const before = file("tidewater-systems.yaml");
  await page.click("button[value=next]");
  assert.match(await page.textContent("[role=alert]"), /a link begins with/);
  assert.equal(await page.inputValue("#text"), "typed with care");
  assert.equal(await page.inputValue("#where-0"), "intranet/page");
  assert.equal(file("tidewater-systems.yaml"), before);
  complaints.length = 0; // the browser notes the 422 itself
  await page.context().close();
});

check("the report sets them side by side, and leads to each answer", async () => {
  const page = await enter();
  await page.goto(`${origin}/report?c=northlight&c=own-team&c=orrery`);
  assert.equal(await page.locator(".q-view thead th").count(), 3);
  const at = async (text) => (await page.textContent("main")).indexOf(text);
  assert.ok((await at("Where they differ")) < (await at("Where they stand alike")));
  await page.click("tr#q-cto-controls td:nth-child(4) .q-edit");
  await page.waitForURL(`${origin}/c/own-team/q/cto.controls`);
  await page.context().close();
});

check("the report as a file stands alone and prints", async () => {
  const page = await enter();
  await page.goto(`${origin}/report`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Keep as a file")]);
  const kept = join(SEATRIAL_SHOTS, "questionnaire-report.html");
  await download.saveAs(kept);
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(kept).href);
  assert.equal(requests.length, 1, "nothing else is fetched");
  assert.ok((await overflow(page)) <= 0);
  const pdf = await page.pdf({ preferCSSPageSize: true, path: join(SEATRIAL_SHOTS, "questionnaire-report.pdf") });
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  await page.context().close();
});

check("the browser had nothing to complain about", () => assert.deepEqual(complaints, []));

await runAll(() => browser.close());
