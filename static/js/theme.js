// Sets the theme before the first paint; runs in <head>, without defer.
// What a person chose lies in this browser only: "light", "dark", or nothing for the system's.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      const value = window.localStorage.getItem("theme");
      return value === "light" || value === "dark" ? value : "auto";
    } catch {
      return "auto"; // storage is forbidden: follow the system
    }
  };

  const apply = () => {
    const choice = chosen();
    const theme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
    if (root.dataset.bsTheme !== theme) {
      root.dataset.bsTheme = theme;
      document.dispatchEvent(new CustomEvent("themechange", { detail: { theme } }));
    }
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
  };

  root.classList.replace("no-js", "js");
  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    try {
      window.localStorage.setItem("theme", button.dataset.themeChoice);
    } catch {
      return;
    }
    apply();
  });
})();
