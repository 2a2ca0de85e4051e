#!/usr/bin/env node
// How smooth the page's list of streams is while its rows change: the real page in a real Chromium, before a server of this file that has so many
// cameras and says so many events a second (the page reads the rows again, as it does with Vigia). Phases in turn: still without updates, still
// with updates, scrolling without and with updates. Long tasks (over 50 ms of the page's thread), frames that came late, the page's CPU time.
// usage: bench/page_streams.mjs [--build build] [--rows 1000] [--rate 100] [--seconds 10]
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const { chromium } = createRequire(join(here, "../tests/system/"))("playwright-core");
const arg = (name, value) => {
	const at = process.argv.indexOf("--" + name);
	return at < 0 ? value : process.argv[at + 1];
};
const build = arg("build", "build"), ROWS = Number(arg("rows", 1000)), RATE = Number(arg("rate", 100)), SECONDS = Number(arg("seconds", 10));
const assets = join(build, "web/page");
if (!existsSync(join(assets, "index.html"))) {
	console.error(`${assets} is not there: make builds it`);
	process.exit(2);
}
const abort = setTimeout(() => process.exit(3), (SECONDS * 4 + 60) * 1000);
abort.unref();

// --- the server ---
const groups = ["Portões", "Centro", "Avenidas", "Parques", ""], streets = ["Avenida Brasil", "Rua do Comércio", "Praça da Sé", "Travessa São José"];
const iso = (ms) => new Date(ms).toISOString();
const made = Date.now() - 3600_000;
const rows = Array.from({ length: ROWS }, (_, i) => ({
	id: `s-${i}`, camera_id: `c-${i}`, camera_name: `${streets[i % 4]} ${i}`, city_id: i % 3 ? "lapa" : "olinda", city_name: i % 3 ? "Lapa" : "Olinda", number: i, group: groups[i % 5], status: "live", started_at: iso(made),
	viewers: 0, hls_url: "", recording_state: "recording", last_frame_at: iso(made), last_error: null, since: iso(made), codec: "avc1.64001f", width: 1920, height: 1080, fps: 25, bytes_received: 1e9, frames_lost: 0,
	stopped_at: null, stopped_by: null, stop_reason: null, restart_at: null, record: true, archived: false, bitrate_bps: 2e6, attention: null, need: "nothing", needs_attention: false, lost_at: null, can_live: "mse", has_small: true,
}));
let rate = 0, told = 0, asked = 0;
const listeners = new Set();
/** One camera in ten goes or comes back, the others change a number. */
function change() {
	const r = rows[Math.floor(Math.random() * ROWS)];
	if (Math.random() < 0.1) {
		r.status = r.status === "live" ? "reconnecting" : "live";
		r.recording_state = r.status === "live" ? "recording" : "not_recording";
		r.last_error = r.status === "live" ? null : "no answer from the camera for 10 s";
		r.since = r.lost_at = iso(Date.now() - 11_000);
	}
	r.bitrate_bps = Math.floor(1.5e6 + Math.random() * 1e6);
	r.viewers = Math.floor(Math.random() * 4);
	told++;
	const text = `event: stream\ndata: ${JSON.stringify({ kind: "stream", at: iso(Date.now()), city_id: r.city_id, camera_id: r.camera_id, detail: r.status })}\n\n`;
	for (const a of listeners)
		a.write(text);
}
let owed = 0;
const ticker = setInterval(() => {
	for (owed += rate / 50; owed >= 1; owed--)
		change();
}, 20);

