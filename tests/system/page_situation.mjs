// lane: 2
// Home in a browser: one green line when all is well, numbers that open their lists, cameras lost together, acknowledged ones, the sound,
// the card "Primeiros passos".
import { assert, axe, closeBrowser, closePage, main, openPage, startSite, test, waitFor } from "./_page.mjs";

const site = await startSite({
	cities: [{ id: "lapa", name: "Lapa" }],
	cameras: [{ id: "portao-1", name: "Portão 1", group: "Portões", number: 1 }, { id: "portao-2", name: "Portão 2", group: "Portões", number: 2 }, { id: "praca", name: "Praça", group: "Centro", number: 3 }],
});
for (const [name, role] of [["olga", "operator"], ["vera", "viewer"], ["aldo", "auditor"]])
	await site.addUser(name, role);
await site.waitLive();

const tile = (page, name) => page.locator(`[data-tile=${name}]`);
const value = async (page, name) => Number((await tile(page, name).locator(".value").innerText()).replace(/\D/g, ""));
const rows = (page) => page.locator(".streams-table tr[data-camera]").evaluateAll((all) => all.map((r) => r.dataset.camera).sort().join());

test("all well is one green line; disks and what is due are beside it, each with its list", async () => {
	const page = await openPage(site, { user: "olga" });
	await page.getByText("Tudo certo: 3 câmeras ao vivo e gravando.").waitFor();
	assert((await tile(page, "new_lost").count()) === 0, "no tiles of cameras");
	await waitFor("the disks", async () => (await tile(page, "disks").innerText()).includes("em uso"));
	assert((await tile(page, "due").getAttribute("href")) === "/expiring" && (await tile(page, "disks").getAttribute("href")) === "/promise", "links");
	assert(!(await axe(page)).length, await axe(page));
	await page.evaluate(() => (document.documentElement.dataset.theme = "light"));
	assert(!(await axe(page)).length, await axe(page));
	await closePage(page);
});

test("a failing disk, or a server that does not say, is not all well", async () => {
	const page = await openPage(site, { user: "olga" });
	await page.getByText("Tudo certo").waitFor();
	await page.route("**/api/v1/situation", (r) => r.fulfill({ json: { disks: { usable: 1, failed: 1, fills_on: "2026-12-24", problems: [{ id: "x", problem: "not mounted: marker missing" }] }, due_tomorrow: { cameras: 2, files: 3, bytes: 5e9 }, marked_unheld: 1, holds_ending: 0, notices_failed: 0 } }));
	await page.reload();
	await page.getByText("Câmeras em ordem: 3 ao vivo e gravando.").waitFor();
	await page.getByText(/^Disco com falha: não está montado: falta a marca .* O outro disco continua gravando\.$/i).waitFor();
	assert((await value(page, "disks")) === 1 && (await tile(page, "disks").innerText()).includes("1 com falha"), await tile(page, "disks").innerText());
	assert((await value(page, "due")) === 2 && (await tile(page, "due").innerText()).includes("3 gravações · 5,0 GB"), await tile(page, "due").innerText());
	assert((await value(page, "risk")) === 1 && (await tile(page, "risk").innerText()).includes("1 marcação sem preservação"), await tile(page, "risk").innerText());
	assert(!(await axe(page)).length, await axe(page));
	await closePage(page);
});

test("stopped by someone: who, when, why; started from there", async () => {
	const page = await openPage(site, { user: "olga" });
	await page.evaluate(() => fetch("/api/v1/streams/stop", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ camera_ids: ["praca"], reason: "Obra" }) }));
	await waitFor("one stopped", async () => (await tile(page, "stopped").count()) && (await value(page, "stopped")) === 1);
	const line = page.locator("[data-list=stopped] li");
	await line.getByText(/parada por olga em .*Obra/).waitFor();
	await tile(page, "stopped").click();
	await waitFor("its list", async () => (await rows(page)) === "praca");
	await page.goBack();
	await line.getByRole("button", { name: "Iniciar" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Iniciar" }).click();
	await page.getByText("Tudo certo: 3 câmeras").waitFor();
	await closePage(page);
});

