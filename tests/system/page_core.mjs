// The page's shell: signing in, the lock over a session that ended, languages, the policy, what the first load weighs.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, axe, closeBrowser, closePage, main, openPage, startSite, test, waitFor } from "./_page.mjs";

const site = await startSite({ cameras: [{ id: "portao-1" }] });

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
	await page.fill("dialog.lock input[name=user]", "vera");
	await page.fill("dialog.lock input[name=password]", site.password);
	await page.click("dialog.lock button[type=submit]");
	await page.locator("dialog.lock").waitFor({ state: "detached" });
	assert(page.url().endsWith("/notices"), page.url());
	await page.getByText("vera · Operador").waitFor();
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
