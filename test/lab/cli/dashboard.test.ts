import { expect } from "chai";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { Agent, get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Browser, ConsoleMessage, Page } from "playwright-core";
import { obstaclesOn, startBrowser } from "../../../harness/dashboard/browser";
import { eventually } from "../../../harness/eventually";
import { type MeshState, meshStates, reportsOf, watchOf } from "../../../harness/dashboard/states";
import type { MeshWatch } from "../../../src/cli/dashboard/mesh-watch";
import { pageFiles } from "../../../src/cli/dashboard/page-files";
import { mostStreams, PageServer } from "../../../src/cli/dashboard/page-server";
import type { StatusReport } from "../../../src/cli/status-report";

const sizes = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;
const schemes = ["light", "dark"] as const;
/** Where pictures of every state go, for people to look at; none are made where it is not set. */
const pictures = process.env["DASHBOARD_SCREENSHOTS"];

/** What a person must be able to read in each state, and how the page is headed. */
const expected: Readonly<Record<string, { readonly verdict: RegExp; readonly texts: readonly RegExp[] }>> = {
  fine: { verdict: /4 sites, 8 zones .*: fine$/, texts: [/Nothing, in what was asked/] },
  "link cut": {
    verdict: /4 wrong/,
    texts: [
      // Forty seconds before the page is opened, which takes a while on a busy machine.
      ...[/late from site-a to site-d: example\.com, mail\.example/, /site-d: has 2026112901, for (?:[45]\d s|1 min)/],
      /a change was at every site that answers/,
    ],
  },
  "site away": { verdict: /3 wrong/, texts: [/site-c does not answer: no answer within 1500 ms/] },
  "held removal": {
    verdict: /4 wrong/,
    texts: [/Held back, until somebody says that it is wanted/, /To confirm, put them back with a retired date/],
  },
  "expired certificate": { verdict: /1 wrong/, texts: [/the certificate of site-b ended at/] },
  "300 sites": {
    verdict: /300 sites, 3002 zones .*: \d+ wrong/,
    texts: [
      ...[/site-211 does not answer/, /of 900600 pairs .* were asked/, /100 more of 2982 zones/],
      /a change was at every site that was asked/,
    ],
  },
};

