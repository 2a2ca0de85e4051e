// Words of the list of streams and of what is done with cameras from anywhere (start, stop, acknowledge, maintenance).
import { dictionary, fill, language, number } from "../core/i18n";

export const t = dictionary({
	pt: {
		about: "{n} {n|câmera|câmeras}", shown_of: "{shown} de {n} câmeras", search: "Buscar por nome, número ou grupo", filters: "Filtros", clear_filters: "Limpar filtros",
		all_cities: "Todos", all_groups: "Todos", recording_off: "Desligada", no_group: "Sem grupo", f_status: "Estado", f_recording: "Gravação", f_attention: "Atenção", any: "Todas",
		a_needs: "Precisam de atenção", a_not_recorded: "Não estão gravando", a_new: "Sem sinal, novas", a_no_signal: "Sem sinal, todas", a_acknowledged: "Ciente", a_maintenance: "Em manutenção", a_stopped: "Paradas por alguém",
		c_number: "Nº", c_camera: "Câmera", c_city: "Município", c_group: "Grupo", c_status: "Estado", c_recording: "Gravação", c_started: "Iniciada em", c_viewers: "Assistindo",
		c_bitrate: "Taxa", c_fps: "fps", c_error: "Último erro", c_actions: "Ações", sort_by: "Ordenar por {column}", sort_attention: "Atenção primeiro",
		select_all: "Escolher todas as {n} da lista", select_one: "Escolher {name}", selected: "{n} {n|escolhida|escolhidas}", selected_outside: "{n} fora do filtro", clear_selection: "Limpar escolha",
		moved: "{n} {n|mudou|mudaram} de lugar", resort: "Reordenar", order_held: "A ordem não muda enquanto o ponteiro está na lista.",
		start: "Iniciar", stop: "Parar", stop_dots: "Parar…", acknowledge: "Ciente…", maintenance: "Manutenção…", clear_attention: "Desfazer ciente ou manutenção", see_wall: "Ver no mosaico",
		live: "Ao vivo", look_back: "Gravações", watch_name: "Ver {name} ao vivo", look_back_name: "Reproduzir gravações de {name}", actions_of: "Ações de {name}", who_watches: "Quem assiste {name}: {n}",
		no_cameras: "Nenhuma câmera ainda", no_cameras_text: "As câmeras aparecem aqui assim que são adicionadas.", add_camera: "Adicionar câmera",
		nothing_found: "Nenhuma câmera com estes filtros", only_these: "Só as câmeras do endereço ({n})", only_this: "Só {name}", gone_one: "A câmera {name} não existe mais, ou foi arquivada.",
		archived_row: "Arquivada em outra janela", archived_note: "{n|Arquivada|Arquivadas} em outra janela: {names}. {n|Ela sai|Elas saem} da lista; as gravações continuam guardadas até o prazo.",
		since: "desde {time}", restart_at: "volta {time}", never_started: "nunca iniciada", acknowledged: "Ciente", in_maintenance: "Em manutenção", acknowledged_by: "Ciente: {who}, {at}. {note}",
		maintenance_by: "Em manutenção até {until}: {who}. {note}", fps: "{n} fps", number_n: "Nº {n}",
		// dialogs
		stop_title: "Parar {n} {n|câmera|câmeras}?", stop_text: "{n|Ela deixa|Elas deixam} de GRAVAR até {n|ser iniciada|serem iniciadas}.", stop_one: "Parar {name}?", stop_recording: "{n} {n|grava|gravam} agora.", stop_watched: "{n} {n|é assistida|são assistidas} agora.", stop_already: "{n} já {n|está parada|estão paradas}.",
		reason: "Motivo", reason_hint: "Fica na auditoria e na lacuna da gravação.", reason_missing: "Escreva o motivo da parada.", restart: "Iniciar de novo sozinha", restart_no: "Não: só quando alguém iniciar", restart_text: "{n|Volta|Voltam} sozinha{n||s} em {time}.",
		after_min: "Depois de {n} min", after_h: "Depois de {n} h", at_time: "Em data e hora…", end_of_day: "Até o fim do dia", days: "{n} {n|dia|dias}", when: "Data e hora", when_hint: "dd/mm/aaaa hh:mm, ou +2h", when_bad: "Data ou hora não entendida. Exemplo: {example}",
		when_past: "Este momento já passou.", when_is: "{time} (daqui a {in})", do_stop: "Parar", starting_n: "Iniciar {n} {n|câmera|câmeras}", start_text: "{n|Ela volta|Elas voltam} a transmitir e a gravar.", do_start: "Iniciar",
		ack_title: "Ciente de {n} {n|câmera|câmeras}", ack_one: "Ciente: {name}", ack_text: "{n|Ela sai|Elas saem} da contagem de novas até {n|voltar|voltarem} ao normal. O tempo sem gravação continua a contar.", note: "Observação", note_hint: "Por exemplo: chamado 123 aberto.",
		maint_title: "Manutenção de {n} {n|câmera|câmeras}", maint_one: "Manutenção: {name}", maint_text: "Até o fim da manutenção {n|ela não conta|elas não contam} como nova{n||s}. O tempo sem gravação continua a contar.", maint_until: "Até quando", do_ack: "Marcar ciente", do_maint: "Pôr em manutenção",
		clear_title: "Desfazer ciente ou manutenção de {n} {n|câmera|câmeras}", clear_text: "Se {n|continuar|continuarem} sem sinal, {n|volta a ser contada como nova|voltam a ser contadas como novas}.", do_clear: "Desfazer",
		done_stop: "{n} {n|câmera parada|câmeras paradas}.", done_start: "{n} {n|câmera iniciada|câmeras iniciadas}.", done_acknowledge: "Ciente de {n} {n|câmera|câmeras}.", done_maintenance: "{n} {n|câmera|câmeras} em manutenção.", done_clear: "Desfeito em {n} {n|câmera|câmeras}.",
		results: "Resultado por câmera", results_ok: "{n} feitas", results_failed: "{n} não {n|feita|feitas}", ok: "Feito", retry_failed: "Tentar de novo as que falharam", working: "Fazendo {done} de {n}…",
		viewers_title: "Quem assiste {name}", viewers_none: "Ninguém assiste esta câmera agora.", v_user: "Usuário", v_kind: "Como", v_since: "Desde", v_address: "Endereço", kind_live: "Mosaico", kind_hls: "HLS",
		frame_at: "Imagem das {time}", frame_old: "Imagem das {time} (há {ago})", frame_none: "Sem imagem: a câmera não está no ar.", frame_wait: "Buscando imagem…", frame_codec: "Este navegador não mostra o vídeo desta câmera ({codec}).", frame_of: "Última imagem de {name}",
	},
	en: {
		about: "{n} {n|camera|cameras}", shown_of: "{shown} of {n} cameras", search: "Search by name, number or group", filters: "Filters", clear_filters: "Clear filters",
		all_cities: "All", all_groups: "All", recording_off: "Off", no_group: "No group", f_status: "Status", f_recording: "Recording", f_attention: "Attention", any: "All",
		a_needs: "Need attention", a_not_recorded: "Not recording", a_new: "Lost, new", a_no_signal: "Lost, all", a_acknowledged: "Acknowledged", a_maintenance: "In maintenance", a_stopped: "Stopped by someone",
		c_number: "No.", c_camera: "Camera", c_city: "City", c_group: "Group", c_status: "Status", c_recording: "Recording", c_started: "Started at", c_viewers: "Watching",
		c_bitrate: "Rate", c_fps: "fps", c_error: "Last error", c_actions: "Actions", sort_by: "Sort by {column}", sort_attention: "Attention first",
		select_all: "Choose all {n} of the list", select_one: "Choose {name}", selected: "{n} chosen", selected_outside: "{n} outside of the filter", clear_selection: "Clear choice",
		moved: "{n} {n|has|have} moved", resort: "Sort again", order_held: "The order stays while the pointer is in the list.",
		start: "Start", stop: "Stop", stop_dots: "Stop…", acknowledge: "Acknowledge…", maintenance: "Maintenance…", clear_attention: "Undo acknowledgement or maintenance", see_wall: "See on the wall",
		live: "Live", look_back: "Recordings", watch_name: "See {name} live", look_back_name: "Play recordings of {name}", actions_of: "Actions of {name}", who_watches: "Who watches {name}: {n}",
		no_cameras: "No cameras yet", no_cameras_text: "Cameras show here as soon as they are added.", add_camera: "Add a camera",
		nothing_found: "No camera with these filters", only_these: "Only the address's cameras ({n})", only_this: "Only {name}", gone_one: "The camera {name} no longer exists, or was archived.",
		archived_row: "Archived in another window", archived_note: "Archived in another window: {names}. {n|It leaves|They leave} the list; the recordings are kept until they are due.",
		since: "since {time}", restart_at: "back {time}", never_started: "never started", acknowledged: "Acknowledged", in_maintenance: "In maintenance", acknowledged_by: "Acknowledged: {who}, {at}. {note}",
		maintenance_by: "In maintenance until {until}: {who}. {note}", fps: "{n} fps", number_n: "No. {n}",
		stop_title: "Stop {n} {n|camera|cameras}?", stop_text: "{n|It|They} will NOT RECORD until started again.", stop_one: "Stop {name}?", stop_recording: "{n} {n|is|are} recording now.", stop_watched: "{n} {n|is|are} being watched now.", stop_already: "{n} {n|is|are} stopped already.",
		reason: "Reason", reason_hint: "Kept in the audit and in the recording's gap.", reason_missing: "Say why it is stopped.", restart: "Start again by itself", restart_no: "No: only when someone starts it", restart_text: "Back by {n|itself|themselves} on {time}.",
		after_min: "After {n} min", after_h: "After {n} h", at_time: "At a date and time…", end_of_day: "Until the end of the day", days: "{n} {n|day|days}", when: "Date and time", when_hint: "dd/mm/yyyy hh:mm, or +2h", when_bad: "Date or time not understood. Example: {example}",
		when_past: "This moment has passed.", when_is: "{time} (in {in})", do_stop: "Stop", starting_n: "Start {n} {n|camera|cameras}", start_text: "{n|It streams and records|They stream and record} again.", do_start: "Start",
		ack_title: "Acknowledge {n} {n|camera|cameras}", ack_one: "Acknowledge: {name}", ack_text: "{n|It leaves|They leave} the count of new ones until well again. The time without recording still counts.", note: "Note", note_hint: "For example: ticket 123 opened.",
		maint_title: "Maintenance of {n} {n|camera|cameras}", maint_one: "Maintenance: {name}", maint_text: "Until maintenance ends {n|it does|they do} not count as new. The time without recording still counts.", maint_until: "Until when", do_ack: "Acknowledge", do_maint: "Set in maintenance",
		clear_title: "Undo acknowledgement or maintenance of {n} {n|camera|cameras}", clear_text: "If still without signal, {n|it counts|they count} as new again.", do_clear: "Undo",
		done_stop: "{n} {n|camera|cameras} stopped.", done_start: "{n} {n|camera|cameras} started.", done_acknowledge: "{n} {n|camera|cameras} acknowledged.", done_maintenance: "{n} {n|camera|cameras} in maintenance.", done_clear: "Undone for {n} {n|camera|cameras}.",
		results: "Result per camera", results_ok: "{n} done", results_failed: "{n} not done", ok: "Done", retry_failed: "Try the failed ones again", working: "Doing {done} of {n}…",
		viewers_title: "Who watches {name}", viewers_none: "Nobody watches this camera now.", v_user: "User", v_kind: "How", v_since: "Since", v_address: "Address", kind_live: "Wall", kind_hls: "HLS",
		frame_at: "Picture of {time}", frame_old: "Picture of {time} ({ago} ago)", frame_none: "No picture: the camera is not on the air.", frame_wait: "Getting a picture…", frame_codec: "This browser cannot show this camera's video ({codec}).", frame_of: "Latest picture of {name}",
	},
});

