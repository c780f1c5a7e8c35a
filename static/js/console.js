// Small manners of the frame: the menu on narrow screens, lists that close.
(() => {
  const setMenu = (toggle, open) => {
    toggle.setAttribute("aria-expanded", String(open));
    toggle.closest(".rail").classList.toggle("open", open);
  };

  document.addEventListener("click", (event) => {
    const toggle = event.target.closest("[data-menu-toggle]");
    if (toggle) setMenu(toggle, toggle.getAttribute("aria-expanded") !== "true");
    for (const details of document.querySelectorAll("details.switcher[open]")) {
      if (!details.contains(event.target)) details.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const details of document.querySelectorAll("details.switcher[open]")) {
      details.open = false;
      details.querySelector("summary").focus();
    }
    const toggle = document.querySelector('[data-menu-toggle][aria-expanded="true"]');
    if (toggle) {
      setMenu(toggle, false);
      toggle.focus();
    }
  });
})();

// Countdowns: how long until the instant in data-until; the exact time stands beside it.
(() => {
  const tick = () => {
    for (const each of document.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.round((Date.parse(each.dataset.until) - Date.now()) / 1000));
      const minutes = Math.floor(left / 60);
      each.textContent = `−${minutes}:${String(left % 60).padStart(2, "0")}`;
    }
  };
  tick();
  setInterval(tick, 1000);
})();
