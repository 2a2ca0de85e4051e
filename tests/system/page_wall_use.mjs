// timeout: 300
// lane: 2
// The live wall's uses: keys, drag, layouts and groups with their addresses, the round, stills, marks, replays; what this browser cannot play; HLS
// where the stream of all is refused; a phone.
import { readFileSync } from "node:fs";
import { assert, axe, closeBrowser, closePage, main, openPage, startSite, test, waitFor } from "./_page.mjs";

const site = await startSite({ cities: [{ id: "lapa" }, { id: "outra" }], cameras: [
	...Array.from({ length: 8 }, (_, i) => ({ id: `cam-${i + 1}`, url: "clip=small&fps=10&gop=10", number: i + 1, group: i < 3 ? "Centro" : "Porto" })),
	{ id: "h265", url: "codec=h265", number: 20 }, { id: "h265-small", url: "codec=h265", number: 21 }, { id: "longe", url: "clip=small&fps=10", city: "outra", number: 1 }] });
await site.call("PATCH", "/cameras/h265-small", { live_url: site.rtsp("h265-s", "clip=small&fps=10") });
await site.addUser("olga", "operator", ["lapa"]);
await site.addUser("vera", "viewer", ["lapa"]);
await site.waitLive();

const tiles = (page) => page.evaluate(() => [...document.querySelectorAll(".wall-grid.shown .tile")].map((x) => x.dataset.camera));
const phases = (page) => page.evaluate(() => [...document.querySelectorAll(".wall-grid.shown .live-feed")].map((x) => x.dataset.phase));
const live = (page, n, seconds = 30) => waitFor(`${n} pictures`, async () => (await phases(page)).filter((p) => p === "live").length === n, seconds);

test("digits and Enter put a camera on the chosen tile, arrows choose, the address says it all and opens it again", async () => {
	const page = await openPage(site, { path: "/wall?grid=4&cameras=cam-1,cam-2" });
	await live(page, 2);
	await page.keyboard.press("ArrowRight"); // tile 1
	await page.keyboard.press("ArrowDown"); // tile 3
	await page.keyboard.press("5");
	await page.locator(".wall-typed").getByText("cam-5").waitFor();
	await page.keyboard.press("Enter");
	await waitFor("camera 5 on tile 3", async () => (await tiles(page)).join() === "cam-1,cam-2,cam-5,");
	assert(/cameras=cam-1%2Ccam-2%2Ccam-5/.test(page.url()), page.url());
	await page.keyboard.press("1"); // two cities have a number 1: arrows choose
	assert((await page.locator(".wall-candidate").count()) === 2, "both cameras with number 1");
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("Enter");
	await waitFor("the other city's", async () => (await tiles(page))[2] === "longe");
	await page.locator(".tile[data-tile='2'] .tile-name").getByText("longe").waitFor();
	await page.keyboard.type("999");
	await page.getByText("Não há câmera com o número 999").waitFor();
	await page.keyboard.press("Escape");
	await page.keyboard.press("Delete");
	await waitFor("taken off", async () => (await tiles(page)).join() === "cam-1,cam-2,,");
	await page.keyboard.press("?");
	await page.getByText("Nenhuma tecla interrompe uma câmera ou a sua gravação.").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.keyboard.press("Escape");
	const again = await openPage(site, { path: new URL(page.url()).pathname + new URL(page.url()).search });
	await live(again, 2);
	assert((await tiles(again)).join() === "cam-1,cam-2,,", await tiles(again));
	await closePage(again);
	await closePage(page);
});

test("cameras are dragged to tiles and between them, groups open at once, by mouse and by keyboard", async () => {
	const page = await openPage(site, { path: "/wall?grid=4&cameras=cam-1", theme: "light" });
	await page.getByRole("button", { name: "Câmeras", exact: true }).first().click();
	await page.locator(".panel-row[data-camera=cam-4]").dragTo(page.locator(".tile[data-tile='1']"));
	await waitFor("the dragged one", async () => (await tiles(page)).join() === "cam-1,cam-4,,");
	await page.locator(".tile[data-tile='1']").dragTo(page.locator(".tile[data-tile='0']"));
	await waitFor("changed places", async () => (await tiles(page)).join() === "cam-4,cam-1,,");
	await page.locator(".tile[data-tile='2'] .tile-empty").click();
	await page.fill(".wall-panel input[type=search]", "cam-7");
	await page.keyboard.press("Tab");
	await page.keyboard.press("Enter");
	await waitFor("the one found", async () => (await tiles(page))[2] === "cam-7");
	assert(!(await axe(page)).length, await axe(page));
	await page.fill(".wall-panel input[type=search]", "");
	await page.locator(".wall-panel").getByRole("button", { name: "Grupos" }).click();
	await page.locator(".panel-group", { hasText: "Centro" }).click();
	await waitFor("the group", async () => (await tiles(page)).join() === "cam-1,cam-2,cam-3,");
	assert(/group=Centro/.test(page.url()), page.url());
	await waitFor("their names", async () => (await page.locator(".tile-name").allTextContents()).map((x) => x.trim()).join() === "1 cam-1,2 cam-2,3 cam-3");
	await live(page, 3);
	await closePage(page);
});

