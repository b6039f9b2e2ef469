// Messages as elements. Text goes in as text nodes only, so nothing in a message is ever markup.

export function make(tag, className = "", text = null) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== null) element.textContent = text;
  return element;
}

export function firstLine(message) {
  const line = message.text.split("\n", 1)[0];
  if (line) return line;
  if (!message.media) return "Message";
  return message.media.kind === "photo" ? "Photo" : message.media.name;
}

export function clock(unixS) {
  return new Date(unixS * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

function actsAsButton(element, label, act) {
  element.setAttribute("role", "button");
  element.tabIndex = 0;
  element.title = label;
  element.addEventListener("click", (event) => { event.stopPropagation(); act(); });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); }
  });
}

function safeLink(url) {
  try {
    const parsed = new URL(url);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed.href : null;
  } catch { return null; }
}

const BLOCKS = new Set(["blockquote", "expandable_blockquote", "pre"]);
const PLAIN = { bold: "b", italic: "i", underline: "u", strikethrough: "s" };

function wrapped(inner, entity, piece, phone, message) {
  if (PLAIN[entity.type]) {
    const element = make(PLAIN[entity.type]);
    element.append(inner);
    return element;
  }
  const element = make("span");
  element.append(inner);
  switch (entity.type) {
    case "code":
      element.className = piece.includes("\n") ? "code panel" : "code";
      if (!message.protected) actsAsButton(element, "Tap to copy", () => phone.copy(piece));
      return element;
    case "spoiler":
      element.className = "spoiler";
      actsAsButton(element, "Tap to show", () => element.classList.add("shown"));
      return element;
    case "bot_command":
      element.className = "command";
      actsAsButton(element, "Tap to send", () => phone.send(piece));
      return element;
    case "hashtag": case "cashtag": case "mention": case "email":
      element.className = "link";
      return element;
    case "text_link": case "url": {
      const href = safeLink(entity.url || piece);
      if (!href) return element;
      const link = make("a", "link");
      link.href = href; link.target = "_blank"; link.rel = "noopener noreferrer";
      link.append(inner);
      return link;
    }
    default:
      return element;
  }
}

