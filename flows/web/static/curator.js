// What makes the pages quicker to use: keys, marking many pictures, and galleries that go on by themselves.
// Without it every page still shows what it shows, and every decision can be made with its buttons.
"use strict";

const form = document.querySelector("form[data-decide]");
const gallery = form && form.querySelector("[data-items]");
const boxes = () => [...document.querySelectorAll("[data-items] input[name=item]")];
let lastBox = null;

function isTyping(element) {
  return element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && element.type !== "checkbox");
}

// Keys: the buttons say theirs, and a key does what a click on its button does.
for (const button of document.querySelectorAll("button[data-key]")) {
  const key = document.createElement("kbd");
  key.textContent = button.dataset.key;
  button.append(key);
  button.setAttribute("aria-keyshortcuts", button.dataset.key);
}

function move(step) {
  const all = boxes();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  next.focus();
  next.closest(".tile").scrollIntoView({ block: "nearest" });
}

function rowLength() {
  const tops = boxes().slice(0, 40).map((box) => box.closest(".tile").offsetTop);
  return Math.max(1, tops.filter((top) => top === tops[0]).length);
}

const steps = {
  ArrowRight: () => 1, ArrowLeft: () => -1, ArrowDown: rowLength, ArrowUp: () => -rowLength(), j: () => 1, k: () => -1,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key in steps && boxes().length) {
    event.preventDefault();
    move(steps[event.key]());
  } else if (event.key === "x" && event.target.name === "item") {
    event.target.click();
  } else if (event.key === "Enter" && event.target.name === "item") {
    event.preventDefault();
    event.target.closest(".tile").querySelector("a").click();
  } else if (event.key === "/") {
    event.preventDefault();
    document.querySelector(".search input").focus();
  } else {
    const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    if (!button) return;
    event.preventDefault();
    // Where nothing is marked, the picture that has the focus is meant.
    const focused = document.activeElement;
    if (button.form === form && gallery && focused.name === "item" && !boxes().some((box) => box.checked)) focused.checked = true;
    button.click();
  }
});

// Marking: how many are marked is said; with Shift all from the last one on.
function sayMarked() {
  const place = document.querySelector("[data-marked]");
  if (!place || !gallery) return;
  const marked = boxes().filter((box) => box.checked).length;
  place.hidden = false;
  place.textContent = marked ? `${marked} marked` : "none marked";
}

if (gallery) {
  const all = document.createElement("button");
  all.type = "button";
  all.textContent = "Mark all";
  all.addEventListener("click", () => {
    const isMarked = boxes().every((box) => box.checked);
    for (const box of boxes()) box.checked = !isMarked;
    sayMarked();
  });
  document.querySelector("[data-marked]").before(all);
  form.addEventListener("click", (event) => {
    const box = event.target;
    if (box.name !== "item") return;
    const every = boxes();
    if (event.shiftKey && lastBox) {
      const [from, to] = [every.indexOf(lastBox), every.indexOf(box)].sort((a, b) => a - b);
      for (const between of every.slice(from, to + 1)) between.checked = box.checked;
    }
    lastBox = box;
    sayMarked();
  });
  sayMarked();
}

if (form) {
  form.addEventListener("submit", (event) => {
    if (gallery && !boxes().some((box) => box.checked)) {
      event.preventDefault();
      document.querySelector("[data-marked]").textContent = "mark a picture first";
    }
  });
}

// Filters: a choice shows at once.
for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// A gallery goes on by itself where its end comes into view.
async function goOn(observer, pager) {
  const next = pager.querySelector("a[rel=next]");
  observer.disconnect();
  if (!next) return;
  const answer = await fetch(next.href, { credentials: "same-origin" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const more = page.querySelector("[data-items]");
  if (!more) return;
  form.append(more);  // a list of its own: what is out of sight need not be laid out
  const newPager = page.querySelector(".pager");
  pager.replaceWith(newPager);
  watch(newPager);
}

function watch(pager) {
  if (!pager) return;
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) goOn(observer, pager);
  }, { rootMargin: "1200px" });
  observer.observe(pager);
}

if (gallery) watch(document.querySelector(".pager"));
