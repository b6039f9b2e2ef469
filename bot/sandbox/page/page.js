// The phone: which person, which chat, what stands in it, and the line to the sandbox.

import { clock, firstLine, make, messageElement } from "/page/bubbles.js";

const at = (id) => document.getElementById(id);
const PENDING_MS = 60_000;
const state = {
  people: [], groups: [], bot: { name: "Bot" }, person: 0, chat: 0, messages: new Map(), pinned: [],
  pinnedShown: 0, keyboard: null, keysOpen: true, commands: [], blocked: false, pending: new Map(),
  replyTo: null, unread: 0, sound: false, selected: -1, loading: 0, network: true, connected: false,
  atEnd: true,
};

async function ask(verb, body) {
  const response = await fetch(`/sandbox/${verb}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || response.statusText);
  return answer;
}

async function act(verb, body) {
  try {
    return await ask(verb, body);
  } catch (fault) {
    toast(fault instanceof TypeError ? "The sandbox does not answer" : fault.message);
    return null;
  }
}

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
const early = new Set();

function pendingKey(message, button) { return `${message.message_id} ${button.callback_data}`; }

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

// ---- drawing

function dayOf(unixS) {
  const day = new Date(unixS * 1000);
  return day.toDateString() === new Date().toDateString()
    ? "Today" : day.toLocaleDateString("en-GB", { day: "numeric", month: "long" });
}

function atBottom() {
  const box = at("scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}

function toBottom() {
  at("scroll").scrollTop = at("scroll").scrollHeight;
  state.atEnd = true;
  state.unread = 0;
  drawDown();
}

function drawDown() {
  at("down").hidden = atBottom();
  at("unread").textContent = state.unread || "";
}

function itemFor(message) {
  const item = messageElement(message, phone);
  item.dataset.id = message.message_id;
  item.dataset.day = dayOf(message.date);
  return item;
}

function dayItem(day) {
  const item = make("li", "note day");
  item.append(make("span", "", day));
  return item;
}

function draw(message) {
  const old = document.querySelector(`[data-id="${message.message_id}"]`);
  const stay = atBottom();
  const item = itemFor(message);
  if (old) {
    // Focus survives an edit where the button at its place does.
    const buttons = [...old.querySelectorAll("button, [tabindex]")];
    const index = buttons.indexOf(document.activeElement);
    old.replaceWith(item);
    if (index >= 0) item.querySelectorAll("button, [tabindex]")[index]?.focus({ preventScroll: true });
  } else {
    const list = at("messages");
    if (list.lastElementChild?.dataset.day !== item.dataset.day) list.append(dayItem(item.dataset.day));
    list.append(item);
  }
  if (stay) toBottom(); else drawDown();
  return item;
}

function drawAll() {
  const items = [];
  let day = "";
  for (const message of state.messages.values()) {
    const item = itemFor(message);
    if (item.dataset.day !== day) items.push(dayItem(item.dataset.day));
    day = item.dataset.day;
    items.push(item);
  }
  at("messages").replaceChildren(...items);
}

function drawHeader() {
  const group = state.groups.find((g) => g.id === state.chat);
  at("name").textContent = group ? group.title : state.bot.name;
  at("avatar").textContent = (group ? group.title : state.bot.name).slice(0, 1);
  const status = at("status");
  if (status.classList.contains("typing")) return;
  status.classList.toggle("lost", !state.connected || !state.network);
  if (!state.connected) status.textContent = "connecting…";
  else if (!state.network) status.textContent = "the bot's network is cut";
  else status.textContent = group ? `${group.member_ids.length} people and the bot` : "bot";
}

function drawPinned() {
  const { pinned } = state;
  at("pinned").hidden = pinned.length === 0;
  if (!pinned.length) return;
  state.pinnedShown = Math.min(state.pinnedShown, pinned.length - 1);
  const message = pinned[pinned.length - 1 - state.pinnedShown];
  at("pinned-line").textContent = firstLine(message);
  at("pinned").dataset.message = message.message_id;
}

function drawKeys() {
  const rows = state.keyboard?.keyboard || [];
  const shown = rows.length > 0 && !state.blocked;
  at("keys-key").hidden = !shown;
  at("keys-key").setAttribute("aria-expanded", String(state.keysOpen));
  at("keys").hidden = !shown || !state.keysOpen;
  at("text").placeholder = state.keyboard?.input_field_placeholder || "Message";
  at("keys").replaceChildren(...rows.map((keys) => {
    const row = make("div", "row");
    for (const key of keys) {
      const button = make("button", key.style || "", key.text);
      button.type = "button";
      button.addEventListener("click", () => {
        if (state.keyboard?.one_time_keyboard) { state.keysOpen = false; drawKeys(); }
        say(key.text);
      });
      row.append(button);
    }
    return row;
  }));
}

function drawComposer() {
  at("composer").hidden = state.blocked;
  at("unblock").hidden = !state.blocked;
  at("block").hidden = state.blocked || state.chat < 0;
  at("menu-key").hidden = state.commands.length === 0;
  drawKeys();
}

function drawWho() {
  at("person").replaceChildren(...state.people.map((p) => {
    const option = make("option", "", `${p.name} ${p.id}${p.blocked ? " (blocked)" : ""}`);
    option.value = p.id;
    option.selected = p.id === state.person;
    return option;
  }));
  const chats = [{ id: state.person, title: state.bot.name },
    ...state.groups.filter((g) => g.member_ids.includes(state.person))];
  at("chat").replaceChildren(...chats.map((c) => {
    const option = make("option", "", c.title);
    option.value = c.id;
    option.selected = c.id === state.chat;
    return option;
  }));
}

let toastTimer = 0;
function toast(text) {
  at("toast").textContent = text;
  at("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { at("toast").hidden = true; }, Math.max(2200, text.length * 45));
}

function ring(item) {
  item.classList.add("rings");
  at("bell").classList.remove("rings");
  void at("bell").offsetWidth; // starts the animation anew
  at("bell").classList.add("rings");
  if (!state.sound) return;
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const gain = audio.createGain();
  gain.gain.setValueAtTime(0.08, audio.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.35);
  tone.frequency.value = 880;
  tone.connect(gain).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.36);
  tone.addEventListener("ended", () => audio.close());
}

// ---- the command menu

function drawMenu(open = null) {
  const typed = at("text").value;
  const typing = /^\/\w*$/.test(typed);
  const wanted = open === true || (open === null && typing);
  const found = state.commands.filter((c) => !typing || `/${c.command}`.startsWith(typed.toLowerCase()));
  const shown = wanted && found.length > 0;
  at("menu").hidden = !shown;
  at("menu-key").setAttribute("aria-expanded", String(shown));
  state.selected = Math.min(state.selected, found.length - 1);
  at("menu").replaceChildren(...(shown ? found : []).map((command, index) => {
    const button = make("button");
    button.type = "button";
    button.setAttribute("role", "option");
    button.setAttribute("aria-selected", String(index === state.selected));
    button.append(make("b", "", `/${command.command}`), make("span", "", command.description));
    button.addEventListener("click", () => { at("text").value = ""; say(`/${command.command}`); });
    return button;
  }));
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
at("unblock").addEventListener("click", () => act("unblock", { user_id: state.person }));
new ResizeObserver(() => { if (state.atEnd) toBottom(); }).observe(at("scroll"));

[state.person, state.chat] = location.hash.slice(1).split("/").map(Number).concat(0, 0);
document.documentElement.dataset.loaded = clock(Date.now() / 1000);
connect();
