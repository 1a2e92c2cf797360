// Signs people in through a real OpenID provider. Each check is one line of output; the last line counts them.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:net";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Provider } from "oidc-provider";
import { chromium } from "playwright-core";
import { check, launch, runAll } from "../browser/checks.mjs";

const { SEATRIAL, SEATRIAL_YARD } = process.env;
const SECRET = "a secret of the client";

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

// The provider -------------------------------------------------------------------------------------------------------

/** What the provider knows of people. */
const directory = {
  hana: { email: "Hana@harbour.example", email_verified: true, groups: ["credit-owners", "everybody"] },
  hugo: { email: "hugo@harbour.example", email_verified: false, groups: ["credit-owners"] },
  ugo: { email: "ugo@harbour.example", email_verified: true, groups: ["everybody"] },
  eve: { email: "eve@harbour.example", email_verified: true, groups: ["credit-owners"] },
};

function key(kid) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

const ports = { provider: await freePort(), pages: await freePort() };
const issuer = `http://localhost:${ports.provider}`;
const pages = `http://127.0.0.1:${ports.pages}`;

function provider(keys) {
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: "seatrial",
        client_secret: SECRET,
        redirect_uris: [`${pages}/sign-in/sso/callback`],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    jwks: { keys },
    pkce: { required: () => true },
    scopes: ["openid", "email", "profile", "groups"],
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    // Claims in the ID token itself, as most providers have them.
    conformIdTokenClaims: false,
    cookies: { keys: ["for this test alone"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...directory[id] }) }),
    features: { devInteractions: { enabled: true } },
  });
  made.on("server_error", (_, error) => console.error("provider:", error.message));
  return new Promise((done) => {
    const server = made.listen(ports.provider, "localhost", () => done(server));
  });
}

// The factory --------------------------------------------------------------------------------------------------------

const PEOPLE = `\
  - { id: hana@harbour.example, name: "Hana Okafor", side: receiving, roles: [credit, underwriters] }
  - { id: hugo@harbour.example, name: "Hugo Brandt", side: receiving, roles: [credit] }
  - { id: ugo@harbour.example, name: "Ugo Lind", side: receiving, roles: [underwriters] }
`;

function declare(people) {
  writeFileSync(
    join(SEATRIAL_YARD, "factory.yaml"),
    `seatrial: 1
factory: harbour-bank
people:
${people}
store: { sqlite: .seatrial }
workflows: []
sign_in:
  issuer: ${issuer}
  client_id: seatrial
  client_secret: { env: SEATRIAL_OIDC_SECRET }
  address: ${pages}
  groups: { credit-owners: credit }
`,
  );
}

mkdirSync(SEATRIAL_YARD, { recursive: true });
declare(PEOPLE);
const made = spawnSync(SEATRIAL, ["-C", SEATRIAL_YARD, "people", "reload", "--as", "hana@harbour.example"]);
assert.equal(made.status, 0, String(made.stderr));

const served = spawn(SEATRIAL, ["-C", SEATRIAL_YARD, "serve", "--listen", `127.0.0.1:${ports.pages}`], {
  env: { ...process.env, SEATRIAL_OIDC_SECRET: SECRET },
  stdio: ["ignore", "ignore", "inherit"],
});
for (let tries = 0; ; tries++) {
  if (await fetch(`${pages}/sign-in`).then((answer) => answer.ok, () => false)) break;
  assert(tries < 100 && served.exitCode === null, "the factory was not served");
  await new Promise((done) => setTimeout(done, 100));
}

let idp = await provider([key("first")]);
const browser = await launch(chromium);

/** A fresh browser of somebody who begins at a page and signs in at the provider; it ends where the provider leaves it. */
async function signIn(login, path = "/") {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(pages + path);
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  await page.click("a[href^='/sign-in/sso']");
  await page.waitForURL((url) => url.origin === issuer);
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", "any");
  await page.click("button[type=submit]");
  // The provider asks whether it may tell us.
  await page.waitForSelector("button[type=submit]");
  await Promise.all([page.waitForURL((url) => url.origin === pages), page.click("button[type=submit]")]);
  return page;
}

let hana;

check("somebody signs in, and comes to the page that they wanted", async () => {
  hana = await signIn("hana", "/?who=me");
  assert.equal(await hana.textContent("h1"), "Signed in");
  await Promise.all([hana.waitForURL((url) => url.pathname === "/"), hana.click("main a.button")]);
  assert.equal(new URL(hana.url()).search, "?who=me");
  assert.match(await hana.textContent("body"), /Hana Okafor/);
});

check("with the roles that their groups allow, and no other", async () => {
  const text = await hana.textContent("body");
  assert.match(text, /credit/);
  assert.doesNotMatch(text, /underwriters/);
});

check("a code is good for once", async () => {
  const back = hana.url();
  await hana.goto(`${pages}/sign-in/sso/callback?code=guessed&state=guessed`);
  assert.match(await hana.textContent("main"), /not begun in this browser/);
  await hana.goto(back);
  assert.equal(new URL(hana.url()).pathname, "/", "and whoever was signed in still is");
});

check("an address that the provider has not verified is nobody's", async () => {
  const page = await signIn("hugo");
  assert.match(await page.textContent("main"), /gave no verified address/);
});

check("nobody comes in without a group that is mapped", async () => {
  const page = await signIn("ugo");
  assert.match(await page.textContent("main"), /in no group/);
});

check("a stranger is told what to do", async () => {
  const page = await signIn("eve");
  assert.match(await page.textContent("main"), /eve@harbour\.example.? is no person of this factory/);
});

check("keys of the provider change", async () => {
  await new Promise((done) => (idp.closeAllConnections(), idp.close(done)));
  idp = await provider([key("second")]);
  // A key that is not known is asked for at most every ten seconds.
  await new Promise((done) => setTimeout(done, 10_500));
  const page = await signIn("hana");
  assert.equal(await page.textContent("h1"), "Signed in");
});

check("whoever leaves is out with the next request", async () => {
  declare(PEOPLE.split("\n").filter((line) => !line.includes("hana@")).join("\n"));
  const told = spawnSync(SEATRIAL, ["-C", SEATRIAL_YARD, "people", "list", "--format", "json"]);
  assert.equal(told.status, 0, String(told.stderr));
  assert(!String(told.stdout).includes("hana@"));
  await hana.goto(`${pages}/`);
  assert.equal(new URL(hana.url()).pathname, "/sign-in");
});

check("the secret stands in no file of the factory", async () => {
  assert(!readFileSync(join(SEATRIAL_YARD, "factory.yaml"), "utf8").includes(SECRET));
});

await runAll(async () => {
  await browser.close();
  served.kill("SIGTERM");
  idp.closeAllConnections();
  idp.close();
});