test("layouts are one's own or the city's, each with an address; who may not change a city's only opens it", async () => {
	const olga = await openPage(site, { user: "olga", path: "/wall?cameras=cam-1,cam-2,cam-3&grid=1%2B5&cycle=10" });
	await olga.getByRole("button", { name: "Mosaicos" }).click();
	await olga.getByText("Nenhum mosaico salvo").waitFor();
	assert(!(await axe(olga)).length, await axe(olga));
	await olga.getByRole("button", { name: "Salvar o que está na tela" }).click();
	await olga.fill("input[name=layout-name]", "Centro à noite");
	await olga.locator("dialog select").selectOption("lapa");
	assert(!(await axe(olga)).length, await axe(olga));
	await olga.locator("dialog button[type=submit]").click();
	await waitFor("its address", () => /layout=[0-9a-f]+$/.test(olga.url()));
	const address = new URL(olga.url()).search;
	await olga.keyboard.press("ArrowRight");
	await olga.keyboard.press("Delete");
	await olga.getByText("alterado", { exact: true }).waitFor();
	const vera = await openPage(site, { user: "vera", path: "/wall" + address });
	await waitFor("the city's layout", async () => (await tiles(vera)).join() === "cam-1,cam-2,cam-3,,,");
	assert((await vera.locator("h1").textContent()).includes("Centro à noite"), await vera.locator("h1").textContent());
	await vera.getByRole("button", { name: "Mosaicos" }).click();
	await vera.locator("dialog li").waitFor();
	assert((await vera.locator("dialog li button").count()) === 0, "a viewer may delete the city's layout");
	await closePage(vera);
	await olga.getByRole("button", { name: "Mosaicos" }).click();
	await olga.locator("dialog li button").click();
	await olga.getByText("Ele deixa de existir para todos de Lapa.").waitFor();
	await olga.locator("dialog button[type=submit]").last().click();
	await olga.getByText("Nenhum mosaico salvo").waitFor();
	await closePage(olga);
	const gone = await openPage(site, { user: "vera", path: "/wall" + address });
	await gone.getByText("Este mosaico não existe mais").waitFor();
	await closePage(gone);
});

test("the round goes on by itself, the next pictures decoded before they are shown", async () => {
	const page = await openPage(site, { path: "/wall?grid=4&cycle=5&cameras=cam-1,cam-2,cam-3,cam-4,cam-5,cam-6,cam-7,cam-8" });
	await live(page, 4);
	await page.evaluate(() => {
		window.turns = [];
		new MutationObserver(() => {
			const shown = document.querySelector(".wall-grid.shown");
			if (shown && shown.dataset.page !== window.turns.at(-1)?.page)
				window.turns.push({ page: shown.dataset.page, phases: [...shown.querySelectorAll(".live-feed")].map((x) => x.dataset.phase), pictures: [...shown.querySelectorAll("video")].map((v) => v.readyState >= 2 && v.videoWidth > 0) });
		}).observe(document.querySelector(".wall-stage"), { subtree: true, attributes: true, childList: true, attributeFilter: ["class"] });
	});
	const turns = await waitFor("two turns", async () => {
		const all = await page.evaluate(() => window.turns);
		return all.filter((x) => x.page === "1").length && all.filter((x) => x.page === "0").length && all.length >= 2 ? all : null;
	}, 30);
	for (const turn of turns.filter((x, i) => i > 0 || x.page === "1"))
		assert(turn.phases.length === 4 && turn.phases.every((p) => p === "live") && turn.pictures.every(Boolean), turn);
	await page.keyboard.press("p");
	await page.getByRole("button", { name: "Continuar a ronda" }).waitFor();
	await closePage(page);
});