// What the server says in English of a camera that is lost, in the words of the room. What is not known is shown as it came.
const errors: [RegExp, string, string][] = [
	[/^401|password refused|unauthori[sz]ed/i, "Senha recusada pela câmera (401)", "Password refused by the camera (401)"],
	[/^403/, "Acesso recusado pela câmera (403)", "Access refused by the camera (403)"],
	[/^404/, "Endereço RTSP não existe na câmera (404)", "The camera has no such RTSP address (404)"],
	[/^(\d{3}) /, "A câmera respondeu com erro {1}", "The camera answered with error {1}"],
	[/no answer from the camera for (\d+) s/i, "Câmera sem resposta por {1} s", "No answer from the camera for {1} s"],
	[/no (?:packet from the camera|picture) for (\d+) s/i, "Sem imagem por {1} s", "No picture for {1} s"],
	[/no usable key frame for (\d+) s/i, "Sem imagem completa por {1} s", "No whole picture for {1} s"],
	[/connection refused/i, "Conexão recusada pela câmera", "Connection refused by the camera"],
	[/no route|unreachable/i, "Câmera fora do alcance da rede", "The camera cannot be reached by the network"],
	[/name or service|no such host|resolve|dns/i, "Nome da câmera não encontrado na rede", "The camera's name is not known in the network"],
	[/timed? ?out/i, "Câmera não respondeu a tempo", "The camera did not answer in time"],
	[/closed|reset by peer|ended the connection|broken pipe/i, "A câmera encerrou a conexão", "The camera closed the connection"],
	[/no usable video|describes no/i, "A câmera não oferece vídeo H.264 ou H.265", "The camera offers no H.264 or H.265 video"],
	[/url cannot be used/i, "Endereço RTSP inválido", "The RTSP address is not valid"],
	[/not RTSP/i, "A câmera respondeu algo que não é RTSP", "The camera answered something that is not RTSP"],
	[/parameter sets/i, "Vídeo da câmera com dados inválidos", "The camera's video has bad data"],
	[/^recording failed: (.*)/i, "Falha ao gravar: {1}", "Recording failed: {1}"],
	[/^sending failed: (.*)/i, "Falha ao falar com a câmera: {1}", "Talking to the camera failed: {1}"],
];
export function errorWord(text: string): string {
	for (const [pattern, pt, en] of errors) {
		const m = pattern.exec(text);
		if (m)
			return fill(language.value === "en" ? en : pt, { 1: m[1] ?? "" });
	}
	return text;
}

export const count = (n: number): string => number(n, 0);
