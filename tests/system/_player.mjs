// Real players for the browser tests: headless Chromium with hls.js in a page of another origin than Vigia's, one page for all addresses.
// usage: node _player.mjs NAME=URL...
// Every half second one line of JSON per player on standard output; events (errors of hls.js, the page reloading) in between.
// The page does what hls.js's documentation recommends and no more: fatal network errors start loading again, fatal media errors recover.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const hlsText = readFileSync(join(here, "node_modules/hls.js/dist/hls.js"));
const say = (o) => process.stdout.write(JSON.stringify(o) + "\n");

// Runs in the page.
function startPlayers({ streams, debug }) {
	window.players = {};
	for (const [name, url] of streams) {
		const video = document.createElement("video");
		video.muted = true;
		video.autoplay = true;
		video.width = 160;
		document.body.append(video);
		const tell = (...a) => window.report({ event: "log", name, text: a.join(" ").slice(0, 400) });
		const config = debug ? { debug: { trace() {}, debug() {}, log: tell, info: tell, warn: tell, error: tell } } : {};
		const hls = new Hls(config);
		const player = { video, hls, errors: {}, recoveries: 0, waits: 0 };
		window.players[name] = player;
		hls.on(Hls.Events.ERROR, (_, d) => {
			const key = d.details + (d.fatal ? " fatal" : "");
			player.errors[key] = (player.errors[key] || 0) + 1;
			window.report({ event: "error", name, type: d.type, details: d.details, fatal: d.fatal, status: d.response?.code,
				text: String(d.error?.message || d.reason || "").slice(0, 300), url: (d.url || d.frag?.url)?.replace(/^.*[/]/, "") });
			if (!d.fatal)
				return;
			player.recoveries++;
			if (d.type === Hls.ErrorTypes.NETWORK_ERROR)
				setTimeout(() => (hls.levels.length ? hls.startLoad() : hls.loadSource(url)), 1000);
			else if (d.type === Hls.ErrorTypes.MEDIA_ERROR)
				hls.recoverMediaError();
		});
		hls.on(Hls.Events.MANIFEST_PARSED, (_, d) => {
			player.lowLatency = hls.lowLatencyMode;
			window.report({ event: "manifest", name, audio: d.audioTracks.length, codecs: hls.levels[0].attrs.CODECS });
			video.play().catch((e) => window.report({ event: "play", name, text: String(e) }));
		});
		video.addEventListener("waiting", () => player.waits++);
		hls.loadSource(url);
		hls.attachMedia(video);
	}
}

// Runs in the page.
function look() {
	return Object.entries(window.players).map(([name, p]) => {
		const v = p.video, q = v.getVideoPlaybackQuality(), b = v.buffered, details = p.hls.latestLevelDetails;
		const playing = p.hls.playingDate;
		return {
			name, at: Date.now() / 1000, time: v.currentTime, frames: q.totalVideoFrames, dropped: q.droppedVideoFrames, ready: v.readyState,
			paused: v.paused, ahead: b.length ? b.end(b.length - 1) - v.currentTime : 0, ranges: b.length,
			audio: v.webkitAudioDecodedByteCount, latency: p.hls.latency, target: p.hls.targetLatency,
			behind: playing ? (Date.now() - playing.getTime()) / 1000 : null, parts: details ? details.partList?.length || 0 : 0,
			lowLatency: p.lowLatency, errors: p.errors, recoveries: p.recoveries, waits: p.waits, error: v.error?.message,
		};
	});
}

const server = createServer((rq, rs) => {
	if (rq.url === "/hls.js") {
		rs.setHeader("Content-Type", "text/javascript");
		rs.end(hlsText);
	} else {
		rs.setHeader("Content-Type", "text/html");
		rs.end("<!doctype html><meta charset=utf-8><title>players</title><script src=/hls.js></script>");
	}
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
	headless: true,
	args: [...(process.getuid() === 0 ? ["--no-sandbox"] : []), "--autoplay-policy=no-user-gesture-required",
		"--disable-background-networking", "--disable-component-update", "--no-proxy-server", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
});
const page = await browser.newPage();
let loads = 0;
page.on("load", () => say({ event: "loaded", loads: ++loads }));
page.on("pageerror", (e) => say({ event: "pageerror", text: String(e) }));
page.on("crash", () => say({ event: "crash" }));
// Without the session, which is a way in.
const short = (url) => url?.replace(/\/s\/[^/]+/, "/s/-").replace(/token=[^&]*/, "token=-");
page.on("requestfailed", (rq) => {
	say({ at: Date.now() / 1000, event: "requestfailed", url: short(rq.url()), text: rq.failure()?.errorText });
});
await page.exposeFunction("report", (o) => say({ at: Date.now() / 1000, ...o }));
await page.goto(`http://127.0.0.1:${server.address().port}/`);
const streams = process.argv.slice(2).map((a) => [a.slice(0, a.indexOf("=")), a.slice(a.indexOf("=") + 1)]);
await page.evaluate(startPlayers, { streams, debug: Boolean(process.env.HLS_DEBUG) });

const end = async () => {
	clearInterval(timer);
	await browser.close().catch(() => {});
	process.exit(0);
};
let busy = false;
const timer = setInterval(async () => {
	if (busy)
		return;
	busy = true;
	try {
		for (const o of await page.evaluate(look))
			say(o);
	} catch (e) {
		say({ event: "pageerror", text: String(e) });
	}
	busy = false;
}, 500);
process.stdin.resume();
process.stdin.on("end", end); // whoever started us is gone
process.on("SIGTERM", end);
