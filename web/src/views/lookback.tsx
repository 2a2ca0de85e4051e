import { t } from "../i18n/core";
import { PageHeader } from "../ui/components";

export default function View() {
	return <div class="page"><PageHeader title={t("lookback")} /></div>;
}
