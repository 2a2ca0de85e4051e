// timeout: 300
// The live wall in a real browser: sixteen small streams that go on, the chosen one in full without a black picture between, what is lost, stopped
// or away says so with the time of its last picture, and comes back by itself.
import { assert, axe, closeBrowser, closePage, main, openPage, startSite, test, waitFor } from "./_page.mjs";

const N = 16;
const ids = Array.from({ length: N }, (_, i) => `cam-${i + 1}`);
const site = await startSite({ cameras: ids.map((id, i) => ({ id, url: "clip=fullhd", number: i + 1, group: i < 4 ? "Centro" : "Porto" })), started: false });
for (const [i, id] of ids.entries())
	await site.call("PATCH", `/cameras/${id}`, { name: `Avenida ${i + 1}`, live_url: site.rtsp(`small-${i + 1}`, "clip=small&fps=10") });
await site.call("POST", "/streams/start", { all: true });
await site.waitLive();

const wall = (cameras, grid) => `/wall?cameras=${cameras.join(",")}&grid=${encodeURIComponent(grid)}`;
/** Of each tile that is shown: {camera, phase, frames, delay, quality, width, dropped, card}. */
export const look = (page) => page.evaluate(() => [...document.querySelectorAll(".wall-grid.shown .tile")].map((tile) => {
	const feed = tile.querySelector(".live-feed"), video = feed?.querySelector("video:last-child"), q = video?.getVideoPlaybackQuality();
	return { camera: tile.dataset.camera, phase: feed?.dataset.phase, frames: Number(feed?.dataset.frames), delay: Number(feed?.dataset.delay), quality: tile.querySelector(".tile-quality")?.dataset.quality,
		width: video?.videoWidth, dropped: q?.droppedVideoFrames, decoded: q?.totalVideoFrames, card: tile.querySelector(".tile-card")?.textContent ?? null, clock: tile.querySelector("[data-clock]")?.textContent };
}));
const every = (page, what, good, seconds = 30) => waitFor(what, async () => {
	const tiles = await look(page);
	return tiles.length && tiles.every(good) ? tiles : null;
}, seconds);
const viewers = async () => (await site.get("/streams?limit=1000")).items.reduce((n, s) => n + s.viewers, 0);

test("sixteen tiles go on, each with the camera's small stream, and say when their picture was made", async () => {
	const page = await openPage(site, { path: wall(ids, "16") });
	await every(page, "sixteen small pictures", (x) => x.phase === "live" && x.quality === "small" && x.width === 320);
	const first = await look(page);
	const later = await every(page, "thirty more frames each", (x) => x.frames > 30 + first.find((f) => f.camera === x.camera).frames);
	assert(later.every((x) => /^\d\d:\d\d:\d\d$/.test(x.clock)), later);
	const more = (f) => later.reduce((n, x) => n + f(x), 0) - first.reduce((n, x) => n + f(x), 0);
	console.log(`# delay ${Math.round(later.reduce((n, x) => n + x.delay, 0) / N)} ms on average, the longest ${Math.max(...later.map((x) => x.delay))} ms; ` +
		`${more((x) => x.dropped)} of ${more((x) => x.decoded)} frames dropped after the start`);
	const connections = await page.evaluate(() => performance.getEntriesByType("resource").filter((e) => /\/hls\/|live\?/.test(e.name)).length);
	assert(connections <= 2, `${connections} connections`);
	assert(!(await axe(page)).length, await axe(page));
	await closePage(page);
	await waitFor("nobody watches", async () => (await viewers()) === 0);
});

// Runs in the page: what is seen of a tile at every frame, until the picture has that width.
const watchSwitch = ({ tile, width, ms }) => new Promise((done) => {
	const canvas = document.createElement("canvas"), c = canvas.getContext("2d", { willReadFrequently: true });
	canvas.width = canvas.height = 8;
	const begun = performance.now(), seen = { frames: 0, black: 0, empty: 0, width: 0 };
	const step = () => {
		const video = document.querySelector(`.wall-grid.shown [data-tile="${tile}"] .live-feed video:last-child`);
		seen.frames++;
		if (!video || video.readyState < 2 || !video.videoWidth)
			seen.empty++;
		else {
			c.clearRect(0, 0, 8, 8);
			c.drawImage(video, 0, 0, 8, 8);
			const d = c.getImageData(0, 0, 8, 8).data;
			if (!d.some((v, i) => i % 4 !== 3 && v > 40))
				seen.black++;
			seen.width = video.videoWidth;
		}
		if (seen.width === width || performance.now() - begun > ms)
			done(seen);
		else
			requestAnimationFrame(step);
	};
	step();
});

