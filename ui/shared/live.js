// The scheduler's state changes as they happen: one stream for the whole tab; without it, a slow poll.
const PATH = "api/onebox/v1/events";
const SLOW = 4000;   // ms between two polls while there is no stream
const GATHER = 200;  // ms to gather changes that come together
const AGAIN = 5000;  // ms until a stream that was refused is asked for again
const REST = 1000;   // ms at least between two calls of one listener

const listeners = new Set();
let stream = null;
let open = false;

function tell(change) {
  for (const l of listeners) if (!change || !l.wants || l.wants(change)) l.soon();
}

function connect() {
  if (stream || !listeners.size || document.hidden) return;
  stream = new EventSource(PATH);
  stream.onopen = () => { open = true; tell(null); };
  stream.onerror = () => {
    open = false;
    if (stream?.readyState !== EventSource.CLOSED) return; // it connects again by itself
    disconnect();
    setTimeout(connect, AGAIN);
  };
  const take = (event) => {
    let change = null;
    try { change = JSON.parse(event.data); } catch { /* a change we cannot read is still a change */ }
    tell(change);
  };
  stream.onmessage = take;
  // We were too slow for some of them: everything may have changed.
  stream.addEventListener("gap", () => tell(null));
}

function disconnect() {
  stream?.close();
  stream = null;
  open = false;
}

setInterval(() => { if (!open && !document.hidden && listeners.size) tell(null); }, SLOW);
addEventListener("pagehide", disconnect);
// A browser has six connections to a host for all its tabs: one that nobody sees holds none.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (listeners.size) { connect(); tell(null); }
});

// Calls changed() soon after anything wants() says yes to (without wants: anything) has changed.
export function live(signal, changed, wants) {
  let timer = null, last = 0;
  const call = () => {
    timer = null;
    last = Date.now();
    if (!signal.aborted) changed();
  };
  const listener = { wants, soon: () => { timer ??= setTimeout(call, Math.max(GATHER, last + REST - Date.now())); } };
  listeners.add(listener);
  connect();
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    listeners.delete(listener);
    if (!listeners.size) disconnect();
  });
}

export const ofDag = (dag) => (change) => !change?.dag_id || change.dag_id === dag;
