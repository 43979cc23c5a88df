// How alive the page is. The socket's messages are swapped in by htmx; this only says since when there
// are none: a page that shows old figures without saying so is worse than none.
(() => {
  const SILENCE_MS = 16000; // the server renders at least every 5 s
  const line = document.getElementById("liveness");
  if (!line) return;
  let last = null;
  let timer = 0;

  const show = (state) => { if (line.dataset.state !== state) line.dataset.state = state; };
  const stale = () => {
    clearTimeout(timer);
    if (["signed-out", "gone"].includes(line.dataset.state)) return;
    const since = last ?? new Date();
    line.querySelector("time").textContent = since.toISOString().slice(11, 19) + " UTC";
    show("stale");
  };

  document.addEventListener("htmx:ws:after:message:incoming", () => {
    last = new Date();
    show("live");
    clearTimeout(timer);
    timer = setTimeout(stale, SILENCE_MS);
  });
  document.addEventListener("htmx:ws:close", (event) => {
    if (event.detail.code === 4401) show("signed-out");
    else if (event.detail.code === 4404) show("gone");
    else stale();
  });
  timer = setTimeout(stale, SILENCE_MS);

  // A button that was pressed is not pressed again while its answer is on the way.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });
})();