test("the chosen tile, and one that is enlarged, change to the main stream and back without a black picture", async () => {
	const page = await openPage(site, { path: wall(ids.slice(0, 9), "9") });
	await every(page, "nine small pictures", (x) => x.phase === "live" && x.quality === "small");
	const chosen = page.evaluate(watchSwitch, { tile: 0, width: 1920, ms: 20000 });
	await page.keyboard.press("ArrowRight");
	const a = await chosen;
	assert(a.width === 1920 && !a.black && !a.empty, a);
	await waitFor("its badge", async () => (await look(page))[0].quality === "main");
	assert((await look(page)).slice(1).every((x) => x.quality === "small"), await look(page));
	const back = page.evaluate(watchSwitch, { tile: 0, width: 320, ms: 20000 });
	await page.keyboard.press("ArrowDown");
	const b = await back;
	assert(b.width === 320 && !b.black && !b.empty, b);
	await page.keyboard.press("Enter");
	await waitFor("the enlarged tile in full", async () => (await look(page))[3].quality === "main");
	await waitFor("only it is sent", async () => (await viewers()) === 1);
	await page.keyboard.press("Escape");
	await every(page, "all nine again", (x) => x.phase === "live");
	await closePage(page);
});

test("what is off the screen, or in a tab that is not seen, is not sent", async () => {
	const page = await openPage(site, { path: wall(ids.slice(0, 4), "4") });
	await every(page, "four pictures", (x) => x.phase === "live");
	await waitFor("four viewers", async () => (await viewers()) === 4);
	await page.evaluate(() => {
		Object.defineProperty(document, "hidden", { value: true, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
	});
	await waitFor("nobody watches", async () => (await viewers()) === 0);
	await page.evaluate(() => {
		Object.defineProperty(document, "hidden", { value: false, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
	});
	await every(page, "four pictures again", (x) => x.phase === "live");
	await closePage(page);
});

test("a stopped camera says by whom, one without signal since when; the server killed and started again, all come back by themselves", async () => {
	const page = await openPage(site, { path: wall(ids.slice(0, 4), "4") });
	page.expected.push(/Failed to load resource|ERR_|net::/);
	await every(page, "four pictures", (x) => x.phase === "live");
	await page.evaluate(() => fetch("/api/v1/streams/stop", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ camera_ids: ["cam-1"], reason: "obra na rua" }) }));
	const stopped = await waitFor("the stopped one", async () => (await look(page)).find((x) => x.phase === "stopped" && /obra na rua/.test(x.card)));
	assert(/Parada por admin/.test(stopped.card) && /Última imagem às \d\d:\d\d:\d\d/.test(stopped.card), stopped);
	assert((await look(page)).slice(1).every((x) => x.phase === "live"), await look(page));
	await site.call("POST", "/streams/start", { camera_ids: ["cam-1"] });
	await every(page, "it is back", (x) => x.phase === "live");
	await site.order("stop_sim");
	const lost = await every(page, "all lost", (x) => x.phase === "lost");
	assert(lost.every((x) => /Sem sinal/.test(x.card) && /Última imagem às \d\d:\d\d:\d\d/.test(x.card)), lost);
	assert((await page.locator(".tile-picture.stale").count()) === 4, "a picture that stands still looks live");
	assert(!(await axe(page)).length, await axe(page));
	await site.order("start_sim");
	await every(page, "the signal is back", (x) => x.phase === "live", 60);
	await site.order("kill_server");
	const away = await every(page, "the server is away", (x) => x.phase === "away");
	assert(away.every((x) => /Sem resposta do servidor/.test(x.card) && /Última imagem às/.test(x.card)), away);
	await site.order("start_server");
	await every(page, "pictures after the server's end", (x) => x.phase === "live", 60);
	await closePage(page);
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
