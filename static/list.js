// Lists: one box ticks all on the page, and what is asked of the ticked says of how many.
(() => {
  const all = document.getElementById("tick-all");
  if (!all) return;
  const boxes = () => [...document.querySelectorAll('#rows input[name="row"]')];
  const tell = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    const words = ticked === 1 ? "1 ticked entry" : `${ticked} ticked entries`;
    for (const place of document.querySelectorAll(".ticked")) place.textContent = words;
    all.checked = ticked > 0 && ticked === boxes().length;
    all.indeterminate = ticked > 0 && !all.checked;
  };
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
    tell();
  });
  document.addEventListener("change", (event) => { if (event.target.name === "row") tell(); });
  document.addEventListener("htmx:after:swap", tell);
  tell();
})();
