// The demonstration as `make run` starts it, on free ports and with a data directory of its own.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sleep, waitFor } from "./_page.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const freePort = () => new Promise((done) => {
	const s = createServer();
	s.listen(0, "127.0.0.1", () => {
		const { port } = s.address();
		s.close(() => done(port));
	});
});

/** {base, password, rtsp_port, data, raw, call, get, stop}: ready when the first camera is live. */
export async function startDemo() {
	const dir = mkdtempSync(join(tmpdir(), "vigia-demo-")), data = join(dir, "var"), port = await freePort(), rtsp_port = await freePort(), password = "vigia-demo";
	const env = { ...process.env, VIGIA_LISTEN: `127.0.0.1:${port}`, VIGIA_DATA_DIR: "./var", VIGIA_DEMO_RTSP_PORT: String(rtsp_port), VIGIA_ADMIN_PASSWORD: password };
	delete env.VIGIA_TOKEN;
	const p = spawn(join(root, "tools/run.sh"), [resolve(root, process.env.VIGIA_BUILD || "build")], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
	let said = "", over = false;
	p.stdout.on("data", (text) => (said += text));
	p.stderr.on("data", (text) => (said += text));
	const ended = new Promise((done) => p.on("exit", () => done((over = true))));
	const site = { base: `http://127.0.0.1:${port}`, password, rtsp_port, data };
	site.stop = async () => {
		if (!over)
			p.kill("SIGINT");
		await Promise.race([ended, sleep(40000)]);
		if (!over)
			process.kill(-p.pid, "SIGKILL"); // its own group: whatever is left of it
		rmSync(dir, { recursive: true, force: true });
	};
	const interrupted = () => void site.stop().then(() => process.exit(1));
	process.once("SIGINT", interrupted);
	process.once("SIGTERM", interrupted);
	try {
		await waitFor("the demonstration", () => over || /^play one: /m.test(said), 120, 200);
		if (over)
			throw new Error("it ended:\n" + said);
	} catch (e) {
		await site.stop();
		throw e;
	}
	site.token = readFileSync(join(data, "token"), "utf8").trim();
	site.raw = (method, path, body) => fetch(site.base + "/api/v1" + path, { method, body: body === undefined ? undefined : JSON.stringify(body),
		headers: { Authorization: "Bearer " + site.token, ...(body === undefined ? {} : { "Content-Type": "application/json" }) } });
	site.call = async (method, path, body) => {
		const a = await site.raw(method, path, body), text = await a.text();
		if (!a.ok)
			throw new Error(`${method} ${path}: ${a.status} ${text}`);
		return text ? JSON.parse(text) : null;
	};
	site.get = (path) => site.call("GET", path);
	return site;
}
