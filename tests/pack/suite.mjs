// The pack's catalog entry, read by Backstage's own model; and its page in a real browser, from the disk, and printed.
import { readFileSync, mkdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { chromium } from "playwright-core";
import * as catalog from "@backstage/catalog-model";

const pack = process.env.SEATRIAL_PACK;
const shots = process.env.SEATRIAL_SHOTS;
mkdirSync(shots, { recursive: true });
let passed = 0;
let failed = 0;

async function check(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error.stack ?? error}`);
  }
}

function assert(holds, what) {
  if (!holds) throw new Error(what);
}

const policy = catalog.EntityPolicies.allOf([
  new catalog.SchemaValidEntityPolicy(),
  new catalog.DefaultNamespaceEntityPolicy(),
  new catalog.NoForeignRootFieldsEntityPolicy(),
  new catalog.FieldFormatEntityPolicy(),
]);

async function accepts(entity) {
  const enforced = await policy.enforce(structuredClone(entity));
  return enforced !== undefined && (await catalog.componentEntityV1alpha1Validator.check(enforced));
}

async function refuses(entity) {
  try {
    return !(await accepts(entity));
  } catch {
    return true;
  }
}

await check("Backstage's catalog model accepts the entry, and refuses broken ones", async () => {
  const entity = parse(readFileSync(`${pack}/catalog-info.yaml`, "utf8"));
  assert(await accepts(entity), "it was not accepted");
  assert(catalog.parseEntityRef(entity.spec.owner).kind === "group", "the owner is no group");
  const { owner, ...rest } = entity.spec;
  assert(await refuses({ ...entity, spec: rest }), "an entry without an owner was accepted");
  assert(await refuses({ ...entity, metadata: { ...entity.metadata, name: "two words" } }), "a bad name was accepted");
});

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const url = pathToFileURL(`${pack}/index.html`).href;

async function open(options) {
  const context = await browser.newContext({ offline: true, ...options });
  const page = await context.newPage();
  const said = [];
  const asked = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(url);
  return { page, said, asked };
}

// What is wider than the box it stands in: on paper nobody scrolls.
const cutOff = () =>
  [...document.querySelectorAll("table, pre, svg, img, p, li, h1, h2, h3, code")]
    .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 60)}`);

await check("from the disk: nothing is asked of anybody, and nothing complains", async () => {
  const { page, said, asked } = await open({ viewport: { width: 1200, height: 900 } });
  await page.screenshot({ path: `${shots}/pack.png`, fullPage: true });
  const others = asked.filter((address) => address !== url && !address.startsWith("data:"));
  assert(others.length === 0, `asked for ${others}`);
  assert(said.length === 0, said.join("\n"));
  assert((await page.locator("h1").count()) === 1, "no heading");
});

await check("every citation leads to a row of the page", async () => {
  const { page } = await open({});
  const lost = await page.evaluate(() =>
    [...document.querySelectorAll('a[href^="#"]')]
      .map((link) => link.getAttribute("href"))
      .filter((href) => !document.getElementById(href.slice(1))),
  );
  assert(lost.length === 0, lost.join(" "));
  assert((await page.locator("a.cite").count()) > 40, "hardly anything is cited");
});

await check("on a phone nothing makes the page wider than the screen", async () => {
  const { page } = await open({ viewport: { width: 360, height: 740 } });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.screenshot({ path: `${shots}/pack-phone.png` });
  assert(width <= 361, `${width} pixels wide`);
});

await check("printed: no table is cut off, colours are those of paper, also where the screen is dark", async () => {
  const { page } = await open({ colorScheme: "dark", viewport: { width: 718, height: 1000 } });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const cut = await page.evaluate(cutOff);
  assert(cut.length === 0, cut.join("\n"));
  const ink = await page.evaluate(() => getComputedStyle(document.body).color);
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert(ink === "rgb(0, 0, 0)" && paper === "rgb(255, 255, 255)", `${ink} on ${paper}`);
  await page.screenshot({ path: `${shots}/pack-print.png`, fullPage: true });
  await page.pdf({ path: `${shots}/pack.pdf`, format: "A4", printBackground: true, preferCSSPageSize: true });
});

await check("a table that is too wide would be found", async () => {
  const { page } = await open({ viewport: { width: 718, height: 1000 } });
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => {
    document.querySelector("table").style.width = "2000px";
  });
  assert((await page.evaluate(cutOff)).length > 0, "it was not found");
});

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
