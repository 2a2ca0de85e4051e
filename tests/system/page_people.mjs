// Users and roles, the last administrator, the own password, and the audit's answer to "who saw this camera".
import { assert, axe, closeBrowser, closePage, main, openPage, startSite, test, waitFor } from "./_page.mjs";

const site = await startSite({ cities: [{ id: "lapa" }, { id: "mooca" }], cameras: [{ id: "portao-1", city: "lapa" }, { id: "praca-1", city: "mooca" }] });
const today = new Intl.DateTimeFormat("en-CA", { timeZone: "America/Sao_Paulo" }).format(new Date());

test("a user is added with a role and cities, and sees no more than that", async () => {
	const page = await openPage(site, { path: "/users" });
	await page.getByRole("button", { name: "Adicionar usuário" }).first().click();
	const dialog = page.locator("dialog[open]");
	await dialog.getByRole("button", { name: "Salvar" }).click();
	await dialog.getByText("Preencha este campo.").first().waitFor();
	await dialog.locator("input[name=name]").fill("Vera");
	await dialog.getByText("Visualizador").click();
	await dialog.getByText("Só estes").click();
	await dialog.locator("input[name=new-password]").fill("curta");
	await dialog.getByRole("button", { name: "Salvar" }).click();
	await dialog.getByText("Escolha ao menos um município.").waitFor();
	await dialog.getByText("Uma senha tem de 8 a 200 caracteres.").waitFor();
	await dialog.getByLabel("Lapa").check();
	await dialog.locator("input[name=new-password]").fill(site.password);
	await dialog.getByRole("button", { name: "Salvar" }).click();
	await page.locator("tr[data-user=vera]").waitFor();
	const vera = (await site.get("/users")).items.find((u) => u.name === "vera");
	assert(vera.role === "viewer" && vera.cities.join() === "lapa", vera);
	await closePage(page);

	const hers = await openPage(site, { user: "vera", path: "/users" });
	await hers.getByText("Seu perfil não permite isto.").waitFor();
	const items = await hers.locator("nav a.item").allTextContents();
	assert(!items.some((i) => /Usuários|Câmeras|Municípios|Auditoria/.test(i)) && items.some((i) => /Ao vivo/.test(i)), items);
	await hers.goto(site.base + "/account");
	await hers.getByText("ver o estado, ver imagens").waitFor();
	await closePage(hers);
});

test("a name that exists is told at its field, and nothing typed is lost", async () => {
	const page = await openPage(site, { path: "/users?new=1" });
	page.expected.push(/409/);
	const dialog = page.locator("dialog[open]").first();
	await dialog.locator("input[name=name]").fill("admin");
	await dialog.locator("input[name=new-password]").fill(site.password);
	await dialog.getByRole("button", { name: "Salvar" }).click();
	await dialog.getByText("Já existe um usuário com este nome.").waitFor();
	assert((await dialog.locator("input[name=name]").getAttribute("aria-invalid")) === "true", "told at the name");
	await page.keyboard.press("Escape");
	await page.getByText("Descartar as alterações?").waitFor();
	await page.getByRole("button", { name: "Continuar editando" }).click();
	await page.goBack().catch(() => undefined);
	await page.goto(site.base + "/users").catch(() => undefined);
	await closePage(page);
});

test("the last administrator can neither be removed nor lowered, and is told why", async () => {
	const page = await openPage(site, { path: "/users" });
	const more = (name) => page.locator(`tr[data-user=${name}]`).getByRole("button", { name: /Mais ações/ }).click();
	await more("admin");
	await page.getByRole("menuitem", { name: "Excluir…" }).click();
	await page.getByText("É o último administrador de todos os municípios.").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("button", { name: "Fechar" }).last().click();
	await page.locator("tr[data-user=admin] .link").click();
	const dialog = page.locator("dialog[open]");
	await dialog.getByText("Operador", { exact: true }).click();
	await dialog.getByRole("button", { name: "Salvar" }).click();
	await dialog.locator("[data-error=role]").waitFor();
	await page.keyboard.press("Escape");
	await page.getByRole("button", { name: "Descartar" }).click();
	// What this window does not know of yet, the server does.
	await site.call("POST", "/users", { name: "ana", role: "administrator", cities: "all", language: "pt-BR", password: site.password });
	await page.reload();
	await page.locator("tr[data-user=ana]").waitFor();
	await site.call("DELETE", "/users/ana");
	page.expected.push(/409/);
	await more("admin");
	await page.getByRole("menuitem", { name: "Excluir…" }).click();
	await page.getByRole("button", { name: "Excluir usuário" }).click();
	await page.getByText("É o último administrador de todos os municípios.").waitFor();
	assert((await site.get("/users")).items.some((u) => u.name === "admin"), "admin is there");
	await closePage(page);
});

