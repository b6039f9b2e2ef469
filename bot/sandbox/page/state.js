// What the phone knows, and how it speaks to the sandbox.

export const at = (id) => document.getElementById(id);
export const state = {
  people: [], groups: [], bot: { name: "Bot" }, person: 0, chat: 0, messages: new Map(), pinned: [],
  pinnedShown: 0, keyboard: null, keysOpen: true, commands: [], blocked: false, pending: new Map(),
  replyTo: null, unread: 0, sound: false, selected: -1, loading: 0, network: true, connected: false,
  atEnd: true,
};

export async function ask(verb, body) {
  const response = await fetch(`/sandbox/${verb}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || response.statusText);
  return answer;
}

export async function act(verb, body) {
  try {
    return await ask(verb, body);
  } catch (fault) {
    toast(fault instanceof TypeError ? "The sandbox does not answer" : fault.message);
    return null;
  }
}

export function pendingKey(message, button) { return `${message.message_id} ${button.callback_data}`; }

let toastTimer = 0;
export function toast(text) {
  at("toast").textContent = text;
  at("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { at("toast").hidden = true; }, Math.max(2200, text.length * 45));
}