/** In a real browser, before states of a mesh that go the way that the command's own looks go. */
describe("the page of mesh dashboard", function () {
  this.timeout(240_000);
  let browser: Browser;
  let files: Awaited<ReturnType<typeof pageFiles>>;
  let server: PageServer;
  let watch: MeshWatch;
  let page: Page;
  let url: string;
  /** What the browser complains about, and whom it asks. */
  let complaints: string[] = [];
  let asked: string[] = [];
  const states = meshStates();
  const stateOf = (name: string): MeshState => states.find((state) => state.name === name)!;

  before(async () => {
    files = await pageFiles(join(__dirname, "../../../src/cli/dashboard"));
    browser = await startBrowser();
    // One for all: each of its own costs more than what is shown on it.
    page = await browser.newPage({ viewport: sizes.wide, reducedMotion: "reduce" });
    page.setDefaultTimeout(90_000);
    page.on("console", (message: ConsoleMessage) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error: Error) => complaints.push(error.message));
    page.on("request", (request) => asked.push(request.url()));
  });
  after(() => browser.close());
  afterEach(async () => {
    await page.goto("about:blank");
    await server[Symbol.asyncDispose]();
  });

  /** Serves the page as it is before the last look of a state. */
  async function serve(name: string, further: readonly StatusReport[] = []): Promise<void> {
    watch = await watchOf(stateOf(name), further);
    server = new PageServer({ watch, files, hosts: { address: "127.0.0.1", names: [] } });
    url = `http://127.0.0.1:${await server.listen(0)}/`;
  }

  /** Opens that page. */
  async function open(name: string, further: readonly StatusReport[] = []): Promise<void> {
    await serve(name, further);
    await page.setViewportSize(sizes.wide);
    await page.emulateMedia({ colorScheme: "light" });
    [complaints, asked] = [[], []];
    await page.goto(url);
    await page.getByRole("heading", { name: "Map" }).waitFor();
  }

  const verdict = () => page.locator("header [role=status]");
  /** The site on the map, or else the element's id, where the keyboard is. */
  const focused = () => page.evaluate<string>("document.activeElement.dataset.site ?? document.activeElement.id");
  // The title, and the focus on a site's details, follow by effects: after what is on the page is there to be found.
  // Asked for from here: the page's policy lets nothing be evaluated on it that goes on by itself.
  const hasTitle = (title: string) => eventually(90, async () => expect(await page.title()).to.equal(title));
  const hasFocus = (selector: string) => page.locator(`${selector}:focus`).waitFor();
  const scrollsAside = () =>
    page.evaluate<boolean>("document.documentElement.scrollWidth > document.documentElement.clientWidth");

  /** What is done in a state besides, which is left as it was. */
  const uses: Readonly<Record<string, () => Promise<void>>> = { "300 sites": findsZoneAndSite };

  /** A zone among thousands, and one site from what is wrong with it. */
  async function findsZoneAndSite(): Promise<void> {
    await page.getByRole("searchbox", { name: "Zone or owner" }).fill("zone-2999.");
    await page.getByText("1 of 3002 zones").waitFor();
    expect(await page.getByRole("table", { name: "Zones" }).getByRole("row").count()).to.equal(2);
    await page.getByRole("searchbox").fill("");
    await page.getByRole("checkbox", { name: /not fine/ }).check();
    await page.getByText("3 of 3002 zones").waitFor();
    await page.getByRole("button", { name: "site-211 on the map" }).first().click();
    await page.getByRole("region", { name: "Site site-211" }).waitFor();
    await hasFocus("#site-details");
    await page.getByRole("button", { name: "Close" }).click();
    expect(await focused()).to.equal("site-211");
    await page.getByRole("checkbox", { name: /not fine/ }).uncheck();
  }

  for (const { name } of states) {
    it(`shows ${name}: to the eye, by keyboard and to a screen reader, light and dark, wide and on a phone`, async () => {
      await open(name);
      await watch.lookOnce(99);
      const { verdict: headed, texts } = expected[name]!;
      await verdict().getByText(headed).waitFor();
      // The charts are drawn once the page knows its width.
      await eventually(90, async () => {
        const shown = (await page.locator("main").innerText()).replaceAll(/\s+/g, " ");
        for (const text of texts) expect(shown).to.match(text);
      });
      await uses[name]?.();
      for (const [size, viewport] of Object.entries(sizes)) {
        await page.setViewportSize(viewport);
        for (const colorScheme of schemes) {
          await page.emulateMedia({ colorScheme });
          // Each size and each scheme once by every rule, and all four by those that hang on the scheme.
          const isWhole = (size === "wide") === (colorScheme === "light");
          const found = await obstaclesOn(page, isWhole ? "everything" : "colours");
          expect(found, `${size}, ${colorScheme}`).to.deep.equal([]);
          if (pictures === undefined) continue;
          mkdirSync(pictures, { recursive: true });
          const path = join(pictures, `${name.replaceAll(" ", "-")}-${size}-${colorScheme}.png`);
          await page.screenshot({ path, fullPage: true });
        }
        expect(await scrollsAside(), size).to.equal(false);
      }
      expect(complaints).to.deep.equal([]);
      expect(asked.filter((each) => !each.startsWith(url))).to.deep.equal([]);
    });
  }

  it("changes by itself, and leaves what is open and where one is", async () => {
    await open("site away", reportsOf(stateOf("fine")).slice(-1));
    await watch.lookOnce(99);
    await verdict()
      .getByText(/3 wrong/)
      .waitFor();
    const map = page.getByRole("button", { name: /^site-c, standard/ });
    await map.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Site site-c" }).waitFor();
    await watch.lookOnce(100);
    await verdict()
      .getByText(/: fine$/)
      .waitFor();
    await hasTitle("fine – dns-mesh");
    expect(await focused()).to.equal("site-c");
    await page.getByRole("region", { name: "Site site-c" }).getByText("yes, for 8 zones").waitFor();
  });

  it("does not pass for live when the command ended, or a look failed", async () => {
    await open("fine");
    await watch.lookOnce(99);
    await watch.lookOnce(100);
    await page
      .getByRole("alert")
      .getByText(/last look at the mesh failed: there is no further look/)
      .waitFor();
    await verdict()
      .getByText(/since the last look failed/)
      .waitFor();
    await server[Symbol.asyncDispose]();
    await page
      .getByRole("alert")
      .getByText(/does not answer any more/)
      .waitFor();
    await hasTitle("not live – dns-mesh");
    // Which is what the browser complains about, and nothing else.
    expect(
      complaints.filter((line) => !/ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING)/.test(line)),
    ).to.deep.equal([]);
  });

  /** Takes up one of the streams, until the agent is destroyed. */
  async function listen(agent: Agent): Promise<void> {
    const [answer] = (await once(get(`${url}events`, { agent }), "response")) as [IncomingMessage];
    answer.on("error", () => undefined).resume();
  }

  it("is live again once it is let in, where too many pages were open", async () => {
    await serve("fine");
    const agent = new Agent();
    await Promise.all(Array.from({ length: mostStreams }, () => listen(agent)));
    await page.goto(url);
    await page
      .getByRole("alert")
      .getByText(/does not answer any more/)
      .waitFor();
    agent.destroy();
    await page.getByRole("heading", { name: "Map" }).waitFor();
    expect(await page.getByRole("alert").count()).to.equal(0);
  });

  it("is used by keyboard alone: one stop for the map, arrows within, Enter, Escape and zoom", async () => {
    await open("link cut");
    await watch.lookOnce(99);
    await verdict()
      .getByText(/4 wrong/)
      .waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await focused()).to.equal("main");
    for (let i = 0; (await focused()) !== "site-a"; i++) {
      expect(i, "stops before the map").to.be.below(12);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("ArrowLeft");
    const next = await focused();
    expect(next).to.match(/^site-[bcd]$/);
    await page.keyboard.press("Enter");
    const details = page.getByRole("region", { name: `Site ${next}` });
    await details.waitFor();
    await page.keyboard.press("Escape");
    await details.waitFor({ state: "detached" });
    expect(await focused()).to.equal(next);
    const transform = () => page.locator(".map svg > g").getAttribute("transform");
    await page.keyboard.press("+");
    expect(await transform()).to.match(/scale\(1\.5\)/);
    const zoomed = await transform();
    // What is the browser's stays its own.
    for (const keys of ["Control+0", "Control++", "Alt+ArrowRight"]) await page.keyboard.press(keys);
    expect([await focused(), await transform()]).to.deep.equal([next, zoomed]);
    await page.keyboard.press("0");
    expect(await transform()).to.match(/scale\(1\)/);
    await page.keyboard.press("Tab");
    expect(await focused()).not.to.match(/^site-/);
  });
});
