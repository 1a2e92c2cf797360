// What every suite in a browser shares: how Chromium is started, what it complains about, and how checks are run.
// `chromium` is handed in, because each suite has its own playwright.

/** Starts Chromium. As root in a container it has no sandbox of its own; nothing but our pages is opened. */
export function launch(chromium) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** What browsers complained about: errors of scripts, refused sources, failed requests. */
export const complaints = [];

/** Keeps what a page complains about. */
export function listen(page) {
  page.on("console", (message) => message.type() === "error" && complaints.push(`${page.url()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error.message}`));
  return page;
}

/** How much wider than its window a page is. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

const checks = [];

/** Adds a check. */
export const check = (name, run) => checks.push([name, run]);

/** Runs every check, one line each, whatever failed before; `end` comes after the last. The last line counts them. */
export async function runAll(end) {
  let failed = 0;
  for (const [name, run] of checks) {
    try {
      await run();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n        ${error.message.split("\n").slice(0, 6).join("\n        ")}`);
    }
  }
  await end();
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
