// "Primeiros passos": six things worth trying, each a link to where it finds data; ticked when done, closed for good by its button.
import { lookBackLink } from "../core/links";
import { preferences, preferencesKnown, setPreferences, type Step } from "../core/prefs";
import { may } from "../core/session";
import { streamList } from "../core/store";
import { serverNow } from "../core/time";
import type { Right } from "../core/types";
import { t } from "../i18n/situation";
import { Button } from "./components";
import { Icon } from "./icons";

const steps: { step: Step; right: Right; to: () => string }[] = [
	{ step: "wall", right: "see_pictures", to: () => "/wall" },
	{ step: "stop", right: "run_streams", to: () => "/streams?status=live" },
	{ step: "lookback", right: "see_pictures", to: () => lookback() },
	{ step: "hold", right: "hold", to: () => "/expiring" },
	{ step: "simulate", right: "administer", to: () => "/promise" },
	{ step: "camera", right: "administer", to: () => "/cameras" },
];
/** An hour ago, of a camera that is on the air. */
function lookback(): string {
	const live = streamList.value.find((s) => s.status === "live" && s.recording_state === "recording");
	return live ? lookBackLink([live.camera_id], Math.floor((serverNow() - 3_600_000) / 60_000) * 60_000) : "/lookback";
}

export function FirstSteps() {
	const state = preferences.value.first_steps, mine = steps.filter((s) => may(s.right));
	if (!preferencesKnown.value || state?.closed || !mine.length)
		return null;
	const done = new Set(state?.done ?? []), n = mine.filter((s) => done.has(s.step)).length;
	return (
		<section class="card first-steps" aria-labelledby="first-steps">
			<header>
				<div><h2 id="first-steps">{t("steps")}</h2><p class="muted small">{n === mine.length ? t("steps_all") : t("steps_about_n", { n: mine.length })}</p></div>
				<div class="row"><span class="small muted num hide-phone">{t("steps_done", { done: n, n: mine.length })}</span><Button compact kind="quiet" icon="close" onClick={() => setPreferences({ first_steps: { ...state, closed: true } })}>{t("steps_close")}</Button></div>
			</header>
			<ol>
				{mine.map(({ step, to }, i) => (
					<li key={step} data-step={step} data-done={String(done.has(step))}>
						<a href={to()}>
							<span class="tick" aria-hidden="true">{done.has(step) ? <Icon name="check" small /> : i + 1}</span>
							<span class="what"><strong>{t(`s_${step}`)}{done.has(step) && <span class="visually-hidden"> ({t("step_is_done")})</span>}</strong><span class="small muted">{t(`s_${step}_text`)}</span></span>
						</a>
					</li>
				))}
			</ol>
		</section>
	);
}
