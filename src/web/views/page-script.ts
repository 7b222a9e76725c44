/**
 * The only script. Pages are complete without it; with it, what still changes is asked for again and live logs grow. Text is only ever
 * set as text or taken from our own escaped pages through the parser, never as HTML from a string.
 */
export const pageScript = `"use strict";
(() => {
  const main = document.querySelector("main[data-live]");
  const follow = (pre) => {
    const source = new EventSource(pre.dataset.events);
    const add = (text) => {
      const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 40;
      pre.append(text);
      while (pre.childNodes.length > 2000) pre.firstChild.remove();
      if (atEnd) pre.scrollTop = pre.scrollHeight;
    };
    source.onmessage = (event) => add(JSON.parse(event.data));
    source.addEventListener("restart", () => pre.replaceChildren());
    source.addEventListener("end", () => { source.close(); delete pre.dataset.events; pre.closest("details").querySelector("summary .quiet").textContent = "ended"; });
    pre.scrollTop = pre.scrollHeight;
  };
  document.querySelectorAll("pre[data-events]").forEach(follow);
  if (!main) return;

  const openIds = (root) => new Map([...root.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const focusPath = (element) => {
    if (element.tagName === "SUMMARY" && element.parentElement.id) return "#" + CSS.escape(element.parentElement.id) + " > summary";
    const href = element.getAttribute("href");
    return href === null ? undefined : "a[href='" + CSS.escape(href) + "']";
  };
  const replace = (old, next) => {
    if (!old || !next || old.innerHTML === next.innerHTML) return;
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && old.contains(selection.anchorNode)) return;
    const open = openIds(old);
    next.querySelectorAll("details[id]").forEach((one) => { if (open.has(one.id)) one.open = open.get(one.id); });
    const focus = old.contains(document.activeElement) ? focusPath(document.activeElement) : undefined;
    old.replaceWith(next);
    if (focus) next.querySelector(focus)?.focus({ preventScroll: true });
  };
  const addLogs = (fresh) => {
    const list = document.getElementById("loglist");
    if (!list) return;
    for (const log of fresh.querySelectorAll("#loglist > details.log")) {
      if (document.getElementById(log.id)) continue;
      list.querySelector(".none")?.remove();
      const added = list.appendChild(log);
      added.querySelectorAll("pre[data-events]").forEach(follow);
    }
  };
  let pause = 2000;
  const look = async () => {
    if (document.hidden) return void setTimeout(look, pause);
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!response.ok) throw new Error(String(response.status));
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      document.title = fresh.title;
      addLogs(fresh);
      const part = document.getElementById("live");
      if (part) replace(part, fresh.getElementById("live"));
      else replace(document.querySelector("main"), fresh.querySelector("main"));
      pause = 2000;
      if (!fresh.querySelector("main[data-live]")) return;
    } catch {
      pause = Math.min(pause * 2, 60000);
    }
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();
`;
