/** Asks the process, which asks Python. */
const find = (id) => document.getElementById(id);

find("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const numbers = find("numbers")
    .value.trim()
    .split(/[\s,;]+/)
    .map(Number);
  const response = await fetch("/numbers:extension-python:template.os/ask", {
    method: "POST",
    body: JSON.stringify(numbers),
  });
  find("answer").textContent = JSON.stringify(await response.json(), null, 2);
});
