// Numbers refresh by themselves: every part of the page that says data-live is replaced by the same part of the page as it
// is now. The page does everything without this script.
"use strict";

const every = 5000;
const live = () => [...document.querySelectorAll("[data-live][id]")];
const stale = document.getElementById("stale");
let good = new Date();

// busy says whether a person is in the middle of something that must not be taken away.
const busy = (part) =>
  (part.contains(document.activeElement) && document.activeElement !== document.body) || String(getSelection()) !== "";

// over says that the page is not there any more: the session has ended, or the integration. What there is now says why.
function over() {
  location.reload();
}

async function refresh() {
  if (document.hidden || live().length === 0) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual", signal: AbortSignal.timeout(20000) });
    if (answer.type === "opaqueredirect" || answer.status === 404) return over();
    if (!answer.ok) throw new Error(answer.statusText);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    good = new Date();
    stale.hidden = true;
  } catch {
    document.getElementById("stale-since").textContent = good.toISOString().slice(0, 19).replace("T", " ") + " UTC";
    stale.hidden = false;
  }
}

// show puts what is fresh into the page. The footer says of when the page is: it changes only if all of the page did.
function show(now) {
  let whole = true;
  for (const part of live()) {
    const fresh = now.getElementById(part.id);
    if (!fresh || busy(part)) {
      whole = false;
      continue;
    }
    for (const opened of part.querySelectorAll("details[open][id]")) {
      const same = fresh.querySelector("#" + CSS.escape(opened.id));
      if (same) same.open = true;
    }
    if (part.innerHTML !== fresh.innerHTML) part.replaceWith(document.adoptNode(fresh));
  }
  const footer = document.querySelector("footer"), freshFooter = now.querySelector("footer");
  if (whole && footer && freshFooter) footer.replaceWith(document.adoptNode(freshFooter));
}

// One at a time, however slow the answers are.
async function keepFresh() {
  await refresh();
  setTimeout(keepFresh, every);
}

setTimeout(keepFresh, every);
