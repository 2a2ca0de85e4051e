// timeout: 7200
// A wall of sixteen small streams in a browser for an hour: every tile goes on, none stands still without saying so, the delay does not grow, the
// browser's memory stays flat; meanwhile cameras drop out and come back, streams are stopped and started, the server is killed and started again.
// VIGIA_WALL_S: for how long (3600); VIGIA_WALL_TILES: how many (16).
import { readFileSync } from "node:fs";
import { assert, closeBrowser, closePage, main, openBrowser, openPage, sleep, startSite, test, waitFor } from "../system/_page.mjs";

const SECONDS = Number(process.env.VIGIA_WALL_S ?? 3600), N = Number(process.env.VIGIA_WALL_TILES ?? 16), EVERY_S = Math.max(2, Math.min(10, SECONDS / 30));
const ids = Array.from({ length: N }, (_, i) => `cam-${i + 1}`);
const site = await startSite({ file: "1m", cameras: ids.map((id, i) => ({ id, url: "clip=low&fps=5", number: i + 1 })), started: false });
for (const [i, id] of ids.entries())
	await site.call("PATCH", `/cameras/${id}`, { live_url: site.rtsp(`small-${i + 1}`, i === N - 2 ? "clip=small&fps=10&drop=15/120" : i === N - 1 ? "clip=small&fps=10&stall=12/90" : "clip=small&fps=10") });
await site.call("POST", "/streams/start", { all: true });
await site.waitLive();

/** Resident memory of a process and all below it, in MB. */
function memory(pid) {
	let sum = 0;
	const add = (p) => {
		try {
			sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${p}/smaps_rollup`, "utf8"))[1]) / 1000;
			for (const child of readFileSync(`/proc/${p}/task/${p}/children`, "utf8").split(" ").filter(Boolean))
				add(Number(child));
		} catch {
			// it ended meanwhile
		}
	};
	add(pid);
	return sum;
}
const heap = async (cdp) => {
	await cdp.send("HeapProfiler.collectGarbage");
	return (await cdp.send("Runtime.getHeapUsage")).usedSize / 1e6;
};
/** Of each tile: what it says, and whether its picture changed since the last look (its pixels are asked, not its own counters). */
const look = (page) => page.evaluate(() => [...document.querySelectorAll(".wall-grid.shown .tile")].map((tile) => {
	const feed = tile.querySelector(".live-feed"), video = feed?.querySelector("video:last-child"), canvas = (window.lookCanvas ??= Object.assign(document.createElement("canvas"), { width: 64, height: 36 }));
	const c = canvas.getContext("2d", { willReadFrequently: true });
	let sum = 0;
	if (video?.videoWidth) {
		c.drawImage(video, 0, 0, 64, 36);
		c.getImageData(0, 0, 64, 36).data.forEach((v, i) => (sum = (sum * 31 + v * (i % 7 + 1)) | 0));
	}
	return { camera: tile.dataset.camera, phase: feed?.dataset.phase, delay: Number(feed?.dataset.delay), frames: Number(feed?.dataset.frames), sum, card: !!tile.querySelector(".tile-card, .tile-wait"), videos: document.querySelectorAll("video").length };
}));

test(`${N} tiles for ${SECONDS} s: memory flat, the delay does not grow, no tile stands still in silence`, async () => {
	const page = await openPage(site, { path: `/wall?grid=${N > 16 ? 25 : N > 9 ? 16 : N > 4 ? 9 : 4}&cameras=${ids.join(",")}` });
	page.expected.push(/Failed to load resource|ERR_|net::/);
	await waitFor("the wall", async () => (await look(page)).every((x) => x.phase === "live"), 60);
	const cdp = await page.context().newCDPSession(page);
	const pid = Number(readFileSync("/proc/self/task/" + process.pid + "/children", "utf8").split(" ").find((p) => p && /chrom/.test(readFileSync(`/proc/${p}/cmdline`, "utf8"))));
	assert((await openBrowser()) && pid, "the browser's process");
	const samples = [], silent = [], begun = Date.now();
	const same = new Map(); // camera -> looks in a row that said "live" with the same picture
	let last = new Map(), turn = 0, killed = false;
	while (Date.now() - begun < SECONDS * 1000) {
		await sleep(EVERY_S * 1000);
		const tiles = await look(page);
		for (const x of tiles) {
			const n = x.phase === "live" && !x.card && last.get(x.camera)?.sum === x.sum ? (same.get(x.camera) ?? 0) + 1 : 0;
			same.set(x.camera, n);
			if (n >= 2)
				silent.push({ at: Math.round((Date.now() - begun) / 1000), camera: x.camera, delay: x.delay });
			assert(x.phase === "live" || x.phase === "late" || x.card, `a tile that does not move says nothing: ${JSON.stringify(x)}`);
		}
		last = new Map(tiles.map((x) => [x.camera, x]));
		const well = tiles.filter((x) => x.phase === "live");
		samples.push({ at: (Date.now() - begun) / 1000, live: well.length, delay: well.reduce((n, x) => n + x.delay, 0) / Math.max(1, well.length), most: Math.max(0, ...well.map((x) => x.delay)), browser: memory(pid), heap: await heap(cdp), videos: tiles[0].videos });
		turn++;
		if (turn % 9 === 4)
			await site.call("POST", "/streams/stop", { camera_ids: [ids[turn % (N - 2)]], reason: "torture" });
		if (turn % 9 === 7)
			await site.call("POST", "/streams/start", { all: true });
		if (!killed && Date.now() - begun > SECONDS * 400) {
			killed = true;
			await site.order("kill_server");
			await sleep(3000);
			await site.order("start_server");
		}
	}
	await site.call("POST", "/streams/start", { all: true });
	await waitFor("all tiles but the two that drop out", async () => (await look(page)).slice(0, N - 2).every((x) => x.phase === "live"), 60);
	const third = Math.floor(samples.length / 3), mean = (list, f) => list.reduce((n, x) => n + f(x), 0) / list.length;
	const early = samples.slice(Math.min(third, 5), third * 2), late = samples.slice(-third);
	if (process.env.VIGIA_WALL_LOG)
		samples.forEach((x) => console.log("# " + JSON.stringify(x)));
	const told = (f) => `${mean(early, f).toFixed(0)} -> ${mean(late, f).toFixed(0)}`;
	console.log(`# ${samples.length} looks; live ${mean(samples, (x) => x.live).toFixed(1)} of ${N}; delay ${told((x) => x.delay)} ms, longest ${Math.max(...samples.map((x) => x.most))} ms; ` +
		`browser ${told((x) => x.browser)} MB, its script's heap ${mean(early, (x) => x.heap).toFixed(1)} -> ${mean(late, (x) => x.heap).toFixed(1)} MB, videos ${told((x) => x.videos)}`);
	assert(!silent.length, "stood still in silence: " + JSON.stringify(silent.slice(0, 5)));
	assert(mean(late, (x) => x.delay) < mean(early, (x) => x.delay) + 500, "the delay grows");
	assert(mean(late, (x) => x.browser) < mean(early, (x) => x.browser) * 1.15 + 30, "the browser grows");
	assert(mean(late, (x) => x.heap) < mean(early, (x) => x.heap) * 1.15 + 3, "the script's memory grows");
	assert(Math.max(...samples.map((x) => x.videos)) <= N * 2, "players are left behind");
	await closePage(page);
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
