// Everything but the inside of the bubbles: header, pinned bar, list, keyboard, menu, switchers.

import { firstLine, make, messageElement } from "/page/bubbles.js";
import { at, state } from "/page/state.js";

export function dayOf(unixS) {
  const day = new Date(unixS * 1000);
  return day.toDateString() === new Date().toDateString()
    ? "Today" : day.toLocaleDateString("en-GB", { day: "numeric", month: "long" });
}

export function atBottom() {
  const box = at("scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 60;
}

export function toBottom() {
  at("scroll").scrollTop = at("scroll").scrollHeight;
  state.atEnd = true;
  state.unread = 0;
  drawDown();
}

export function drawDown() {
  at("down").hidden = atBottom();
  at("unread").textContent = state.unread || "";
}

export function itemFor(message) {
  const item = messageElement(message, state.phone);
  item.dataset.id = message.message_id;
  item.dataset.day = dayOf(message.date);
  return item;
}

export function dayItem(day) {
  const item = make("li", "note day");
  item.append(make("span", "", day));
  return item;
}

export function draw(message) {
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

export function drawAll() {
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

export function drawHeader() {
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

export function drawPinned() {
  const { pinned } = state;
  at("pinned").hidden = pinned.length === 0;
  if (!pinned.length) return;
  state.pinnedShown = Math.min(state.pinnedShown, pinned.length - 1);
  const message = pinned[pinned.length - 1 - state.pinnedShown];
  at("pinned-line").textContent = firstLine(message);
  at("pinned").dataset.message = message.message_id;
}

export function drawKeys() {
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
        state.phone.send(key.text);
      });
      row.append(button);
    }
    return row;
  }));
}

export function drawComposer() {
  at("composer").hidden = state.blocked;
  at("unblock").hidden = !state.blocked;
  at("block").hidden = state.blocked || state.chat < 0;
  at("menu-key").hidden = state.commands.length === 0;
  // As in a chat with a bot that nobody has written to yet.
  at("start").hidden = state.blocked || state.chat < 0 || state.messages.size > 0;
  drawKeys();
}

export function drawWho() {
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

export function ring(item) {
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

export function drawMenu(open = null) {
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
    button.addEventListener("click", () => { at("text").value = ""; state.phone.send(`/${command.command}`); });
    return button;
  }));
}
