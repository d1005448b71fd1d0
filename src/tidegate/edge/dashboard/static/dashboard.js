// Keeps a page current: one EventSource on the page's own address tells what has changed. Without it the page is as
// it was when it was asked for, and everything on it works.
"use strict";
(() => {
  const MOST_ROWS = 200;
  const live = document.body.hasAttribute("data-live");
  const state = document.getElementById("live-state");
  const STATES = { on: "live", off: "paused", lost: "connection lost: trying again" };
  let source = null;

  const tell = (name, text = STATES[name]) => {
    if (state !== null && state.textContent !== text) {
      state.dataset.state = name;
      state.textContent = text;
    }
  };

  // How far away a time is, in two units at most.
  const distance = (ms) => {
    const s = Math.round(Math.abs(ms) / 1000);
    const told = s < 60 ? `${s} s` : s < 5400 ? `${Math.round(s / 60)} min`
      : s < 172800 ? `${Math.floor(Math.round(s / 60) / 60)} h ${Math.round(s / 60) % 60} min` : `${Math.round(s / 86400)} days`;
    return ms > 0 ? `in ${told}` : `${told} ago`;
  };

  const retell = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      let beside = time.nextElementSibling;
      if (beside === null || !beside.classList.contains("ago")) {
        beside = document.createElement("span");
        beside.className = "ago";
        time.after(" ", beside);
      }
      const told = `(${distance(Date.parse(time.dateTime) - Date.now())})`;
      if (beside.textContent !== told) beside.textContent = told;
    }
  };

  // Nobody loses what he is writing: what holds a form in use is left as it is until he is done.
  const inUse = (element) =>
    element.querySelector("details[open] form") !== null
    || (element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"));

  const put = (fragments) => {
    for (const [id, html] of Object.entries(fragments)) {
      const element = document.getElementById(id);
      if (element === null) continue;
      if (inUse(element)) {
        element.waiting = html;
        continue;
      }
      element.waiting = undefined;
      const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
      element.innerHTML = html;
      if (focused) document.getElementById(focused)?.focus();
      retell(element);
    }
  };

  const putWaiting = () => {
    for (const element of document.querySelectorAll("[id^=live_]")) {
      if (element.waiting !== undefined) put({ [element.id]: element.waiting });
    }
  };

  // The newest first; older ones go, so that the page is no larger after a night.
  const add = (html) => {
    const rows = document.getElementById("feed");
    if (rows === null) return;
    const made = document.createElement("template");
    made.innerHTML = html;
    // Rows only: the text between them would stay behind when they go.
    rows.prepend(...made.content.children);
    while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  };

  const open = () => {
    if (!live || source !== null || document.hidden) return;
    source = new EventSource(location.href);
    source.onopen = () => tell("on");
    source.onerror = () => {
      tell("lost");
      // A refusal ends an EventSource for good: the session is over, or the node is gone.
      if (source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 5000);
      }
    };
    source.addEventListener("fragments", (event) => put(JSON.parse(event.data)));
    source.addEventListener("rows", (event) => add(JSON.parse(event.data)));
    source.addEventListener("fault", (event) => {
      const fault = JSON.parse(event.data);
      if (fault) tell("lost", fault);
      else tell("on");
    });
    source.addEventListener("over", () => location.reload());
  };

  const close = () => {
    source?.close();
    source = null;
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      close();
      tell("off");
    } else {
      open();
      retell(document);
    }
  });
  document.addEventListener("focusout", () => setTimeout(putWaiting, 0));
  document.addEventListener("toggle", () => setTimeout(putWaiting, 0), true);
  retell(document);
  setInterval(() => { if (!document.hidden) retell(document); }, 1000);
  open();
})();
