// The page's shell: signing in, the lock over a session that ended, languages, the policy, what the first load weighs.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, axe, closeBrowser, closePage, main, openPage, sleep, startSite, test, waitFor } from "./_page.mjs";

const site = await startSite({ cities: [{ id: "lapa" }, { id: "guarulhos" }], cameras: [{ id: "portao-1", city: "lapa" }] });

test("signs in, and says when the password is wrong", async () => {
	const page = await openPage(site, { signIn: false });
	page.expected.push(/401/);
	await page.fill("input[name=user]", "admin");
	await page.fill("input[name=password]", "errada");
	await page.click("button[type=submit]");
	await page.getByText("Usuário ou senha incorretos.").waitFor();
	assert(!(await axe(page)).length, await axe(page));
	await page.fill("input[name=password]", site.password);
	await page.click("button[type=submit]");
	await page.waitForSelector(".shell");
	assert((await page.locator("h1").first().textContent()) === "Situação", "home");
	await closePage(page);
});

test("a session that ends is a lock over the page: the address and what was typed stay, somebody else may go on", async () => {
	await site.addUser("vera", "operator");
	const page = await openPage(site, { path: "/streams" });
	page.expected.push(/401/);
	await page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
	await page.evaluate(() => fetch("/api/v1/streams"));
	await page.locator("a.item[href='/notices']").click(); // whatever asks the server next
	await waitFor("the lock", async () => {
		await page.evaluate(() => dispatchEvent(new Event("online")));
		return page.locator("dialog.lock").isVisible();
	}, 75);
	assert(page.url().endsWith("/notices"), page.url());
	for (let i = 0; i < 3; i++)
		await page.keyboard.press("Escape");
	assert(await page.locator("dialog.lock").isVisible(), "Escape opens no lock");
	const asked = [];
	page.on("request", (r) => asked.push(r.url()));
	await sleep(4500);
	assert(!asked.some((u) => u.includes("/api/")), `a locked page asks nothing: ${asked}`);
	await page.fill("dialog.lock input[name=user]", "vera");
	await page.fill("dialog.lock input[name=password]", site.password);
	await page.click("dialog.lock button[type=submit]");
	await page.locator("dialog.lock").waitFor({ state: "detached" });
	assert(page.url().endsWith("/notices"), page.url());
	await page.getByText("vera · Operador").waitFor();
	await closePage(page);
});

test("who goes on in place of another sees their cities alone, at once", async () => {
	await site.addUser("bia", "operator", ["guarulhos"]);
	const page = await openPage(site, { path: "/streams" });
	page.expected.push(/401/);
	await page.locator("tr[data-camera='portao-1']").waitFor();
	await page.route(/\/api\/v1\/streams\?limit=/, (r) => setTimeout(() => r.continue().catch(() => undefined), 5000)); // theirs are long in coming
	await page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
	await page.locator("dialog.lock").waitFor({ timeout: 75000 });
	// Signed in in another window of the browser: this one goes on as well.
	const other = await page.context().newPage();
	await other.goto(site.base + "/account");
	await other.fill("input[name=user]", "bia");
	await other.fill("input[name=password]", site.password);
	await other.click("button[type=submit]");
	await page.locator("dialog.lock").waitFor({ state: "detached" });
	await page.locator("tr[data-camera='portao-1']").waitFor({ state: "detached", timeout: 3000 });
	await page.unrouteAll({ behavior: "ignoreErrors" });
	await closePage(page);
});

test("a list that was long in coming does not overwrite what is known by then", async () => {
	await site.waitLive("portao-1");
	const page = await openPage(site, { signIn: false });
	let release, held = false;
	await page.route(/\/api\/v1\/streams\?limit=/, async (r) => {
		if (held)
			return r.continue();
		held = true;
		const old = await r.fetch();
		await new Promise((done) => (release = done));
		await r.fulfill({ response: old });
	});
	await page.fill("input[name=user]", "admin");
	await page.fill("input[name=password]", site.password);
	await page.click("button[type=submit]");
	await waitFor("the list to be on its way", () => release);
	const read = page.waitForResponse((a) => a.url().includes("/streams?camera_ids=portao-1"));
	assert(await page.evaluate(async () => (await fetch("/api/v1/cameras/portao-1/stream?reason=teste", { method: "DELETE" })).ok), "stopped");
	await read;
	await sleep(500);
	release();
	await page.locator("[data-list=stopped] [data-camera='portao-1']").waitFor();
	await site.call("POST", "/cameras/portao-1/stream");
	await site.waitLive("portao-1");
	await closePage(page);
});

