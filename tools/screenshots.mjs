// `make screenshots`: a tour over the page with the demonstration's cameras; writes docs/images/*.png. Needs `make node_modules`' browser.
// usage: node screenshots.mjs [OUT] [name...]
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDemo } from "../tests/system/_demo.mjs";
import { closeBrowser, openPage, sleep, waitFor } from "../tests/system/_page.mjs";

const out = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "../docs/images"), only = process.argv.slice(3);
const MOST = 250_000; // bytes a picture

const moving = (page, n) => waitFor("pictures", () => page.evaluate((n) => [...document.querySelectorAll("video")].filter((v) => v.readyState >= 2 && v.videoWidth > 0).length >= n, n), 40, 300).catch(() => undefined);
const still = (page) => waitFor("what loads", () => page.evaluate(() => !document.querySelector("main .skeleton, main [aria-busy=true]")), 20).catch(() => undefined);
const hour = 3600_000;
const lookback = (cameras, ago) => `/lookback?cameras=${cameras}&at=${encodeURIComponent(new Date(Date.now() - ago).toISOString())}`;

// name, path, {width, height, theme, language}, what is done before the picture is taken
const tour = [
	["situation", "/situation", {}],
	["wall", "/wall", {}, async (page) => {
		await moving(page, 7);
		await sleep(2500);
	}],
	["streams", "/streams", {}, async (page) => sleep(2000)],
	["lookback", () => lookback("avenida-central", 24 * hour - 40_000), {}, async (page) => {
		await moving(page, 1);
		for (let i = 0; i < 9; i++)
			await page.getByRole("button", { name: "Ampliar a linha do tempo" }).click().catch(() => undefined);
		await sleep(1500);
	}],
	["expiring", "/expiring", {}],
	["hold", "/expiring", {}, async (page) => {
		await page.locator("[data-mark]").first().getByRole("button", { name: /^Preservar/ }).click();
		await page.locator("dialog[open] .hold-preview .num").waitFor().catch(() => undefined);
		await sleep(500);
	}],
	["holds", "/holds", {}, async (page) => {
		await page.locator("[data-hold]").first().getByRole("button", { name: /^Detalhes/ }).click();
		await still(page);
	}],
	["promise", "/promise?city=lapa", {}],
	["dry-run", "/promise", {}, async (page) => {
		await page.getByRole("button", { name: "Simular" }).click();
		await page.locator("[data-what]").first().waitFor();
	}],
	["notices", "/notices", {}],
	["cameras", "/cameras", {}],
	["camera-test", "/cameras", {}, async (page, site) => {
		await page.getByRole("button", { name: "Adicionar câmera" }).first().click();
		await page.locator("dialog[open] input[name=name]").fill("Mercado, entrada leste");
		await page.locator("dialog[open] input[name=rtsp_url]").fill(`rtsp://127.0.0.1:${site.rtsp_port}/cais`);
		await page.getByRole("button", { name: "Testar: Endereço RTSP" }).click();
		await page.locator("[data-test=ok]").waitFor();
		await page.locator("[data-test=ok]").scrollIntoViewIfNeeded();
		await sleep(800);
	}],
	["cities", "/cities", {}],
	["users", "/users", {}],
	["audit", "/audit", {}],
	["situation-light-en", "/situation", { theme: "light", language: "en" }],
	["streams-light-en", "/streams", { theme: "light", language: "en" }, async () => sleep(1500)],
	["promise-light-en", "/promise?city=centro", { theme: "light", language: "en" }],
	["situation-phone", "/situation", { width: 390, height: 844 }],
	["live-phone", "/wall?cameras=praca", { width: 390, height: 844 }, async (page) => {
		await moving(page, 1);
		await sleep(1500);
	}],
	["lookback-phone", () => lookback("praca", hour - 30_000), { width: 390, height: 844 }, async (page) => {
		await moving(page, 1);
		await sleep(1000);
	}],
	["expiring-phone", "/expiring", { width: 390, height: 844 }],
	["notices-phone", "/notices", { width: 390, height: 844, theme: "light" }],
];

/** Fewer colours until it is small; pictures of video need the most. */
function shrink(file) {
	for (const colours of [256, 128, 64]) {
		const small = file + ".small.png";
		try {
			execFileSync("ffmpeg", ["-y", "-loglevel", "error", "-i", file, "-vf", `split[a][b];[a]palettegen=max_colors=${colours}:stats_mode=full[p];[b][p]paletteuse=dither=none`, "-pred", "mixed", "-compression_level", "100", small]);
		} catch {
			return; // without ffmpeg they stay as they are
		}
		if (statSync(small).size < statSync(file).size && (colours === 64 || statSync(small).size <= MOST)) {
			renameSync(small, file);
			return;
		}
		rmSync(small);
	}
}

mkdirSync(out, { recursive: true });
process.env.LANGUAGE = "pt_BR"; // the browser's own words: dates that are chosen
const site = await startDemo();
let failed = 0;
try {
	await site.call("POST", "/users", { name: "ana", role: "administrator", cities: "all", language: "pt-BR", password: site.password });
	await site.call("POST", "/users", { name: "ann", role: "administrator", cities: "all", language: "en", password: site.password });
	await site.call("POST", "/users", { name: "carlos", role: "operator", cities: ["lapa"], language: "pt-BR", password: site.password });
	await site.call("POST", "/users", { name: "vera", role: "viewer", cities: ["porto"], language: "pt-BR", password: site.password });
	await sleep(15_000); // some bits a second, some seconds without a signal
	for (const [name, path, o, work] of tour) {
		if (only.length && !only.includes(name))
			continue;
		try {
			const page = await openPage(site, { width: o.width ?? 1440, height: o.height ?? 900, user: o.language === "en" ? "ann" : "ana", locale: o.language ?? "pt-BR" });
			await page.evaluate((theme) => fetch("/api/v1/preferences", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ theme }) }), o.theme ?? "dark");
			await page.goto(site.base + (typeof path === "function" ? path() : path));
			await page.locator("main h1").first().waitFor();
			await still(page);
			await sleep(600);
			await work?.(page, site);
			await page.mouse.move(2, 2);
			const file = join(out, name + ".png");
			await page.screenshot({ path: file });
			shrink(file);
			console.log(`${name}.png ${Math.round(statSync(file).size / 1000)} kB`);
			await page.context().close();
		} catch (e) {
			failed++;
			console.error(`${name}: ${String(e.message).split("\n")[0]}`);
		}
	}
} finally {
	await closeBrowser();
	await site.stop();
}
process.exit(failed ? 1 : 0);
