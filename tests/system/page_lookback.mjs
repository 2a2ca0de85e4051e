// lane: 2
// Looking back in a real browser: seeks by the clock that is burnt into the pictures, several cameras in step, gaps, marks, exports that decode and
// whose hash is the manifest's, a hold through a clean-up run, days of 23 and 25 hours.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { assert, axe, closeBrowser, closePage, main, openPage, sleep, startSite, test, waitFor } from "./_page.mjs";

const build = process.env.VIGIA_BUILD ?? "build";
const camera = (id, name) => ({ id, name, url: "clip=demo-portao&clock&fps=15&aligned=1" });
const site = await startSite({ cameras: [camera("portao-1", "Portão 1"), camera("praca-1", "Praça 1")], cities: [{ id: "lapa" }, { id: "ny", zone: "America/New_York" }] });
await site.waitLive();
await waitFor("footage", async () => (await runs("portao-1")).some((s) => s.to - s.from > 14_000), 40, 500);

async function timeline(id) {
	const now = Date.now();
	const q = `camera_ids=${id}&from=${new Date(now - 3600_000).toISOString()}&to=${new Date(now + 60_000).toISOString()}`;
	return (await site.get("/timeline?" + q)).items[0];
}
async function runs(id) {
	return (await timeline(id)).spans.map((s) => ({ from: Date.parse(s.from), to: Date.parse(s.to) }));
}
const local = (ms) => new Intl.DateTimeFormat("pt-BR", { timeZone: "America/Sao_Paulo", dateStyle: "short", timeStyle: "medium" }).format(ms).replace(",", "").replace(/(\d\d\/\d\d\/)(\d\d) /, "$120$2 ");
const iso = (ms) => new Date(ms).toISOString();
const lookback = (q) => "/lookback?" + new URLSearchParams(q);

// Digits of camsim's strip: 5x7 cells of 4 pixels, a row a number.
const glyphs = ["01020204080810", "0e11131519110e", "040c040404040e", "0e11010204081f", "1f02040201110e", "02060a121f0202", "1f101e0101110e", "0608101e11110e", "1f010204080808", "0e11110e11110e", "0e11110f01020c", "00040400040400"];
/** The time that is burnt into the picture of a camera, as ms; null: no picture, or not readable. */
async function clockIn(page, id) {
	const text = await page.evaluate(([id, glyphs]) => {
		const v = document.querySelector(`.look-tile[data-camera="${id}"] video`);
		if (!v || v.readyState < 2 || !v.videoWidth)
			return null;
		const c = document.createElement("canvas");
		[c.width, c.height] = [v.videoWidth, 40];
		const x = c.getContext("2d");
		x.drawImage(v, 0, 0);
		const lit = (px, py) => x.getImageData(px, py, 1, 1).data[0] > 128;
		let text = "";
		for (let i = 0; i < 19; i++) {
			let hex = "";
			for (let r = 0; r < 7; r++) {
				let row = 0;
				for (let k = 0; k < 5; k++)
					row = row << 1 | lit(16 + (i * 6 + k) * 4 + 2, 2 + r * 4 + 2);
				hex += row.toString(16).padStart(2, "0");
			}
			const at = glyphs.indexOf(hex);
			text += at < 0 ? " " : "/0123456789:"[at];
		}
		return text;
	}, [id, glyphs]);
	const m = /^(\d\d)\/(\d\d)\/(\d{4}) (\d\d):(\d\d):(\d\d)$/.exec(text ?? "");
	return m && Date.parse(`${m[3]}-${m[2]}-${m[1]}T${m[4]}:${m[5]}:${m[6]}-03:00`);
}
const tile = (page, id) => page.locator(`.look-tile[data-camera="${id}"]`);
/** Wall time of the picture as the page sees it. */
const wall = async (page, id) => Number(await tile(page, id).getAttribute("data-wall")) || NaN;
const playing = (page) => page.locator("[data-playing=true]").count();
/** The picture shows that second (its clock has whole ones), and the clock over it says the same. */
async function shows(page, id, at) {
	await waitFor(`the picture of ${iso(at)}`, async () => {
		const burnt = await clockIn(page, id), said = await wall(page, id);
		return burnt !== null && Math.abs(said - at) < 1000 && burnt > at - 2000 && burnt <= at + 1000 || JSON.stringify({ burnt: burnt && iso(burnt), said: said && iso(said) }) && false;
	});
	const [burnt, said] = [await clockIn(page, id), await wall(page, id)];
	assert(Math.abs(burnt + 500 - at) <= 1500 && said - burnt > -1000 && said - burnt < 2000, { burnt: iso(burnt), said: iso(said), at: iso(at) });
}
async function go(page, text) {
	await page.fill("#goto", text);
	await page.press("#goto", "Enter");
}

