// Words of the home view, its sound and its card "Primeiros passos".
import { dictionary } from "../core/i18n";

export const t = dictionary({
	pt: {
		all_cameras: "Câmeras em ordem: {n} ao vivo e gravando.", all_well: "Tudo certo: {n} {n|câmera|câmeras} ao vivo e gravando.", all_well_known: "Nada de novo: {recording} de {n} câmeras gravando; as outras são conhecidas.", not_well: "{n} {n|câmera precisa|câmeras precisam} de atenção", updated: "Atualizada às {time}",
		sound: "Som", sound_on: "Som ligado: avisa quando uma câmera fica sem sinal ou deixa de gravar", sound_off: "Som desligado", sound_blocked: "O navegador só toca o aviso depois de um clique nesta página.", sound_try: "Ouvir o aviso",
		not_recording: "Não estão gravando", not_recording_sub: "ao vivo, mas sem gravação", new_lost: "Sem sinal, novas", new_lost_sub: "ninguém está ciente", no_signal: "Sem sinal, todas", no_signal_sub: "{ack} {ack|ciente|cientes} · {maint} em manutenção",
		stopped: "Paradas por alguém", stopped_sub: "não gravam até serem iniciadas", live: "Ao vivo", live_sub: "{recording} gravando · {n} no total",
		disks: "Discos", disks_ok: "{n} {n|em uso|em uso}", disks_failed: "{n} com falha", disks_fills: "enchem em {date}", disks_fills_none: "sem previsão de encher", d_none: "nenhum disco", disk_problem: "Disco com falha: {problem}", disk_others: "{n|O outro disco continua|Os outros discos continuam} gravando.", disk_no_other: "Nenhum disco em uso: nada é gravado até um voltar.",
		due: "Vence amanhã", due_sub: "{files} {files|gravação|gravações} · {bytes}", due_none: "nada vence amanhã", risk: "Em risco", risk_marked: "{n} {n|marcação|marcações} sem preservação", risk_holds: "{n} {n|preservação termina|preservações terminam} em breve", risk_notices: "{n} {n|aviso não entregue|avisos não entregues}", risk_none: "nada marcado sem preservação",
		footage: "Imagens guardadas", cameras_h: "Câmeras", unknown: "sem resposta do servidor",
		list_new: "Sem sinal, novas", list_not_recording: "Ao vivo sem gravação", list_stopped: "Paradas por alguém", list_known: "Conhecidas (ciente ou em manutenção)", see_all: "Ver todas ({n})", group_lost: "{n} câmeras perdidas juntas", no_group: "sem grupo", show_cameras: "Mostrar câmeras", hide_cameras: "Ocultar câmeras",
		lost_since: "sem imagem desde {time} (há {ago})", live_since: "ao vivo desde {time}, sem gravação", stopped_line: "parada por {who} em {time}", restart_line: "volta sozinha em {time}", ack_line: "ciente: {who}, {time}", maint_line: "em manutenção até {time}: {who}",
		acknowledge: "Ciente", maintenance: "Manutenção", start: "Iniciar", look_back: "Ver o minuto", clear: "Desfazer",
		no_cameras: "Nenhuma câmera ainda", no_cameras_text: "Adicione a primeira câmera para começar.", add_camera: "Adicionar câmera",
		steps: "Primeiros passos", steps_about_n: "{n} {n|coisa que vale|coisas que valem} a pena experimentar. O que já foi feito fica marcado.", steps_done: "{done} de {n} {n|feito|feitos}", steps_close: "Não mostrar mais", step_is_done: "feito", steps_all: "Tudo experimentado.",
		s_wall: "Ver o mosaico", s_wall_text: "Todas as câmeras ao vivo, de 1 a 25 quadros.", s_stop: "Parar uma câmera", s_stop_text: "Escolha na lista, diga o motivo; depois inicie de novo.", s_lookback: "Voltar uma hora", s_lookback_text: "Reproduza o que foi gravado e ande pela linha do tempo.",
		s_hold: "Preservar e exportar", s_hold_text: "Guarde um trecho além do prazo e baixe o MP4.", s_simulate: "Simular a exclusão automática", s_simulate_text: "Veja o que seria excluído, sem excluir nada.", s_camera: "Adicionar uma câmera", s_camera_text: "Teste o endereço RTSP e veja a imagem antes de salvar.",
	},
	en: {
		all_cameras: "Cameras in order: {n} live and recording.", all_well: "All well: {n} {n|camera|cameras} live and recording.", all_well_known: "Nothing new: {recording} of {n} cameras record; the others are known of.", not_well: "{n} {n|camera needs|cameras need} attention", updated: "Updated at {time}",
		sound: "Sound", sound_on: "Sound on: tells when a camera loses its signal or stops recording", sound_off: "Sound off", sound_blocked: "The browser plays the sound only after a click on this page.", sound_try: "Hear the sound",
		not_recording: "Not recording", not_recording_sub: "live, but not recorded", new_lost: "Lost, new", new_lost_sub: "nobody has acknowledged", no_signal: "Lost, all", no_signal_sub: "{ack} acknowledged · {maint} in maintenance",
		stopped: "Stopped by someone", stopped_sub: "not recording until started", live: "Live", live_sub: "{recording} recording · {n} in all",
		disks: "Disks", disks_ok: "{n} in use", disks_failed: "{n} failed", disks_fills: "full on {date}", disks_fills_none: "not going to fill", d_none: "no disk", disk_problem: "A disk failed: {problem}", disk_others: "{n|The other disk goes|The other disks go} on recording.", disk_no_other: "No disk in use: nothing is recorded until one is back.",
		due: "Due tomorrow", due_sub: "{files} {files|recording|recordings} · {bytes}", due_none: "nothing is due tomorrow", risk: "At risk", risk_marked: "{n} {n|mark|marks} without a hold", risk_holds: "{n} {n|hold ends|holds end} soon", risk_notices: "{n} {n|notice|notices} not delivered", risk_none: "nothing marked is without a hold",
		footage: "Footage", cameras_h: "Cameras", unknown: "no answer from the server",
		list_new: "Lost, new", list_not_recording: "Live but not recording", list_stopped: "Stopped by someone", list_known: "Known of (acknowledged or in maintenance)", see_all: "See all ({n})", group_lost: "{n} cameras lost together", no_group: "no group", show_cameras: "Show cameras", hide_cameras: "Hide cameras",
		lost_since: "no picture since {time} ({ago})", live_since: "live since {time}, not recorded", stopped_line: "stopped by {who} on {time}", restart_line: "back by itself on {time}", ack_line: "acknowledged: {who}, {time}", maint_line: "in maintenance until {time}: {who}",
		acknowledge: "Acknowledge", maintenance: "Maintenance", start: "Start", look_back: "See the minute", clear: "Undo",
		no_cameras: "No cameras yet", no_cameras_text: "Add the first camera to begin.", add_camera: "Add a camera",
		steps: "First steps", steps_about_n: "{n} {n|thing|things} worth trying. What was done is ticked.", steps_done: "{done} of {n} done", steps_close: "Do not show again", step_is_done: "done", steps_all: "All tried.",
		s_wall: "See the wall", s_wall_text: "Every camera live, 1 to 25 tiles.", s_stop: "Stop a camera", s_stop_text: "Choose it in the list, say why; then start it again.", s_lookback: "Look back an hour", s_lookback_text: "Play what was recorded and move along the timeline.",
		s_hold: "Hold and export", s_hold_text: "Keep a span beyond its time and download the MP4.", s_simulate: "Simulate the clean-up", s_simulate_text: "See what would be deleted, without deleting.", s_camera: "Add a camera", s_camera_text: "Test its RTSP address and see the picture before saving.",
	},
});
