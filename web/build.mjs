// Bundles the page and writes it as C, so that the server carries it in its binary.
// usage: node build.mjs OUT_DIR [--dev]    OUT_DIR/page_assets.c, the files it includes, and page_assets.d (what it was made of, for ninja)
// The first load is index.html, one script, one style sheet; views and hls.js are scripts of their own, loaded when needed.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? join(here, "dist"));
const dev = process.argv.includes("--dev");
// The page's own addresses: each is the same index.html, the script looks at the path.
const paths = ["/", "/situation", "/streams", "/cameras", "/cities", "/wall", "/lookback", "/expiring", "/holds", "/promise", "/notices", "/users",
	"/audit", "/account"];
const types = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", html: "text/html; charset=utf-8", svg: "image/svg+xml" };

const built = await esbuild.build({
	entryPoints: [join(here, "src/main.tsx"), join(here, "src/styles.css")],
	bundle: true,
	splitting: true,
	format: "esm",
	target: ["chrome109", "firefox115", "safari16"],
	jsx: "automatic",
	jsxImportSource: "preact",
	minify: !dev,
	sourcemap: dev ? "inline" : false,
	legalComments: "none",
	outdir: "/assets",
	entryNames: "[name]-[hash]",
	chunkNames: "[name]-[hash]",
	write: false,
	metafile: true,
	logLevel: "warning",
	absWorkingDir: here,
});

const hash = (data) => createHash("sha256").update(data).digest("hex").slice(0, 16);
const assets = built.outputFiles.map((f) => ({ path: "/assets/" + relative("/assets", f.path), data: Buffer.from(f.contents), immutable: true }));
const icon = readFileSync(join(here, "src/icon.svg"));
const iconPath = `/assets/icon-${hash(icon)}.svg`;
assets.push({ path: iconPath, data: icon, immutable: true });
const find = (pattern) => assets.find((a) => pattern.test(a.path)).path;
const index = readFileSync(join(here, "src/index.html"), "utf8")
	.replace("%script%", find(/^\/assets\/main-.*\.js$/)).replace("%style%", find(/^\/assets\/styles-.*\.css$/)).replace("%icon%", iconPath);
for (const path of paths)
	assets.push({ path, data: Buffer.from(index), immutable: false, name: "index.html" });

// A folder of its own: what an earlier build left is not carried.
const files = join(out, "page");
rmSync(files, { recursive: true, force: true });
mkdirSync(files, { recursive: true });
const c = ["/* Made by web/build.mjs. */", '#include "api/assets.h"', ""];
const known = new Map();
for (const a of assets) {
	const name = a.name ?? a.path.split("/").pop();
	a.type = types[name.split(".").pop()];
	a.key = known.get(name);
	if (a.key !== undefined)
		continue;
	a.key = known.size;
	known.set(name, a.key);
	const gz = gzipSync(a.data, { level: 9 });
	a.gz = gz.length;
	writeFileSync(join(files, name), a.data);
	writeFileSync(join(files, name + ".gz"), gz);
	for (const [symbol, file] of [[`page_${a.key}`, name], [`page_${a.key}_gz`, name + ".gz"]])
		c.push(`__asm__(".section .rodata\\n.balign 16\\n${symbol}:\\n.incbin \\"${join(files, file)}\\"\\n${symbol}_end:\\n.byte 0\\n.previous\\n");`,
			`extern const unsigned char ${symbol}[], ${symbol}_end[];`);
}
c.push("", "const struct api_asset page_assets[] = {");
for (const a of assets)
	c.push(`\t{"${a.path}", "${a.type}", "\\"${hash(a.data)}\\"", page_${a.key}, page_${a.key}_end, page_${a.key}_gz, page_${a.key}_gz_end, ${a.immutable}},`);
c.push("\t{0},", "};", "");
writeFileSync(join(out, "page_assets.c"), c.join("\n"));

const inputs = Object.keys(built.metafile.inputs).map((f) => resolve(here, f)).concat(["build.mjs", "src/index.html", "src/icon.svg"].map((f) => join(here, f)));
writeFileSync(join(out, "page_assets.d"), "page_assets.c: " + inputs.join(" ").replaceAll("$", "$$$$") + "\n");

// The first load: the page, its style, the script and what that imports at once.
const sizes = Object.fromEntries(assets.filter((a) => a.gz).map((a) => [a.path, a.gz]));
const atOnce = new Set();
const follow = (output) => {
	if (atOnce.has(output))
		return;
	atOnce.add(output);
	for (const i of built.metafile.outputs[output].imports)
		if (i.kind === "import-statement")
			follow(i.path);
};
const outputs = Object.keys(built.metafile.outputs);
follow(outputs.find((o) => /main-[^/]*\.js$/.test(o)));
follow(outputs.find((o) => /styles-[^/]*\.css$/.test(o)));
const first = sizes["/"] + [...atOnce].reduce((sum, o) => sum + sizes["/assets/" + o.split("/").pop()], 0);
writeFileSync(join(out, "page_sizes.json"), JSON.stringify({ first_load_gzip_bytes: first, files: sizes }, null, 1) + "\n");