test("a typed date and time, a jump of seconds, a click in the timeline and an address land within a second", async () => {
	const run = (await runs("portao-1")).at(-1);
	const at = Math.ceil(run.from / 1000) * 1000 + 6000;
	const page = await openPage(site, { path: lookback({ cameras: "portao-1", at: iso(at + 3000), zoom: 60 }) });
	await shows(page, "portao-1", at + 3000);
	await go(page, local(at));
	await shows(page, "portao-1", at);
	const over = await tile(page, "portao-1").locator("time").textContent();
	assert((over.startsWith(local(at)) || over.startsWith(local(at - 100))) && / UTC−3$/.test(over), over); // the frame of that instant begins a little before it
	await go(page, "+2s");
	await shows(page, "portao-1", at + 2000);
	await go(page, "ontem cedo");
	await page.getByText("Não entendi a data.").waitFor();
	assert(await page.inputValue("#goto") === "ontem cedo", "what was typed stays");
	const box = await page.locator(".timeline").boundingBox(), slider = page.locator(".timeline-slider");
	const [min, max] = [Number(await slider.getAttribute("aria-valuemin")) * 1000, Number(await slider.getAttribute("aria-valuemax")) * 1000];
	const x = (at + 4000 - min) / (max - min) * box.width;
	await page.mouse.click(box.x + x, box.y + 40);
	await shows(page, "portao-1", at + 4000);
	await waitFor("the address", () => Math.abs(Date.parse(new URL(page.url()).searchParams.get("at")) - at - 4000) < 1000);
	assert(/Gravado/.test(await slider.getAttribute("aria-valuetext")), await slider.getAttribute("aria-valuetext"));
	await closePage(page);
});

test("frames one by one, forward and back", async () => {
	const run = (await runs("portao-1")).at(-1);
	const page = await openPage(site, { path: lookback({ cameras: "portao-1", at: iso(run.from + 5000) }) });
	await shows(page, "portao-1", run.from + 5000);
	const frame = () => page.evaluate(() => document.querySelector(".look-tile video").getVideoPlaybackQuality().totalVideoFrames);
	const step = async (key) => {
		const before = await wall(page, "portao-1"), n = await frame();
		await page.keyboard.press(key);
		await waitFor("another frame", async () => (await wall(page, "portao-1")) !== before && (await frame()) > n);
		await sleep(300);
		return (await wall(page, "portao-1")) - before;
	};
	await step(".");
	for (let i = 0; i < 3; i++) {
		const by = await step(".");
		assert(by > 20 && by < 130, `one frame of 67 ms on: ${by}`);
	}
	const back = await step(",");
	assert(back < -20 && back > -130, `one back: ${back}`);
	await closePage(page);
});

test("two cameras play in step by their burnt clocks, fast too", async () => {
	const run = (await runs("portao-1")).at(-1);
	const page = await openPage(site, { path: lookback({ cameras: "portao-1,praca-1", at: iso(run.from + 2000) }) });
	await shows(page, "portao-1", run.from + 2000);
	await shows(page, "praca-1", run.from + 2000);
	await page.keyboard.press("k");
	await waitFor("both to move", async () => (await wall(page, "portao-1")) > run.from + 3500 && (await wall(page, "praca-1")) > run.from + 3500);
	const apart = Math.abs((await wall(page, "portao-1")) - (await wall(page, "praca-1")));
	assert(apart < 500, `${apart} ms apart`);
	await page.keyboard.press("k");
	await waitFor("the same second in both", async () => {
		const [a, b] = [await clockIn(page, "portao-1"), await clockIn(page, "praca-1")];
		return a !== null && Math.abs(a - b) <= 1000;
	});
	await page.getByRole("button", { name: "4×" }).click();
	const before = await wall(page, "portao-1");
	await page.keyboard.press("k");
	await waitFor("both to go on", async () => (await wall(page, "portao-1")) > before + 3000 && (await wall(page, "praca-1")) > before + 3000);
	await closePage(page);
});

