// Cameras and cities: add one and see it live, test its address, import a thousand with a broken line, retention before it is saved.
import { assert, axe, closeBrowser, closePage, main, openPage, startSite, test, waitFor } from "./_page.mjs";

const site = await startSite({ cities: [{ id: "lapa" }, { id: "mooca", days: 30 }], cameras: [{ id: "portao-1", city: "lapa" }], started: false });
const go = (page, path) => page.evaluate((p) => {
	history.pushState(null, "", p);
	dispatchEvent(new PopStateEvent("popstate"));
}, path);

test("a camera is added, started, and seen live by its link", async () => {
	const page = await openPage(site, { path: "/cameras" });
	await page.getByRole("button", { name: "Adicionar câmera" }).first().click();
	const dialog = page.locator("dialog[open]").first();
	await dialog.getByRole("button", { name: "Adicionar", exact: true }).click();
	await dialog.getByText("Escolha um município.").waitFor();
	await dialog.locator("input[name=name]").fill("Praça São João");
	await dialog.getByLabel("Município").selectOption("mooca");
	await dialog.locator("input[name=number]").fill("abc");
	await dialog.locator("input[name=rtsp_url]").fill("http://10.0.0.7/");
	await dialog.getByRole("button", { name: "Adicionar", exact: true }).click();
	await dialog.getByText("Não é um endereço RTSP").waitFor();
	await dialog.getByText("Um número de 1 a 999999.").waitFor();
	await dialog.locator("input[name=number]").fill("7");
	await dialog.locator("input[name=group]").fill("Centro");
	await dialog.locator("input[name=rtsp_url]").fill(site.rtsp("praca"));
	await dialog.locator("input[name=lat]").fill("-23.5505, -46.6333");
	assert((await dialog.locator("input[name=lon]").inputValue()) === "-46.6333", "both pasted at once");
	await dialog.getByRole("button", { name: "Adicionar", exact: true }).click();
	await page.getByText("Praça São João adicionada").waitFor();
	await page.getByText("Ao vivo. Há imagem.").waitFor();
	assert((await page.getByRole("link", { name: "Ver ao vivo" }).getAttribute("href")) === "/wall?cameras=praca-sao-joao", "link to see it");
	const made = await site.get("/cameras/praca-sao-joao");
	assert(made.number === 7 && made.group === "Centro" && made.lat === -23.5505 && made.lon === -46.6333 && made.city_id === "mooca", made);
	await waitFor("the first step is ticked", async () => (await page.evaluate(() => fetch("/api/v1/preferences").then((a) => a.json()))).first_steps?.done?.includes("camera"));
	await page.getByRole("button", { name: "Fechar" }).last().click();
	await page.locator("tr[data-camera=praca-sao-joao]").getByText("Ao vivo").waitFor();
	await closePage(page);
});

test("an address is tested before it is saved: a picture and what it is, or why not", async () => {
	const page = await openPage(site, { path: "/cameras?new=1" });
	const url = page.locator("input[name=rtsp_url]"), press = page.getByRole("button", { name: "Testar: Endereço RTSP" });
	await url.fill(site.rtsp("portao-1"));
	await press.click();
	const good = page.locator("[data-test=ok]");
	await good.waitFor();
	assert(/H\.264/.test(await good.textContent()) && /640 × 360/.test(await good.textContent()), await good.textContent());
	await page.locator("video[data-picture=shown]").waitFor();
	const size = await page.locator("video[data-picture=shown]").evaluate((v) => [v.videoWidth, v.videoHeight]);
	assert(size.join() === "640,360", size);
	assert(!(await axe(page)).length, await axe(page));
	await url.fill("rtsp://127.0.0.1:1/nada");
	await page.getByText("O endereço mudou depois deste teste.").waitFor();
	await press.click();
	await page.locator("[data-test=bad]").getByText("Nada atende neste endereço").waitFor();
	assert((await url.inputValue()) === "rtsp://127.0.0.1:1/nada", "what was typed stays");
	await closePage(page);
});