const types = { js: "text/javascript", css: "text/css", html: "text/html", svg: "image/svg+xml" };
const json = (a, value) => a.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
const server = createServer((q, a) => {
	const url = new URL(q.url, "http://x"), path = url.pathname.replace("/api/v1", "");
	if (url.pathname.startsWith("/assets/")) {
		const file = join(assets, url.pathname.split("/").pop());
		a.writeHead(200, { "Content-Type": types[file.split(".").pop()] }).end(readFileSync(file));
	} else if (!url.pathname.startsWith("/api/"))
		a.writeHead(200, { "Content-Type": "text/html" }).end(readFileSync(join(assets, "index.html")));
	else if (path === "/events") {
		a.writeHead(200, { "Content-Type": "text/event-stream" }).write(": hello\n\n");
		listeners.add(a);
		q.on("close", () => listeners.delete(a));
	} else if (path === "/session")
		json(a, { user: "bench", role: "administrator", cities: "all", language: "pt-BR", expires_at: iso(Date.now() + 43200_000), now: iso(Date.now()) });
	else if (path === "/cities")
		json(a, { items: ["Lapa", "Olinda"].map((name) => ({ id: name.toLowerCase(), name, retention_days: 30, time_zone: "America/Sao_Paulo", language: "pt-BR", notify: [] })), next_cursor: null });
	else if (path === "/streams") {
		const ids = url.searchParams.get("camera_ids"), wanted = ids && new Set(ids.split(","));
		asked += wanted ? wanted.size : ROWS;
		json(a, { items: wanted ? rows.filter((r) => wanted.has(r.camera_id)) : rows, next_cursor: null });
	} else
		json(a, path === "/preferences" ? { first_steps: { closed: true } } : { items: [], next_cursor: null });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

// --- the browser ---
const browser = await chromium.launch({ executablePath: process.env.VIGIA_CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
const stop = async () => {
	clearInterval(ticker);
	await browser.close().catch(() => undefined);
	server.closeAllConnections();
	server.close();
};
for (const s of ["SIGINT", "SIGTERM"])
	process.on(s, () => void stop().then(() => process.exit(1)));
let result;
try {
	const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
	const cdp = await page.context().newCDPSession(page);
	await cdp.send("Performance.enable");
	await page.addInitScript(() => localStorage.setItem("vigia-signed-in", "1"));
	await page.goto(`http://127.0.0.1:${server.address().port}/streams`);
	await page.locator(".streams-table tr[data-camera]").first().waitFor();
	await page.waitForTimeout(1500);
	const cpu = async () => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
	const measure = async (name, updates, scroll) => {
		rate = updates;
		await page.waitForTimeout(1000);
		const before = await cpu(), toldBefore = told, askedBefore = asked;
		const seen = await page.evaluate(([ms, scroll]) => new Promise((done) => {
			const gaps = [], long = [], box = document.querySelector(".streams-table"), begun = performance.now();
			const watch = new PerformanceObserver((list) => list.getEntries().forEach((e) => long.push(e.duration)));
			watch.observe({ type: "longtask" });
			let last = begun, down = 1;
			const frame = (at) => {
				gaps.push(at - last);
				last = at;
				if (scroll) {
					if (box.scrollTop + box.clientHeight >= box.scrollHeight - 2 || box.scrollTop <= 0)
						down = box.scrollTop <= 0 ? 1 : -1;
					box.scrollTop += down * 30;
				}
				if (at - begun < ms)
					requestAnimationFrame(frame);
				else {
					watch.disconnect();
					done({ gaps: gaps.slice(1), long, rows: document.querySelectorAll(".streams-table tr[data-camera]").length });
				}
			};
			requestAnimationFrame(frame);
		}), [SECONDS * 1000, scroll]);
		const spent = (await cpu()) - before, sorted = [...seen.gaps].sort((x, y) => x - y);
		const dropped = seen.gaps.reduce((n, g) => n + Math.max(0, Math.round(g / (1000 / 60)) - 1), 0);
		const row = { phase: name, updates_per_s: Math.round((told - toldBefore) / SECONDS), rows_read_per_s: Math.round((asked - askedBefore) / SECONDS), rows_drawn: seen.rows, frames: seen.gaps.length, frames_dropped: dropped,
			dropped_percent: Number(((100 * dropped) / (seen.gaps.length + dropped)).toFixed(2)), frame_p99_ms: Number(sorted[Math.floor(sorted.length * 0.99)].toFixed(1)), frame_max_ms: Number(sorted.at(-1).toFixed(1)), long_tasks: seen.long.length,
			long_task_max_ms: Math.round(Math.max(0, ...seen.long)), cpu_percent: Number(((100 * spent) / SECONDS).toFixed(1)) };
		console.error(`${row.phase}: ${row.updates_per_s} updates/s, ${row.frames} frames, ${row.frames_dropped} dropped (${row.dropped_percent} %), p99 ${row.frame_p99_ms} ms, ${row.long_tasks} long tasks (longest ${row.long_task_max_ms} ms), the page's thread busy ${row.cpu_percent} %`);
		return row;
	};
	const phases = [await measure("still", 0, false), await measure("still, updates", RATE, false), await measure("scrolling", 0, true), await measure("scrolling, updates", RATE, true)];
	result = { bench: "page_streams", rows: ROWS, rate: RATE, seconds: SECONDS, chromium: browser.version(), phases };
} finally {
	await stop();
}
console.log(JSON.stringify(result));
process.exit(0);
