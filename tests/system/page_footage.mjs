// Kept footage in the page: what expires, holds, the promise with its coverage and clean-up, notices. The past is that of `make run`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, axe, closeBrowser, closePage, main, openPage, startSite, test, waitFor } from "./_page.mjs";

// A webhook that nobody answers: its deliveries fail.
const site = await startSite({ demo: true, started: false, config: "notify:\n  webhook: {url: 'http://127.0.0.1:9/nobody', secret: 'x'}\n" });
await site.call("PATCH", "/cities/lapa", { notify: [{ channel: "webhook", to: "http://127.0.0.1:9/nobody", language: "pt-BR" }] });
const files = (camera) => readdirSync(join(site.footage), { recursive: true }).filter((f) => f.includes(`/${camera}/`) && f.endsWith(".mp4")).length;
const well = async (page, what) => {
	const bad = await axe(page);
	assert(!bad.length, `${what}: ${bad.join("\n")}`);
};

test("what expires: the marked and not held first, files on demand; a hold takes a mark off the list", async () => {
	const page = await openPage(site, { path: "/expiring" });
	const marked = page.locator("[data-mark]");
	await marked.first().waitFor();
	assert((await marked.count()) === 2, `${await marked.count()} marks`);
	assert((await page.locator("section.attention").boundingBox()).y < (await page.locator("section.due").first().boundingBox()).y, "the marks come first");
	await page.locator("tr[data-camera=escola]").getByRole("button", { name: /^Mostrar arquivos/ }).click();
	await page.locator("tr.opened").getByRole("button", { name: /^Exportar/ }).waitFor();
	await well(page, "expiring");
	await marked.filter({ hasText: "Homem mexendo" }).getByRole("button", { name: /^Preservar/ }).click();
	assert((await page.inputValue("dialog textarea[name=reason]")) === "Homem mexendo no poste de iluminação", "the mark's text is the reason that is offered");
	await well(page, "the hold's dialog");
	await page.locator("dialog footer button.primary").click();
	await waitFor("the mark to go", async () => (await marked.count()) === 1);
	const holds = (await site.get("/holds")).items;
	assert(holds.some((h) => h.reason.startsWith("Homem mexendo") && h.camera_ids.join() === "praca"), holds);
	await closePage(page);
});

test("several lines, a due date and a camera can be held or exported; a viewer may do neither", async () => {
	const page = await openPage(site, { path: "/expiring" });
	await page.locator("tr[data-camera=escola] input[type=checkbox]").check();
	await page.locator("tr[data-camera=avenida-central] input[type=checkbox]").check();
	await page.getByRole("button", { name: "Preservar 2 câmeras" }).click();
	await page.locator("dialog[open]").waitFor();
	await page.locator("dialog[open]").getByRole("button", { name: "Cancelar" }).click();
	await page.locator("section.due[data-city=lapa]").getByRole("button", { name: /^Preservar tudo/ }).first().click();
	await page.locator("dialog[open]").getByText("Escola", { exact: false }).first().waitFor();
	await page.keyboard.press("Escape");
	await page.locator(".picked").getByRole("button", { name: "Exportar" }).click(); // from two cities: a file each
	await page.locator("dialog[open] li").nth(1).waitFor();
	await well(page, "choosing what to export");
	await page.keyboard.press("Escape");
	await page.locator("tr[data-camera=escola]").getByRole("button", { name: /^Exportar/ }).click();
	await page.locator("dialog[open] [data-state=ready]").waitFor();
	await closePage(page);
	await site.addUser("vera", "viewer");
	const seen = await openPage(site, { path: "/expiring", user: "vera" });
	await seen.locator("tr[data-camera=escola]").waitFor();
	assert((await seen.getByRole("button", { name: /^(Preservar|Exportar)/ }).count()) === 0, "buttons that the server would refuse");
	await closePage(seen);
});