function appendInline(parent, message, start, end, phone) {
  const inline = message.entities.filter(
    (e) => !BLOCKS.has(e.type) && e.offset < end && e.offset + e.length > start);
  const cuts = new Set([start, end]);
  for (const e of inline) {
    cuts.add(Math.max(start, e.offset));
    cuts.add(Math.min(end, e.offset + e.length));
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  for (let i = 0; i + 1 < sorted.length; i += 1) {
    const [from, to] = [sorted[i], sorted[i + 1]];
    const piece = message.text.slice(from, to);
    let node = document.createTextNode(piece);
    for (const e of inline) {
      if (e.offset <= from && e.offset + e.length >= to) node = wrapped(node, e, piece, phone, message);
    }
    parent.append(node);
  }
}

export function appendText(parent, message, phone) {
  const { text } = message;
  const blocks = message.entities.filter((e) => BLOCKS.has(e.type)).sort((a, b) => a.offset - b.offset);
  let at = 0;
  for (const block of blocks) {
    if (block.offset < at) continue;
    // A block breaks the line by itself, so the line ends around it are not shown again.
    const before = text[block.offset - 1] === "\n" ? block.offset - 1 : block.offset;
    if (before > at) appendInline(parent, message, at, before, phone);
    const end = block.offset + block.length;
    const element = make("span", block.type === "pre" ? "pre" : "quote");
    appendInline(element, message, block.offset, end, phone);
    if (block.type === "pre" && !message.protected) {
      actsAsButton(element, "Tap to copy", () => phone.copy(text.slice(block.offset, end)));
    }
    if (block.type === "expandable_blockquote" && text.slice(block.offset, end).split("\n").length > 3) {
      element.classList.add("folded");
      actsAsButton(element, "Tap to unfold", () => element.classList.toggle("folded"));
    }
    parent.append(element);
    at = text[end] === "\n" ? end + 1 : end;
  }
  if (at < text.length) appendInline(parent, message, at, text.length, phone);
}

function mediaElement(media, phone) {
  if (media.kind === "photo") {
    const button = make("button", "photo");
    button.type = "button";
    button.setAttribute("aria-label", "Open picture");
    const image = make("img");
    image.src = media.url; image.width = media.width; image.height = media.height;
    image.alt = "Picture"; image.loading = "lazy";
    button.append(image);
    button.addEventListener("click", () => phone.showPicture(media.url));
    return button;
  }
  const link = make("a", "file");
  link.href = media.url;
  link.download = media.name;
  const words = make("span", "", media.name);
  words.append(make("small", "", size(media.size_bytes)));
  const icon = make("i", "", "↓");
  icon.setAttribute("aria-hidden", "true");
  link.append(icon, words);
  return link;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function buttonElement(message, button, phone) {
  if (button.url) {
    const link = make("a", button.style || "", button.text);
    const href = safeLink(button.url);
    if (href) { link.href = href; link.target = "_blank"; link.rel = "noopener noreferrer"; }
    link.append(corner("↗"));
    return link;
  }
  const element = make("button", button.style || "", button.text);
  element.type = "button";
  if (button.copy_text) {
    element.append(corner("", "copies"));
    element.addEventListener("click", () => phone.copy(button.copy_text.text));
  } else if (button.callback_data !== undefined) {
    if (phone.isPending(message, button)) element.setAttribute("aria-busy", "true");
    element.addEventListener("click", () => phone.press(message, button, element));
  } else {
    element.disabled = true;
    element.title = "This kind of button does nothing in the sandbox";
  }
  return element;
}

function corner(sign, kind = "") {
  const element = make("span", `corner ${kind}`, sign);
  element.setAttribute("aria-hidden", "true");
  return element;
}

function noteElement(message, phone) {
  const item = make("li", "note");
  const pinned = phone.find(message.pinned_id);
  const words = `${message.sender_name} pinned “${pinned ? firstLine(pinned) : "a message"}”`;
  const button = make("button", "", words);
  button.type = "button";
  button.addEventListener("click", () => phone.goTo(message.pinned_id));
  item.append(button);
  return item;
}

export function messageElement(message, phone) {
  if (message.pinned_id !== null) return noteElement(message, phone);
  const mine = message.sender_id === phone.personId();
  const item = make("li", mine ? "mine" : "theirs");
  if (message.protected) item.classList.add("protected");
  const bubble = make("article", "bubble");
  bubble.setAttribute("aria-label", `${message.sender_name}, ${clock(message.date)}`);
  if (phone.inGroup() && !mine) bubble.append(make("div", "sender", message.sender_name));
  if (message.reply_to !== null) bubble.append(answeredElement(message, phone));
  if (message.media) bubble.append(mediaElement(message.media, phone));
  const signs = [message.silent ? "🔕" : "", message.edits ? "edited" : "", clock(message.date)];
  const words = signs.filter(Boolean).join(" ");
  const meta = make("span", "meta", words);
  if (message.text) {
    const body = make("div", "body");
    if (/^\p{Extended_Pictographic}\uFE0F?$/u.test(message.text)) body.classList.add("big");
    appendText(body, message, phone);
    // The time stands in the last line where there is room: an unseen copy of it takes the place.
    const room = make("span", "room", words);
    room.setAttribute("aria-hidden", "true");
    body.append(room);
    meta.classList.add("placed");
    bubble.append(body);
  }
  if (message.reaction) bubble.append(make("span", "reaction", message.reaction));
  bubble.append(meta);
  bubble.addEventListener("dblclick", () => phone.replyTo(message));
  item.append(bubble);
  if (message.buttons.length) {
    item.classList.add("with-buttons");
    const rows = make("div", "buttons");
    for (const buttons of message.buttons) {
      const row = make("div", "row");
      for (const button of buttons) row.append(buttonElement(message, button, phone));
      rows.append(row);
    }
    item.append(rows);
  }
  return item;
}

function answeredElement(message, phone) {
  const original = phone.find(message.reply_to);
  const button = make("button", "answered");
  button.type = "button";
  button.append(make("b", "", original ? original.sender_name : "Deleted message"));
  button.append(make("span", "", message.quote || (original ? firstLine(original) : "")));
  button.addEventListener("click", () => phone.goTo(message.reply_to));
  return button;
}