test("what was typed outlives the back button; leaving asks first", async () => {
	const page = await openPage(site, { path: "/cameras" });
	await page.locator("tr[data-camera=portao-1] .link").click();
	const name = page.locator("dialog[open] input[name=name]").first();
	await name.fill("Portão da feira");
	await page.goBack();
	await page.locator("dialog[open]").waitFor({ state: "detached" });
	await page.locator("tr[data-camera=portao-1] .link").click();
	await page.getByText("O que você tinha digitado e não salvou continua aqui.").waitFor();
	assert((await name.inputValue()) === "Portão da feira", await name.inputValue());
	await page.keyboard.press("Escape");
	await page.getByText("Descartar as alterações?").waitFor();
	await page.getByRole("button", { name: "Continuar editando" }).click();
	// Another window changes a field that nobody touched here, and one that was.
	await site.call("PATCH", "/cameras/portao-1", { notes: "de outra janela", name: "Portão velho" });
	await page.getByText("Salvo agora em outra janela: Portão velho").waitFor();
	assert((await page.locator("textarea[name=notes]").inputValue()) === "de outra janela", "a field that was not touched follows");
	await page.getByRole("button", { name: "Salvar" }).click();
	await page.locator("dialog[open]").waitFor({ state: "detached" });
	const saved = await site.get("/cameras/portao-1");
	assert(saved.name === "Portão da feira" && saved.notes === "de outra janela", saved);
	await closePage(page);
});

test("a camera archived in another window is told in its open form, and what was typed can become a new one", async () => {
	await site.call("POST", "/cameras", { id: "velha", city_id: "lapa", name: "Velha", rtsp_url: site.rtsp("velha") });
	const page = await openPage(site, { path: "/cameras?open=velha" });
	await page.locator("dialog[open] input[name=name]").fill("Velha da esquina");
	await site.call("DELETE", "/cameras/velha");
	await page.getByText("Esta câmera foi arquivada em outra janela").waitFor();
	assert(await page.getByRole("button", { name: "Salvar" }).isDisabled(), "cannot be saved");
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("button", { name: "Adicionar como câmera nova" }).click();
	await page.getByText("Iniciar assim que salvar").click();
	await page.getByRole("button", { name: "Adicionar", exact: true }).click();
	await page.getByText("Velha da esquina adicionada").waitFor();
	await page.getByRole("button", { name: "Fechar" }).last().click();
	const [now] = (await site.get("/cameras?text=esquina")).items;
	assert(now.id !== "velha" && now.rtsp_url === site.rtsp("velha"), now);
	// Archiving from the list says what it means.
	await page.locator(`tr[data-camera=${now.id}]`).getByRole("button", { name: /Mais ações/ }).click();
	await page.getByRole("menuitem", { name: "Arquivar…" }).click();
	await page.getByText("Ela para de transmitir e de GRAVAR agora").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("button", { name: "Arquivar", exact: true }).click();
	await page.locator(`tr[data-camera=${now.id}]`).waitFor({ state: "detached" });
	await page.getByRole("button", { name: "Arquivadas" }).click();
	await page.locator(`tr[data-camera=${now.id}]`).waitFor();
	await closePage(page);
});

test("a thousand lines with line 700 broken: shown in place, corrected, added", async () => {
	const line = (i) => `cam-${i};${i % 2 ? "Lapa" : "Mooca"};${["Praça São João", "Túnel Ayrton", "Escola Estação"][i % 3]} ${i};rtsp://u:p@10.0.0.${i % 250}/s${i};${i + 100}`;
	const lines = ["código;município;nome;url;número", ...Array.from({ length: 999 }, (_, i) => line(i + 2))];
	lines[699] = "cam-700;Lapa;Ponte 700;htp://10.0.0.1/s;x7";
	const page = await openPage(site, { path: "/cameras?import=1" });
	await page.getByText("Iniciar as câmeras adicionadas").waitFor({ state: "detached" });
	await page.setInputFiles("input[type=file]", { name: "cameras.csv", mimeType: "text/csv", buffer: Buffer.from(lines.join("\r\n"), "utf8") });
	await page.getByText("998 linhas boas").waitFor();
	assert(!(await site.get("/cameras?text=cam-2")).items.length, "nothing was added yet");
	await page.getByRole("button", { name: "Próximo erro" }).click();
	const row = page.locator("tr[data-line='700']");
	await waitFor("line 700 is in sight", () => row.evaluate((e) => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= innerHeight));
	await row.getByText("Não é um endereço RTSP").waitFor();
	await row.getByText("Um número de 1 a 999999.").waitFor();
	await page.getByRole("button", { name: /Só com erro/ }).click();
	assert((await page.locator("tr[data-line]").count()) === 1, "only the broken one");
	assert(!(await axe(page)).length, await axe(page));
	await row.locator("input").nth(0).fill("rtsp://10.0.0.1/s");
	// Another view and back: nothing is lost.
	await page.locator("a.item[href='/cities']").click();
	await page.locator("tr[data-city=lapa]").waitFor();
	await go(page, "/cameras?import=1");
	await page.getByRole("button", { name: /Só com erro/ }).click();
	await page.getByText("998 linhas boas").waitFor();
	await row.getByText("Não é um endereço RTSP").waitFor({ state: "detached" });
	await row.getByText("Um número de 1 a 999999.").waitFor();
	await row.locator("input").first().fill("7");
	await page.getByText("999 linhas boas").waitFor();
	await page.getByText("Iniciar as câmeras adicionadas").click();
	await page.getByRole("button", { name: "Adicionar 999 câmeras" }).click();
	await page.getByText("999 câmeras adicionadas.").first().waitFor();
	const made = await site.get("/cameras/cam-700");
	assert(made.number === 7 && made.city_id === "lapa", made);
	await closePage(page);
});