test("cameras lost within a minute in one group are one line and one sound; acknowledging takes them from the new ones alone; back again, all is well", async () => {
	const page = await openPage(site, { user: "olga" });
	await page.context().addInitScript(() => {
		window.tones = 0;
		const start = OscillatorNode.prototype.start;
		OscillatorNode.prototype.start = function (...a) {
			window.tones++;
			return start.apply(this, a);
		};
	});
	await page.reload();
	await page.getByRole("button", { name: "Som" }).click();
	await waitFor("it is heard once when switched on", () => page.evaluate(() => window.tones === 3));
	await waitFor("kept by the server", () => page.evaluate(async () => (await (await fetch("/api/v1/preferences")).json()).sound === true));
	await site.order("stop_sim");
	await waitFor("three lost", async () => (await tile(page, "new_lost").count()) && (await value(page, "new_lost")) === 3, 40);
	await page.locator("li[data-group='Portões'][data-n='2']").getByText("2 câmeras perdidas juntas").waitFor();
	await page.locator("[data-list=new_lost] li[data-camera=praca]").waitFor();
	assert((await page.locator("[data-list=new_lost] li").count()) === 2, "two lines");
	await waitFor("the sound", () => page.evaluate(() => window.tones === 6));
	const counted = await site.get("/situation");
	assert(counted.new_lost === 3 && counted.no_signal === 3 && counted.not_recording === 0, counted);
	assert(!(await axe(page)).length, await axe(page));
	await page.getByText("2 câmeras perdidas juntas").click();
	await waitFor("the two in the list", async () => (await rows(page)) === "portao-1,portao-2");
	await page.goBack();
	const group = page.locator("li[data-group='Portões']");
	await group.getByRole("button", { name: "Mostrar câmeras" }).click();
	await page.locator("[data-list=new_lost] li[data-camera=portao-2]").waitFor();
	await group.getByRole("button", { name: "Ciente" }).click();
	await page.getByRole("dialog").getByLabel("Observação").fill("chamado 7");
	await page.getByRole("dialog").getByRole("button", { name: "Marcar ciente" }).click();
	await page.getByRole("dialog").getByText("Ciente de 2 câmeras.").waitFor();
	await page.keyboard.press("Escape");
	await waitFor("one is new, three are without signal", async () => (await value(page, "new_lost")) === 1 && (await value(page, "no_signal")) === 3);
	await page.locator("[data-list=known] li[data-camera=portao-1]").getByText("chamado 7").waitFor();
	assert((await tile(page, "no_signal").innerText()).includes("2 cientes"), await tile(page, "no_signal").innerText());
	await page.locator("[data-list=new_lost] li[data-camera=praca]").getByRole("button", { name: "Manutenção" }).click();
	await page.getByRole("dialog").getByRole("button", { name: "Pôr em manutenção" }).click();
	await page.getByText("Nada de novo: 0 de 3 câmeras gravando; as outras são conhecidas.").waitFor();
	await page.getByRole("link", { name: "Sem sinal, todas: 3" }).click();
	await waitFor("the known ones", async () => (await rows(page)) === "portao-1,portao-2,praca");
	await page.goBack();
	await site.order("start_sim");
	await page.getByText("Tudo certo: 3 câmeras ao vivo e gravando.").waitFor({ timeout: 60000 });
	await waitFor("the acknowledgement has ended", async () => (await site.stream("portao-1")).attention === null, 30);
	assert((await site.stream("praca")).attention.state === "maintenance", "maintenance lasts");
	assert((await page.evaluate(() => window.tones)) === 6, "no sound for what is acknowledged or back");
	await closePage(page);
});

test("first steps: ticked when done, other roles have fewer, closed for good", async () => {
	let page = await openPage(site, { user: "vera" });
	await page.locator(".first-steps li").first().waitFor();
	assert((await page.locator(".first-steps li").count()) === 2, "a viewer: wall and look back");
	await closePage(page);
	page = await openPage(site, { user: "aldo" });
	await page.locator("[data-view=situation]").waitFor();
	await page.locator("[data-tile=disks]").waitFor();
	assert((await page.locator(".first-steps").count()) === 0, "none for an auditor");
	await closePage(page);
	page = await openPage(site);
	assert((await page.locator(".first-steps li").count()) === 6 || (await waitFor("six", async () => (await page.locator(".first-steps li").count()) === 6)), "six");
	await page.locator("[data-step=stop] a").click();
	const row = page.locator(".streams-table tr[data-camera=praca]");
	await row.locator("[data-act=menu]").click();
	await page.getByRole("menuitem", { name: "Parar…" }).click();
	await page.getByRole("dialog").getByLabel("Motivo").fill("experiência");
	await page.getByRole("dialog").getByRole("button", { name: "Parar", exact: true }).click();
	await page.getByText("1 câmera parada.").waitFor();
	await page.locator("a.item[href='/situation']").click();
	await page.locator("[data-step=stop][data-done=true]").waitFor();
	await page.getByText("1 de 6 feito").waitFor();
	await page.getByRole("button", { name: "Não mostrar mais" }).click();
	await page.locator(".first-steps").waitFor({ state: "detached" });
	await waitFor("kept", () => page.evaluate(async () => (await (await fetch("/api/v1/preferences")).json()).first_steps?.closed === true));
	await page.reload();
	await page.locator("[data-view=situation] [data-tile=disks]").waitFor();
	assert((await page.locator(".first-steps").count()) === 0, "closed for good");
	await closePage(page);
});

test("on a phone it fits, in both themes and English", async () => {
	await site.addUser("eve", "operator", "all", "en");
	for (const theme of ["dark", "light"]) {
		const page = await openPage(site, { user: "eve", width: 390, height: 844, theme });
		await page.getByText("Stopped by someone").first().waitFor();
		assert((await page.evaluate(() => document.scrollingElement.scrollWidth)) <= 390, "no sideways scrolling");
		assert(!(await axe(page)).length, await axe(page));
		await closePage(page);
	}
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
