// One chart of lag and rates in place of the server's curves, which stay where this does not run. It begins
// with all samples and goes on with each that the socket brings (#latest), so that no page asks for them.
(() => {
  const place = document.getElementById("chart");
  const live = document.getElementById("lag");
  if (!place || !live || !window.uPlot) return;
  const GAP = 20; // seconds between samples, beyond which one is missing
  const HEIGHT = 260;
  let columns = null; // times, lag, written, read
  let chart = null;
  let asking = false;

  const size = (bytes) => {
    if (bytes == null) return "unknown";
    let value = bytes;
    const units = ["B", "kB", "MB", "GB", "TB"];
    while (value >= 1024 && units.length > 1) { value /= 1024; units.shift(); }
    return `${value >= 100 || units[0] === "B" ? Math.round(value) : value.toFixed(1)} ${units[0]}`;
  };
  const rate = (bytes) => (bytes == null ? "unknown" : `${size(bytes)}/s`);
  // Round figures are powers of two here, as in the sizes beside them.
  const steps = [...Array(45).keys()].flatMap((n) => [2 ** n]);

  const width = () => {
    const { paddingLeft, paddingRight } = getComputedStyle(place);
    return Math.max(200, place.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight));
  };

  const options = () => {
    const style = getComputedStyle(place);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = (values, more) => ({
      stroke: colour("--text-quiet"), font: `12px ${colour("--sans")}`, grid: { stroke: colour("--border-subtle"), width: 1 },
      ticks: { show: false }, values: (self, splits) => splits.map(values), ...more,
    });
    const series = (label, name, scale, value) => ({
      label, scale, stroke: colour(name), width: 1.5, spanGaps: false, points: { show: false },
      value: (self, raw, n, at) => (at == null ? "" : value(raw)), // nothing is pointed at
    });
    return {
      width: width(), height: HEIGHT, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      scales: { x: { range: (self, low, high) => [high - Number(place.dataset.seconds), high] }, bytes: { range: (self, low, high) => [0, high || 1] }, rate: { range: (self, low, high) => [0, high || 1] } },
      cursor: { drag: { x: false, y: false } },
      axes: [
        { stroke: colour("--text-quiet"), font: `12px ${colour("--sans")}`, grid: { show: false }, ticks: { show: false },
          values: (self, splits) => splits.map((at) => new Date(at * 1000).toISOString().slice(11, 16)) },
        axis(size, { scale: "bytes", size: 72, incrs: steps }),
        axis(rate, { scale: "rate", side: 1, size: 80, incrs: steps, grid: { show: false } }),
      ],
      series: [
        { label: "UTC", value: (self, at) => (at == null ? "" : new Date(at * 1000).toISOString().slice(5, 19).replace("T", " ")) },
        { ...series("Lag", "--chart-lag", "bytes", size), fill: colour("--chart-area") },
        series("Written on the primary", "--chart-written", "rate", rate),
        { ...series("Applied, or tracked", "--chart-applied", "rate", rate), dash: [4, 2] },
      ],
    };
  };

  const draw = () => {
    chart?.destroy();
    place.parentElement.classList.add("charted");
    chart = new uPlot(options(), columns, place);
    place.dataset.until = columns[0].at(-1);
  };

  const ask = async () => {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(place.dataset.source, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) return; // the curves stay
      const data = await answer.json();
      columns = [data.at, data.lag, data.written, data.read];
      if (columns[0].length) draw();
    } catch { /* the portal is away: said in the header */ } finally { asking = false; }
  };

  const follow = () => {
    const latest = document.getElementById("latest");
    if (!latest || asking) return;
    const { at, lag, written, read } = latest.dataset;
    const now = Number(at);
    const last = columns?.[0].at(-1) ?? 0;
    if (now <= last) return;
    if (now - last > GAP) { // asked for again, but not by all open pages at the same moment
      asking = true;
      setTimeout(() => { asking = false; ask(); }, columns ? Math.random() * 5000 : 0);
      return;
    }
    const number = (text) => (text === "" ? null : Number(text));
    [now, number(lag), number(written), number(read)].forEach((value, n) => columns[n].push(value));
    while (columns[0][0] < now - Number(place.dataset.seconds)) columns.forEach((column) => column.shift());
    chart.setData(columns);
    place.dataset.until = now;
  };

  new MutationObserver(follow).observe(live, { subtree: true, childList: true, attributes: true });
  new ResizeObserver(() => chart?.setSize({ width: width(), height: HEIGHT })).observe(place);
  for (const what of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(what).addEventListener("change", () => { if (chart) draw(); });
  }
  ask();
})();
