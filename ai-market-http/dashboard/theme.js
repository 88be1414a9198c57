// Light or dark: as the system has it, or as it was chosen here.
import { $ } from "./dom.js";
import { local, store, stored } from "./storage.js";

const KEY = "ai-market.theme";
const ORDER = ["system", "light", "dark"];
const SIGN = { system: "◐", light: "☀", dark: "☾" };

function apply(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = $("theme-button");
  button.textContent = SIGN[theme];
  const said = `Colours: ${theme === "system" ? "as the system" : theme}`;
  button.setAttribute("aria-label", said);
  button.title = said;
}

export function startTheme() {
  let theme = stored(local, KEY);
  if (!ORDER.includes(theme)) theme = "system";
  apply(theme);
  $("theme-button").addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    store(local, KEY, theme === "system" ? null : theme);
    apply(theme);
  });
}
