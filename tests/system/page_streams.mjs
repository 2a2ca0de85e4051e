// lane: 2
// The list of streams in a browser: what comes first, search and filters, stop and start with a result per camera, rows that stay under the
// mouse, a camera archived elsewhere, the key frame.
import { assert, axe, closeBrowser, closePage, main, openPage, sleep, startSite, test, waitFor } from "./_page.mjs";

const site = await startSite({
	cities: [{ id: "lapa", name: "Lapa" }, { id: "olinda", name: "Olinda", zone: "America/Recife" }],
	cameras: [
		{ id: "portao-1", name: "Portão 1", number: 12, group: "Portões" }, { id: "portao-2", name: "Portão 2", number: 120, group: "Portões" },
		{ id: "praca", name: "Praça da Sé", number: 7, group: "Centro" }, { id: "cais", name: "Cais 3", city: "olinda", number: 101 },
		{ id: "senha", name: "Avenida Brasil", url: "auth=basic&user=x", group: "Centro" },
	],
});
await site.addUser("olga", "operator");
await site.addUser("vera", "viewer");
await site.addUser("aldo", "auditor");
await site.waitLive("portao-1", "portao-2", "praca", "cais");

const names = (page) => page.locator(".streams-table tr[data-camera]").evaluateAll((rows) => rows.map((r) => r.dataset.camera));
const row = (page, id) => page.locator(`.streams-table tr[data-camera="${id}"]`);
const away = (page) => page.mouse.move(5, 5);
const open = async (o = {}) => {
	const page = await openPage(site, { path: "/streams", user: "olga", ...o });
	await away(page);
	await page.locator(".streams-table").waitFor();
	return page;
};

test("what needs somebody comes first, in the words of the room; search without accents or by number, filters and order are in the address", async () => {
	await waitFor("the camera with a wrong password", async () => (await site.stream("senha")).status === "reconnecting");
	await sleep(10500); // what has just begun is given ten seconds
	const page = await open();
	await waitFor("the lost camera first", async () => (await names(page))[0] === "senha");
	await row(page, "senha").getByText("Senha recusada pela câmera (401)").waitFor();
	assert((await row(page, "portao-1").innerText()).includes("Ao vivo") && (await row(page, "portao-1").innerText()).includes("Gravando"), await row(page, "portao-1").innerText());
	await waitFor("bits and frames a second", async () => /\d (k|M)b\/s[\s\S]*\d+ fps/.test(await row(page, "portao-1").innerText()));
	const search = page.getByRole("searchbox");
	await page.keyboard.press("/");
	await page.keyboard.type("praca");
	await waitFor("one found", async () => (await names(page)).join() === "praca");
	await search.fill("12");
	await waitFor("found by number", async () => (await names(page)).includes("portao-1"));
	await search.fill("PORTÃO");
	await waitFor("both", async () => (await names(page)).join() === "portao-1,portao-2");
	await waitFor("the address", async () => new URL(page.url()).searchParams.get("text") === "PORTÃO");
	await page.getByRole("button", { name: "Limpar filtros" }).click();
	await page.getByLabel("Município").selectOption("olinda");
	await waitFor("one city", async () => (await names(page)).join() === "cais");
	await page.goto(site.base + "/streams?attention=new");
	await waitFor("the lost one", async () => (await names(page)).join() === "senha");
	await page.goto(site.base + "/streams?sort=-number");
	await waitFor("by number, none last", async () => (await names(page)).join() === "portao-2,cais,portao-1,praca,senha");
	await page.locator("[data-sort=number]").click();
	await waitFor("turned", async () => (await names(page)).join() === "praca,portao-1,cais,portao-2,senha");
	assert((await page.locator("th.c-camera").getAttribute("aria-sort")) === "ascending", "aria-sort");
	await page.goto(site.base + "/streams?camera=nenhuma");
	await page.getByText("não existe mais, ou foi arquivada").waitFor();
	await closePage(page);
});