test("only the good lines are added, the broken ones stay to be corrected", async () => {
	const page = await openPage(site, { path: "/cameras?import=1" });
	await page.fill("textarea[name=csv]", 'name,url,city\n"Nova ""A""",rtsp://10.1.0.1/a,lapa\nNova B,rtsp://10.1.0.2/b,Atlântida,sobra\n"Nova C,rtsp://10.1.0.3/c,lapa');
	await page.getByRole("button", { name: "Conferir" }).click();
	await page.getByText("Linha 4: aspas abertas não fecham.").waitFor();
	await page.fill("textarea[name=csv]", (await page.inputValue("textarea[name=csv]")).replace('"Nova C', "Nova C"));
	await page.getByRole("button", { name: "Conferir" }).click();
	await page.getByText("2 linhas boas").waitFor();
	await page.locator("tr[data-line='3']").getByText("Este município não existe.").waitFor();
	await page.getByRole("button", { name: "Ignorar o que sobra: sobra" }).click();
	await page.locator("tr[data-line='3']").getByText("Há mais células").waitFor({ state: "detached" });
	await page.getByText("Iniciar as câmeras adicionadas").click();
	await page.getByRole("button", { name: "Adicionar só as 2 boas" }).click();
	await page.locator("dialog[open]").getByRole("button", { name: "Adicionar só as 2 boas" }).click();
	await page.locator("tr[data-line='2'][data-state=added]").waitFor();
	await page.locator("tr[data-line='3'][data-state=bad] input").last().fill("Mooca");
	await page.getByRole("button", { name: "Adicionar 1 câmera" }).click();
	await page.locator("tr[data-line='3'][data-state=added]").waitFor();
	assert((await site.get("/cameras?text=nova")).items.length === 3, "three in all");
	await closePage(page);
});

test("a list of a thousand is searched without accents and by number, filtered, sorted", async () => {
	const page = await openPage(site, { path: "/cameras" });
	await page.locator("tr[data-camera]").first().waitFor();
	const search = page.getByRole("searchbox");
	await search.fill("estacao 902");
	await waitFor("found", async () => /Escola Estação 902/.test(await page.locator("tr[data-camera]").first().textContent()) && (await page.locator("tr[data-camera]").count()) === 1);
	await search.fill("555");
	await page.locator("tr[data-camera=cam-455]").waitFor();
	await search.fill("");
	await page.getByLabel("Município").selectOption("mooca");
	await page.getByRole("button", { name: "Número" }).click();
	await waitFor("sorted", async () => /^7/.test(await page.locator("tr[data-camera] td").first().textContent()));
	await page.getByRole("button", { name: "Número" }).click();
	await page.locator("tr[data-camera=cam-1000]").waitFor();
	assert(/city=mooca/.test(page.url()) && /sort=-number/.test(page.url()), page.url());
	await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
	await waitFor("more rows as the end comes near", async () => (await page.locator("tr[data-camera]").count()) > 150);
	await closePage(page);
});

