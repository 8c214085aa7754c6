// Has a worker do the sum of a form (portal/proof_of_work.py) while a person fills it in.
for (const field of document.querySelectorAll("[data-challenge]")) {
  const worker = new Worker(field.dataset.worker);
  worker.onmessage = ({data}) => { field.value = data; };
  worker.postMessage(field.dataset.challenge);
}
