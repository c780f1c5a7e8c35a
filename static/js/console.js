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
