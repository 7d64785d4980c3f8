"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  form.hidden = false;
  const items = [...document.querySelectorAll(".item")];
  const texts = items.map((item) => item.textContent.toLowerCase());
  const wrongAt = items.map((item) => JSON.parse(item.dataset.wrong));
  const tags = items.map((item) => JSON.parse(item.dataset.tags));
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const field = (name) => form.elements.namedItem(name);

  // The address keeps the filter, so that a view can be sent on.
  const remembered = new URLSearchParams(location.hash.slice(1));
  for (const name of ["wrong", "tag", "search"]) {
    const value = remembered.get(name);
    if (value !== null) field(name).value = value;
    if (field(name).selectedIndex === -1) field(name).selectedIndex = 0;
  }

  const apply = () => {
    const wrong = field("wrong").value;
    const tag = field("tag").value;
    const words = field("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    items.forEach((item, i) => {
      const keep =
        (!wrong || wrongAt[i].includes(wrong)) &&
        (!tag || tags[i].includes(tag)) &&
        words.every((word) => texts[i].includes(word));
      item.hidden = !keep;
      if (keep) shown += 1;
    });
    count.textContent = `${shown} of ${items.length} shown`;
    none.hidden = shown > 0;
    const state = new URLSearchParams();
    for (const name of ["wrong", "tag", "search"]) {
      if (field(name).value) state.set(name, field(name).value);
    }
    const hash = state.toString();
    // A file opened from a disk may not be allowed a history; the filter works without.
    try {
      history.replaceState(null, "", hash ? `#${hash}` : "#");
    } catch {}
  };

  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
})();
