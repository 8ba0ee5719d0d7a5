// Light or dark, remembered under the same key as JupyterHub's own pages remember it.
// A classic script in the head, so that a dark page never flashes white.
(() => {
  const KEY = "jupyterhub-bs-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  const storedTheme = () => {
    const stored = window.localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : null;
  };
  const apply = () => root.setAttribute("data-bs-theme", storedTheme() || (system.matches ? "dark" : "light"));

  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("dark-theme-toggle")?.addEventListener("click", () => {
      const other = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      window.localStorage.setItem(KEY, other);
      apply();
    });
  });
})();
