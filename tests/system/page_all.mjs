// timeout: 400
// Every view in both themes, both languages and three widths: no violation that axe finds, nothing scrolls sideways, no word of the other
// language, no error in the console, for each role.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { assert, axe, closeBrowser, closePage, main, openPage, sleep, startSite, test, waitFor } from "./_page.mjs";

const web = join(dirname(fileURLToPath(import.meta.url)), "../../web");
const need = createRequire(join(web, "package.json"));
const VIEWS = ["situation", "wall", "streams", "lookback", "expiring", "holds", "promise", "notices", "cameras", "cities", "users", "audit", "account"];
const site = await startSite({ demo: true });
for (const role of ["operator", "viewer", "auditor"])
	await site.addUser(role, role, role === "auditor" ? "all" : ["lapa"], "en");
await site.addUser("ann", "administrator", "all", "en");

const sources = (folder, ends) => readdirSync(join(web, "src", folder), { recursive: true }).map(String).filter((f) => ends.some((e) => f.endsWith(e))).map((f) => join(web, "src", folder, f));

/** The dictionaries themselves, bundled for node. */
async function dictionaries() {
	const folder = mkdtempSync(join(tmpdir(), "vigia-words-"));
	try {
		writeFileSync(join(folder, "all.ts"), `${sources("i18n", [".ts"]).map((f) => `import ${JSON.stringify(f)};`).join("\n")}\nexport { everyWord, incomplete } from ${JSON.stringify(join(web, "src/core/i18n.ts"))};`);
		await need("esbuild").build({ entryPoints: [join(folder, "all.ts")], bundle: true, format: "esm", platform: "node", outfile: join(folder, "all.mjs"), logLevel: "error", nodePaths: [join(web, "node_modules")],
			banner: { js: "globalThis.document ??= {documentElement: {dataset: {}}, addEventListener() {}}; globalThis.addEventListener ??= () => {}; globalThis.location ??= {};" } });
		return await import(pathToFileURL(join(folder, "all.mjs")).href);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** Shows a view as a click in the navigation would; settled when nothing loads any more. */
async function show(page, view) {
	await page.evaluate((to) => {
		const a = document.createElement("a");
		a.href = to;
		document.body.append(a);
		a.click();
		a.remove();
	}, "/" + view);
	await page.locator("main h1").first().waitFor();
	await waitFor(`${view} to be loaded`, () => page.evaluate(() => !document.querySelector("main .skeleton, main [aria-busy=true]")), 20);
}
const theme = (page, name) => page.evaluate((t) => (document.documentElement.dataset.theme = t), name);

test("no view breaks a rule of axe, dark or light", async () => {
	const page = await openPage(site), bad = [];
	for (const view of VIEWS) {
		await show(page, view);
		for (const name of ["dark", "light"]) {
			await theme(page, name);
			await sleep(150); // colours change with a transition
			bad.push(...(await axe(page)).map((v) => `${view}, ${name}: ${v}`));
		}
	}
	await closePage(page);
	assert(!bad.length, bad.join("\n"));
});

test("no view scrolls sideways at 1440, 1280 and 390, nor in English", async () => {
	const bad = [];
	for (const user of ["admin", "ann"]) {
		const page = await openPage(site, { user });
		for (const view of VIEWS) {
			await show(page, view);
			for (const width of [1440, 1280, 390]) {
				await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
				await sleep(120);
				const over = await page.evaluate(() => {
					const most = document.documentElement.clientWidth, wide = [];
					if (document.documentElement.scrollWidth <= most)
						return null;
					for (const e of document.querySelectorAll("main *"))
						if (e.getBoundingClientRect().right > most + 1 && wide.length < 4)
							wide.push(e.tagName + "." + e.className);
					return `${document.documentElement.scrollWidth - most} px: ${wide.join(", ")}`;
				});
				if (over)
					bad.push(`${view} at ${width} (${user}): ${over}`);
			}
		}
		await closePage(page);
	}
	assert(!bad.length, bad.join("\n"));
});

test("both languages say everything, and every text of the page is in a dictionary", async () => {
	const { incomplete } = await dictionaries();
	assert(!incomplete().length, incomplete());
	const ts = need("typescript"), bare = [];
	const said = /\p{L}{3,}/u, names = /^(Vigia|rtsp|HLS|MSE|RTSP|CSV|JSON|MP4|SHA-256|Enter|Esc|Ctrl|Shift|Home|End|PageUp|PageDown|fps)$/;
	for (const file of sources("", [".tsx"])) {
		const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
		const visit = (n) => {
			const attribute = ts.isJsxAttribute(n) && /^(label|title|placeholder|aria-label|alt)$/.test(n.name.getText()) && n.initializer && ts.isStringLiteral(n.initializer) ? n.initializer.text : null;
			const text = ts.isJsxText(n) ? n.text : attribute;
			if (text && text.trim().split(/[\s/+:.,()–-]+/).some((w) => said.test(w) && !names.test(w)))
				bare.push(`${file.slice(web.length + 1)}:${source.getLineAndCharacterOfPosition(n.getStart()).line + 1}: ${text.trim().slice(0, 60)}`);
			ts.forEachChild(n, visit);
		};
		visit(source);
	}
	assert(!bare.length, bare.join("\n"));
});

test("no word of Portuguese shows in English", async () => {
	const { everyWord } = await dictionaries();
	const tokens = (text) => text.toLowerCase().match(/\p{L}{3,}/gu) ?? [];
	const english = new Set(everyWord().flatMap((d) => Object.values(d.en).flatMap(tokens)));
	// What people wrote is in their language: names, reasons, notes, marks.
	const data = [];
	for (const path of ["/cameras?limit=1000", "/cities", "/holds?ended=true", "/marks", "/gaps?limit=1000", "/users", "/audit?limit=1000", "/streams?limit=1000"])
		data.push(...tokens(await (await site.raw("GET", path)).text()));
	const known = new Set([...data, "português"]);
	const portuguese = new Set(everyWord().flatMap((d) => Object.values(d.pt).flatMap(tokens)).filter((w) => !english.has(w) && !known.has(w)));
	assert(portuguese.size > 300, `${portuguese.size} words`);
	const page = await openPage(site, { user: "ann", locale: "en-GB" }), bad = new Set();
	for (const view of VIEWS) {
		await show(page, view);
		const text = await page.evaluate(() => {
			const all = [document.title];
			const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
			while (walk.nextNode())
				if (!walk.currentNode.parentElement.closest("script, style, noscript"))
					all.push(walk.currentNode.data);
			for (const e of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]"))
				all.push(...["aria-label", "title", "placeholder", "alt"].map((a) => e.getAttribute(a) ?? ""));
			return all;
		});
		for (const part of text)
			for (const w of tokens(part))
				if (portuguese.has(w) || (/[ãõçáéíóúâêô]/.test(w) && !known.has(w)))
					bad.add(`${view}: "${w}" in "${part.trim().slice(0, 80)}"`);
	}
	await closePage(page);
	assert(!bad.size, [...bad].slice(0, 40).join("\n"));
});

test("each role sees its views without an error", async () => {
	for (const user of ["operator", "viewer", "auditor"]) {
		const page = await openPage(site, { user });
		const own = await page.locator("nav a.item").evaluateAll((all) => all.map((a) => a.getAttribute("href").slice(1)));
		assert(own.length >= 6 && own.length < VIEWS.length, `${user}: ${own}`);
		for (const view of own) {
			await show(page, view);
			assert((await page.getByText("This view met an error").count()) === 0, `${user}: ${view} broke`);
		}
		await closePage(page).catch((e) => {
			throw new Error(`${user}: ${e.message}`);
		});
	}
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
