// The phone: what fingers do to it, and the line to the sandbox.

import { firstLine, make } from "/page/bubbles.js";
import {
  atBottom, draw, drawAll, drawComposer, drawDown, drawHeader, drawKeys, drawMenu, drawPinned, drawWho,
  ring, toBottom,
} from "/page/drawing.js";
import { act, ask, at, pendingKey, state, toast } from "/page/state.js";

const PENDING_MS = 60_000;
const early = new Set(); // answers that overtook the response to their press

// ---- what the bubbles may ask of the phone

const phone = {
  personId: () => state.person,
  inGroup: () => state.chat < 0,
  find: (id) => state.messages.get(id) || state.pinned.find((m) => m.message_id === id) || null,
  isPending: (message, button) => state.pending.has(pendingKey(message, button)),
  showPicture(url) { at("picture-image").src = url; at("picture").showModal(); },
  async copy(text) {
    try { await navigator.clipboard.writeText(text); } catch { copyTheOldWay(text); }
    toast("Copied");
  },
  send: (text) => say(text),
  replyTo(message) {
    state.replyTo = message.message_id;
    at("replying-line").textContent = `${message.sender_name}: ${firstLine(message)}`;
    at("replying").hidden = false;
    at("text").focus();
  },
  goTo(id) {
    const item = document.querySelector(`[data-id="${Number(id)}"]`);
    if (!item) { toast("That message is gone"); return; }
    item.scrollIntoView({ block: "center", behavior: "smooth" });
    item.classList.remove("found");
    void item.offsetWidth; // starts the animation anew
    item.classList.add("found");
  },
  async press(message, button, element) {
    const key = pendingKey(message, button);
    if (state.pending.has(key)) return;
    element.setAttribute("aria-busy", "true");
    state.pending.set(key, null);
    const answer = await act("press", {
      user_id: state.person, message_id: message.message_id, callback_data: button.callback_data,
    });
    if (!answer) { settle(key); return; }
    // The answer may have overtaken the response to the press.
    if (early.delete(answer.query_id)) { settle(key); return; }
    state.pending.set(key, answer.query_id);
    setTimeout(() => { if (state.pending.get(key) === answer.query_id) settle(key); }, PENDING_MS);
  },
};
function settle(key) {
  state.pending.delete(key);
  const message = state.messages.get(Number(key.split(" ", 1)[0]));
  if (message) draw(message);
}

