// How alive the page is. The socket's messages are swapped in by htmx; this says since when there are
// none, asks for the page's parts where no socket can be had, and lets people stop the changing.
(() => {
  const SILENCE_MS = 16000; // the server renders at least every 5 s
  const POLL_MS = 5000;
  const line = document.getElementById("liveness");
  if (!line) return;
  const poll = document.getElementById("poll");
  const pause = document.getElementById("pause-live");
  const ENDS = ["signed-out", "gone"];
  let last = new Date();
  let timer = 0;
  let paused = false;

  const over = () => ENDS.includes(line.dataset.state);
  const show = (state) => {
    if (line.dataset.state === state) return;
    line.dataset.state = state;
    if (state === "polling") poll.dispatchEvent(new Event("poll"));
  };
  const tell = (state) => {
    for (const time of line.querySelectorAll("time")) {
      time.textContent = last.toISOString().slice(11, 19) + " UTC";
    }
    show(state);
  };
  const wait = () => { clearTimeout(timer); timer = setTimeout(stale, SILENCE_MS); };
  function stale() { if (!over() && !paused) tell("stale"); }

  document.addEventListener("htmx:ws:before:message:incoming", (event) => { if (paused) event.preventDefault(); });
  document.addEventListener("htmx:ws:after:message:incoming", () => {
    if (paused) return;
    last = new Date();
    show("live");
    wait();
  });
  document.addEventListener("htmx:ws:close", (event) => {
    if (event.detail.code === 4401) show("signed-out");
    else if (event.detail.code === 4404) show("gone");
    else stale();
  });
  wait();

  // Where sockets are blocked or the portal is away, the parts are asked for.
  setInterval(() => {
    if (!paused && !document.hidden && ["stale", "polling", "connecting"].includes(line.dataset.state)) {
      poll.dispatchEvent(new Event("poll"));
    }
  }, POLL_MS);
  document.addEventListener("htmx:before:swap", (event) => { if (event.target === poll && paused) event.preventDefault(); });
  document.addEventListener("htmx:after:request", (event) => {
    if (event.target !== poll || paused || over()) return;
    const answer = event.detail.ctx.response?.raw;
    if (!answer) return;
    if (answer.redirected) show("signed-out");
    else if (answer.status === 404) show("gone");
    else if (answer.ok && line.dataset.state !== "live") {
      last = new Date();
      tell("polling");
    }
  });

  pause?.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause updates";
    if (over()) return;
    if (paused) tell("paused");
    else {
      show("connecting"); // what has changed meanwhile comes at once, and then by the socket as before
      poll.dispatchEvent(new Event("poll"));
      wait();
    }
  });

  // A button that was pressed is not pressed again while its answer is on the way.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });
})();