test("a dry run says what would be deleted and noticed; what is held then stays through a run, the rest goes", async () => {
	const page = await openPage(site, { path: "/promise" });
	const before = files("cais");
	const dryRun = async () => {
		await page.getByRole("button", { name: "Simular" }).click();
		await page.locator("dialog[open]").getByText("Nada foi alterado.", { exact: false }).waitFor();
	};
	await dryRun();
	await page.locator("[data-what=delete] tr[data-camera=cais]").waitFor();
	await page.locator("[data-what=notice] tr[data-camera=terminal]").waitFor();
	await page.locator("[data-what=delete]").getByRole("button", { name: /^Mostrar arquivos/ }).click();
	await well(page, "the dry run");
	await page.keyboard.press("Escape");
	assert(files("cais") === before, "a dry run deleted something");
	await waitFor("the step to be noted", async () => (await page.evaluate(() => fetch("/api/v1/preferences").then((r) => r.json()))).first_steps?.done?.includes("simulate"));
	await page.goto(site.base + "/expiring");
	await page.locator("tr[data-camera=cais]").getByRole("button", { name: /^Preservar/ }).click();
	await page.fill("dialog textarea[name=reason]", "BO 77/2026");
	await page.locator("dialog footer button.primary").click();
	await page.locator("dialog[open]").waitFor({ state: "detached" });
	await page.goto(site.base + "/promise");
	await page.getByRole("button", { name: "Executar agora" }).click();
	await well(page, "the question before a run");
	await page.locator("dialog footer button.danger").click();
	await page.locator("dialog").getByText("Resultado da exclusão automática").waitFor();
	assert((await page.locator("[data-what=delete]").count()) === 0, "deleted though it was held");
	assert(files("cais") === before, "the file is gone");
	await closePage(page);
});

test("holds: what each covers, its owner and end; ended by its owner or an administrator, with a reason", async () => {
	await site.addUser("olga", "operator");
	const other = await openPage(site, { path: "/holds", user: "olga" });
	const there = other.locator("[data-hold]", { hasText: "BO 77/2026" });
	await there.waitFor();
	assert(await there.getByRole("button", { name: /^Encerrar/ }).isDisabled(), "an operator ends another's hold");
	await closePage(other);
	const page = await openPage(site, { path: "/holds" });
	const card = page.locator("[data-hold]", { hasText: "BO 77/2026" });
	await card.getByText("1 arquivo", { exact: false }).first().waitFor();
	await card.getByRole("button", { name: /^Detalhes/ }).click();
	await card.locator(".covers li", { hasText: "Cais do porto" }).waitFor();
	await card.getByText("Nada: nenhum arquivo", { exact: false }).waitFor();
	await well(page, "holds");
	await card.getByRole("button", { name: /^Encerrar/ }).click();
	const end = page.locator("dialog footer button.danger");
	assert(await end.isDisabled(), "ended without a reason");
	await page.fill("dialog textarea[name=reason]", "Inquérito concluído");
	await well(page, "ending a hold");
	await end.click();
	await card.waitFor({ state: "detached" });
	await page.getByRole("button", { name: "Encerradas" }).click();
	await card.getByText("encerrada por admin", { exact: false }).waitFor();
	assert(page.url().includes("show=ended"), page.url());
	await closePage(page);
});

test("coverage: a day's gaps by reason, walked with the arrow keys; the month as CSV", async () => {
	const page = await openPage(site, { path: "/promise?city=lapa" });
	const cell = page.locator("tr[data-camera=portao-1] .cell.poor, tr[data-camera=portao-1] .cell.some, tr[data-camera=portao-1] .cell.good").first();
	await cell.waitFor();
	await well(page, "promise");
	await cell.click();
	await page.locator("dialog[open]").getByText("câmera sem resposta", { exact: false }).first().waitFor();
	await well(page, "a day's gaps");
	await page.keyboard.press("Escape");
	const at = await page.evaluate(() => document.activeElement.dataset.cell);
	await page.keyboard.press("ArrowDown");
	const next = await page.evaluate(() => document.activeElement.dataset.cell);
	assert(at && next && next.split("-")[1] === at.split("-")[1] && next !== at, `${at} ${next}`);
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Baixar CSV do mês").click()]);
	const text = readFileSync(await download.path(), "utf8");
	assert(/portao-1/.test(text) && text.includes(";"), text.slice(0, 300));
	await closePage(page);
});

test("notices: read with Hold and Export; one that could not be delivered says why and is tried again", async () => {
	const of = async () => (await site.get("/notices?city_id=lapa")).items.find((n) => n.deliveries.some((d) => d.channel === "webhook" && d.last_error));
	const n = await waitFor("a delivery that failed", of, 30, 500);
	const page = await openPage(site, { path: "/notices?city=lapa" });
	await page.locator(`.entry[data-notice="${n.id}"]`).click();
	const reader = page.locator(`.reader[data-notice="${n.id}"]`);
	await reader.getByText("Webhook", { exact: true }).waitFor();
	await reader.locator(".delivery .bad-text").waitFor();
	await well(page, "notices");
	await reader.locator("tr[data-camera=portao-1]").getByRole("button", { name: /^Preservar/ }).waitFor();
	await reader.getByRole("button", { name: "Tentar de novo" }).click();
	await waitFor("another try", async () => (await site.get(`/notices/${n.id}`)).deliveries.find((d) => d.channel === "webhook").attempts > n.deliveries.find((d) => d.channel === "webhook").attempts, 30, 500);
	assert(page.url().includes(`id=${n.id}`), page.url());
	await closePage(page);
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