test("preferences that could not be read are not overwritten", async () => {
	const page = await openPage(site, { signIn: false });
	page.expected.push(/ERR_FAILED/);
	await page.route("**/api/v1/preferences", (r) => (r.request().method() === "GET" ? r.abort() : r.continue()));
	await page.fill("input[name=user]", "vera");
	await page.fill("input[name=password]", site.password);
	await page.click("button[type=submit]");
	await page.waitForSelector(".shell");
	const kept = () => page.evaluate(async () => (await fetch("/api/v1/preferences?")).json()); // not by the name that fails
	await page.evaluate(() => fetch("/api/v1/preferences?", { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ theme: "light", first_steps: { done: ["stop"] } }) }));
	await page.locator("a.item[href='/account']").click();
	await page.getByRole("checkbox", { name: /Som|som/ }).check();
	await sleep(1500);
	assert((await kept()).theme === "light", await kept());
	await page.unroute("**/api/v1/preferences");
	const now = await waitFor("both", async () => {
		const p = await kept();
		return p.sound && p;
	});
	assert(now.theme === "light" && now.first_steps.done[0] === "stop", now);
	assert((await page.evaluate(() => document.documentElement.dataset.theme)) === "light", "theirs are shown");
	await closePage(page);
});

test("by keyboard: past the menu, into the new view, and a form does not vanish by Escape", async () => {
	const page = await openPage(site, { path: "/cities" });
	await page.reload();
	await page.waitForSelector(".shell");
	await page.keyboard.press("Tab");
	await page.keyboard.press("Enter");
	assert((await page.evaluate(() => document.activeElement.id)) === "main", "the skip link");
	await page.goto(site.base + "/cities?new=1");
	const form = page.locator("dialog[open]").first();
	await form.locator("input[name=name]").fill("Osasco");
	for (let i = 0; i < 6; i++)
		await page.keyboard.press("Escape");
	await page.locator("dialog[open]").first().waitFor();
	assert((await form.locator("input[name=name]").inputValue()) === "Osasco", "what was typed");
	await closePage(page);
});

test("who works in the page keeps the session; a page that is only looked at does not", async () => {
	const page = await openPage(site, { signIn: false });
	await page.clock.install();
	await page.reload();
	await page.fill("input[name=user]", "admin");
	await page.fill("input[name=password]", site.password);
	await page.click("button[type=submit]");
	await page.waitForSelector(".shell");
	const background = async () => {
		const asked = page.waitForRequest((r) => r.url().endsWith("/api/v1/session"));
		await page.clock.fastForward(61_000);
		return (await asked).headers()["x-vigia-background"];
	};
	await background(); // the sign-in's keys
	assert((await background()) === "1", "nobody did anything");
	await page.mouse.click(700, 850);
	assert((await background()) === undefined, "somebody did");
	await closePage(page);
});

test("nothing inline and nothing from elsewhere", async () => {
	const a = await fetch(site.base + "/");
	const policy = a.headers.get("content-security-policy");
	assert(policy && !/unsafe/.test(policy) && /default-src '(none|self)'/.test(policy) && /frame-ancestors 'none'/.test(policy), policy);
	const text = await a.text();
	assert(!/<script>|<style| style=|https?:\/\//.test(text), text);
});

test("the first load is below 300 kB compressed", async () => {
	const { first_load_gzip_bytes } = JSON.parse(readFileSync(join(process.env.VIGIA_BUILD ?? "build", "web/page_sizes.json"), "utf8"));
	assert(first_load_gzip_bytes > 5000 && first_load_gzip_bytes < 300000, `${first_load_gzip_bytes} bytes`);
});

test("the server goes away and comes back: it is said, what was typed stays, and the rows are right again", async () => {
	await site.waitLive("portao-1");
	const page = await openPage(site, { path: "/streams" });
	page.expected.push(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|50[234]/);
	const search = page.locator("input[type=search]").first();
	await search.fill("portao");
	await site.order("kill_server");
	await page.locator("#main .strip").first().waitFor({ timeout: 70000 });
	await site.order("start_server");
	await page.locator("#main .strip").first().waitFor({ state: "detached", timeout: 30000 });
	assert((await search.inputValue()) === "portao", "what was typed");
	await page.getByText("portao-1").first().waitFor();
	await closePage(page);
});

test("a browser whose clock is wrong shows the server's time, and says so", async () => {
	const page = await openPage(site, { clock: 600_000 });
	await page.getByText(/adiante do relógio do servidor/).waitFor();
	await closePage(page);
});

await main(async () => {
	await closeBrowser();
	await site.close();
});