test("a city: who is notified, what a shorter retention deletes before it is saved, and why one cannot be removed", async () => {
	const page = await openPage(site, { path: "/cities" });
	await page.getByRole("button", { name: "Adicionar município" }).first().click();
	await page.locator("input[name=name]").fill("Vila Nova");
	await page.locator("input[name=retention_days]").fill("0");
	await page.getByRole("button", { name: "Adicionar destino" }).click();
	await page.locator("[data-target='0'] input").fill("não é");
	await page.getByRole("button", { name: "Salvar" }).click();
	await page.getByText("Um número inteiro de dias, de 1 a 3650.").waitFor();
	await page.getByText("Não é um endereço de e-mail.").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.locator("input[name=retention_days]").fill("15");
	await page.locator("[data-target='0'] input").fill("cco@vila.example");
	await page.getByRole("button", { name: "Salvar" }).click();
	await page.locator("tr[data-city=vila-nova]").waitFor();
	const made = await site.get("/cities/vila-nova");
	assert(made.retention_days === 15 && made.notify[0].to === "cco@vila.example" && made.time_zone === "America/Sao_Paulo", made);

	// Nothing is that old here: the answer is a server's with a past.
	await page.route("**/cities/lapa/retention-preview?days=3", (r) => r.fulfill({ json: { retention_days_now: 7, retention_days: 3, files: 1234, bytes: 2.3e12, cameras: 12, oldest_at: "2026-11-01T10:00:00Z", newest_at: "2026-11-04T10:00:00Z", held_files: 3,
		notice_at: "2026-11-27T05:00:00Z", notice_on: "2026-11-27", due_on: "2026-11-28", first_deleted_at: "2026-11-28T05:00:00Z", anyway: { files: 0, bytes: 0 }, noticed: { files: 0, bytes: 0 }, kept_longer: { files: 0, bytes: 0, until: null } } }));
	await page.locator("tr[data-city=lapa] .link").click();
	await page.locator("input[name=retention_days]").fill("3");
	await page.getByText("1.234 gravações ficam vencidas (2,3 TB), de 12 câmeras.").waitFor();
	await page.getByText("De 01/11/2026 até 04/11/2026.").waitFor();
	await page.getByText("Primeira exclusão: 28/11/2026 02:00:00.").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("button", { name: "Salvar" }).click();
	await page.getByText("Marque que entendeu o que será excluído.").waitFor();
	assert((await site.get("/cities/lapa")).retention_days === 7, "not saved yet");
	await page.unroute("**/cities/lapa/retention-preview?days=3");
	await page.locator("input[name=retention_days]").fill("5");
	await page.getByText("nada será excluído por causa desta mudança").waitFor();
	await page.getByRole("button", { name: "Salvar" }).click();
	await page.locator("dialog[open]").waitFor({ state: "detached" });
	assert((await site.get("/cities/lapa")).retention_days === 5, "saved");

	page.expected.push(/409/);
	await page.locator("tr[data-city=lapa]").getByRole("button", { name: /Mais ações/ }).click();
	await page.getByRole("menuitem", { name: "Excluir…" }).click();
	await page.getByRole("button", { name: "Excluir município" }).click();
	await page.getByText("Lapa não pode ser excluído: ainda tem câmeras, gravações ou preservações.").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.getByRole("button", { name: "Fechar" }).last().click();
	await page.locator("tr[data-city=vila-nova]").getByRole("button", { name: /Mais ações/ }).click();
	await page.getByRole("menuitem", { name: "Excluir…" }).click();
	await page.getByRole("button", { name: "Excluir município" }).click();
	await page.locator("tr[data-city=vila-nova]").waitFor({ state: "detached" });
	await closePage(page);
});

test("accessible, in both languages, dark and light", async () => {
	await site.addUser("eve", "administrator", "all", "en");
	for (const [user, theme] of [["admin", "dark"], ["eve", "light"]]) {
		const page = await openPage(site, { user, path: "/cameras?text=por" });
		for (const [path, selector] of [["/cameras?text=por", "tr[data-camera]"], ["/cameras?text=por&new=1", "dialog[open]"], ["/cameras?text=por&open=portao-1", "dialog[open] input[name=name]"], ["/cameras?import=1", ".drop"], ["/cities", "tr[data-city]"], ["/cities?open=lapa", "dialog[open]"]]) {
			await go(page, path);
			await page.locator(selector).first().waitFor();
			await page.evaluate((t) => (document.documentElement.dataset.theme = t), theme);
			const found = await axe(page);
			assert(!found.length, `${path} ${theme}: ${found.join("\n")}`);
		}
		await closePage(page);
	}
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
