// The page's TypeScript: types fit, both languages' words are complete and none is empty. Speaks TAP. usage: node page_types.mjs SOURCE_DIR
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const web = resolve(process.argv[2] ?? ".", "web");
let failed = false, n = 0;
const say = (good, sentence, why = "") => {
	failed ||= !good;
	console.log(`${good ? "ok" : "not ok"} ${++n} - ${sentence}`);
	for (const line of good ? [] : why.split("\n").slice(0, 40))
		console.log("# " + line);
};
console.log("1..2");

const tsc = spawnSync(process.execPath, [join(web, "node_modules/typescript/bin/tsc"), "--noEmit", "-p", web], { encoding: "utf8" });
say(tsc.status === 0, "types of the page", tsc.stdout + tsc.stderr);

// Every dictionary of i18n/ in one program that asks which keys are missing or empty in a language.
const dir = mkdtempSync(join(tmpdir(), "vigia-words-"));
try {
	const words = readdirSync(join(web, "src/i18n")).filter((f) => f.endsWith(".ts"));
	const entry = join(dir, "words.ts"), out = join(dir, "words.mjs");
	writeFileSync(entry, words.map((f) => `import ${JSON.stringify(join(web, "src/i18n", f))};`).join("\n") +
		`\nimport { incomplete } from ${JSON.stringify(join(web, "src/core/i18n.ts"))};\nconsole.log(JSON.stringify(incomplete()));\nprocess.exit(0);\n`);
	const esbuild = createRequire(join(web, "x"))("esbuild");
	esbuild.buildSync({ entryPoints: [entry], bundle: true, format: "esm", platform: "node", outfile: out, nodePaths: [join(web, "node_modules")], logLevel: "error" });
	const missing = JSON.parse(execFileSync(process.execPath, [out], { encoding: "utf8", timeout: 20000 }).trim().split("\n").pop());
	say(words.length > 0 && missing.length === 0, "words in both languages", missing.join(" "));
} catch (e) {
	say(false, "words in both languages", String(e.stack ?? e));
} finally {
	if (existsSync(dir))
		rmSync(dir, { recursive: true });
}
process.exit(failed ? 1 : 0);
