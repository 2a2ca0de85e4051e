// For tests of the page in a real Chromium: TAP, a Vigia with cameras (through _page_site.py), browsers that are signed in, axe.
// What the browser's console calls an error fails the test that opened the page, unless it was expected (page.expected is a list of patterns).
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const axeText = readFileSync(join(here, "node_modules/axe-core/axe.min.js"), "utf8");
const tests = [];
export const test = (sentence, run) => tests.push([sentence, run]);

export async function main(close = async () => {}) {
	console.log(`1..${tests.length}`);
	let failed = 0, n = 0;
	for (const [sentence, run] of tests) {
		n++;
		try {
			await run();
			console.log(`ok ${n} - ${sentence}`);
		} catch (e) {
			failed++;
			console.log(`not ok ${n} - ${sentence}`);
			for (const line of String(e.stack ?? e).split("\n").slice(0, 30))
				console.log("# " + line);
		}
	}
	await close();
	process.exit(failed ? 1 : 0);
}

export function assert(condition, said) {
	if (!condition)
		throw new Error(typeof said === "string" ? said : JSON.stringify(said));
}
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
/** Until condition() gives something, or it is said what was waited for. */
export async function waitFor(what, condition, seconds = 20, everyMs = 150) {
	const end = Date.now() + seconds * 1000;
	let last;
	while (Date.now() < end) {
		last = await condition();
		if (last)
			return last;
		await sleep(everyMs);
	}
	throw new Error(`waited ${seconds} s for ${what}; last: ${JSON.stringify(last)}`);
}

/** wanted: {cities: [{id, days, zone}], cameras: [{id, url: "camsim's query", city, ...fields of the API}], config: "more YAML", file: "1h", started: true, demo: the eight cameras and the past of `make run`} */
export async function startSite(wanted = {}) {
	const p = spawn("python3", [join(here, "_page_site.py")], { stdio: ["pipe", "pipe", "inherit"] });
	const lines = createInterface({ input: p.stdout })[Symbol.asyncIterator]();
	const read = async () => {
		for (;;) {
			const { value, done } = await lines.next();
			if (done)
				throw new Error("the site ended");
			if (value.startsWith("{"))
				return JSON.parse(value);
			console.log(value.startsWith("#") ? value : "# " + value);
		}
	};
	p.stdin.write(JSON.stringify(wanted) + "\n");
	const site = await read();
	site.order = async (what) => {
		p.stdin.write(JSON.stringify({ do: what }) + "\n");
		site.token = (await read()).token;
	};
	site.raw = (method, path, body, token = site.token) => fetch(site.base + "/api/v1" + path, { method, body: body === undefined ? undefined : JSON.stringify(body),
		headers: { Authorization: "Bearer " + token, ...(body === undefined ? {} : { "Content-Type": "application/json" }) } });
	site.call = async (method, path, body, token) => {
		const a = await site.raw(method, path, body, token);
		const text = await a.text();
		assert(a.ok, `${method} ${path}: ${a.status} ${text}`);
		return text ? JSON.parse(text) : null;
	};
	site.get = (path) => site.call("GET", path);
	site.stream = async (id) => (await site.get("/streams?limit=1000")).items.find((s) => s.camera_id === id);
	site.waitLive = (...ids) => waitFor(`live ${ids}`, async () => {
		const rows = (await site.get("/streams?limit=1000")).items;
		return (ids.length ? ids : rows.map((r) => r.camera_id)).every((id) => rows.find((r) => r.camera_id === id)?.status === "live");
	});
	site.rtsp = (id, q = "") => `rtsp://127.0.0.1:${site.rtsp_port}/${id}${q ? "?" + q : ""}`;
	site.addUser = (name, role, cities = "all", language = "pt-BR") => site.call("POST", "/users", { name, role, cities, language, password: site.password });
	site.close = () => new Promise((done) => {
		p.on("exit", done);
		p.stdin.end();
	});
	return site;
}

let browser;
export async function openBrowser() {
	browser ??= await chromium.launch({ executablePath: process.env.VIGIA_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"] });
	return browser;
}
export async function closeBrowser() {
	await browser?.close();
	browser = undefined;
}

/** A page of its own context: {width, height, locale, path, user, password, signIn: true, theme, clock: ms that its clock is wrong by}. page.problems has what the console said. */
export async function openPage(site, o = {}) {
	const context = await (await openBrowser()).newContext({ viewport: { width: o.width ?? 1440, height: o.height ?? 900 }, locale: o.locale ?? "pt-BR", timezoneId: o.zone ?? "America/Sao_Paulo",
		acceptDownloads: true, colorScheme: o.colorScheme ?? "dark" });
	if (o.clock)
		await context.addInitScript((ms) => {
			const Real = Date;
			globalThis.Date = class extends Real {
				constructor(...a) {
					super(...(a.length ? a : [Real.now() + ms]));
				}
				static now() {
					return Real.now() + ms;
				}
			};
		}, o.clock);
	const page = await context.newPage();
	page.problems = [];
	page.expected = [];
	page.setDefaultTimeout(15000);
	page.on("console", (m) => m.type() === "error" && page.problems.push(`console: ${m.text()} ${m.location().url}`));
	page.on("pageerror", (e) => page.problems.push(`error: ${e.stack ?? e}`));
	await page.goto(site.base + (o.path ?? "/"));
	if (o.signIn !== false) {
		await page.fill("input[name=user]", o.user ?? "admin");
		await page.fill("input[name=password]", o.password ?? site.password);
		await page.click("button[type=submit]");
		await page.waitForSelector(".shell");
	}
	if (o.theme)
		await page.evaluate((theme) => (document.documentElement.dataset.theme = theme), o.theme);
	return page;
}
/** No error in the console but the expected ones; closes the page. */
export async function closePage(page) {
	const bad = page.problems.filter((p) => !page.expected.some((e) => e.test(p)));
	await page.context().close();
	assert(!bad.length, "the browser's console: " + bad.slice(0, 5).join("\n"));
}
/** Violations of WCAG 2.2 A and AA that axe finds in the page as it is. */
export async function axe(page) {
	await page.evaluate(axeText + "\n;0"); // by the debugger: the page's own policy allows no inline script
	return page.evaluate(async () => {
		const r = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
		return r.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join(" | ")}`);
	});
}
