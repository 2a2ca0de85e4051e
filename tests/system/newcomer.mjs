// The first ten minutes after `make run`: each of the first steps is a link from the card, finds data, and is ticked.
import { startDemo } from "./_demo.mjs";
import { assert, closeBrowser, closePage, main, openPage, test, waitFor } from "./_page.mjs";

const site = await startDemo();
const page = await openPage(site);
const step = (name) => page.locator(`[data-step=${name}]`);
/** From the card to where it leads, and back to a card that has it ticked. */
async function take(name, work) {
	await page.goto(site.base + "/situation");
	await step(name).locator("a").click();
	await work();
	await waitFor(`${name} to be noted`, async () => (await page.evaluate(() => fetch("/api/v1/preferences").then((r) => r.json()))).first_steps?.done?.includes(name));
}

test("the card has the six steps, and the situation shows what is not well", async () => {
	await waitFor("six steps", async () => (await page.locator("[data-step]").count()) === 6);
	assert((await page.locator("[data-done=true]").count()) === 0, "nothing was done yet");
	await waitFor("the camera that refuses the password", async () => /Hospital/.test(await page.locator("main").innerText()), 30);
});

test("the wall moves", () => take("wall", async () => {
	const moving = () => page.evaluate(() => [...document.querySelectorAll(".live-feed video:last-child")].filter((v) => v.readyState >= 2 && v.getVideoPlaybackQuality().totalVideoFrames > 10).length);
	await waitFor("six pictures that move", async () => (await moving()) >= 6, 40, 500);
}));

test("one is stopped with a reason, and started again", () => take("stop", async () => {
	await page.locator("tr[data-camera=praca] input[type=checkbox]").check();
	await page.getByRole("button", { name: "Parar…" }).click();
	const dialog = page.locator("dialog[open]");
	await dialog.getByText("GRAVAR", { exact: false }).first().waitFor();
	await dialog.locator("textarea, input[name=reason]").first().fill("Manutenção do poste");
	await dialog.getByRole("button", { name: "Parar", exact: true }).click();
	await waitFor("it to be stopped", async () => (await site.get("/cameras/praca/stream")).status === "stopped");
	await site.call("POST", "/cameras/praca/stream", {});
}));

test("an hour ago is played", () => take("lookback", async () => {
	await waitFor("a picture of then", () => page.evaluate(() => {
		const v = document.querySelector(".look-tile video");
		return v && v.readyState >= 2 && v.videoWidth > 0;
	}), 30);
	if (await page.locator("[data-playing=false]").count())
		await page.locator("[data-playing=false]").first().click();
	const at = await page.evaluate(() => document.querySelector(".look-tile video").currentTime);
	await waitFor("it to move", () => page.evaluate((t) => document.querySelector(".look-tile video").currentTime > t + 0.5, at), 20);
}));

test("what somebody marked and nobody held is held, and exported", () => take("hold", async () => {
	const mark = page.locator("[data-mark]", { hasText: "Carga caída" });
	await mark.getByRole("button", { name: /^Exportar/ }).click();
	await page.locator("dialog[open] [data-state=ready]").waitFor();
	await page.keyboard.press("Escape");
	await mark.getByRole("button", { name: /^Preservar/ }).click();
	await page.locator("dialog[open] footer button.primary").click();
	await mark.waitFor({ state: "detached" });
}));

test("a dry run shows what would be deleted and noticed", () => take("simulate", async () => {
	await page.getByRole("button", { name: "Simular" }).click();
	await page.locator("[data-what=delete] tr[data-camera]").first().waitFor();
	await page.locator("[data-what=notice] tr[data-camera]").first().waitFor();
	await page.keyboard.press("Escape");
}));

test("an own camera is added, and live", () => take("camera", async () => {
	await page.getByRole("button", { name: "Adicionar câmera" }).first().click();
	const dialog = page.locator("dialog[open]");
	await dialog.locator("input[name=name]").fill("Minha câmera");
	await dialog.getByLabel("Município").selectOption("lapa");
	await dialog.locator("input[name=rtsp_url]").fill(`rtsp://127.0.0.1:${site.rtsp_port}/portao-1-small`);
	await dialog.getByRole("button", { name: "Adicionar", exact: true }).click();
	await waitFor("it to be live", async () => (await site.get("/streams?text=minha")).items[0]?.status === "live", 30);
}));

test("all six are ticked, the card is closed for good, and nothing went wrong in the browser", async () => {
	await page.goto(site.base + "/situation");
	await waitFor("six ticks", async () => (await page.locator("[data-done=true]").count()) === 6);
	await page.getByRole("button", { name: "Não mostrar mais" }).click();
	await waitFor("it to be noted", async () => (await page.evaluate(() => fetch("/api/v1/preferences").then((r) => r.json()))).first_steps?.closed === true);
	await page.reload();
	await page.locator("main h1").waitFor();
	await page.locator("[data-tile]").first().waitFor();
	assert((await page.locator("[data-step]").count()) === 0, "the card is back");
	await closePage(page);
});

await main(async () => {
	await closeBrowser();
	await site.stop();
});
