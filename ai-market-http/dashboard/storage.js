// What this browser keeps, where it keeps anything.

/** What is stored may be out of reach, where a browser keeps nothing. */
export function stored(storage, key) {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

export function store(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // It is then forgotten with the page.
  }
}

export const local = () => window.localStorage;
export const session = () => window.sessionStorage;
