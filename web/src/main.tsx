import { render } from "preact";
import { App } from "./app";
import { language } from "./core/i18n";
import { readSession, sessionKnown } from "./core/session";
import "./core/prefs";
import "./ui/lostSound";

if (!/^pt/i.test(navigator.language) && /^en/i.test(navigator.language))
	language.value = "en";
document.documentElement.lang = language.value;
document.documentElement.dataset.theme ??= "dark";

async function begin(): Promise<void> {
	try {
		await readSession(false);
	} catch {
		// The server is away: the sign-in says so when somebody tries; ask again meanwhile.
		sessionKnown.value = true;
		setTimeout(begin, 3000);
	}
}
render(<App />, document.getElementById("app")!);
void begin();