test("stopping some says that recording stops and of how many, wants a reason, survives a session that ends, and has a result per camera; they start again", async () => {
	const page = await open();
	page.expected.push(/401/);
	for (const id of ["portao-1", "portao-2"])
		await row(page, id).getByRole("checkbox").check();
	await page.getByRole("button", { name: "Parar…" }).click();
	const dialog = page.locator("dialog.dialog:not(.lock)");
	await dialog.getByText("Parar 2 câmeras?").waitFor();
	await dialog.getByText("Elas deixam de GRAVAR até serem iniciadas.").waitFor();
	await dialog.getByText("2 gravam agora.").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await dialog.getByRole("button", { name: "Parar" }).click();
	await dialog.getByText("Escreva o motivo da parada.").waitFor();
	assert((await site.stream("portao-1")).status === "live", "not without a reason");
	await dialog.getByLabel("Motivo").fill("Obra na calçada");
	await page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
	await dialog.getByRole("button", { name: "Parar" }).click();
	await page.locator("dialog.lock").waitFor();
	await page.fill("dialog.lock input[name=password]", site.password);
	await page.click("dialog.lock button[type=submit]");
	await page.locator("dialog.lock").waitFor({ state: "detached" });
	assert((await dialog.getByLabel("Motivo").inputValue()) === "Obra na calçada", "the typed reason is still there");
	await dialog.getByRole("button", { name: "Parar", exact: true }).click();
	await dialog.getByText("2 câmeras paradas.").waitFor();
	assert((await dialog.locator("[data-result][data-ok=true]").count()) === 2, await dialog.innerText());
	await dialog.getByRole("button", { name: "Fechar" }).last().click();
	await away(page);
	await row(page, "portao-1").getByText("Parada").waitFor();
	await row(page, "portao-1").getByText("Obra na calçada").waitFor();
	const s = await site.stream("portao-1");
	assert(s.status === "stopped" && s.stop_reason === "Obra na calçada" && s.stopped_by === "olga" && s.restart_at === null, s);
	// One again by the row's menu, with the keyboard.
	await row(page, "portao-1").locator("[data-act=menu]").focus();
	await page.keyboard.press("Enter");
	assert(!(await axe(page)).length, await axe(page));
	await page.keyboard.press("Enter");
	await page.getByRole("dialog").getByRole("button", { name: "Iniciar" }).click();
	await page.getByText("1 câmera iniciada.").waitFor();
	await site.waitLive("portao-1");
	await waitFor("live in the list", async () => (await row(page, "portao-1").innerText()).includes("Ao vivo"));
	await closePage(page);
});