test("S saves a still with its caption, M marks the moment, R replays what was recorded, L opens it in Recordings", async () => {
	const page = await openPage(site, { user: "olga", path: "/wall?grid=4&cameras=cam-1,cam-2" });
	await live(page, 2);
	await page.keyboard.press("ArrowRight");
	const [still] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("s")]);
	assert(/^cam-1_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.png$/.test(still.suggestedFilename()), still.suggestedFilename());
	const png = readFileSync(await still.path());
	assert(png.subarray(1, 4).toString() === "PNG" && png.readUInt32BE(16) === 320 && png.readUInt32BE(20) > 180, [...png.subarray(0, 24)]);
	const before = Date.now();
	await page.keyboard.press("m");
	await page.getByText(/cam-1 marcada às/).waitFor();
	const mark = (await site.get("/marks?camera_id=cam-1")).items[0];
	assert(mark && mark.by === "olga" && Math.abs(Date.parse(mark.at) - before) < 30000, mark);
	await page.getByRole("button", { name: "Descrever" }).click();
	await page.fill("input[name=mark-text]", "batida na esquina");
	await page.locator("dialog button[type=submit]").click();
	await waitFor("the words", async () => (await site.get("/marks?camera_id=cam-1")).items.map((m) => m.text).join() === "batida na esquina");
	await page.keyboard.press("r");
	await waitFor("the replay plays", () => page.evaluate(() => {
		const v = document.querySelector(".tile-replay video");
		return v && v.currentTime > 0.5 && v.getVideoPlaybackQuality().totalVideoFrames > 3 && document.querySelector(".tile-replay").dataset.replay !== "";
	}));
	assert(/Repetição \d\d:\d\d:\d\d/.test(await page.locator(".tile-replay").textContent()), await page.locator(".tile-replay").textContent());
	await page.keyboard.press("r");
	await page.locator(".tile-replay").waitFor({ state: "detached" });
	assert((await phases(page)).every((p) => p === "live"), await phases(page));
	await page.keyboard.press("l");
	await waitFor("Recordings", () => /\/lookback\?cameras=cam-1&at=/.test(page.url()));
	await closePage(page);
});

test("what this browser cannot play is told: the small stream marked as such, else a clear word and the file", async () => {
	const page = await openPage(site, { path: "/wall?grid=1%2B5&cameras=h265-small,h265" });
	const can = await page.evaluate(() => MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L63.90"'));
	if (can) {
		console.log("# this browser plays H.265");
		await live(page, 2);
	} else {
		await waitFor("the small one in its place", async () => (await phases(page))[0] === "live" && /Reduzido/.test(await page.locator(".tile[data-tile='0']").textContent()));
		await page.locator(".tile[data-tile='1']").getByText("Este navegador não reproduz H.265").waitFor();
		const [file] = await Promise.all([page.waitForEvent("download"), page.locator(".tile[data-tile='1']").getByText("Baixar arquivo atual").click()]);
		assert(readFileSync(await file.path()).subarray(4, 8).toString() === "ftyp", "not an MP4");
	}
	assert(!(await axe(page)).length, await axe(page));
	await closePage(page);
});

test("where the stream of all is refused, HLS plays, or it is said what cannot be played", async () => {
	const page = await openPage(site, { path: "/account" });
	page.expected.push(/501/);
	await page.route("**/api/v1/live?*", (r) => r.fulfill({ status: 501, contentType: "application/problem+json", body: '{"status":501,"title":"Not Implemented"}' }));
	await page.evaluate(() => history.replaceState(null, "", "/wall?grid=4&cameras=cam-1,cam-2") ?? dispatchEvent(new PopStateEvent("popstate")));
	await live(page, 2, 40);
	const seen = () => page.evaluate(() => [...document.querySelectorAll(".live-feed video")].map((v) => v.currentTime));
	const first = await seen();
	await waitFor("both go on", async () => (await seen()).every((t, i) => t > first[i] + 1));
	await page.getByText("Modo compatível").waitFor();
	await page.evaluate(() => history.replaceState(null, "", "/wall?grid=4&cameras=cam-1,h265") ?? dispatchEvent(new PopStateEvent("popstate")));
	await page.locator(".tile[data-tile='1']").getByText("Este navegador não reproduz H.265").waitFor();
	await closePage(page);
});

test("on a phone one camera is live, and the next is a touch away", async () => {
	const page = await openPage(site, { width: 390, height: 780, path: "/wall?cameras=cam-1,cam-2,cam-3", user: "vera" });
	await live(page, 1);
	assert((await tiles(page)).join() === "cam-1", await tiles(page));
	await page.getByRole("button", { name: "Próxima câmera" }).click();
	await waitFor("the next", async () => (await tiles(page)).join() === "cam-2");
	await live(page, 1);
	assert(/page=2/.test(page.url()), page.url());
	assert(!(await axe(page)).length, await axe(page));
	const wide = await page.evaluate(() => document.documentElement.scrollWidth);
	assert(wide <= 390, `${wide} px wide`);
	await closePage(page);
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