let gap;
test("at a gap it stops on a card that says from when to when and why, and skips to its end", async () => {
	await site.order("stop_sim");
	await sleep(5000);
	await site.order("start_sim");
	await site.waitLive();
	gap = await waitFor("the gap", async () => (await timeline("portao-1")).gaps.find((g) => g.to && g.reason === "no_signal"), 30);
	const [from, to] = [Date.parse(gap.from), Date.parse(gap.to)];
	await waitFor("footage behind it", async () => (await runs("portao-1")).some((s) => s.from >= to - 10 && s.to - s.from > 9000), 40, 500);
	const page = await openPage(site, { path: lookback({ cameras: "portao-1", at: iso(from - 2500) }) });
	await shows(page, "portao-1", from - 2500);
	await page.keyboard.press("k");
	const card = tile(page, "portao-1").locator("[data-card]");
	await waitFor("the card", async () => (await card.count()) ? (await card.textContent()).startsWith(`Sem gravação das ${local(from).slice(11)} às ${local(to).slice(11)}: câmera sem resposta`) || JSON.stringify([await card.textContent(), gap]) && false
		: false, 20).catch(async (e) => {
		throw new Error(`${e.message} ${JSON.stringify([await tile(page, "portao-1").innerText(), await wall(page, "portao-1"), from, gap, await timeline("portao-1")])}`);
	});
	assert(!(await playing(page)), "it stopped");
	assert(!(await tile(page, "portao-1").locator("time").isVisible()), "no clock over a card");
	await card.getByRole("button", { name: "Pular para" }).click();
	await shows(page, "portao-1", Math.max(to, (await runs("portao-1")).find((s) => s.to > to).from) + 100);
	await go(page, local(from + 2000)); // into the middle: the card again
	await card.getByText("Sem gravação das").waitFor();
	await go(page, local(Date.now() + 3600_000));
	await card.getByText("Este instante ainda não aconteceu").waitFor();
	await go(page, local(Date.now() - 20 * 86400_000));
	await card.getByText("Anterior ao que está guardado").waitFor();
	await page.getByRole("button", { name: "Procurar a próxima gravação" }).click();
	await waitFor("the first recording", async () => (await tile(page, "portao-1").getAttribute("data-kind")) === "recorded");
	await closePage(page);
});

test("a marked moment is in the timeline's list; a span by keys is exported, its hash is the manifest's, it decodes", async () => {
	const run = (await runs("portao-1"))[0], at = Math.ceil(run.from / 1000) * 1000 + 3000;
	const page = await openPage(site, { path: lookback({ cameras: "portao-1", at: iso(at), zoom: 120 }) });
	await shows(page, "portao-1", at);
	await page.keyboard.press("m");
	await page.fill("dialog textarea, dialog input[name=mark]", "batida entre ônibus e moto");
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("dialog").getByRole("button", { name: "Marcar" }).click();
	await page.getByRole("button", { name: "Mostrar lista" }).click();
	await page.getByRole("cell", { name: /batida entre ônibus e moto · por admin/ }).waitFor();
	await page.getByRole("cell", { name: /câmera sem resposta/ }).first().waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.locator("h1").click();
	await page.keyboard.press("i");
	await go(page, "+5s");
	await page.locator("h1").click();
	await page.keyboard.press("o");
	await page.locator(".span-text").getByText(/\(5 s\)/).waitFor();
	await page.keyboard.press("e");
	const dialog = page.getByRole("dialog");
	await dialog.locator("[data-state=ready]").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	const files = [];
	page.on("download", (d) => files.push(d));
	await dialog.getByRole("button", { name: "Exportar 1 arquivo" }).click();
	await dialog.getByText("Baixado e conferido").waitFor();
	await waitFor("both files", () => files.length === 2);
	const paths = Object.fromEntries(await Promise.all(files.map(async (f) => [f.suggestedFilename().split(".").pop(), await f.path()])));
	const manifest = JSON.parse(readFileSync(paths.json, "utf8")), sha = createHash("sha256").update(readFileSync(paths.mp4)).digest("hex");
	assert(sha === manifest.sha256 && sha === await dialog.locator("[data-hash]").textContent(), { sha, manifest });
	assert(Math.abs(Date.parse(manifest.asked.from) - at) < 1000 && Date.parse(manifest.given.from) <= at + 1000, manifest);
	const decoded = spawnSync("ffmpeg", ["-v", "error", "-i", paths.mp4, "-f", "null", "-"], { encoding: "utf8" });
	assert(decoded.status === 0 && !decoded.stderr.trim(), decoded.stderr);
	await dialog.getByRole("button", { name: "Fechar" }).last().click();
	await page.getByRole("row", { name: /Exportada/ }).waitFor();
	await closePage(page);
});

