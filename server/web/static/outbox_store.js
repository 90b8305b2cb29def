// Where acts wait: IndexedDB, which keeps photos too; in a browser without one, the small storage, for words alone.

const KEY = "gatehouse.outbox";
const NAME = "gatehouse";
const TABLE = "acts";
const MOST = 200;

/** The best there is: {keepsPhotos, all(), put(act), drop(request)}. What an earlier version kept comes along. */
export async function openStore() {
  try {
    const store = new Large(await opened());
    for (const act of readSmall()) await store.put(act);
    writeSmall([]);
    return store;
  } catch {
    return new Small(); // no IndexedDB, or not for us: a private window, an old WebView
  }
}

class Large {
  constructor(database) {
    this.database = database;
    this.keepsPhotos = true;
  }

  async all() {
    return done(this.table("readonly").getAll());
  }

  /** Durable once it returns. */
  async put(act) {
    const table = this.table("readwrite");
    table.put(act);
    return completed(table.transaction);
  }

  async drop(request) {
    const table = this.table("readwrite");
    const number = await done(table.index("request").getKey(request));
    if (number !== undefined) table.delete(number);
    return completed(table.transaction);
  }

  table(mode) {
    return this.database.transaction(TABLE, mode).objectStore(TABLE);
  }
}

class Small {
  keepsPhotos = false;

  async all() {
    return readSmall();
  }

  async put(act) {
    writeSmall([...readSmall(), act].slice(-MOST));
  }

  async drop(request) {
    writeSmall(readSmall().filter((act) => act.request !== request));
  }
}

function opened() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      const table = asked.result.createObjectStore(TABLE, { keyPath: "number", autoIncrement: true });
      table.createIndex("request", "request", { unique: true });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => reject(asked.error ?? new Error("blocked"));
  });
}

function done(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

function completed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

function readSmall() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return []; // not ours, or not JSON: nothing that could be sent
  }
}

function writeSmall(acts) {
  if (acts.length) localStorage.setItem(KEY, JSON.stringify(acts));
  else localStorage.removeItem(KEY);
}
