// Words of the dialogs that keep footage: hold, export, mark; and of choosing cameras and instants.
import { dictionary } from "../core/i18n";

export const d = dictionary({
	pt: {
		search_cameras: "Nome, número, grupo ou município", filter_city: "Município", filter_group: "Grupo", every_city: "Todos os municípios", every_group: "Todos os grupos",
		choose_found: "Escolher as encontradas ({n})", clear: "Limpar", take_out: "Tirar {name}", show_archived: "Incluir arquivadas", archived: "Arquivada", most: "No máximo {n} de uma vez.",
		found: "{n} {n|câmera encontrada|câmeras encontradas}", choose: "Escolher", none_chosen: "Nenhuma câmera escolhida", and_more: "e mais {n}", change_cameras: "Trocar câmeras", done: "Pronto",

		instant_hint: "dd/mm/aaaa hh:mm:ss, ou -30s, +2m", instant_wrong: "Não entendi. Exemplos: 22/11/2026 14:03:10, 14:03, -30s, agora.", span_wrong: "O fim precisa vir depois do início.",
		span_future: "O trecho ainda não terminou: só o que já foi gravado entra.", span_length: "Duração: {time}",

		hold: "Preservar", hold_title: "Preservar gravações", hold_about: "O que for preservado não é excluído pelo prazo de guarda até a preservação ser encerrada.",
		hold_reason: "Motivo", hold_reason_hint: "Fica registrado na auditoria.", hold_reason_example: "Ex.: BO 1234/2026, atropelamento na Av. Brasil", hold_until: "Preservar até", until_open: "Sem data de fim",
		until_30: "Por 30 dias", until_90: "Por 90 dias", until_365: "Por 1 ano", until_date: "Até uma data…", until_day: "Data e hora do fim", until_past: "A data já passou.",
		preview_loading: "Verificando o que existe…", preview_what: "{n} {n|arquivo|arquivos}, {size}", preview_covers: "O que será preservado", preview_none: "Não há gravação neste trecho: nada seria preservado.",
		preview_files_whole: "Arquivos são preservados inteiros: pode haver mais do que o trecho pedido.", preview_late: "{n} {n|arquivo já foi excluído ou perdido|arquivos já foram excluídos ou perdidos}: a preservação não chega a tempo para {n|ele|eles}.",
		preview_late_list: "{camera}: {from} a {to}, {what}", preview_forecast: "Espaço em disco: previsão de {before} dias de guarda passa a {after} dias.", preview_forecast_same: "Espaço em disco: a previsão de guarda não muda ({before} dias).",
		preview_failed: "Não foi possível verificar antes: {why}", late_deleted: "excluído em {at}", late_deleted_plain: "excluído", late_lost: "ausente do disco", late_more: "e mais {n}",
		held_done: "Preservada: {n} {n|arquivo|arquivos}, {size}.", held_late: "Preservação criada, mas {n} {n|arquivo já não existia|arquivos já não existiam}:", to_holds: "Ver preservações",

		export_title: "Exportar vídeo", export_about: "Um arquivo MP4 por câmera, com manifesto de integridade (código hash SHA-256).",
		export_checking: "Verificando…", export_nothing: "Nada gravado neste trecho.", export_all: "Exportar {n} {n|arquivo|arquivos}", export_parts: "A imagem mudou de parâmetros neste trecho: {n} arquivos, um por parte.",
		export_part: "{from} a {to}", export_progress: "{got} de {size}", export_progress_label: "Baixando {name}", export_seconds: "{rate}/s, faltam {time}", export_hashing: "Conferindo com o manifesto de integridade…",
		export_saved: "Baixado e conferido", export_only: "Baixado, não conferido", export_hash: "SHA-256", export_manifest: "Manifesto", export_manifest_too: "Baixar também o manifesto de integridade (.json)", export_again: "Salvar de novo",
		export_cut: "O download parou em {got} de {size}.", export_cut_disk: "O servidor interrompeu o envio: o disco falhou durante a leitura ({detail}). O arquivo está incompleto e não foi salvo.",
		export_cut_net: "A conexão com o servidor caiu. O arquivo está incompleto e não foi salvo.", export_cut_short: "O servidor enviou menos do que anunciou. O arquivo está incompleto e não foi salvo.", export_resume: "Continuar de onde parou",
		export_mismatch: "O código hash do arquivo baixado não é o do manifesto. O arquivo não foi salvo; exporte de novo.", export_manifest_failed: "O vídeo foi salvo ({size}), mas o manifesto não pôde ser feito: {why}",
		export_unavailable: "O disco desta gravação não está disponível agora ({detail}).", export_too_big: "Acima de {size} o navegador baixa direto: acompanhe nos downloads do navegador e compare o código hash com o do manifesto.",
		export_direct: "Baixar pelo navegador", export_cancelled: "Cancelado.", export_stop: "Parar", export_working: "Exportando…", export_copy: "Copiar código hash", export_wait: "Aguardando a vez", export_too_long: "No máximo 24 h por exportação: divida o trecho.",
		export_given: "Conteúdo: {from} a {to} (começa no fotograma-chave anterior ao pedido).", export_gaps: "{n} {n|lacuna|lacunas} dentro do trecho, somando {time}.",

		mark_title: "Marcar momento", mark: "Marcar", mark_text: "O que aconteceu", mark_text_example: "Ex.: batida entre ônibus e moto", mark_at: "Momento", mark_done: "Marcado: {time}.", mark_about: "A marcação aparece na linha do tempo. Sozinha, não impede a exclusão: para isso, preserve.",
	},
	en: {
		search_cameras: "Name, number, group or city", filter_city: "City", filter_group: "Group", every_city: "All cities", every_group: "All groups",
		choose_found: "Choose those found ({n})", clear: "Clear", take_out: "Remove {name}", show_archived: "Include archived", archived: "Archived", most: "At most {n} at once.",
		found: "{n} {n|camera found|cameras found}", choose: "Choose", none_chosen: "No camera chosen", and_more: "and {n} more", change_cameras: "Change cameras", done: "Done",

		instant_hint: "dd/mm/yyyy hh:mm:ss, or -30s, +2m", instant_wrong: "Not understood. Examples: 22/11/2026 14:03:10, 14:03, -30s, now.", span_wrong: "The end has to come after the begin.",
		span_future: "The span is not over yet: only what was recorded so far is in it.", span_length: "Length: {time}",

		hold: "Hold", hold_title: "Hold recordings", hold_about: "What is held is not deleted by retention until the hold is ended.",
		hold_reason: "Reason", hold_reason_hint: "It is kept in the audit.", hold_reason_example: "E.g. police report 1234/2026, accident at Brasil Avenue", hold_until: "Hold until", until_open: "No end date",
		until_30: "For 30 days", until_90: "For 90 days", until_365: "For 1 year", until_date: "Until a date…", until_day: "Date and time of the end", until_past: "The date has passed.",
		preview_loading: "Looking what there is…", preview_what: "{n} {n|file|files}, {size}", preview_covers: "What will be held", preview_none: "There is no recording in this span: nothing would be held.",
		preview_files_whole: "Files are held whole: it may be more than the span asked for.", preview_late: "{n} {n|file was|files were} deleted or lost already: the hold comes too late for {n|it|them}.",
		preview_late_list: "{camera}: {from} to {to}, {what}", preview_forecast: "Disk space: the forecast of {before} days of retention becomes {after} days.", preview_forecast_same: "Disk space: the retention forecast does not change ({before} days).",
		preview_failed: "Could not be looked up before: {why}", late_deleted: "deleted on {at}", late_deleted_plain: "deleted", late_lost: "missing from disk", late_more: "and {n} more",
		held_done: "Held: {n} {n|file|files}, {size}.", held_late: "The hold was made, but {n} {n|file was|files were} gone already:", to_holds: "See holds",

		export_title: "Export video", export_about: "One MP4 file for each camera, with an integrity manifest (SHA-256 hash).",
		export_checking: "Checking…", export_nothing: "Nothing was recorded in this span.", export_all: "Export {n} {n|file|files}", export_parts: "The picture's parameters change in this span: {n} files, one for each part.",
		export_part: "{from} to {to}", export_progress: "{got} of {size}", export_progress_label: "Downloading {name}", export_seconds: "{rate}/s, {time} left", export_hashing: "Comparing with the integrity manifest…",
		export_saved: "Downloaded and verified", export_only: "Downloaded, not verified", export_hash: "SHA-256", export_manifest: "Manifest", export_manifest_too: "Download the integrity manifest (.json) too", export_again: "Save again",
		export_cut: "The download stopped at {got} of {size}.", export_cut_disk: "The server broke off: the disk failed while reading ({detail}). The file is incomplete and was not saved.",
		export_cut_net: "The connection to the server was lost. The file is incomplete and was not saved.", export_cut_short: "The server sent less than it had announced. The file is incomplete and was not saved.", export_resume: "Go on where it stopped",
		export_mismatch: "The hash of the downloaded file is not the manifest's. The file was not saved; export again.", export_manifest_failed: "The video was saved ({size}), but its manifest could not be made: {why}",
		export_unavailable: "The disk of this recording is not available now ({detail}).", export_too_big: "Above {size} the browser downloads by itself: follow it in the browser's downloads and compare its hash with the manifest's.",
		export_direct: "Download with the browser", export_cancelled: "Cancelled.", export_stop: "Stop", export_working: "Exporting…", export_copy: "Copy hash", export_wait: "Waiting its turn", export_too_long: "At most 24 h in one export: divide the span.",
		export_given: "Content: {from} to {to} (begins at the key frame before what was asked).", export_gaps: "{n} {n|gap|gaps} inside, {time} in all.",

		mark_title: "Mark a moment", mark: "Mark", mark_text: "What happened", mark_text_example: "E.g. bus and motorcycle crash", mark_at: "Moment", mark_done: "Marked: {time}.", mark_about: "The mark shows in the timeline. By itself it does not keep anything from deletion: hold for that.",
	},
});