test("a stop can end by itself: after a chosen time, or at one that is typed", async () => {
	const page = await open();
	await row(page, "praca").locator("[data-act=menu]").click();
	await page.getByRole("menuitem", { name: "Parar…" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByText("Ela deixa de GRAVAR até ser iniciada.").waitFor();
	await dialog.getByLabel("Motivo").fill("Poda");
	await dialog.getByLabel("Iniciar de novo sozinha").selectOption("at");
	await dialog.getByLabel("Data e hora").fill("ontem");
	await dialog.getByRole("button", { name: "Parar", exact: true }).click();
	await dialog.getByText("Data ou hora não entendida").waitFor();
	await dialog.getByLabel("Data e hora").fill("+2h");
	await dialog.getByText("(daqui a 2 h").waitFor();
	await dialog.getByRole("button", { name: "Parar", exact: true }).click();
	await page.getByText("1 câmera parada.").waitFor();
	const s = await site.stream("praca"), left = Date.parse(s.restart_at) - Date.now();
	assert(left > 7100_000 && left < 7300_000, s);
	await away(page);
	await row(page, "praca").getByText(/^volta \d/).waitFor();
	await site.call("POST", "/cameras/praca/stream", {});
	await site.waitLive("praca");
	await closePage(page);
});

test("a whole filter is selected, and what was selected outside of it is said; acknowledged and maintenance reach each camera", async () => {
	const page = await open({ path: "/streams?city=lapa" });
	await page.locator("[data-select-all]").check();
	await page.getByText("4 escolhidas").waitFor();
	await page.getByLabel("Município").selectOption("olinda");
	await page.getByText("4 fora do filtro").waitFor();
	await page.getByRole("button", { name: "Limpar escolha" }).click();
	await page.getByRole("button", { name: "Limpar filtros" }).click();
	await row(page, "senha").locator("[data-act=menu]").click();
	await page.getByRole("menuitem", { name: "Ciente…" }).click();
	await page.getByRole("dialog").getByLabel("Observação").fill("chamado 12");
	await page.getByRole("dialog").getByRole("button", { name: "Marcar ciente" }).click();
	await page.getByText("Ciente de 1 câmera.").waitFor();
	await away(page);
	await row(page, "senha").getByText("Ciente").waitFor();
	const a = (await site.stream("senha")).attention;
	assert(a.state === "acknowledged" && a.note === "chamado 12" && a.by === "olga" && a.until === null, a);
	for (const id of ["portao-1", "senha"])
		await row(page, id).getByRole("checkbox").check();
	await page.getByRole("button", { name: "Manutenção…" }).click();
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("dialog").getByLabel("Até quando").selectOption("h1");
	await page.getByRole("dialog").getByRole("button", { name: "Pôr em manutenção" }).click();
	await page.getByText("2 câmeras em manutenção.").waitFor();
	const until = Date.parse((await site.stream("portao-1")).attention.until) - Date.now();
	assert(until > 3500_000 && until < 3700_000, `${until}`);
	await page.getByRole("dialog").getByRole("button", { name: "Fechar" }).last().click();
	for (const id of ["portao-1", "senha"])
		await site.call("PUT", `/cameras/${id}/attention`, { state: "none", note: "", until: null });
	await closePage(page);
});

test("rows keep their place while the mouse is among them, and say how many moved", async () => {
	const page = await open({ path: "/streams?sort=recording" });
	await waitFor("rows", async () => (await names(page)).length === 5);
	const before = (await names(page)).join();
	await row(page, "cais").locator(".c-error").hover();
	await site.call("POST", "/streams/stop", { camera_ids: ["portao-1", "portao-2"], reason: "teste" });
	await waitFor("the rows changed", async () => (await row(page, "portao-2").innerText()).includes("Parada"));
	assert((await names(page)).join() === before, "order " + (await names(page)).join());
	await page.locator("[data-moved]").waitFor();
	assert(/mud(ou|aram) de lugar/.test(await page.locator("[data-moved]").innerText()), "words");
	await away(page);
	await waitFor("sorted again", async () => /portao-1,portao-2$/.test((await names(page)).join()));
	assert((await page.locator("[data-moved]").count()) === 0, "nothing more to say");
	await site.call("POST", "/streams/start", { camera_ids: ["portao-1", "portao-2"] });
	await site.waitLive("portao-1", "portao-2");
	await closePage(page);
});

test("a camera archived in another window is told in place, and a stop that comes too late says so for that camera alone", async () => {
	await site.call("POST", "/cameras", { id: "velha", city_id: "lapa", name: "Velha", rtsp_url: site.rtsp("velha") });
	const page = await open();
	await row(page, "velha").waitFor();
	await row(page, "velha").getByRole("checkbox").check();
	await row(page, "cais").getByRole("checkbox").check();
	await page.getByRole("button", { name: "Parar…" }).click();
	const dialog = page.getByRole("dialog");
	await dialog.getByLabel("Motivo").fill("fim");
	await site.call("DELETE", "/cameras/velha");
	await page.locator("[data-gone-note]").waitFor();
	assert(/Arquivada em outra janela: Velha/.test(await page.locator("[data-gone-note]").innerText()), await page.locator("[data-gone-note]").innerText());
	assert((await row(page, "velha").getAttribute("data-gone")) === "true", "the row is still there, marked");
	await dialog.getByRole("button", { name: "Parar", exact: true }).click();
	await dialog.locator("[data-result=cais][data-ok=true]").waitFor();
	await dialog.locator("[data-result=velha][data-ok=false]").waitFor();
	assert((await dialog.innerText()).includes("arquivada"), await dialog.innerText());
	await dialog.getByRole("button", { name: "Fechar" }).last().click();
	await away(page);
	await row(page, "velha").waitFor({ state: "detached" });
	await site.call("POST", "/cameras/cais/stream", {});
	await closePage(page);
});

test("the latest key frame is shown on hover and by the keyboard, with its time; who watches is listed", async () => {
	await site.waitLive("portao-1");
	const page = await open();
	await row(page, "portao-1").locator(".name").hover();
	await page.locator("[data-keyframe=portao-1][data-shown=true]").waitFor();
	const size = await page.locator(".keyframe video").evaluate((v) => [v.videoWidth, v.videoHeight, v.getVideoPlaybackQuality().totalVideoFrames]);
	assert(size[0] > 0 && size[1] > 0, size);
	await waitFor("its time", async () => /Imagem das \d\d:\d\d:\d\d/.test(await page.locator(".keyframe figcaption").innerText()));
	assert(!(await axe(page)).length, await axe(page));
	await page.keyboard.press("Escape");
	await page.locator(".keyframe").waitFor({ state: "detached" });
	await away(page);
	await row(page, "portao-2").getByRole("checkbox").focus();
	await page.keyboard.press("Tab");
	await page.locator("[data-keyframe=portao-2]").waitFor();
	await page.keyboard.press("Escape");
	const { hls_url } = await site.stream("portao-1");
	await fetch(hls_url);
	const media = await (await fetch(hls_url)).text();
	const variant = media.split("\n").find((l) => l && !l.startsWith("#"));
	await fetch(new URL(variant, hls_url));
	await waitFor("a viewer counted", async () => (await site.stream("portao-1")).viewers > 0);
	await row(page, "portao-1").locator("[data-act=viewers]").click({ timeout: 12000 });
	await page.getByRole("dialog").getByText("Quem assiste Portão 1").waitFor();
	await page.getByRole("dialog").getByRole("cell", { name: "HLS" }).first().waitFor();
	await closePage(page);
});

test("a viewer starts and stops nothing, an auditor sees no picture; no violation in both themes, English too", async () => {
	let page = await open({ user: "vera", theme: "light" });
	assert((await page.locator("[data-act=menu]").count()) === 0 && (await page.locator("a[data-c=wall]").count()) > 0, "viewer");
	await row(page, "cais").getByRole("checkbox").check();
	assert((await page.getByRole("button", { name: "Parar…" }).count()) === 0, "no stop");
	assert(!(await axe(page)).length, await axe(page));
	await closePage(page);
	page = await open({ user: "aldo" });
	assert((await page.locator("a[data-c=wall], a[data-c=lookback]").count()) === 0, "auditor");
	await row(page, "portao-1").locator(".name").hover();
	await sleep(800);
	assert((await page.locator(".keyframe").count()) === 0, "no picture for an auditor");
	await closePage(page);
	await site.addUser("eve", "operator", "all", "en");
	page = await open({ user: "eve", width: 390, height: 844, theme: "light" });
	await page.getByText("5 cameras").waitFor();
	assert((await page.evaluate(() => document.scrollingElement.scrollWidth)) <= 390, "fits a phone");
	assert(!(await axe(page)).length, await axe(page));
	await closePage(page);
});

test("of a thousand rows only those in sight are drawn; all of a filter are selected, a range by Shift", async () => {
	const one = await site.stream("cais");
	const many = Array.from({ length: 1000 }, (_, i) => ({ ...one, camera_id: `c-${i}`, id: `s-${i}`, camera_name: `Câmera ${i}`, number: i, group: i % 2 ? "Ímpares" : "Pares" }));
	const page = await openPage(site, { user: "olga", path: "/situation" });
	await page.route("**/api/v1/streams?*", (r) => {
		const ids = new URL(r.request().url()).searchParams.get("camera_ids")?.split(",");
		return r.fulfill({ json: { items: ids ? many.filter((m) => ids.includes(m.camera_id)) : many, next_cursor: null } });
	});
	await page.goto(site.base + "/streams?sort=number");
	await away(page);
	await page.getByText("1.000 câmeras").waitFor();
	assert((await names(page)).length < 60 && (await names(page))[0] === "c-0", `${(await names(page)).length} drawn`);
	await page.locator(".streams-table").evaluate((e) => (e.scrollTop = e.scrollHeight));
	await row(page, "c-999").waitFor();
	assert((await names(page)).length < 60 && (await page.locator(".streams-table table").getAttribute("aria-rowcount")) === "1001", "still few");
	await page.goto(site.base + "/streams?sort=number&group=Pares");
	await page.locator("[data-select-all]").check();
	await page.getByText("500 escolhidas").waitFor();
	await page.locator("[data-select-all]").uncheck();
	await row(page, "c-2").getByRole("checkbox").click();
	await row(page, "c-10").getByRole("checkbox").click({ modifiers: ["Shift"] });
	await page.getByText("5 escolhidas").waitFor();
	await page.getByRole("button", { name: "Parar…" }).click();
	await page.getByText("Parar 5 câmeras?").waitFor();
	await closePage(page);
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