test("the own password changes in the page with the present one; the session goes on", async () => {
	await site.addUser("olga", "operator");
	const page = await openPage(site, { user: "olga", path: "/account" });
	page.expected.push(/422/);
	const fill = async (now, next, again) => {
		await page.fill("input[name=current_password]", now);
		await page.fill("input[name=new_password]", next);
		await page.fill("input[name=again]", again);
		await page.getByRole("button", { name: "Trocar a senha" }).click();
	};
	await fill("não é esta", "nova senha 1", "nova senha 2");
	await page.getByText("As duas não são iguais.").waitFor();
	await fill("não é esta", "nova senha 1", "nova senha 1");
	await page.getByText("A senha atual não é esta.").waitFor();
	assert((await page.inputValue("input[name=new_password]")) === "nova senha 1", "what was typed stays");
	await fill(site.password, "nova senha 1", "nova senha 1");
	await page.getByText("Senha trocada.").waitFor();
	assert(await page.evaluate(() => fetch("/api/v1/streams").then((a) => a.ok)), "the session goes on");
	assert((await site.raw("POST", "/session", { user: "olga", password: "nova senha 1" })).ok, "the new password");
	assert((await site.raw("POST", "/session", { user: "olga", password: site.password })).status === 401, "not the old one");
	// Language and appearance are kept by the server.
	await page.getByRole("button", { name: "Claro" }).click();
	await waitFor("light", () => page.evaluate(() => document.documentElement.dataset.theme === "light"));
	await page.getByRole("button", { name: "English" }).click();
	await page.getByRole("heading", { name: "My account" }).waitFor();
	await waitFor("kept", async () => (await page.evaluate(() => fetch("/api/v1/preferences").then((a) => a.json()))).theme === "light");
	await page.reload();
	await page.getByRole("heading", { name: "My account" }).waitFor();
	await waitFor("light again", () => page.evaluate(() => document.documentElement.dataset.theme === "light"));
	await closePage(page);
});

test("who saw this camera today: an answer, its lines, and the same as CSV", async () => {
	await site.waitLive("portao-1");
	const seen = await site.call("POST", "/session", { user: "vera", password: site.password });
	const stream = await site.call("GET", "/cameras/portao-1/stream", undefined, seen.token);
	assert((await fetch(stream.hls_url)).ok, "vera watches");
	const page = await openPage(site, { path: "/audit" });
	await page.getByRole("button", { name: "Quem viu" }).click();
	await page.fill("input[name=camera]", "portao");
	await page.keyboard.press("Enter");
	await page.fill("input[name=from]", "32");
	await page.keyboard.press("Enter");
	await page.getByText("Um dia como 12/11/2026, 12/11 ou 12.").waitFor();
	await page.fill("input[name=from]", String(Number(today.slice(8)))); // "on the 12th"
	await page.keyboard.press("Enter");
	const answer = page.locator("[data-answer='1']");
	await answer.waitFor();
	assert(/1 pessoa viu portao-1 em \d\d\/\d\d\/\d{4}/i.test(await answer.textContent()) && /vera: abriu ao vivo \(1×\), às \d\d:/.test(await answer.textContent()), await answer.textContent());
	assert(page.url().includes("camera=portao-1") && page.url().includes("views=1") && page.url().includes(`from=${today}`), page.url());
	assert((await page.locator("tr[data-action]").count()) === 1, "one line");
	const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Baixar CSV" }).click()]);
	const { readFileSync } = await import("node:fs");
	const csv = readFileSync(await download.path(), "utf8");
	assert(csv.includes("vera") && csv.includes("live.open") && csv.trim().split("\n").length === 2, csv);
	// Nobody saw the other one; a link says the same as the filters.
	await page.goto(`${site.base}/audit?camera=praca-1&views=1&day=${today}`);
	await page.getByText("Ninguém viu praca-1").waitFor();
	// Everything, by text and by kind.
	await page.goto(`${site.base}/audit?action=user`);
	await page.locator("tr[data-action='user.create']").first().waitFor();
	assert((await page.locator("tr[data-action]").count()) === (await page.locator("tr[data-action^='user.']").count()), "only users");
	await closePage(page);
	await site.addUser("auro", "auditor");
	const his = await openPage(site, { user: "auro", path: "/audit?camera=portao-1&views=1" });
	await his.locator("[data-answer='1']").waitFor();
	await closePage(his);
});

test("accessible, in both languages, dark and light", async () => {
	await site.addUser("eve", "administrator", "all", "en");
	for (const [user, theme] of [["admin", "dark"], ["eve", "light"]]) {
		const page = await openPage(site, { user, path: "/users" });
		const look = async (path, selector) => {
			await page.evaluate((p) => {
				history.pushState(null, "", p);
				dispatchEvent(new PopStateEvent("popstate"));
			}, path);
			await page.locator(selector).first().waitFor();
			await page.evaluate((t) => (document.documentElement.dataset.theme = t), theme);
			const found = await axe(page);
			assert(!found.length, `${path} ${theme}: ${found.join("\n")}`);
		};
		await look("/users", "tr[data-user]");
		await look("/users?new=1", "dialog[open]");
		await look("/users?open=vera", "dialog[open]");
		await look("/audit", "tr[data-action]");
		await look("/audit?camera=portao-1&views=1", "[data-answer]");
		await look("/account", ".account-grid");
		await closePage(page);
	}
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