function copyTheOldWay(text) {
  const area = make("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// ---- acts

async function say(text) {
  const body = { user_id: state.person, chat_id: state.chat, text, reply_to: state.replyTo };
  state.selected = -1;
  drawMenu(false);
  const said = await act("say", body);
  if (!said) return false;
  stopReplying();
  toBottom();
  return true;
}

function stopReplying() {
  state.replyTo = null;
  at("replying").hidden = true;
}

// ---- the line to the sandbox

async function load(person, chat) {
  state.loading += 1;
  const mine = state.loading;
  const now = await ask("state", {});
  Object.assign(state, { people: now.people, groups: now.groups, bot: now.bot, network: now.network_up });
  const known = now.people.some((p) => p.id === person);
  state.person = known ? person : now.people[0].id;
  const group = now.groups.find((g) => g.id === chat && g.member_ids.includes(state.person));
  state.chat = group ? group.id : state.person;
  const shown = await ask("chat", { user_id: state.person, chat_id: state.chat });
  if (mine !== state.loading) return;
  state.messages = new Map(shown.messages.map((m) => [m.message_id, m]));
  Object.assign(state, { pinned: shown.pinned, keyboard: shown.keyboard, commands: shown.commands,
    blocked: shown.blocked });
  history.replaceState(null, "", `#${state.person}/${state.chat}`);
  document.title = `${state.bot.name} · ${state.people.find((p) => p.id === state.person)?.name || ""}`;
  drawWho(); drawAll(); drawHeader(); drawPinned(); drawComposer();
  toBottom();
}

async function refresh() {
  const shown = await act("chat", { user_id: state.person, chat_id: state.chat });
  if (!shown) return;
  Object.assign(state, { pinned: shown.pinned, keyboard: shown.keyboard, commands: shown.commands,
    blocked: shown.blocked });
  drawPinned(); drawComposer();
}

function takeMessage(message) {
  if (message.chat_id !== state.chat) return;
  const fresh = !state.messages.has(message.message_id);
  at("start").hidden = true;
  if (message.deleted) {
    state.messages.delete(message.message_id);
    document.querySelector(`[data-id="${message.message_id}"]`)?.remove();
    return;
  }
  state.messages.set(message.message_id, message);
  const stay = atBottom();
  const item = draw(message);
  const pinned = state.pinned.findIndex((m) => m.message_id === message.message_id);
  if (pinned >= 0) { state.pinned[pinned] = message; drawPinned(); }
  if (!fresh || !message.from_bot) return;
  stopTyping();
  if (!stay) { state.unread += 1; drawDown(); }
  if (!message.silent) ring(item);
}

let typingTimer = 0;
function startTyping(action) {
  at("status").classList.add("typing");
  at("status").textContent = action === "typing" ? "typing…" : `${action.replace("upload_", "sending ")}…`;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(stopTyping, 5000);
}

function stopTyping() {
  at("status").classList.remove("typing");
  drawHeader();
}

function takeAnswer(news) {
  const key = [...state.pending].find(([, id]) => id === news.query_id)?.[0];
  if (key) settle(key); else early.add(news.query_id);
  if (early.size > 500) early.clear();
  if (news.user_id !== state.person || !news.text) return;
  if (!news.show_alert) { toast(news.text); return; }
  at("alert-text").textContent = news.text;
  if (!at("alert").open) at("alert").showModal();
}

function take(news) {
  switch (news.kind) {
    case "message": case "edit": if (news.message) takeMessage(news.message); break;
    case "answer": takeAnswer(news); break;
    case "action": if (news.chat_id === state.chat) startTyping(news.action); break;
    case "pin": case "keyboard": if (news.chat_id === state.chat) refresh(); break;
    case "commands": refresh(); break;
    case "people": load(state.person, state.chat).catch(lost); break;
    case "network": state.network = news.up; drawHeader(); break;
    default: break; // a beat, or a press on another phone
  }
}

function lost() { state.connected = false; drawHeader(); }

let line = null;
function connect() {
  line = new EventSource("/sandbox/events");
  line.addEventListener("open", () => {
    state.connected = true;
    early.clear();
    // Whatever was missed while the line was down stands in the chat.
    load(state.person, state.chat).catch(lost);
  });
  line.addEventListener("message", (event) => take(JSON.parse(event.data)));
  line.addEventListener("error", () => {
    lost();
    if (line.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  });
}

// ---- fingers

function grow() {
  const text = at("text");
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

async function submit() {
  const text = at("text").value;
  if (!text.trim()) return;
  at("text").value = "";
  grow();
  if (!await say(text)) { at("text").value = text; grow(); }
}

at("composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
at("text").addEventListener("input", () => { grow(); state.selected = -1; drawMenu(); });
at("text").addEventListener("keydown", (event) => {
  const options = at("menu").querySelectorAll("button");
  if (options.length && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    state.selected = (state.selected + step + options.length) % options.length;
    drawMenu();
  } else if (event.key === "Escape") {
    drawMenu(false);
    stopReplying();
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (options.length && state.selected >= 0) { options[state.selected].click(); grow(); } else submit();
  }
});
at("menu-key").addEventListener("click", () => drawMenu(at("menu").hidden));
at("keys-key").addEventListener("click", () => { state.keysOpen = !state.keysOpen; drawKeys(); });
at("no-reply").addEventListener("click", stopReplying);
at("down").addEventListener("click", toBottom);
at("scroll").addEventListener("scroll", () => {
  state.atEnd = atBottom();
  if (state.atEnd) state.unread = 0;
  drawDown();
}, { passive: true });
at("pinned").addEventListener("click", () => {
  phone.goTo(Number(at("pinned").dataset.message));
  state.pinnedShown = (state.pinnedShown + 1) % Math.max(1, state.pinned.length);
  drawPinned();
});
at("person").addEventListener("change", () => load(Number(at("person").value), 0).catch(lost));
at("chat").addEventListener("change", () => load(state.person, Number(at("chat").value)).catch(lost));
at("sound").addEventListener("click", () => {
  state.sound = !state.sound;
  at("sound").setAttribute("aria-pressed", String(state.sound));
  at("sound").textContent = state.sound ? "🔔" : "🔕";
});
at("block").addEventListener("click", () => act("block", { user_id: state.person }));
at("start").addEventListener("click", () => say("/start"));
at("unblock").addEventListener("click", () => act("unblock", { user_id: state.person }));
new ResizeObserver(() => { if (state.atEnd) toBottom(); }).observe(at("scroll"));

[state.person, state.chat] = location.hash.slice(1).split("/").map(Number).concat(0, 0);
state.phone = phone;
connect();