/** In front of the site: ends the connection of the next export after so many bytes. */
async function cutter() {
	const state = { after: null };
	const server = createServer((client) => {
		const up = connect(new URL(site.base).port, "127.0.0.1");
		let left = Infinity;
		client.on("data", (d) => {
			if (state.after !== null && d.includes("GET /api/v1/cameras/portao-1/export.mp4")) {
				left = state.after;
				state.after = null;
			}
			if (!up.destroyed)
				up.write(d);
		});
		up.on("data", (d) => {
			if (left > 0)
				client.write(d.subarray(0, Math.min(d.length, left)));
			left -= d.length;
			if (left <= 0) {
				up.destroy();
				setTimeout(() => client.destroy(), 700); // what came is read first
			}
		});
		for (const [x, y] of [[client, up], [up, client]])
			x.on("error", () => undefined).on("close", () => left > 0 && y.end());
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	return { state, base: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

test("an export whose connection or disk fails says so in place, saves nothing, and goes on where it stopped", async () => {
	const run = (await runs("portao-1"))[0], front = await cutter();
	const page = await openPage({ ...site, base: front.base }, { path: lookback({ cameras: "portao-1", from: iso(run.from), to: iso(run.to) }) });
	page.expected.push(/ERR_|Failed to load resource|status of 503/);
	await page.getByRole("button", { name: "Exportar", exact: true }).click();
	const dialog = page.getByRole("dialog");
	await dialog.locator("[data-state=ready]").waitFor();
	let saved = 0;
	page.on("download", () => saved++);
	const manifest = (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ status: 503, title: "Service Unavailable", detail: "lapa/portao-1/x.mp4: Input/output error" }) });
	await page.route("**/export.json*", manifest);
	front.state.after = 100_000;
	await dialog.getByRole("button", { name: "Exportar 1 arquivo" }).click();
	await dialog.getByText(/O download parou em .* o disco falhou durante a leitura \(lapa\/portao-1\/x\.mp4: Input\/output error\)\. O arquivo está incompleto e não foi salvo\./).waitFor();
	await page.unroute("**/export.json*", manifest);
	front.state.after = 60_000;
	await dialog.getByRole("button", { name: "Continuar de onde parou" }).click();
	await dialog.getByText(/A conexão com o servidor caiu\. O arquivo está incompleto e não foi salvo\./).waitFor();
	assert(!(await axe(page)).length, await axe(page));
	assert(saved === 0, "nothing saved");
	await dialog.getByRole("button", { name: "Continuar de onde parou" }).click();
	await dialog.getByText("Baixado e conferido").waitFor();
	await waitFor("the files", () => saved === 2);
	await closePage(page);
	front.close();
});

test("days of 25 and 23 hours: the timeline is so long, hours after the change are right", async () => {
	await site.call("POST", "/cameras", { id: "broadway", city_id: "ny", name: "Broadway", rtsp_url: site.rtsp("broadway") });
	const page = await openPage(site, { path: lookback({ cameras: "broadway", at: "2026-11-01T16:00:00Z" }) }); // 11:00 EST
	const slider = page.locator(".timeline-slider");
	const hours = async () => (Number(await slider.getAttribute("aria-valuemax")) - Number(await slider.getAttribute("aria-valuemin"))) / 3600;
	await page.getByText("Este dia tem 25 horas (mudança de horário).").waitFor();
	assert(await hours() === 25, await hours());
	const position = () => slider.getAttribute("aria-valuenow").then((s) => iso(Number(s) * 1000));
	await go(page, "01/11/2026 03:00:00");
	assert(await position() === "2026-11-01T08:00:00.000Z", await position());
	await page.getByRole("button", { name: "Dia anterior" }).click();
	await waitFor("the day before", async () => (await hours()) === 24);
	assert(await position() === "2026-10-31T07:00:00.000Z", await position()); // the same hour on the wall
	await go(page, "08/03/2026 12:00:00");
	await page.getByText("Este dia tem 23 horas").waitFor();
	assert(await hours() === 23 && await position() === "2026-03-08T16:00:00.000Z", await position());
	await page.getByRole("button", { name: "Dia seguinte" }).click();
	await waitFor("the day after", async () => (await position()) === "2026-03-09T16:00:00.000Z");
	await closePage(page);
});

test("dark, light, English and a phone: keyboard and no violation that axe finds", async () => {
	const run = (await runs("portao-1"))[0];
	for (const [o, q] of [[{ theme: "light" }, { cameras: "portao-1,praca-1", at: iso(run.from + 2000) }], [{ theme: "dark" }, { cameras: "portao-1", at: iso(Date.parse(gap.from) + 1000) }], [{ width: 390, height: 844 }, { cameras: "portao-1,praca-1", at: iso(run.from + 2000) }]]) {
		const page = await openPage(site, { ...o, path: lookback(q) });
		await page.locator(".look-tile[data-state=ready], [data-card]").first().waitFor();
		assert(!(await axe(page)).length, await axe(page));
		if (o.width) {
			assert(await page.locator(".look-tile").count() === 1, "one camera on a phone");
			assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
		}
		await page.keyboard.press("?");
		await page.getByRole("dialog").waitFor();
		assert(!(await axe(page)).length, await axe(page));
		await closePage(page);
	}
	const page = await openPage(site, { path: "/lookback" });
	await page.getByRole("button", { name: "Escolher câmeras" }).click();
	await page.getByRole("dialog").getByRole("searchbox").fill("praca");
	await page.keyboard.press("Enter");
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("button", { name: /Pronto/ }).click();
	await waitFor("its pictures", async () => (await tile(page, "praca-1").getAttribute("data-state")) === "ready");
	await page.locator(".timeline-slider").focus();
	const before = await page.locator(".timeline-slider").getAttribute("aria-valuenow");
	await page.keyboard.press("ArrowLeft");
	await waitFor("ten seconds back", async () => Number(await page.locator(".timeline-slider").getAttribute("aria-valuenow")) === Number(before) - 10);
	await closePage(page);
});

test("what is held from the timeline is there after the clean-up that deletes the rest", async () => {
	const past = await startSite({ cities: [] });
	try {
		await past.order("stop_server");
		const list = execFileSync(join(build, "tools/camsim/camsim"), ["--port", String(past.rtsp_port), "--demo", "--list"]);
		execFileSync(join(build, "vigia"), ["demo", "seed", "--clips", past.clips, "-c", past.yaml], { input: list, stdio: ["pipe", "ignore", "inherit"], env: { ...process.env, VIGIA_ADMIN_PASSWORD: past.password } });
		await past.order("start_server");
		const due = (await past.get("/recordings?limit=1000")).items.filter((r) => r.status === "noticed");
		assert(due.length > 1, due);
		const [kept, other] = due;
		const page = await openPage(past, { path: lookback({ cameras: kept.camera_id, from: kept.started_at, to: kept.ended_at }) });
		await tile(page, kept.camera_id).and(page.locator("[data-kind=recorded]")).waitFor();
		await waitFor("that it is due", async () => /Vence amanhã/.test(await page.locator(".timeline-slider").getAttribute("aria-valuetext")));
		await page.keyboard.press("p");
		const dialog = page.getByRole("dialog");
		await dialog.locator("input[name=from]").fill("-2d");
		assert(await dialog.getByRole("button", { name: "Preservar" }).isDisabled(), "a reason is needed");
		await dialog.locator("textarea[name=reason]").fill("BO 1234/2026");
		await dialog.locator(".hold-preview").waitFor();
		assert(!(await axe(page)).length, await axe(page));
		await dialog.getByRole("button", { name: "Preservar" }).click();
		await page.getByText(/Preservada: \d+ arquivo/).waitFor();
		await waitFor("that it is held", async () => /Preservada/.test(await page.locator(".timeline-slider").getAttribute("aria-valuetext")));
		await closePage(page);
		await past.order("stop_server"); // a day passes
		execFileSync("python3", ["-c", `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
day = 86400 * 1000000
moved = "UPDATE recordings SET started_at = started_at - %d, ended_at = ended_at - %d" % (day, day)
db.execute(moved + ", noticed_at = noticed_at - 75600000000, due_on = due_on - 1 WHERE status = 2")
db.execute(moved + " WHERE id = ?", (bytes.fromhex(sys.argv[2].replace("-", "")),))
db.execute("UPDATE notices SET due_on = due_on - 1")
db.commit()`, join(past.dir, "var/catalog.sqlite"), kept.id]);
		await past.order("start_server");
		const ran = await past.call("POST", "/jobs/cleanup/run", { dry_run: false });
		assert(ran.deleted >= 1 && !ran.error, ran);
		const after = (await past.get("/recordings?deleted=true&limit=1000")).items;
		assert(after.find((r) => r.id === other.id).status === "deleted", after.find((r) => r.id === other.id));
		const is = after.find((r) => r.id === kept.id);
		assert(is.held && is.status === "sealed" && existsSync(join(past.footage, is.file_path)), is);
	} finally {
		await past.close();
	}
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
